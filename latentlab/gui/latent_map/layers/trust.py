"""Where the decoded manifold cannot be trusted, because no point is near."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPainterPath

from latentlab.gui.latent_map.layers.field import FieldGrid
from latentlab.gui.latent_map.layers.image import ImageLayer
from latentlab.gui.latent_map.pictures import draw_image, wrap_image
from latentlab.gui.latent_map.view import Range, View
from latentlab.utils.text import format_number

FloatArray = npt.NDArray[np.floating]
STRENGTH = 0.62


class TrustLayer(ImageLayer):
    """Dims the manifold far from all points: the model has not seen what is decoded there.

    Parameters
    ----------
    extent : callable
        Returns what part of a view the manifold covers; nothing else is dimmed.

    Attributes
    ----------
    scale : tuple of float or None
        The distances at which dimming begins and is complete; None while nothing is dimmed.
    """

    name = "trust"
    title = "Dimming far from data"
    about = "by the distance to the nearest encoded image in all latent dimensions, in units of the latent space"
    opacity_at_first = 0.8

    def __init__(self, extent: Callable[[View], QPainterPath]) -> None:
        super().__init__()
        self._extent = extent
        self.scale: tuple[float, float] | None = None
        self._ranges: tuple[Range, Range] = (0.0, 1.0), (0.0, 1.0)
        self._grid: FieldGrid | None = None
        self._pixels: npt.NDArray[np.uint32] = np.zeros((1, 1), np.uint32)

    def set_distances(self, distances: FloatArray | None, x_range: Range, y_range: Range, scale: Range) -> None:
        """Dim by these distances [rows, columns], the first row lowest, over these ranges; None dims nothing."""
        self.scale = None if distances is None else scale
        self._grid = None
        if distances is not None:
            self._grid = FieldGrid.of(distances, x_range, y_range)
            self._ranges = x_range, y_range
            near, far = scale
            rise = np.clip((distances[::-1] - near) / max(far - near, 1e-30), 0.0, 1.0)
            strength = STRENGTH * rise * rise * (3 - 2 * rise)
            self._pixels = np.round(255 * strength).astype(np.uint32) << np.uint32(24)  # black, only alpha
        self.redraw()
        self.valuesChanged.emit()

    def scale_texts(self) -> tuple[str, str] | None:
        """The distances at which dimming begins and is complete."""
        return (
            None if self.scale is None else (format_number(self.scale[0], ".2g"), format_number(self.scale[1], ".2g"))
        )

    def read_out(self, xy: npt.ArrayLike) -> str:
        """The distance to data at a place, or that it is at least that at which dimming is complete."""
        value = None if self._grid is None else self._grid.value_at(xy)
        if value is None or self.scale is None:
            return ""
        # Greater distances are not measured exactly.
        at_least = "≥ " if value >= self.scale[1] else ""
        return f"distance to data {at_least}{format_number(min(value, self.scale[1]), '.2g')}"

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return self.scale is None

    def draw_exactly(self, painter: QPainter, view: View) -> None:
        """Dim all of a picture of another size, whose manifold covers it."""
        draw_image(painter, view, wrap_image(self._pixels), *self._ranges)

    def render(self, painter: QPainter, view: View) -> None:
        """Dim by the distance, interpolated between the cells."""
        painter.setClipPath(self._extent(view), Qt.ClipOperation.IntersectClip)
        draw_image(painter, view, wrap_image(self._pixels), *self._ranges)
