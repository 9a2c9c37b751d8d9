"""Latent sliders: mouse, keys, typed numbers and setValue are edits; values shown by the program are not."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QToolButton

from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.widgets.latent_slider import LatentSlider


@pytest.fixture
def sliders(shown) -> LatentSliders:
    widget = LatentSliders()
    widget.set_dimensions(3)
    return shown(widget)


@pytest.fixture
def edits(sliders):
    made: list[tuple[int, float, int]] = []
    sliders.valueEdited.connect(lambda *edit: made.append(edit))
    return made


def slider(sliders: LatentSliders, dimension: int) -> LatentSlider:
    return sliders.findChild(LatentSlider, f"latentSlider{dimension}")


def test_set_latent_shows_a_value_without_a_signal(sliders, edits):
    sliders.set_latent(np.array([0.5, -1.25, 9.0], np.float32))
    assert sliders.latent() == pytest.approx([0.5, -1.25, 9.0])  # also what lies beyond the range
    assert edits == []


def test_set_value_is_an_edit_of_its_own(sliders, edits):
    slider(sliders, 1).setValue(-1.0)
    slider(sliders, 1).setValue(0.5)
    assert [(d, v) for d, v, _ in edits] == [(1, -1.0), (1, 0.5)]
    assert edits[0][2] != edits[1][2]


def type_value(qtbot, sliders: LatentSliders, text: str, key: Qt.Key) -> QLineEdit:
    field = sliders.findChild(QLineEdit, "latentValue1")
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, key)
    return field


def test_a_value_can_be_typed_beside_its_slider(qtbot, sliders, edits):
    assert type_value(qtbot, sliders, "-1.25", Qt.Key.Key_Return).text() == "−1.25"
    assert [(dimension, value) for dimension, value, _ in edits] == [(1, -1.25)]
    assert sliders.latent() == pytest.approx([0.0, -1.25, 0.0])


@pytest.mark.parametrize(
    ("text", "key"), [("x", Qt.Key.Key_Return), ("nan", Qt.Key.Key_Return), ("2", Qt.Key.Key_Escape)]
)
def test_text_that_is_no_number_and_escape_leave_the_value_as_it_is(qtbot, sliders, edits, text, key):
    sliders.set_latent(np.array([0.0, 0.5, 0.0], np.float32))
    assert type_value(qtbot, sliders, text, key).text() == "0.50"
    assert edits == []
    assert sliders.latent()[1] == 0.5


def test_a_drag_is_one_gesture(qtbot, sliders, edits):
    held = slider(sliders, 0)
    middle = held.rect().center()
    qtbot.mousePress(held, Qt.MouseButton.LeftButton, pos=middle + QPoint(10, 0))
    for x in (20, 30):
        qtbot.mouseMove(held, middle + QPoint(x, 0))
    qtbot.mouseRelease(held, Qt.MouseButton.LeftButton, pos=middle + QPoint(30, 0))
    qtbot.mouseClick(held, Qt.MouseButton.LeftButton, pos=middle - QPoint(20, 0))
    values = [value for _, value, _ in edits]
    assert len(edits) == 4
    assert 0 < values[0] < values[1] < values[2]
    assert values[3] < 0
    assert len({gesture for *_, gesture in edits[:3]}) == 1
    assert edits[3][2] != edits[0][2]


def test_arrow_keys_nudge_and_shift_is_ten_times_finer(qtbot, sliders, edits):
    held = slider(sliders, 2)
    held.setFocus()
    qtbot.keyClick(held, Qt.Key.Key_Right)
    qtbot.keyClick(held, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert [value for _, value, _ in edits] == pytest.approx([0.1, 0.09])


def test_a_double_click_resets_in_one_gesture_with_its_first_click(qtbot, sliders, edits):
    held = slider(sliders, 1)
    for gesture in (qtbot.mouseClick, qtbot.mouseDClick):
        gesture(held, Qt.MouseButton.LeftButton, pos=held.rect().center() / 2)
    assert len(edits) == 2
    assert edits[-1][:2] == (1, 0.0)
    assert edits[0][2] == edits[1][2], "one step of undo"


def test_keys_lock_and_dice(qtbot, sliders):
    with qtbot.waitSignal(sliders.resetRequested) as reset:
        qtbot.keyClick(slider(sliders, 1), Qt.Key.Key_Delete)
    assert reset.args == [1]
    with qtbot.waitSignal(sliders.lockToggled) as lock:
        qtbot.mouseClick(sliders.findChild(QToolButton, "latentLock2"), Qt.MouseButton.LeftButton)
    assert lock.args == [2, True]
    with qtbot.waitSignal(sliders.sampleRequested) as sample:
        qtbot.mouseClick(sliders.findChild(QToolButton, "latentDice0"), Qt.MouseButton.LeftButton)
    assert sample.args == [0]


def test_set_locked_does_not_tell(qtbot, sliders):
    with qtbot.assertNotEmitted(sliders.lockToggled):
        sliders.set_locked({1})
    assert sliders.findChild(QToolButton, "latentLock1").isChecked()


def test_rows_are_ordered_by_kl_and_the_collapsed_fold(sliders):
    sliders.set_kl([1.0, 0.001, 3.0])
    sliders.layout().activate()
    below = {d: slider(sliders, d).mapTo(sliders, QPoint(0, 0)).y() for d in (0, 2)}
    assert below[2] < below[0]
    assert not slider(sliders, 1).isVisible()
    sliders.findChild(QToolButton, "collapsedFold").click()
    assert slider(sliders, 1).isVisible()
    assert "1" in sliders.findChild(QToolButton, "collapsedFold").text()


def test_labels_are_offered_to_conditional_models_only(qtbot, sliders):
    choice = sliders.findChild(QComboBox, "label")
    assert not choice.isVisible()
    sliders.set_classes(["zero", "one"])
    assert choice.isVisible()
    with qtbot.assertNotEmitted(sliders.labelChosen):
        sliders.set_label(1)
    choice.setFocus()
    with qtbot.waitSignal(sliders.labelChosen) as chosen:
        qtbot.keyClick(choice, Qt.Key.Key_Up)
    assert chosen.args == [0]


def test_no_dimension_offers_to_open_a_model(qtbot, sliders):
    sliders.set_dimensions(0)
    assert sliders.findChild(LatentSlider, "latentSlider0") is None or not slider(sliders, 0).isVisible()
    with qtbot.waitSignal(sliders.openModelRequested):
        qtbot.mouseClick(sliders.findChild(object, "slidersOpenModel"), Qt.MouseButton.LeftButton)


def test_dimensions_are_folded_only_where_others_have_learned(sliders):
    for kl, fold, in_sight in (([0, 2, 0], True, [False, True, False]), ([0, 2, 0], False, [True] * 3),
                               ([0, 0, 0], True, [True] * 3)):  # fmt: skip
        sliders.set_kl(kl, fold)
        assert [slider(sliders, dimension).isVisible() for dimension in range(3)] == in_sight


def test_no_row_moves_during_a_run_or_while_a_slider_is_dragged(qtbot, sliders):
    def tops():
        return [sliders.findChild(object, f"latentSlider{dimension}").parentWidget().y() for dimension in range(3)]

    sliders.set_kl([3.0, 2.0, 1.0])
    qtbot.waitUntil(lambda: tops() == sorted(tops()) and len(set(tops())) == 3)
    before = tops()
    sliders.set_kl([1.0, 2.0, 3.0], keep=True)
    slider = sliders.findChild(object, "latentSlider0")
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=slider.rect().center())
    sliders.set_kl([1.0, 2.0, 3.0])
    sliders.layout().activate()
    assert tops() == before
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=slider.rect().center())
    sliders.set_kl([1.0, 2.0, 3.0])
    qtbot.waitUntil(lambda: tops() == before[::-1])


def test_a_name_is_shown_in_full_and_shortens_no_slider(sliders):
    before = slider(sliders, 1).width()
    sliders.set_names({1: "open loop at the lower left"})
    slider(sliders, 1).parentWidget().layout().activate()
    title = sliders.findChild(QPushButton, "latentName1")
    assert title.text() == "z₂ open loop at the lower left"
    assert title.fontMetrics().horizontalAdvance(title.text()) <= title.width()
    assert [slider(sliders, dimension).width() for dimension in range(3)] == [before] * 3
    sliders.set_names({})
    assert title.text() == "z₂"
