"""A quantity at every place of the map: colours from low to high, with a scale, and the value at a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QPainter

from latentlab.gui.latent_map.layers.image import ImageLayer
from latentlab.gui.latent_map.layers.markers import pack
from latentlab.gui.latent_map.pictures import draw_image, wrap_image
from latentlab.gui.latent_map.view import Range, View
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.utils.palettes import cividis
from latentlab.utils.text import format_number

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.integer]

FRAME_MS = 16
_IN_SCALE = (1.0, 99.0)
"""Percentiles of the values at the ends of the scale: a few extreme cells would leave all others one colour."""
_LEAST_RATIO = 1e-4
"""Of the lower end of a logarithmic scale to the upper one."""


@dataclass
class FieldGrid:
    """Values at the cells of a grid over ranges of the axes; not a number where there is none yet.

    Attributes
    ----------
    x_range, y_range
        What the cells cover.
    values : ndarray of float32, [rows, columns]
        The first row lowest.
    covered : ndarray of bool, [rows, columns]
        Which cells have been filled.
    """

    x_range: Range
    y_range: Range
    values: npt.NDArray[np.float32]
    covered: npt.NDArray[np.bool_]

    @classmethod
    def empty(cls, x_range: Range, y_range: Range, columns: int, rows: int) -> FieldGrid:
        """A grid without values."""
        values = np.full((rows, columns), np.nan, np.float32)
        return cls(x_range, y_range, values, np.zeros((rows, columns), bool))

    @classmethod
    def of(cls, values: FloatArray, x_range: Range, y_range: Range) -> FieldGrid:
        """A grid with these values [rows, columns], the first row lowest."""
        return cls(x_range, y_range, np.asarray(values, np.float32), np.ones(values.shape, bool))

    def put(self, cells: IntArray, span: int, values: FloatArray) -> None:
        """Fill blocks of ``span × span`` cells, each from its own cell [n, 2] to the right and upwards."""
        rows, columns = self.values.shape
        for right in range(span):
            for up in range(span):
                column, row = cells[:, 0] + right, cells[:, 1] + up
                inside = (column < columns) & (row < rows)
                self.values[row[inside], column[inside]] = values[inside]
                self.covered[row[inside], column[inside]] = True

    def cell_at(self, xy: npt.ArrayLike) -> tuple[int, int] | None:
        """Row and column of the cell at a place of the axes; None beyond the grid."""
        rows, columns = self.values.shape
        x, y = np.asarray(xy, float)[:2]
        column = int(np.floor((x - self.x_range[0]) / (self.x_range[1] - self.x_range[0]) * columns))
        row = int(np.floor((y - self.y_range[0]) / (self.y_range[1] - self.y_range[0]) * rows))
        return (row, column) if 0 <= row < rows and 0 <= column < columns else None

    def value_at(self, xy: npt.ArrayLike) -> float | None:
        """The value of the cell at a place of the axes; None where there is none."""
        cell = self.cell_at(xy)
        value = np.nan if cell is None else float(self.values[cell])
        return value if np.isfinite(value) else None


class FieldLayer(ImageLayer):
    """A quantity computed at the cells of a grid, coarse first; what is shown stays until the new cells cover it.

    Attributes
    ----------
    quantity, unit : str
        What the scale and the value at the pointer are called, and their unit (may be empty).
    is_logarithmic : bool
        Whether the colours follow the logarithm.
    scale : tuple of float or None
        Values of the darkest and of the brightest colour; None while nothing is shown.
    """

    visible_at_first = False
    opacity_at_first = 0.85
    quantity: ClassVar[str] = ""
    unit: ClassVar[str] = ""
    is_logarithmic: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.scale: Range | None = None
        self._generation = -1
        self._coming: FieldGrid | None = None
        self._shown: FieldGrid | None = None
        self._pixels: npt.NDArray[np.uint32] = np.zeros((1, 1), np.uint32)
        self._next_frame = Debouncer(FRAME_MS, self._show, self)

    # --- what it is given ------------------------------------------------------------------------

    def begin(self, x_range: Range, y_range: Range, columns: int, rows: int, generation: int) -> None:
        """Expect the values of a grid over these ranges."""
        self._generation = generation
        self._coming = FieldGrid.empty(x_range, y_range, columns, rows)

    def put(self, generation: int, cells: IntArray, span: int, values: FloatArray) -> None:
        """Take values of the grid that was begun with this generation; those of another one are ignored.

        Parameters
        ----------
        generation : int
            As in ``begin``.
        cells : ndarray of int, [n, 2]
            Column and row of the lower left cell of each block of ``span × span``.
        span : int
            Cells along a block's side.
        values : ndarray of float, [n]
            Of each block.
        """
        if self._coming is None or generation != self._generation or len(cells) == 0:
            return
        self._coming.put(np.asarray(cells), span, np.asarray(values, np.float32))
        if self._shown is None or self._coming.covered.all():
            self._shown = self._coming
        if self._shown is self._coming:
            self._next_frame.throttle()

    def clear(self) -> None:
        """Show nothing, and take no more of what was begun."""
        self._coming = None
        if self._shown is not None:
            self._shown = None
            self._show()

    # --- what it says ----------------------------------------------------------------------------

    def value_at(self, xy: npt.ArrayLike) -> float | None:
        """The value of the cell at a place of the axes; None where nothing is shown."""
        return None if self._shown is None else self._shown.value_at(xy)

    def read_out(self, xy: npt.ArrayLike) -> str:
        """What is written for a place while the layer is shown; empty where there is no value."""
        value = self.value_at(xy)
        return "" if value is None else f"{self.quantity} {self.format(value)}"

    def scale_texts(self) -> tuple[str, str] | None:
        """The values of the darkest and of the brightest colour."""
        return None if self.scale is None else (self.format(self.scale[0]), self.format(self.scale[1]))

    def format(self, value: float) -> str:
        """A value with its unit."""
        return f"{format_number(value, '.3g')}{f' {self.unit}' if self.unit else ''}"

    # --- painting --------------------------------------------------------------------------------

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return self._shown is None

    def render(self, painter: QPainter, view: View) -> None:
        """Draw the colours, interpolated smoothly."""
        if self._shown is not None:
            draw_image(painter, view, wrap_image(self._pixels), self._shown.x_range, self._shown.y_range)

    def _show(self) -> None:
        if self._shown is None:
            self.scale = None
        else:
            self.scale = self._scale_of(self._shown.values)
            self._pixels = np.ascontiguousarray(pack(self._colours(self._shown.values[::-1])))
        self.redraw()
        self.valuesChanged.emit()

    def _scale_of(self, values: FloatArray) -> Range | None:
        finite = values[np.isfinite(values)]
        if not len(finite):
            return None
        low, high = (float(each) for each in np.percentile(finite, _IN_SCALE))
        return (max(low, _LEAST_RATIO * high), high) if self.is_logarithmic else (low, high)

    def _colours(self, values: FloatArray) -> npt.NDArray[np.uint8]:
        """Colours uint8 [rows, columns, 4] of values; clear where there is none."""
        low, high = self.scale or (0.0, 1.0)
        if self.is_logarithmic:
            with np.errstate(divide="ignore", invalid="ignore"):
                values, (low, high) = np.log(values), np.log(np.maximum((low, high), 1e-30))
        share = np.clip((values - low) / max(high - low, 1e-30), 0.0, 1.0)
        rgba = np.empty((*values.shape, 4), np.uint8)
        rgba[..., :3] = cividis(np.nan_to_num(share))
        rgba[..., 3] = np.where(np.isnan(share), 0, 255)
        return rgba


class RoundTripLayer(FieldLayer):
    """How far decoding and encoding again leads from a latent."""

    name = "round_trip"
    title = "Round trip"
    about = "‖z − E(D(z))‖: how far a latent is from that of its decoded image"
    quantity = "round trip"


class MagnificationLayer(FieldLayer):
    """How much the decoder stretches the plane."""

    name = "magnification"
    title = "Magnification"
    about = "√det JᵀJ of the decoder on this plane: large where a small step changes the image much"
    quantity = "magnification"
    is_logarithmic = True


class AssignmentLayer(FieldLayer):
    """How far the latents of the images around a place of a terrain are from the one decoded there."""

    name = "assignment"
    title = "Assignment error"
    about = "how far the latents of the images around a place of a terrain are from the latent decoded there"
    quantity = "assignment error"


class UncertaintyLayer(FieldLayer):
    """How uncertain the decoder is of the pixels."""

    name = "uncertainty"
    title = "Decoder uncertainty"
    about = "the standard deviation of each pixel under p(x|z), summed over the image"
    quantity = "Σσ"
