"""The Selection panel without its controller: what it shows, and what it emits."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QPushButton

from latentlab.gui.panels.class_shares import MOST, ClassShares, share_text
from latentlab.gui.panels.selection import COLUMNS, SelectionPanel
from latentlab.gui.widgets.image_strip import ImageStrip


@pytest.fixture
def panel(qtbot) -> SelectionPanel:
    panel = SelectionPanel()
    qtbot.addWidget(panel)
    panel.resize(300, 900)
    with qtbot.waitExposed(panel):
        panel.show()
    panel.set_selection(9, "lasso", [("cat", 6), ("dog", 3)], 50)
    return panel


def click_tile(panel: SelectionPanel, row: int, column: int) -> None:
    sheet = panel.findChild(ImageStrip, "selectionSheet")
    QTest.mouseClick(sheet.viewport(), Qt.MouseButton.LeftButton, pos=sheet.tile_rect(row, column).center())


@pytest.mark.parametrize("has_originals", [True, False])
def test_a_click_on_an_image_or_its_reconstruction_names_its_place(panel, has_originals):
    images = np.random.default_rng(0).integers(0, 255, (COLUMNS + 2, 8, 8), np.uint8)
    panel.set_images(images if has_originals else None, images)
    clicked: list[int] = []
    panel.imageClicked.connect(clicked.append)
    rows = [(0, 3), (1, 3), (2, 1), (3, 1)] if has_originals else [(0, 3), (1, 1)]
    for row, column in rows:
        click_tile(panel, row, column)
    assert clicked == ([3, 3, COLUMNS + 1, COLUMNS + 1] if has_originals else [3, COLUMNS + 1])
    click_tile(panel, rows[-1][0], COLUMNS - 1)
    assert len(clicked) == len(rows), "there is no image at the end of the last row"


def test_the_sheet_needs_no_scrolling_at_any_width(panel, qtbot):
    panel.set_images(None, np.zeros((12, 8, 8), np.uint8))
    sheet = panel.findChild(ImageStrip, "selectionSheet")
    for width in (270, 340, 600):
        panel.resize(width, 900)
        qtbot.waitUntil(lambda: sheet.verticalScrollBar().maximum() == sheet.horizontalScrollBar().maximum() == 0)


def test_buttons_that_cannot_be_used_say_why(panel):
    train = panel.findChild(QPushButton, "trainOnSelection")
    usual = train.toolTip()
    panel.set_reasons({"train": "Stop the run first"})
    assert (train.isEnabled(), train.toolTip()) == (False, "Stop the run first")
    panel.set_reasons({})
    assert (train.isEnabled(), train.toolTip()) == (True, usual)


def test_a_table_is_exported_to_the_chosen_file(panel, qtbot, tmp_path):
    panel.findChild(object, "exportTable").trigger()
    dialog = panel.findChild(QFileDialog)
    with qtbot.waitSignal(panel.exportRequested) as emitted:
        dialog.fileSelected.emit(str(tmp_path / "some.csv"))
    assert emitted.args == ["table", str(tmp_path / "some.csv")]
    dialog.close()


def test_rare_classes_share_a_bar_and_none_is_left_out(qtbot):
    bars = ClassShares()
    qtbot.addWidget(bars)
    bars.set_counts([(f"c{number}", number) for number in range(12)])
    rows = bars.rows()
    assert len(rows) == MOST
    assert rows[0] == ("c11", 11)
    assert rows[-1] == ("6 other classes", sum(range(1, 7)))
    assert sum(count for _, count in rows) == sum(range(12))
    bars.set_counts([])
    assert bars.isHidden()


@pytest.mark.parametrize(("share", "text"), [(0.0, "0 %"), (0.001, "< 1 %"), (0.335, "34 %"), (1.0, "100 %")])
def test_shares_are_whole_percent(share, text):
    assert share_text(share) == text


def test_bars_are_as_long_as_their_shares(qtbot):
    bars = ClassShares()
    qtbot.addWidget(bars)
    bars.resize(300, 60)
    bars.set_counts([("a", 30), ("b", 10)])
    image = bars.grab().toImage()
    accent = [
        sum(image.pixelColor(QPoint(x, y)).blue() > image.pixelColor(QPoint(x, y)).red() + 60 for x in range(300))
        for y in (bars.sizeHint().height() // 4, 3 * bars.sizeHint().height() // 4)
    ]
    assert accent[0] == pytest.approx(3 * accent[1], abs=4)
