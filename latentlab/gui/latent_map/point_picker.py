"""Which data point the pointer is at: what a click would pick, marked by a ring."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Qt, Signal

from latentlab.gui.latent_map.layer_stack import LayerStack
from latentlab.gui.latent_map.view import View

FloatArray = npt.NDArray[np.floating]
PICK_PX = 10.0
"""A point is at the pointer if it is within so many logical pixels of it."""


class PointPicker(QObject):
    """Finds the data point at the pointer and marks it.

    Without Ctrl a point is marked only where points are drawn as markers: among single pixels there is always one near,
    and the ring would jump from each to the next.

    Parameters
    ----------
    layers
        The layers of the map, with the points.

    Signals
    -------
    hovered(int, bool)
        Index of the data point that a pick would take now, −1 for none, and whether a click without Ctrl takes it.
    previewed(int)
        A press would pick this data point, so that its image is to be previewed.
    """

    hovered = Signal(int, bool)
    previewed = Signal(int)

    def __init__(self, layers: LayerStack, parent: QObject) -> None:
        super().__init__(parent)
        self._layers = layers
        self._index: int | None = None
        self._is_aimed_at = False
        self.picks_only = False
        """Whether every press picks the nearest data point, however far."""

    def target(self, pixel: FloatArray, view: View) -> tuple[int | None, bool]:
        """The data point that a press at a logical pixel of the view would pick with Ctrl, and whether also without.

        A picture is aimed at without Ctrl.
        """
        row = self._layers.pictures.picture_at(pixel, view)
        if row is not None:
            return row, True
        if self.picks_only:
            return self._nearest(view.from_pixel(pixel), view), True
        if not self._layers.points.is_shown():
            return None, False
        return self._layers.points.nearest(view.from_pixel(pixel), PICK_PX / view.scale), False

    def _nearest(self, xy: FloatArray, view: View) -> int | None:
        """The nearest data point; first looked for near by, where there are fewer to compare."""
        reach, farthest = PICK_PX / view.scale, 4 * max(view.width_px, view.height_px) / view.scale
        while reach < 4 * farthest:
            index = self._layers.points.nearest(xy, reach)
            if index is not None:
                return index
            reach *= 4
        return None

    def hover(self, xy: FloatArray | None, modifiers: Qt.KeyboardModifier, view: View) -> bool:
        """Mark the data point at the pointer; returns whether a press would pick it."""
        index, is_aimed_at = (None, False) if xy is None else self.target(view.to_pixel(xy), view)
        is_picking = is_aimed_at or bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        if not is_picking and not self._layers.points.has_markers():
            index = None
        self._mark(index, is_aimed_at)
        if index is not None and is_picking:
            self.previewed.emit(index)
        return index is not None and is_picking

    def clear(self) -> None:
        """Remove the mark."""
        self._mark(None)

    def _mark(self, index: int | None, is_aimed_at: bool = False) -> None:
        if (index, is_aimed_at) == (self._index, self._is_aimed_at):
            return
        self._index, self._is_aimed_at = index, is_aimed_at
        xy = None if index is None else self._layers.points.xy[index]
        self._layers.cursor.pick.set_position(xy)
        shows_picture = index is not None and self._layers.pictures.is_shown()
        picture = self._layers.pictures.original(index) if shows_picture and index is not None else None
        self._layers.lens.show_picture(picture, xy)
        self.hovered.emit(-1 if index is None else index, index is not None and is_aimed_at)
