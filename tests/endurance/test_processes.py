"""What grows in a long run is found (row 25 of the reliability table)."""

from __future__ import annotations

import os
import threading

import pytest

from tests.endurance.processes import Process, Sample, growth, look_at


def samples(**slopes: float) -> list[Sample]:
    """Sixteen samples; ``slopes`` is what a worker's figure, or the references to None, gain with each."""

    def at(name: str, number: int) -> int:
        return round(1e5 + slopes.get(name, 0) * number)

    window = Process(100.0, 4, 16)
    return [
        Sample(n, n, window, Process(at("memory", n), at("threads", n), at("descriptors", n)), at("references", n))
        for n in range(16)
    ]


@pytest.mark.parametrize(
    ("slopes", "found"),
    [
        ({}, ""),
        ({"memory": 1.5, "references": 100}, ""),
        ({"memory": 4}, "worker's memory grew"),
        ({"threads": 0.5}, "worker's threads grew"),
        ({"descriptors": 1}, "worker's descriptors grew"),
        ({"references": -1000}, "References to None went"),
    ],
)
def test_row_25_what_grows_is_found(slopes, found):
    assert [each for each in growth(samples(**slopes)) if found not in each] == []
    assert len(growth(samples(**slopes))) == (1 if found else 0)


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="reads /proc")
def test_row_25_memory_threads_and_descriptors_of_a_process_are_seen(tmp_path):
    before, stop = look_at(os.getpid()), threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    block = b"x" * (64 << 20)
    with open(tmp_path / "file", "wb"):
        after = look_at(os.getpid())
    stop.set()
    thread.join()
    assert (after.threads, after.descriptors) == (before.threads + 1, before.descriptors + 1)
    assert after.memory - before.memory == pytest.approx(len(block) / 2**20, abs=8)
