"""The grid of generated images: as large as fits, and every tile is its own image."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu

from latentlab.gui.panels.generate import GeneratePanel, best_columns
from latentlab.gui.widgets.image_strip import ImageStrip


@pytest.mark.parametrize(
    ("count", "width", "height", "shape", "columns"),
    [
        (24, 600, 100, 1.0, 12),
        (1, 600, 100, 1.0, 1),
        (16, 400, 400, 1.0, 4),
        (9, 100, 900, 1.0, 1),
        (4, 200, 100, 2.0, 2),
    ],
)
def test_the_grid_has_the_columns_that_make_its_images_largest(count, width, height, shape, columns):
    assert best_columns(count, width, height, shape) == columns


@pytest.fixture
def panel(shown) -> GeneratePanel:
    panel = GeneratePanel()
    panel.set_images(np.arange(7, dtype=np.uint8)[:, None, None] * np.full((7, 8, 8), 30, np.uint8))
    return shown(panel, 640, 200)


def strip(panel: GeneratePanel) -> ImageStrip:
    return panel.findChild(ImageStrip, "generatedImages")


def test_a_click_chooses_the_image_under_it_and_an_empty_tile_none(qtbot, panel):
    panel.set_images(np.zeros((7, 8, 8), np.uint8), columns=4)
    chosen = []
    panel.chosen.connect(chosen.append)
    for tile in ((1, 2), (1, 3), (0, 1)):
        qtbot.mouseClick(strip(panel).viewport(), Qt.MouseButton.LeftButton, pos=strip(panel).tile_rect(*tile).center())
    assert chosen == [6, 1]


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_a_right_click_offers_to_keep_the_image(qtbot, panel):
    panel.set_images(np.zeros((7, 8, 8), np.uint8), columns=4)
    at = strip(panel).tile_rect(1, 1).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, panel.mapToGlobal(QPoint(0, 0)))
    QApplication.sendEvent(strip(panel).viewport(), event)
    (menu,) = panel.findChildren(QMenu)
    (keep,) = [action for action in menu.actions() if action.text() == "Keep on the Board"]
    with qtbot.waitSignal(panel.keepRequested) as kept:
        keep.trigger()
    assert kept.args == [5]
    menu.close()


def test_images_are_asked_for_when_the_panel_comes_into_view(qtbot, panel):
    panel.hide()
    with qtbot.waitSignal(panel.changed):
        panel.show()
