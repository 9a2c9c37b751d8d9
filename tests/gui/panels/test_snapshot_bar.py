"""The slider over the saved epochs of a run."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSlider, QToolButton

from latentlab.gui.panels import snapshot_bar as module
from latentlab.gui.panels.snapshot_bar import SnapshotBar


@pytest.fixture
def bar(shown) -> SnapshotBar:
    made = shown(SnapshotBar(), 500, 40)
    made.set_epochs((1, 2, 4, 7))
    return made


def slider(bar) -> QSlider:
    return bar.findChild(QSlider, "historySlider")


def epoch_text(bar) -> str:
    return bar.findChild(QLabel, "historyEpoch").text()


def test_it_is_there_only_while_there_is_something_to_look_back_on(shown):
    bar = shown(SnapshotBar(), 500, 40)
    bar.set_epochs(())
    assert bar.isHidden()
    bar.set_epochs((1,))
    assert not bar.isHidden()


def test_arrow_keys_go_back_and_the_right_end_is_now(qtbot, bar):
    chosen = []
    bar.epochChosen.connect(chosen.append)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_Right):
        qtbot.keyClick(slider(bar), key)
    assert chosen == [7, 4, 1, 2]
    assert epoch_text(bar) == "epoch 2 of 7"
    with qtbot.waitSignal(bar.nowChosen):
        qtbot.keyClick(slider(bar), Qt.Key.Key_End)
    assert epoch_text(bar) == "now, after epoch 7"
    assert not bar.findChild(QPushButton, "historyNow").isEnabled()


def test_more_epochs_leave_the_eye_where_it_is(qtbot, bar):
    with qtbot.assertNotEmitted(bar.epochChosen):
        bar.set_epochs((1, 2, 4, 7, 8))
        assert slider(bar).value() == slider(bar).maximum(), "now stays now"
        bar.set_shown(4)
        bar.set_epochs((1, 2, 4, 7, 8, 9))
    assert (slider(bar).value(), epoch_text(bar)) == (2, "epoch 4 of 9")
    bar.set_done(11)
    assert (slider(bar).value(), epoch_text(bar)) == (2, "epoch 4 of 11"), "two more that are not saved"
    with qtbot.waitSignal(bar.nowChosen):
        qtbot.mouseClick(bar.findChild(QPushButton, "historyNow"), Qt.MouseButton.LeftButton)


def test_it_plays_from_the_first_epoch_to_now_and_can_be_paused(qtbot, bar, monkeypatch):
    monkeypatch.setattr(module, "REPLAY_MS", 4)
    monkeypatch.setattr(module, "MIN_EPOCH_MS", 1)
    chosen = []
    bar.epochChosen.connect(chosen.append)
    with qtbot.waitSignal(bar.nowChosen):
        qtbot.mouseClick(bar.findChild(QToolButton, "historyPlay"), Qt.MouseButton.LeftButton)
    assert chosen == [1, 2, 4, 7]
    assert not bar.is_playing()
    qtbot.keyClick(slider(bar), Qt.Key.Key_Space)
    assert bar.is_playing()
    slider(bar).setValue(2)
    assert not bar.is_playing(), "moving the slider stops the replay"


def test_a_click_on_the_groove_goes_to_the_epoch_under_the_pointer(qtbot, bar):
    bar.set_epochs(range(1, 101))
    chosen = []
    bar.epochChosen.connect(chosen.append)
    held = slider(bar)
    for share in (0.25, 0.75, 0.5):
        qtbot.mouseClick(held, Qt.MouseButton.LeftButton, pos=QPoint(round(share * held.width()), held.height() // 2))
    assert chosen == pytest.approx([26, 76, 51], abs=2)


def test_now_is_the_epoch_the_model_has_come_to(bar):
    bar.set_done(56.75)
    assert epoch_text(bar) == "now, at epoch 56.8"
    bar.set_shown(4)
    assert epoch_text(bar) == "epoch 4 of 57"
    bar.set_shown(None)
    bar.set_done(57.0)
    assert epoch_text(bar) == "now, after epoch 57"
