"""The Data panel tells what to open and how; it shows what was found."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QSpinBox

from latentlab.config import DataConfig
from latentlab.engine.messages import DatasetInfo
from latentlab.gui.data_panel import DataPanel


@pytest.fixture
def panel(shown) -> DataPanel:
    return shown(DataPanel(), 340, 900)


INFO = DatasetInfo(
    name="photos",
    source="/tmp/photos",
    images=1234,
    image_shape=(1, 32, 32),
    classes=("cat", "dog"),
    class_counts=(1000, 234),
    training_images=1111,
    validation_images=123,
    skipped=(("bad.png", "cut short"),),
    skipped_count=1,
    config=DataConfig(),
    bytes_in_memory=1_263_616,
)


def press(qtbot, panel, name):
    qtbot.mouseClick(panel.findChild(object, name), Qt.MouseButton.LeftButton)


def test_demo_shapes_open_as_the_controls_say(qtbot, panel):
    size = panel.findChild(QSpinBox, "imageSize")
    size.setFocus()
    size.selectAll()
    qtbot.keyClicks(size, "48")
    channels = panel.findChild(QComboBox, "channels")
    channels.setFocus()
    qtbot.keyClick(channels, Qt.Key.Key_End)
    with qtbot.waitSignal(panel.openRequested) as opened:
        press(qtbot, panel, "demoShapesButton")
    assert opened.args == ["demo:shapes", DataConfig(image_size=48, channels=3)]


def test_a_configuration_comes_back_as_it_was_shown(panel):
    config = DataConfig(limit=500, classes=("a b", "c"), validation=0.25, invert=True, fit="crop", per_class=7, seed=3)
    panel.set_config(config)
    assert panel.config() == config


def test_buttons_ask_for_a_folder_and_a_file(qtbot, panel):
    with qtbot.waitSignal(panel.openFolderRequested):
        press(qtbot, panel, "openDatasetButton")
    with qtbot.waitSignal(panel.openFileRequested):
        press(qtbot, panel, "openDatasetFileButton")


def test_what_was_found_is_shown_and_can_be_read_again(qtbot, panel):
    panel.set_info(INFO)
    panel.set_contact_sheet(np.zeros((32, 64), np.uint8))
    assert panel.findChild(object, "datasetCounts").text() == "1,234 images"
    assert panel.findChild(object, "datasetPath").text() == "/tmp/photos"
    assert "dog  234" in panel.findChild(object, "datasetClasses").text()
    with qtbot.waitSignal(panel.openRequested) as again:
        press(qtbot, panel, "applyData")
    assert again.args == ["/tmp/photos", DataConfig()]


def test_the_skipped_can_be_copied(qtbot, panel):
    panel.set_info(INFO)
    press(qtbot, panel, "skippedFold")
    assert panel.findChild(QPlainTextEdit, "skippedList").isVisible()
    press(qtbot, panel, "copySkipped")
    assert QGuiApplication.clipboard().text() == "bad.png: cut short"


def test_progress_can_be_cancelled_and_goes(qtbot, panel):
    panel.set_progress("Reading", 20, 100)
    bar = panel.findChild(object, "datasetProgress")
    assert bar.isVisible()
    assert (bar.value(), bar.maximum()) == (20, 100)
    with qtbot.waitSignal(panel.cancelRequested):
        press(qtbot, panel, "cancelDataset")
    panel.set_progress("")
    assert not bar.isVisible()
