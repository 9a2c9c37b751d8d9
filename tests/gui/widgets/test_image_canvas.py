"""A brush paints on an image at its own size, or hides a part of it; with mouse and keyboard."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtWidgets import QApplication

from latentlab.gui.widgets.image_canvas import HIDE, PAINT, VIEW, ImageCanvas
from latentlab.gui.widgets.qimage import to_array, to_qimage

SIDE = 20  # pixels of the image
SCALE = 10


@pytest.fixture
def canvas(qtbot):
    canvas = ImageCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(SIDE * SCALE, SIDE * SCALE)
    canvas.set_picture(np.zeros((SIDE, SIDE), np.uint8))
    canvas.show()
    return canvas


def drag(canvas: ImageCanvas, *points: tuple[float, float]) -> None:
    """Draw with the left button through points in pixels of the image."""
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    kinds = [QEvent.Type.MouseButtonPress] + [QEvent.Type.MouseMove] * (len(points) - 1)
    at = [QPointF(x * SCALE, y * SCALE) for x, y in points]
    for kind, point in zip(kinds, at, strict=True):
        button = left if kind == QEvent.Type.MouseButtonPress else Qt.MouseButton.NoButton
        QApplication.sendEvent(canvas, QMouseEvent(kind, point, canvas.mapToGlobal(point), button, left, none))
    up = QEvent.Type.MouseButtonRelease
    QApplication.sendEvent(
        canvas, QMouseEvent(up, at[-1], canvas.mapToGlobal(at[-1]), left, Qt.MouseButton.NoButton, none)
    )


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_pictures_and_arrays_are_converted_both_ways(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.testing.assert_array_equal(to_array(to_qimage(image)), image)


def test_a_stroke_paints_where_the_pointer_was(canvas):
    strokes = []
    canvas.painted.connect(strokes.append)
    canvas.set_mode(PAINT)
    canvas.set_brush(2.0)
    drag(canvas, (5, 10), (15, 10))
    painted = canvas.pixels() > 127
    assert painted[9:11, 5:15].all(), "two rows around y = 10"
    assert not painted[[6, 7, 12, 13]].any()
    assert not painted[:, :3].any()
    assert len(set(strokes)) == 1
    drag(canvas, (5, 3), (15, 3))
    assert len(set(strokes)) == 2, "another stroke"


def test_viewing_changes_nothing(canvas):
    canvas.set_mode(VIEW)
    drag(canvas, (5, 10), (15, 10))
    assert not canvas.pixels().any()
    assert canvas.hidden() is None


def test_the_eraser_leaves_the_papers_colour(canvas):
    canvas.set_mode(PAINT)
    canvas.set_brush(4.0)
    canvas.set_colours(QColor(200, 200, 200), QColor(50, 50, 50))
    drag(canvas, (5, 10), (15, 10))
    assert canvas.pixels()[10, 10] == 200
    canvas.set_erases(True)
    drag(canvas, (5, 10), (15, 10))
    assert canvas.pixels()[10, 10] == 50
    canvas.clear()
    assert (canvas.pixels() == 50).all()


def test_colours_are_painted_on_colour_images(canvas):
    canvas.set_picture(np.zeros((SIDE, SIDE, 3), np.uint8))
    canvas.set_mode(PAINT)
    canvas.set_brush(4.0)
    canvas.set_colours(QColor(10, 200, 30), QColor("black"))
    drag(canvas, (5, 10), (15, 10))
    assert canvas.pixels()[10, 10].tolist() == [10, 200, 30]


def test_hiding_leaves_the_image_as_it_is(canvas, qtbot):
    canvas.set_mode(HIDE)
    canvas.set_brush(2.0)
    with qtbot.waitSignal(canvas.hiddenChanged):
        drag(canvas, (5, 10), (15, 10))
    assert canvas.hidden()[9:11, 5:15].all()
    assert not canvas.hidden()[:6].any()
    assert not canvas.pixels().any()
    canvas.set_erases(True)
    canvas.set_brush(8.0)
    drag(canvas, (2, 10), (18, 10))
    assert canvas.hidden() is None, "all of it is shown again"


def test_the_lower_half_is_hidden_and_shown_again(canvas):
    canvas.set_mode(HIDE)
    canvas.hide_half()
    assert canvas.hidden()[SIDE // 2 :].all()
    assert not canvas.hidden()[: SIDE // 2].any()
    canvas.clear()
    assert canvas.hidden() is None


def test_an_image_of_another_size_has_no_hidden_region(canvas):
    canvas.set_mode(HIDE)
    canvas.hide_half()
    canvas.set_picture(np.zeros((8, 8), np.uint8))
    assert canvas.hidden() is None


def test_yours_the_keyboard_paints(canvas, qtbot):
    canvas.set_mode(PAINT)
    canvas.set_brush(2.0)
    strokes = []
    canvas.painted.connect(strokes.append)
    qtbot.keyClick(canvas, Qt.Key.Key_Left)
    assert not canvas.pixels().any(), "the brush is not down yet"
    qtbot.keyClick(canvas, Qt.Key.Key_Space)
    for _ in range(4):
        qtbot.keyClick(canvas, Qt.Key.Key_Right)
    qtbot.keyClick(canvas, Qt.Key.Key_Space)
    painted = canvas.pixels()[9:11] > 127
    assert painted[:, 9:13].all()
    assert len(set(strokes)) == 1
    before = canvas.pixels()
    qtbot.keyClick(canvas, Qt.Key.Key_Down)
    np.testing.assert_array_equal(canvas.pixels(), before)
    qtbot.keyClick(canvas, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)


def test_the_hidden_region_and_the_brush_are_seen(canvas):
    canvas.set_mode(HIDE)
    canvas.hide_half()
    drag(canvas, (5, 5))
    shown = canvas.grab().toImage()
    veiled, bare = (shown.pixelColor(100, y) for y in (150, 20))
    assert veiled.red() > 90
    assert bare.red() < 20
