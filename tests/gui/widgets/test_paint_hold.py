"""Painting waits for an image, but not for long."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from latentlab.gui.widgets.paint_hold import PaintHold


class Painted(QWidget):
    """Counts its paintings."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def paintEvent(self, _event: object) -> None:
        self.count += 1


@pytest.fixture
def window(shown, qapp) -> Painted:
    window = shown(Painted())
    window.hold = PaintHold(window)
    qapp.processEvents()
    window.count = 0
    return window


def test_what_changes_during_a_hold_is_painted_once_at_its_end(window, qapp):
    window.hold.hold()
    for _ in range(3):
        window.update()
        window.hold.hold()
    window.hold.release()
    qapp.processEvents()
    assert window.count == 1


def test_alive_painting_is_held_back_and_never_for_longer_than_the_hold(window, qtbot, qapp):
    window.hold.hold()
    window.update()
    qapp.sendPostedEvents()
    assert window.count == 0
    qtbot.waitUntil(lambda: window.count == 1)
    window.update()
    qtbot.waitUntil(lambda: window.count == 2)


def test_without_a_change_nothing_is_painted(window, qapp):
    window.hold.hold()
    window.hold.release()
    qapp.processEvents()
    assert window.count == 0
