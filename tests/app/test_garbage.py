"""While the window is open, garbage is collected on the GUI thread and nowhere else."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from latentlab.app.garbage import GuiThreadCollector


class Node:
    """Part of a cycle; notes the thread that frees it."""

    def __init__(self, freed_in: list[str]) -> None:
        self.me, self.freed_in = self, freed_in

    def __del__(self) -> None:
        self.freed_in.append(threading.current_thread().name)


@pytest.fixture
def collector(qapp):
    gc.enable()  # as in the program
    collector = GuiThreadCollector()
    yield collector
    collector.close()
    assert gc.isenabled()


def test_a_cycle_is_freed_on_the_gui_thread_however_much_others_allocate(collector, qtbot):
    freed_in: list[str] = []
    seen = weakref.ref(Node(freed_in))

    kept: list[list[int]] = []

    def allocate() -> None:
        kept.extend([number] for number in range(20 * gc.get_threshold()[0]))

    thread = threading.Thread(target=allocate)
    thread.start()
    thread.join()
    assert seen() is not None, "no other thread has collected"
    qtbot.waitUntil(lambda: seen() is None, timeout=10_000)
    assert freed_in == [threading.main_thread().name]
