"""The tools of the map: what the left button and some keys do in each mode.

A tool knows no widget: it is given positions in the view's pixels and reports by the callbacks it was made with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt

from latentlab.gui.latent_map.view import View
from latentlab.gui.widgets.gesture_id import next_gesture

FloatArray = npt.NDArray[np.floating]
CLICK_PX = 4.0
GRAB_PX = 9.0
DRAWN_PX = 16.0  # between the waypoints of a path that is drawn by hand


class Tool:
    """What the left button does; this one does nothing.

    Attributes
    ----------
    cursor
        Shape of the pointer over the map.
    previews : bool
        Whether the point under the pointer is previewed during a drag too.
    ends_preview : bool
        Whether a press ends the preview: what the tool draws then is not about the point where the button went down.
    """

    cursor = Qt.CursorShape.CrossCursor
    previews = False
    ends_preview = False

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

    def enter(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> bool:
        """Act at the cross-hair, which the arrow keys move; returns whether the tool does."""
        return False

    def cancel(self) -> None:
        """Give up the gesture: another tool was chosen."""


class ExploreTool(Tool):
    """Click and drag commit z at once; one drag is one gesture.

    With Ctrl, by a double click, and by a click on a picture, a data point is picked instead: its own latent, which in
    more than two dimensions seldom lies on the plane that the map shows. A drag that begins on a picture continues
    in the plane through that latent.

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


class Selector(Protocol):
    """What selects: `PointSelector`. Outlines and positions are of the axes; modes: replace, add, subtract."""

    def draw(self, corners: FloatArray, mode: str, how: str) -> None:
        """Show an outline [n, 2] and what it would select."""

    def close(self, corners: FloatArray, mode: str, how: str) -> None:
        """Select the points inside an outline."""

    def click(self, xy: FloatArray, mode: str, view: View) -> None:
        """Select none, or add or take away the point at a click."""

    def cancel(self) -> None:
        """Give up the outline."""

    def clear(self) -> bool:
        """Select none; returns whether any was selected."""


class SelectTool(Tool):
    """A drag draws a lasso, or a rectangle; a click clears the selection.

    With Shift points are added to the selection and with Alt (or Ctrl, where the window manager takes Alt) taken away;
    a click then adds or takes the point under it.

    Parameters
    ----------
    selector
        What the outline and the clicks are given to.
    is_box
        Whether a drag draws a rectangle.
    """

    ends_preview = True

    def __init__(self, selector: Selector, is_box: bool = False) -> None:
        self._selector, self._is_box = selector, is_box
        self._trail: list[FloatArray] = []  # of the axes: the view may be zoomed during the drag

    def press(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Begin the outline."""
        self._trail = [view.from_pixel(pixel)]

    def drag(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Extend the outline."""
        if self._trail:
            self._trail.append(view.from_pixel(pixel))
            self._selector.draw(self._corners(), _selection_mode(modifiers), self._how())

    def release(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Select the points inside, or the point that was clicked."""
        if not self._trail:
            return
        corners, mode = self._corners(), _selection_mode(modifiers)
        self._trail = []
        if np.ptp(corners, axis=0).max() * view.scale < CLICK_PX:
            self._selector.click(view.from_pixel(pixel), mode, view)
        else:
            self._selector.close(corners, mode, self._how())

    def enter(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> bool:
        """Set a corner of the outline at the cross-hair; a box is closed by its second, a lasso by one set twice."""
        if not self._trail:
            self.press(pixel, view, modifiers)
            self._selector.draw(self._corners(), _selection_mode(modifiers), self._how())
            return True
        is_same = float(np.abs(view.to_pixel(self._trail[-1]) - pixel).max()) < CLICK_PX
        if not is_same:
            self.drag(pixel, view, modifiers)
        if self._is_box or is_same:
            self.release(pixel, view, modifiers)
        return True

    def key(self, key: int) -> bool:
        """Escape gives up the outline that is being drawn; without one it clears the selection."""
        if key != Qt.Key.Key_Escape:
            return False
        if self._trail:
            self.cancel()
            return True
        return self._selector.clear()

    def cancel(self) -> None:
        """Give up the outline."""
        self._trail = []
        self._selector.cancel()

    def _how(self) -> str:
        return "box" if self._is_box else "lasso"

    def _corners(self) -> FloatArray:
        """The outline [n, 2]; its last corner is where the pointer is."""
        if not self._is_box:
            return np.array(self._trail)
        (x0, y0), (x1, y1) = self._trail[0], self._trail[-1]
        return np.array([(x0, y1), (x0, y0), (x1, y0), (x1, y1)])


def _selection_mode(modifiers: Qt.KeyboardModifier) -> str:
    if modifiers & Qt.KeyboardModifier.ShiftModifier:
        return "add"
    if modifiers & (Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier):
        return "subtract"
    return "replace"


class PathEditor(Protocol):
    """What the path tool edits: the map."""

    def path_points(self) -> FloatArray:
        """The waypoints [n, 2]."""

    def path_side_at(self, pixel: FloatArray, view: View, reach: float) -> int | None:
        """The side of the path, from 0, that is within ``reach`` of a pixel."""

    def edit_path(self, points: FloatArray, sources: Sequence[int], gesture: int) -> None:
        """Replace the waypoints; ``sources`` are their indices among those before, −1 for new ones."""

    def toggle_playing(self) -> None:
        """Play the path, or pause."""

    def stop_playing(self) -> bool:
        """Stop playing the path; returns whether it was shown."""


class PathTool(Tool):
    """Edits the waypoints of a path.

    A click adds one at the end, and on the path between two; a drag moves one. With Shift a drag draws by hand, with
    Ctrl or Alt a click removes a waypoint. Backspace removes the waypoint touched last, Space plays, and Escape stops
    playing, then removes all.
    """

    previews = True

    def __init__(self, editor: PathEditor) -> None:
        self._editor = editor
        self._held: int | None = None
        self._last: int | None = None  # touched
        self._drawn_to: FloatArray | None = None  # pixel of the last waypoint that is drawn by hand
        self._id = 0

    def press(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Hold or remove the waypoint under the pointer, or add one."""
        self._id = next_gesture()
        self._held = self._drawn_to = None
        points = self._editor.path_points()
        nearest = self._waypoint_at(points, pixel, view)
        if modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            if nearest is not None:
                self._remove(nearest)
            return
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._drawn_to = pixel
            if nearest is None or nearest != len(points) - 1:
                self._insert(len(points), view.from_pixel(pixel))
            return
        if nearest is not None:
            self._held = self._last = nearest
            return
        side = self._editor.path_side_at(pixel, view, GRAB_PX / 2)
        self._held = self._last = len(points) if side is None else side + 1
        self._insert(self._held, view.from_pixel(pixel))

    def drag(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Move the held waypoint, or continue drawing by hand."""
        points = self._editor.path_points().copy()
        if self._drawn_to is not None:
            if np.hypot(*(pixel - self._drawn_to)) >= DRAWN_PX:
                self._drawn_to = pixel
                self._insert(len(points), view.from_pixel(pixel))
        elif self._held is not None and self._held < len(points):
            points[self._held] = view.from_pixel(pixel)
            self._editor.edit_path(points, range(len(points)), self._id)

    def release(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> None:
        """Let go."""
        self._held = self._drawn_to = None

    def enter(self, pixel: FloatArray, view: View, modifiers: Qt.KeyboardModifier) -> bool:
        """Do at the cross-hair what a click does: set a waypoint, or remove it with Ctrl or Alt."""
        self.press(pixel, view, modifiers & ~Qt.KeyboardModifier.ShiftModifier)
        self.release(pixel, view, modifiers)
        return True

    def key(self, key: int) -> bool:
        """Backspace or Delete removes a waypoint, Space plays, Escape stops playing or removes all waypoints."""
        points = self._editor.path_points()
        if key == Qt.Key.Key_Space and len(points) > 1:
            self._editor.toggle_playing()
            return True
        if key == Qt.Key.Key_Escape and self._editor.stop_playing():
            return True
        if key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete) and len(points):
            self._id = next_gesture()
            last = self._last
            self._remove(last if last is not None and last < len(points) else len(points) - 1)
            return True
        if key == Qt.Key.Key_Escape and len(points):
            self._last = None
            self._editor.edit_path(points[:0], (), next_gesture())
            return True
        return False

    def cancel(self) -> None:
        """Give up the gesture."""
        self._held = self._drawn_to = None

    def _insert(self, index: int, point: FloatArray) -> None:
        points = self._editor.path_points()
        sources = [*range(index), -1, *range(index, len(points))]
        self._editor.edit_path(np.insert(points, index, point, axis=0), sources, self._id)

    def _remove(self, index: int) -> None:
        points = self._editor.path_points()
        sources = [each for each in range(len(points)) if each != index]
        self._last = None
        self._editor.edit_path(points[sources], sources, self._id)

    def _waypoint_at(self, points: FloatArray, pixel: FloatArray, view: View) -> int | None:
        if not len(points):
            return None
        away = np.hypot(*(view.to_pixel(points) - pixel).T)
        nearest = int(away.argmin())
        return nearest if away[nearest] <= GRAB_PX else None
