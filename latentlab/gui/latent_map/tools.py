"""The tools of the map: what the left button and some keys do in each mode.

A tool knows no widget: it is given positions in the view's pixels and reports by the callbacks it was made with.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPolygonF

from latentlab.gui.latent_map.view import View
from latentlab.gui.widgets.gesture_id import next_gesture

FloatArray = npt.NDArray[np.floating]
CLICK_PX = 4.0
GRAB_PX = 9.0


class Tool:
    """What the left button does; this one does nothing.

    Attributes
    ----------
    cursor
        Shape of the pointer over the map.
    previews : bool
        Whether the point under the pointer is previewed during a drag too.
    """

    cursor = Qt.CursorShape.CrossCursor
    previews = False

    def press(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """The button went down."""

    def press_again(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """The button went down for the second time of a double click; by default a press like any other."""
        self.press(pixel, view, modifiers)

    def drag(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """The pointer moved with the button down."""

    def release(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """The button went up."""

    def key(self, key: int) -> bool:
        """Handle a key of this tool; returns whether it was one."""
        return False


class ExploreTool(Tool):
    """Click and drag commit z at once; one drag is one gesture.

    With Ctrl, by a double click, and by a click on a picture, a data point is picked instead: its own latent, which in
    more than two dimensions seldom lies on the plane that the map shows. A drag that begins on a picture goes on in the
    plane through that latent.

    Parameters
    ----------
    commit
        Called with a point of the axes, float [2], and the gesture's id.
    pick
        Called with the index of a data point and the gesture's id.
    target
        Returns the data point that a press at a pixel would pick, and whether it would without Ctrl or a second click.
    """

    def __init__(
        self,
        commit: Callable[[FloatArray, int], None],
        pick: Callable[[int, int], None],
        target: Callable[[FloatArray, View], tuple[int | None, bool]],
    ) -> None:
        self._commit, self._pick, self._target = commit, pick, target
        self._id = 0
        self._picked_at: FloatArray | None = None

    def press(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Pick the point that is aimed at, else commit where the button went down."""
        self._id = next_gesture()
        self._picked_at = None
        index, is_aimed_at = self._target(pixel, view)
        if index is not None and (is_aimed_at or modifiers & Qt.KeyboardModifier.ControlModifier):
            self._picked_at = pixel
            self._pick(index, self._id)
        elif not modifiers & Qt.KeyboardModifier.ControlModifier:
            self._commit(view.from_pixel(pixel), self._id)

    def press_again(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Pick the point at the pointer, in one gesture with the first press."""
        index, _ = self._target(pixel, view)
        if index is None:
            self.press(pixel, view, modifiers)
        else:
            self._picked_at = pixel
            self._pick(index, self._id)

    def drag(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Commit wherever the pointer goes, or with Ctrl pick every point it meets, under the same id."""
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            index, _ = self._target(pixel, view)
            if index is not None:
                self._pick(index, self._id)
        elif self._picked_at is None or np.abs(pixel - self._picked_at).max() >= CLICK_PX:
            self._picked_at = None
            self._commit(view.from_pixel(pixel), self._id)


class SelectTool(Tool):
    """A drag draws a lasso, with Shift a rectangle; a click clears the selection."""

    def __init__(
        self, outline: Callable[[FloatArray | None], None], select: Callable[[FloatArray, View], None]
    ) -> None:
        self._outline, self._select = outline, select
        self._trail: list[FloatArray] = []
        self._corners: FloatArray = np.zeros((0, 2))

    def press(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Begin the outline."""
        self._trail = [pixel]
        self._corners = np.zeros((0, 2))

    def drag(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Extend the outline."""
        self._trail.append(pixel)
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            (x0, y0), (x1, y1) = self._trail[0], pixel
            self._corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        else:
            self._corners = np.array(self._trail)
        self._outline(self._corners)

    def release(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Select the points inside; a click selects none."""
        is_click = len(self._corners) < 3 or np.ptp(self._corners, axis=0).max() < CLICK_PX
        self._select(np.zeros((0, 2)) if is_click else self._corners, view)
        self._outline(None)

    def key(self, key: int) -> bool:
        """Escape clears the selection."""
        if key != Qt.Key.Key_Escape:
            return False
        self._outline(None)
        self._select(np.zeros((0, 2)), View(0, 1, 0, 1, 1, 1))
        return True


class PathTool(Tool):
    """A click adds a waypoint, a drag moves one, Backspace removes the last, Escape all of them."""

    previews = True

    def __init__(self, points: Callable[[], FloatArray], edit: Callable[[FloatArray, int], None]) -> None:
        self._points, self._edit = points, edit
        self._held: int | None = None
        self._id = 0

    def press(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Hold the waypoint under the pointer, or add one."""
        self._id = next_gesture()
        points = self._points()
        if len(points):
            away = np.hypot(*(view.to_pixel(points) - pixel).T)
            nearest = int(away.argmin())
            if away[nearest] <= GRAB_PX:
                self._held = nearest
                return
        self._held = len(points)
        self._edit(np.concatenate([points, view.from_pixel(pixel)[None]]), self._id)

    def drag(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Move the held waypoint."""
        points = self._points().copy()
        if self._held is not None and self._held < len(points):
            points[self._held] = view.from_pixel(pixel)
            self._edit(points, self._id)

    def release(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Let go."""
        self._held = None

    def key(self, key: int) -> bool:
        """Backspace or Delete removes the last waypoint, Escape every one."""
        points = self._points()
        if key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete) and len(points):
            self._edit(points[:-1], next_gesture())
            return True
        if key == Qt.Key.Key_Escape and len(points):
            self._edit(points[:0], next_gesture())
            return True
        return False


def inside(corners: FloatArray, xy: npt.NDArray[np.float32], view: View) -> npt.NDArray[np.bool_]:
    """Find which points [N, 2] are inside an outline of pixels [n, 2] of the view, to the pixel: bool [N].

    The outline is filled once and every point is looked up in it, so that a million points and a
    freehand outline of hundreds of corners cost a few milliseconds.
    """
    width, height = view.width_px, view.height_px
    if len(corners) < 3 or not len(xy):
        return np.zeros(len(xy), bool)
    mask = QImage(width, height, QImage.Format.Format_Grayscale8)
    mask.fill(0)
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(float(x), float(y)) for x, y in corners]))
    path.closeSubpath()
    painter = QPainter(mask)
    painter.fillPath(path, Qt.GlobalColor.white)
    painter.end()
    filled = np.frombuffer(mask.constBits(), np.uint8).reshape(height, mask.bytesPerLine())[:, :width] > 127
    pixels = view.to_pixel(xy)
    with np.errstate(invalid="ignore"):
        here = (pixels >= 0).all(axis=1) & (pixels[:, 0] < width) & (pixels[:, 1] < height)
    found = np.zeros(len(xy), bool)
    columns, rows = pixels[here].astype(np.intp).T
    found[here] = filled[rows, columns]
    return found
