"""The Data panel: requests to open a dataset, and what the open one contains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QListWidget,
    QPlainTextEdit,
    QScrollArea,
    QSpinBox,
    QStyle,
    QStyleOptionViewItem,
)

from latentlab.config import DataConfig
from latentlab.config.info import DatasetInfo
from latentlab.gui.panels.data import DataPanel
from latentlab.gui.panels.value_histogram import ValueHistogram


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
    unreadable_count=1,
    left_out_summary="1 file left out",
    config=DataConfig(),
    bytes_in_memory=1_263_616,
    formats=(("PNG", 1200), ("TIFF", 34)),
    modes=(("L", 1234),),
    sizes=tuple((f"{side}×{side}", 1234 // 6) for side in range(30, 36)),
    columns=("age",),
)
SHORT = {"formats": (("IDX", 9),), "modes": (("uint8 × 1", 9),), "sizes": (("28×28", 9),), "columns": ()}
"""Facts that fit on one line."""


def press(qtbot, panel, name):
    qtbot.mouseClick(panel.findChild(object, name), Qt.MouseButton.LeftButton)


def turn_wheel(widget, angle):
    """Turn the wheel above a widget, as the window system sends it."""
    window = widget.window()
    QTest.wheelEvent(window.windowHandle(), QPointF(widget.mapTo(window, widget.rect().center())), QPoint(0, angle))


def classes_of(panel):
    listed = panel.findChild(QListWidget, "datasetClasses")
    return [listed.item(index) for index in range(listed.count())]


def click_class(qtbot, panel, index):
    """Click the box of a class with the mouse."""
    listed = panel.findChild(QListWidget, "datasetClasses")
    listed.scrollToItem(listed.item(index))
    where = listed.visualItemRect(listed.item(index))
    option = QStyleOptionViewItem()
    listed.initViewItemOption(option)
    option.rect = where
    option.features |= QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator
    box = listed.style().subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, option, listed)
    qtbot.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=box.center())


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
    assert [item.text() for item in classes_of(panel)] == ["cat  1,000", "dog  234"]
    assert panel.findChild(object, "datasetFound").text().splitlines() == [
        "Files: PNG (1,200), TIFF (34)",
        "Modes: L",
        "Sizes: 30×30 (205), 31×31 (205), 32×32 (205), 33×33 (205) and 2 more",
        "Columns: age",
    ]
    with qtbot.waitSignal(panel.openRequested) as again:
        press(qtbot, panel, "applyData")
    assert again.args == ["/tmp/photos", DataConfig()]


def test_in_a_low_panel_the_facts_are_whole_and_short(qtbot, panel):
    panel.set_info(replace(INFO, **SHORT))
    panel.set_contact_sheet(np.zeros((100, 100), np.uint8))
    found = panel.findChild(QLabel, "datasetFound")
    assert found.text() == "Files: IDX · Modes: uint8 × 1 · Sizes: 28×28"
    panel.resize(320, 370)
    panel.show()
    area = panel.findChild(QScrollArea)
    bottom = found.mapTo(area.viewport(), found.rect().bottomLeft()).y()
    assert 0 < bottom <= area.viewport().height()


def test_what_was_left_out_can_be_copied(qtbot, panel):
    panel.set_info(INFO)
    press(qtbot, panel, "skippedFold")
    assert panel.findChild(QPlainTextEdit, "skippedList").isVisible()
    press(qtbot, panel, "copySkipped")
    assert QGuiApplication.clipboard().text() == "bad.png: cut short"


def test_opening_can_be_cancelled_and_its_progress_disappears(qtbot, panel):
    panel.set_progress("Reading", 20, 100)
    bar = panel.findChild(object, "datasetProgress")
    assert bar.isVisible()
    assert (bar.value(), bar.maximum()) == (20, 100)
    with qtbot.waitSignal(panel.cancelRequested):
        press(qtbot, panel, "cancelDataset")
    panel.set_progress("")
    assert not bar.isVisible()


def test_a_changed_control_asks_for_a_preview_once_it_rests_and_opens_nothing(qtbot, panel):
    panel.set_info(INFO)
    requested, opened = [], []
    panel.previewRequested.connect(lambda source, config: requested.append((source, config)))
    panel.openRequested.connect(lambda *_: opened.append(1))
    with qtbot.waitSignal(panel.previewRequested):
        qtbot.mouseClick(panel.findChild(QCheckBox, "invert"), Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
        fit = panel.findChild(QComboBox, "fit")
        fit.setFocus()
        qtbot.keyClick(fit, Qt.Key.Key_End)
    assert requested == [("/tmp/photos", DataConfig(invert=True, fit="stretch"))]
    assert not opened


def test_without_a_dataset_nothing_is_previewed(qtbot, panel):
    with qtbot.assertNotEmitted(panel.previewRequested, wait=300):
        qtbot.mouseClick(panel.findChild(QCheckBox, "invert"), Qt.MouseButton.LeftButton, pos=QPoint(8, 8))


def test_the_image_size_shows_what_it_costs_before_anything_is_read(qtbot, panel):
    panel.set_info(INFO)
    cost = panel.findChild(object, "datasetCost")
    assert cost.text() == "1,234 images of 32 × 32 grey pixels: 1.26\u00a0MB of memory"
    assert cost.isHidden(), "size and memory of the open images stand twice"
    size = panel.findChild(QSpinBox, "imageSize")
    size.setFocus()
    size.selectAll()
    qtbot.keyClicks(size, "64")
    longer = "; an epoch takes about 4 times the present time"
    assert cost.text() == "1,234 images of 64 × 64 grey pixels: 5.05\u00a0MB of memory" + longer
    assert not cost.isHidden()
    panel.set_preview(np.zeros((9, 9, 3), np.uint8), (3, 64, 64))
    assert cost.text() == "1,234 images of 64 × 64 colour pixels: 15.2\u00a0MB of memory" + longer.replace("4", "12")


def test_a_number_that_broken_files_may_miss_is_no_promise(qtbot, panel):
    panel.set_config(DataConfig(per_class=20))
    panel.set_info(INFO)
    cost = panel.findChild(object, "datasetCost")
    assert cost.text().startswith("Up to 40 images of")
    panel.set_info(replace(INFO, unreadable_count=0))
    assert cost.text().startswith("40 images of")


def test_the_number_of_files_left_out_stands_below_that_of_images(panel):
    panel.set_info(replace(INFO, skipped_count=5, left_out_summary="2 files left out and 3 other files"))
    fold = panel.findChild(object, "skippedFold")
    assert fold.text() == "2 files left out and 3 other files"
    counts, details = (panel.findChild(object, name) for name in ("datasetCounts", "datasetFound"))
    top, middle, below = (each.mapTo(panel, QPoint(0, 0)).y() for each in (counts, fold, details))
    assert top < middle < below


def test_sizes_that_are_not_named_are_counted_once(panel):
    panel.set_info(replace(INFO, more_sizes=92))
    assert panel.findChild(object, "datasetFound").text().splitlines()[2].endswith("33×33 (205) and 94 more")


def test_the_wheel_above_the_contact_sheet_scrolls_the_panel(qtbot, panel):
    panel.resize(320, 520)
    panel.set_info(INFO)
    panel.set_contact_sheet(np.zeros((160, 224), np.uint8))
    bar = panel.findChild(QScrollArea).verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    turn_wheel(panel.findChild(object, "contactSheet"), -120)
    assert bar.value() > 0
    turn_wheel(panel.findChild(object, "contactSheet"), 1200)
    assert bar.value() == 0


def test_a_class_that_is_unchecked_is_left_out_until_all_are_asked_for(qtbot, panel):
    panel.set_info(INFO)
    press(qtbot, panel, "classesFold")
    click_class(qtbot, panel, 0)
    assert panel.config().classes == ("dog",)
    assert panel.findChild(object, "datasetCost").text().startswith("234 images of")
    assert panel.findChild(object, "datasetCost").text().endswith("about 1/5.3 of the present time")
    subset = replace(INFO, images=234, classes=("dog",), class_counts=(234,), config=DataConfig(classes=("dog",)))
    panel.set_info(subset)  # read again: what was left out can still be had
    assert [item.text() for item in classes_of(panel)] == ["cat  1,000", "dog  234"]
    assert panel.config().classes == ("dog",)
    press(qtbot, panel, "allClasses")
    assert panel.config().classes == ()


def test_no_class_at_all_is_refused_in_words(qtbot, panel):
    panel.set_info(INFO)
    press(qtbot, panel, "classesFold")
    press(qtbot, panel, "noClasses")
    with qtbot.waitSignal(panel.configRefused) as refused:
        press(qtbot, panel, "applyData")
    assert refused.args == ["no class is checked; check at least one"]


def test_another_dataset_is_opened_with_all_of_its_classes(qtbot, panel):
    panel.set_info(INFO)
    press(qtbot, panel, "classesFold")
    click_class(qtbot, panel, 1)
    with qtbot.waitSignal(panel.openRequested) as opened:
        press(qtbot, panel, "demoShapesButton")
    assert opened.args == ["demo:shapes", DataConfig()]


def test_the_contact_sheet_is_seen_beside_every_control(qtbot, panel):
    panel.resize(320, 520)
    panel.set_info(INFO)
    panel.set_contact_sheet(np.zeros((160, 224), np.uint8))
    bar = panel.findChild(QScrollArea).verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    sheet = panel.findChild(object, "contactSheet")
    assert panel.findChild(object, "applyData").visibleRegion().boundingRect().height() > 20
    assert sheet.visibleRegion().boundingRect().size() == sheet.size()
    assert 80 < sheet.height() < 160


def test_controls_keep_room_between_the_facts_and_the_contact_sheet(qtbot, panel):
    panel.set_info(replace(INFO, skipped=(), skipped_count=0, unreadable_count=0, left_out_summary="", **SHORT))
    panel.set_contact_sheet(np.zeros((160, 224), np.uint8))
    panel.resize(320, 374)  # as in a window of 1280 × 800
    sheet, second = panel.findChild(object, "contactSheet"), panel.findChild(QComboBox, "channels")
    qtbot.waitUntil(lambda: second.visibleRegion().boundingRect().size() == second.size())
    assert sheet.visibleRegion().boundingRect().height() >= 48


def test_in_a_low_panel_the_contact_sheet_scrolls_with_the_controls(qtbot, panel):
    panel.set_info(INFO)
    panel.set_contact_sheet(np.zeros((160, 224), np.uint8))
    panel.resize(320, 330)
    area, sheet = panel.findChild(QScrollArea), panel.findChild(object, "contactSheet")
    qtbot.waitUntil(lambda: area.height() == panel.height())

    def is_whole_when_scrolled_to() -> bool:
        area.ensureWidgetVisible(sheet)
        return bool(sheet.visibleRegion().boundingRect().size() == sheet.size())

    qtbot.waitUntil(is_whole_when_scrolled_to)
    panel.resize(320, 900)
    qtbot.waitUntil(lambda: not area.isAncestorOf(sheet))


def test_the_histograms_window_is_previewed_while_dragged_and_becomes_the_setting(qtbot, panel):
    panel.set_info(INFO)
    panel.set_contact_sheet(np.zeros((32, 64), np.uint8))
    panel.set_histogram(np.array([5, 0, 1]), 0.0, 3000.0, (0.0, 4095.0))
    histogram = panel.findChild(ValueHistogram)
    assert histogram.window_range() == (0.0, 4095.0)
    with qtbot.waitSignal(panel.previewRequested) as preview:
        histogram.windowMoved.emit(10.0, 900.0)
    assert preview.args[1].levels == "10,900"
    assert panel.config().levels == "auto"
    with qtbot.waitSignal(panel.previewRequested) as preview:
        histogram.windowChosen.emit(20.0, 800.0)
    assert preview.args[1].levels == panel.config().levels == "20,800"
    levels = panel.findChild(QComboBox, "levels")
    histogram.windowChosen.emit(20.0, 700.0)
    assert [levels.itemData(row) for row in range(levels.count())] == ["auto", "type", "window", "full", "20,700"]
    panel.set_histogram(None)
    assert not histogram.isVisible()


def test_the_value_range_and_its_warning_are_shown(panel):
    panel.set_info(replace(INFO, range_sentence="uint16 values from 0 to 9", range_warning="nearly black: …"))
    assert "Values: uint16 values from 0 to 9" in panel.findChild(object, "datasetFound").text()
    assert panel.findChild(object, "datasetRangeWarning").text() == "Value range: nearly black: …."
    panel.set_info(INFO)
    assert not panel.findChild(object, "datasetRangeWarning").isVisible()


def test_splits_of_the_data_and_notes_on_reading_them_are_shown(panel):
    panel.set_info(replace(INFO, splits=(("train", 1000), ("test", 234)), notes=("data is read as N×(C·H·W)",)))
    lines = panel.findChild(object, "datasetFound").text().splitlines()
    assert lines[-2:] == ["Splits of the data: 1,000 train, 234 test", "data is read as N×(C·H·W)"]
