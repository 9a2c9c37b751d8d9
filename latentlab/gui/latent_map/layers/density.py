"""Smooth pictures over the manifold: how densely points lie, and where there are none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from latentlab.errors import InputError
from latentlab.gui.colours import cividis
from latentlab.gui.latent_map.coverage import Coverage
from latentlab.gui.latent_map.layers.base import PixelLayer, rectangle, wrap_image
from latentlab.gui.latent_map.layers.markers import pack
from latentlab.gui.latent_map.view_box import MapViewBox, View

Range = tuple[float, float]
FloatArray = npt.NDArray[np.floating]


class FieldLayer(PixelLayer):
    """A picture with soft transparency over a rectangle of the axes."""

    def __init__(self, box: MapViewBox, z_value: float) -> None:
        self._pixels: npt.NDArray[np.uint32] | None = None
        self._x_range: Range = (0.0, 1.0)
        self._y_range: Range = (0.0, 1.0)
        super().__init__(box, z_value)

    def _set_rgba(self, rgba: npt.NDArray[np.uint8] | None, x_range: Range, y_range: Range) -> None:
        self._x_range, self._y_range = x_range, y_range
        self._pixels = None
        if rgba is not None:
            self._pixels = np.ascontiguousarray(pack(rgba), np.uint32)
        self.update()

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the picture, stretched smoothly."""
        if self._pixels is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(rectangle(view, self._x_range, self._y_range), wrap_image(self._pixels))


class DensityLayer(FieldLayer):
    """How densely the points lie, in cividis: dark and clear where there are few, bright where there are many."""

    def __init__(self, box: MapViewBox, z_value: float) -> None:
        self._given = False
        super().__init__(box, z_value)

    def set_density(self, density: npt.ArrayLike | None, x_range: Range, y_range: Range) -> None:
        """Show a density [H, W], 0 or more, its first row uppermost; None goes back to the points' own."""
        self._given = density is not None
        if density is None:
            self._set_rgba(None, x_range, y_range)
            return
        values = np.nan_to_num(np.asarray(density, float))
        if values.ndim != 2:
            raise InputError(f"a density is one picture of values, not of shape {values.shape}")
        self._set_rgba(_coloured(values), x_range, y_range)

    def set_coverage(self, coverage: Coverage | None) -> None:
        """Show the density of the points themselves, unless another was given."""
        if self._given:
            return
        if coverage is None:
            self._set_rgba(None, (0.0, 1.0), (0.0, 1.0))
        else:
            self._set_rgba(_coloured(coverage.density()), coverage.x_range, coverage.y_range)


class TrustLayer(FieldLayer):
    """A dark veil over the manifold where no point is near: what is decoded there, the model has not seen.

    Parameters
    ----------
    extent : callable
        Tells what part of a view the manifold covers; nothing else is veiled.
    """

    kept = True
    strength = 0.62

    def __init__(self, box: MapViewBox, z_value: float, extent: Callable[[View], QPainterPath]) -> None:
        self._coverage: Coverage | None = None
        self._extent = extent
        super().__init__(box, z_value)

    def set_coverage(self, coverage: Coverage | None) -> None:
        """Veil what these points do not cover; None veils nothing."""
        self._coverage = coverage
        if coverage is None:
            self._set_rgba(None, (0.0, 1.0), (0.0, 1.0))
            return
        # The rim is veiled whole, so that the veil goes on beyond the grid without a seam.
        farness = coverage.farness()
        rim = np.minimum.outer(_to_edge(farness.shape[0]), _to_edge(farness.shape[1]))
        rgba = np.zeros((*farness.shape, 4), np.uint8)
        rgba[..., 3] = np.round(255 * self.strength * np.maximum(farness, np.clip(1 - rim / 6, 0, 1)))
        self._set_rgba(rgba, coverage.x_range, coverage.y_range)

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the veil over the points' extent, and whole beyond it."""
        if self._coverage is None:
            return
        covered = self._extent(view)
        painter.setClipPath(covered, Qt.ClipOperation.IntersectClip)
        super().draw(painter, view)
        hole = QPainterPath()
        hole.addRect(rectangle(view, self._x_range, self._y_range))
        colour = QColor(0, 0, 0)
        colour.setAlphaF(self.strength)
        painter.fillPath(covered.subtracted(hole), colour)


def _to_edge(count: int) -> FloatArray:
    """How many cells each lies from the nearer end."""
    index = np.arange(count)
    return np.minimum(index, index[::-1]).astype(float)


def _coloured(density: FloatArray) -> npt.NDArray[np.uint8]:
    """Cividis colours with an opacity that follows the value; the root keeps thin places visible."""
    share = np.sqrt(np.clip(density, 0.0, None) / max(float(density.max(initial=0.0)), 1e-30))
    rgba = np.empty((*density.shape, 4), np.uint8)
    rgba[..., :3] = cividis(share)
    rgba[..., 3] = np.round(230 * np.clip(share * 1.6, 0.0, 1.0))
    return rgba
