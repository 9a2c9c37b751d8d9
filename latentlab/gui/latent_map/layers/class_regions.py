"""Which class the encoded images around each place of the map have, and the boundaries between the classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QPainter, QPen

from latentlab.gui.latent_map.layers.field import FieldGrid, FieldLayer
from latentlab.gui.latent_map.pictures import draw_image, wrap_image
from latentlab.gui.latent_map.view import Range, View
from latentlab.utils.defaults import VOTING_NEIGHBOURS
from latentlab.utils.palettes import class_colours
from latentlab.utils.plain_text import as_line

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.integer]
LINE_PX = 2.0
_LONGEST_NAME = 20
_LEAST_CELLS = 9
"""Of a class, for its name to be written on the map."""


class ClassRegionsLayer(FieldLayer):
    """Regions by the class of most of the nearest images, in all dimensions, with their names and boundaries.

    The colours are those of the classes in the legend, fainter where fewer of the images have the class.
    """

    name = "classes"
    title = "Class boundaries"
    about = f"the class of most of the {VOTING_NEIGHBOURS} nearest images, by distance in all latent dimensions"
    opacity_at_first = 0.85

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self._shares: FieldGrid | None = None
        self._lines: list[tuple[float, float, float, float]] = []
        self._labels: list[tuple[float, float, str]] = []

    def set_names(self, names: Sequence[str]) -> None:
        """Name the classes, in order."""
        self._names = tuple(names)

    def begin(self, x_range: Range, y_range: Range, columns: int, rows: int, generation: int) -> None:
        """Expect the classes of a grid over these ranges."""
        super().begin(x_range, y_range, columns, rows, generation)
        self._shares = FieldGrid.empty(x_range, y_range, columns, rows)

    def put_shares(self, generation: int, cells: IntArray, span: int, shares: FloatArray) -> None:
        """Take the part of the nearest images that have the class, as ``put`` takes the classes; before these."""
        if self._shares is not None and generation == self._generation and len(cells):
            self._shares.put(np.asarray(cells), span, np.asarray(shares, np.float32))

    def read_out(self, xy: npt.ArrayLike) -> str:
        """The class at a place, and how many of the nearest images have it."""
        value = self.value_at(xy)
        if value is None or value < 0:
            return ""
        share = None if self._shares is None else self._shares.value_at(xy)
        count = "" if share is None else f" ({round(100 * share)} % of nearest)"
        return f"class {self._name(int(value))}{count}"

    def _name(self, number: int) -> str:
        return as_line(self._names[number], _LONGEST_NAME) if number < len(self._names) else str(number)

    def _scale_of(self, values: FloatArray) -> Range | None:
        return None  # classes have no scale: their names are on the map

    def _colours(self, values: FloatArray) -> npt.NDArray[np.uint8]:
        known = np.isfinite(values) & (values >= 0)
        number = np.where(known, values, 0).astype(np.int64)
        colours = class_colours(max(len(self._names), int(number.max(initial=0)) + 1), self.theme.is_dark)
        shares = self._shares.values[::-1] if self._shares is not None else np.ones_like(values)
        rgba = np.empty((*values.shape, 4), np.uint8)
        rgba[..., :3] = colours[number]
        rgba[..., 3] = np.where(known, np.round(20 + 120 * np.nan_to_num(shares) ** 2), 0)
        return rgba

    def _show(self) -> None:
        grid = self._shown
        self._lines = [] if grid is None else _boundaries(grid)
        self._labels = [] if grid is None else [(x, y, self._name(number)) for x, y, number in _middles(grid)]
        super()._show()

    def render(self, painter: QPainter, view: View) -> None:
        """Draw the regions, then the boundaries between them, then their names."""
        if self._shown is None:
            return
        image = wrap_image(self._pixels)
        draw_image(painter, view, image, self._shown.x_range, self._shown.y_range)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for colour, width in ((self.theme.colour("map"), LINE_PX + 2), (self.theme.colour("text"), LINE_PX)):
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLines([QLineF(view.point((x0, y0)), view.point((x1, y1))) for x0, y0, x1, y1 in self._lines])
        for x, y, name in self._labels:
            self._draw_name(painter, view.point((x, y)), name)

    def _draw_name(self, painter: QPainter, at: QPointF, name: str) -> None:
        """Write a name on a ground that makes it readable over pictures."""
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        box = painter.fontMetrics().boundingRect(name).adjusted(-5, -2, 5, 2)
        box.moveCenter(at.toPoint())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("map"))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(self.theme.colour("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)


def _boundaries(grid: FieldGrid) -> list[tuple[float, float, float, float]]:
    """Edges (x0, y0, x1, y1) between neighbouring cells of different classes."""
    values, (rows, columns) = grid.values, grid.values.shape
    x = np.linspace(*grid.x_range, columns + 1)
    y = np.linspace(*grid.y_range, rows + 1)
    known = np.isfinite(values)
    row, column = np.nonzero((values[:, 1:] != values[:, :-1]) & known[:, 1:] & known[:, :-1])
    upright = zip(x[column + 1], y[row], x[column + 1], y[row + 1], strict=True)
    row, column = np.nonzero((values[1:] != values[:-1]) & known[1:] & known[:-1])
    level = zip(x[column], y[row + 1], x[column + 1], y[row + 1], strict=True)
    return [tuple(map(float, edge)) for edges in (upright, level) for edge in edges]  # type: ignore[misc]


def _middles(grid: FieldGrid) -> list[tuple[float, float, int]]:
    """For each class the centre of its cell that is deepest inside it, and its number."""
    values, (rows, columns) = grid.values, grid.values.shape
    found = []
    for number in np.unique(values[np.isfinite(values) & (values >= 0)]):
        inside = values == number
        if inside.sum() < _LEAST_CELLS:
            continue
        while True:  # peel the region until nothing would be left
            padded = np.pad(inside, 1, constant_values=False)
            smaller = inside & padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]
            if not smaller.any():
                break
            inside = smaller
        cells = np.argwhere(inside)
        row, column = cells[np.abs(cells - cells.mean(axis=0)).sum(axis=1).argmin()]
        (x0, x1), (y0, y1) = grid.x_range, grid.y_range
        found.append(
            (float(x0 + (column + 0.5) * (x1 - x0) / columns), float(y0 + (row + 0.5) * (y1 - y0) / rows), int(number))
        )
    return found
