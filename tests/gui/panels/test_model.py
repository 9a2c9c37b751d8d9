"""The Model panel shows what is open and chooses the map's axes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel

from latentlab.config.info import ModelInfo
from latentlab.gui.panels.model import ModelPanel

INFO = ModelInfo(
    name="digits",
    source="bundled:digits",
    recipe="vae",
    latent_dim=3,
    image_shape=(1, 28, 28),
    classes=(),
    conditional=False,
    parameters=1_234_567,
    beta=1.0,
    metrics={"test_elbo": -104.31, "train_elbo": -101.5, "test_images": 10_000.0},
    data={},
    config={},
    path=None,
)


@pytest.fixture
def panel(shown) -> ModelPanel:
    widget = ModelPanel()
    widget.set_info(INFO)
    widget.set_axes(3, 2, "z1", "z3")
    return shown(widget, 340, 700)


def texts(panel) -> list[str]:
    return [each.text() for each in panel.findChildren(QLabel) if each.isVisible()]


def test_facts_and_numbers_are_shown(panel):
    assert {"digits", "1,234,567", "−104.3", "−101.5", "test", "train"} <= set(texts(panel))
    panel.set_info(None)
    assert "1,234,567" not in texts(panel)


def test_axes_are_chosen_by_name(qtbot, panel):
    axis = panel.findChild(QComboBox, "yAxis")
    assert axis.currentText() == "z₃"
    axis.setFocus()
    with qtbot.waitSignal(panel.axesChosen) as chosen:
        qtbot.keyClick(axis, Qt.Key.Key_End)
    assert chosen.args == ["z1", "pc2"]
    with qtbot.assertNotEmitted(panel.axesChosen):
        panel.set_axes(3, 0, "z2", "z1")


def test_axes_of_one_level_are_offered_and_the_shown_one_beside_them(panel):
    panel.set_axes(range(4, 7), 1, "z5", "z1")
    axis = panel.findChild(QComboBox, "yAxis")
    assert [axis.itemText(i) for i in range(axis.count())] == ["z₅", "z₆", "z₇", "PC 1", "z₁"]
    assert axis.currentText() == "z₁"


def test_a_bundled_model_is_chosen_by_its_source(qtbot, panel):
    panel.set_bundled([("bundled:mnist-2d", "digits")])
    with qtbot.waitSignal(panel.modelChosen) as chosen:
        box = panel.findChild(QComboBox, "bundledModels")
        box.setFocus()
        qtbot.keyClick(box, Qt.Key.Key_Down)
    assert chosen.args == ["bundled:mnist-2d"]


def test_open_and_save(qtbot, panel):
    for name, signal in (("openModelButton", panel.openRequested), ("saveModelButton", panel.saveRequested)):
        with qtbot.waitSignal(signal):
            qtbot.mouseClick(panel.findChild(object, name), Qt.MouseButton.LeftButton)


def test_the_choice_of_axes_is_scrolled_to(shown, panel):
    low = shown(panel, 340, 120)
    low.focus_axes()
    for name in ("xAxis", "yAxis"):
        axis = low.findChild(QComboBox, name)
        top = axis.mapTo(low, axis.rect().topLeft()).y()
        assert 0 <= top <= low.height() - axis.height()
