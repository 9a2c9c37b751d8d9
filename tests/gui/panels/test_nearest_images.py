"""The row of nearest images: what is written about them, and what the mouse does."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QToolButton

from latentlab.gui.panels.nearest_images import NearestImage, NearestImages
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.image_strip import ImageStrip

IMAGES = [NearestImage(1312, 0.25, "cat"), NearestImage(7, 0.5), NearestImage(9, 1.0, "dog")]
PIXELS = np.stack([np.full((8, 8), grey, np.uint8) for grey in (50, 100, 150)])


@pytest.fixture
def row(shown) -> NearestImages:
    row = NearestImages()
    row.set_images(IMAGES, PIXELS)
    return shown(row, 300, 130)


def strip(row: NearestImages) -> ImageStrip:
    return row.findChild(ImageStrip, "nearestStrip")


def text(row: NearestImages) -> str:
    return row.findChild(ElidedLabel, "nearestText").text()


def test_the_nearest_is_described_and_under_the_pointer_the_one_there(qtbot, row):
    assert text(row) == "image 1,312 · cat · distance 0.25"
    viewport = strip(row).viewport()
    qtbot.mouseMove(viewport, strip(row).tile_rect(0, 1).center())
    qtbot.waitUntil(lambda: text(row) == "image 7 · distance 0.50")
    QApplication.sendEvent(viewport, QEvent(QEvent.Type.Leave))
    assert text(row).startswith("image 1,312")


def test_a_click_chooses_the_image(qtbot, row):
    with qtbot.waitSignal(row.chosen) as chosen:
        qtbot.mouseClick(strip(row).viewport(), Qt.MouseButton.LeftButton, pos=strip(row).tile_rect(0, 2).center())
    assert chosen.args == [2]


@pytest.mark.qt_log_ignore("This plugin does not support")
@pytest.mark.parametrize(
    ("action", "signal", "args"),
    [
        ("Go to its latent", "chosen", [1]),
        ("Select this image", "selectRequested", [1, False]),
        ("Add to the selection", "selectRequested", [1, True]),
        ("Keep its latent on the Board", "keepRequested", [1]),
    ],
)
def test_a_right_click_offers_what_can_be_done_with_the_image(qtbot, row, action, signal, args):
    at = strip(row).tile_rect(0, 1).center()
    QApplication.sendEvent(
        strip(row).viewport(), QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, row.mapToGlobal(QPoint(0, 0)))
    )
    (menu,) = row.findChildren(QMenu)
    (chosen,) = [each for each in menu.actions() if each.text() == action]
    with qtbot.waitSignal(getattr(row, signal)) as emitted:
        chosen.trigger()
    assert emitted.args == args
    menu.close()


def test_the_row_folds_and_asks_to_be_filled_when_it_is_opened(qtbot, row):
    head = row.findChild(QToolButton, "nearestFold")
    head.click()
    assert not strip(row).isVisible()
    assert not row.is_unfolded()
    with qtbot.waitSignal(row.unfolded):
        head.click()
    assert strip(row).isVisible()


def test_without_pixels_the_distances_are_written(row):
    row.set_images(IMAGES, None, "open it")
    assert text(row) == "at 0.25, 0.50, 1.00"
    assert "open it" in [line.text() for line in row.findChildren(QLabel)]
    assert not strip(row).isVisible()


def test_a_wheel_that_the_row_has_no_use_for_is_left_to_the_panel(row):
    viewport, at = strip(row).viewport(), QPointF(5, 5)
    nothing, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    keys = Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(at, viewport.mapToGlobal(at), QPoint(), QPoint(0, -120), nothing, keys, phase, False)
    QApplication.sendEvent(viewport, event)
    assert not event.isAccepted()
