"""The density of the points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QPainter

from latentlab.gui.latent_map.coverage import Coverage
from latentlab.gui.latent_map.layers.field import FieldGrid
from latentlab.gui.latent_map.layers.image import ImageLayer
from latentlab.gui.latent_map.layers.markers import pack
from latentlab.gui.latent_map.pictures import draw_image, wrap_image
from latentlab.gui.latent_map.view import View
from latentlab.utils.palettes import cividis
from latentlab.utils.text import format_number

FloatArray = npt.NDArray[np.floating]


class DensityLayer(ImageLayer):
    """The density of the points in cividis: dark and clear where there are few, bright where there are many."""

    name = "density"
    title = "Density of points"
    about = "the aggregate posterior's means: encoded images for each square unit of the axes"
    visible_at_first = False
    opacity_at_first = 0.8
    needs_coverage = True

    def __init__(self) -> None:
        super().__init__()
        self._coverage: Coverage | None = None
        self._grid: FieldGrid | None = None
        self._pixels: npt.NDArray[np.uint32] = np.zeros((1, 1), np.uint32)

    def set_coverage(self, coverage: Coverage | None) -> None:
        """Show the density of these points; None shows none."""
        if coverage is self._coverage:
            return
        self._coverage, self._grid = coverage, None
        if coverage is not None:
            density = coverage.density()
            self._pixels = np.ascontiguousarray(pack(density_colours(density)))
            self._grid = FieldGrid.of(coverage.peak * density[::-1], coverage.x_range, coverage.y_range)
        self.redraw()
        self.valuesChanged.emit()

    def scale_texts(self) -> tuple[str, str] | None:
        """0, and the highest density."""
        return None if self._coverage is None else ("0", format_number(self._coverage.peak, ".3g"))

    def read_out(self, xy: npt.ArrayLike) -> str:
        """The density at a place."""
        value = None if self._grid is None else self._grid.value_at(xy)
        return "" if value is None else f"density {format_number(value, '.3g')}"

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return self._coverage is None

    def render(self, painter: QPainter, view: View) -> None:
        """Draw the density, interpolated smoothly."""
        if self._coverage is not None:
            draw_image(painter, view, wrap_image(self._pixels), self._coverage.x_range, self._coverage.y_range)


def density_colours(density: FloatArray) -> npt.NDArray[np.uint8]:
    """Colour a density [H, W], 0 or more: uint8 [H, W, 4], clearer where it is lower.

    The square root keeps sparse regions visible.
    """
    share = np.sqrt(np.clip(density, 0.0, None) / max(float(density.max(initial=0.0)), 1e-30))
    rgba = np.empty((*density.shape, 4), np.uint8)
    rgba[..., :3] = cividis(share)
    rgba[..., 3] = np.round(230 * np.clip(share * 1.6, 0.0, 1.0))
    return rgba
