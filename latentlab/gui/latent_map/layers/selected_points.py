"""The points that stand out, over all the others: the selected ones, or those with a tag."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QPainter

from latentlab.gui.latent_map.layers.point_raster import PointTiles, Size, Window
from latentlab.gui.latent_map.layers.points import PointsLayer
from latentlab.gui.latent_map.layers.rasterized import RasterizedLayer
from latentlab.gui.latent_map.view import View

MOST_PREVIEWED = 400_000
"""Points drawn while an outline grows: of more, some are left out until the button is released."""


class SelectedPointsLayer(RasterizedLayer):
    """Draws the points that stand out as the layer of all points does, which is dimmed meanwhile.

    These are the selected points; while none is selected, those that the layer of all points names.

    Another selection is drawn without sorting or drawing all points again. The layer is not switched by the user: what
    is selected can always be seen, also where the other points are hidden.

    Parameters
    ----------
    points
        The layer of all points.
    """

    def __init__(self, points: PointsLayer) -> None:
        super().__init__()
        self._points = points
        self._preview: npt.NDArray[np.bool_] | None = None
        self._tiles: PointTiles | None = None
        points.contentChanged.connect(self._on_content_changed)

    def set_preview(self, selected: npt.NDArray[np.bool_] | None) -> None:
        """Draw what would be selected instead, bool [n] in the order of the points' tiles; None: what is selected."""
        self._preview = selected
        self._update()

    def tiles(self) -> PointTiles:
        """The points that stand out."""
        if self._tiles is None:
            every, preview = self._points.tiles(), self._preview
            if preview is not None and len(preview) == len(every):
                positions = np.flatnonzero(preview)
                positions = positions[:: 1 + len(positions) // MOST_PREVIEWED]
            else:
                positions = np.flatnonzero(self._points.on_top())
            self._tiles = every.subset(positions)
        return self._tiles

    def is_blank(self) -> bool:
        """Whether no point stands out."""
        return (self._shows_labelled() and not self._points.is_shown()) or self._is_empty()

    def _shows_labelled(self) -> bool:
        """Whether nothing is selected, so that what is drawn belongs to the layer of all points."""
        return self._preview is None and not self._points.has_selected

    def _is_empty(self) -> bool:
        return (self._preview is None and not self._points.has_on_top) or not len(self.tiles())

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the points in view, selected ones opaque."""
        if self._shows_labelled():
            painter.setOpacity(painter.opacity() * self._points.opacity())
        super().draw(painter, view)

    def draw_exactly(self, painter: QPainter, view: View) -> None:
        """Draw the points in view for a picture of another size, selected ones opaque."""
        if self._shows_labelled():
            painter.setOpacity(painter.opacity() * self._points.opacity())
        super().draw_exactly(painter, view)

    def point_size(self, window: Window, ratio: float | None = None) -> Size:
        """The size of all points, so that a selected one covers itself."""
        return self._points.point_size(window, ratio)

    def colour_table(self) -> npt.NDArray[np.uint8]:
        """Colours of the points, opaque."""
        table = self._points.colour_table()
        table[:, 3] = 255
        return table

    def markers(self) -> npt.NDArray[np.intp]:
        """Markers of the points."""
        return self._points.markers()

    def _on_content_changed(self) -> None:
        self._preview = None
        self._update()

    def _update(self) -> None:
        self._tiles = None
        self._points.set_dimmed(self._points.has_selected or not self._is_empty())
        self.redraw()
