"""Selecting points on the map: what a lasso, a rectangle or a click would select is shown while it is made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from latentlab.gui.latent_map.lasso_search import LassoSearch
from latentlab.gui.latent_map.layer_stack import LayerStack
from latentlab.gui.latent_map.point_picker import PICK_PX
from latentlab.gui.latent_map.view import View

FloatArray = npt.NDArray[np.floating]
BoolArray = npt.NDArray[np.bool_]


class PointSelector(QObject):
    """Finds the points inside the outline that the select tools draw, and previews the selection they would make.

    Parameters
    ----------
    layers
        The layers of the map.

    Signals
    -------
    selected(object, str, str)
        Indices of the points that were chosen, int64 [k], ascending; what they do to the selection: ``replace``,
        ``add`` or ``subtract``; and how they were chosen: ``lasso``, ``box`` or ``click``.
    previewed(int)
        The selection would be of so many points if the button were released now; −1 once no outline is drawn.
    """

    selected = Signal(object, str, str)
    previewed = Signal(int)

    def __init__(self, layers: LayerStack, parent: QObject) -> None:
        super().__init__(parent)
        self._layers = layers
        self._mode, self._how = "replace", "lasso"
        self._search = LassoSearch(self)
        self._search.found.connect(self._on_found)

    def draw(self, corners: FloatArray, mode: str, how: str) -> None:
        """Show an outline through points [n, 2] of the axes, and soon what it would select."""
        self._mode, self._how = mode, how
        self._layers.outline.set_corners(corners)
        self._search.search(self._layers.points.tiles(), corners, is_last=False)

    def close(self, corners: FloatArray, mode: str, how: str) -> None:
        """Select the points inside an outline."""
        self._mode, self._how = mode, how
        self._layers.outline.set_corners(None)
        self._search.search(self._layers.points.tiles(), corners, is_last=True)

    def click(self, xy: FloatArray, mode: str, view: View) -> None:
        """Add the point at a click or take it away; without a modifier a click selects none."""
        self.cancel()
        index = None if mode == "replace" else self._layers.points.nearest(xy, PICK_PX / view.scale)
        if index is not None or mode == "replace":
            self.selected.emit(np.array([] if index is None else [index], np.int64), mode, "click")

    def cancel(self) -> None:
        """Remove the outline; what was selected before stays."""
        self._search.cancel()
        self._layers.outline.set_corners(None)
        self._layers.selected_points.set_preview(None)
        self.previewed.emit(-1)

    def clear(self) -> bool:
        """Select none; returns whether any was selected."""
        has_selected = self._layers.points.has_selected
        if has_selected:
            self.selected.emit(np.zeros(0, np.int64), "replace", "click")
        return has_selected

    def _on_found(self, inside: BoolArray, rows: BoolArray | None) -> None:
        points = self._layers.points
        if len(inside) != len(points.tiles()):
            return  # other points are shown since
        if rows is not None:
            self.cancel()
            indices = points.indices(rows)
            points.note(inside, indices)
            self.selected.emit(indices, self._mode, self._how)
            return
        if self._mode == "add":
            inside = points.is_selected() | inside
        elif self._mode == "subtract":
            inside = points.is_selected() & ~inside
        count = int(np.count_nonzero(inside))
        self._layers.selected_points.set_preview(inside)
        self._layers.outline.set_text(f"{count:,}")
        self.previewed.emit(count)
