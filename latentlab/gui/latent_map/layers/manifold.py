"""The decoded manifold: images on a grid behind everything else, refined as they arrive."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath

from latentlab.errors import InputError
from latentlab.gui.latent_map.layers.image import ImageLayer
from latentlab.gui.latent_map.pictures import draw_image, to_argb, wrap_image
from latentlab.gui.latent_map.view import Range, View
from latentlab.gui.widgets.debouncer import Debouncer

ByteArray = npt.NDArray[np.uint8]
FRAME_MS = 16
LARGEST_SIDE = 4096
"""Pixels on a side of the assembled picture at most; larger tiles are thinned out to fit."""
MAX_UNFINISHED = 2


class _Picture:
    """Pixels, and the rectangle of the axes that they cover."""

    def __init__(self, pixels: npt.NDArray[np.uint32], x_range: Range, y_range: Range) -> None:
        self.pixels, self.x_range, self.y_range = pixels, x_range, y_range
        self.image: QImage = wrap_image(pixels)

    def covers(self, view: View) -> bool:
        """Whether the picture covers all of the view."""
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        return x0 <= view.x_min and x1 >= view.x_max and y0 <= view.y_min and y1 >= view.y_max

    def draw(self, painter: QPainter, view: View) -> None:
        draw_image(painter, view, self.image, self.x_range, self.y_range)


class _Assembly:
    """A picture that is assembled from tiles, transparent where a tile is missing."""

    def __init__(self, x_range: Range, y_range: Range, columns: int, rows: int) -> None:
        self.grid = (x_range, y_range, columns, rows)
        self.columns, self.rows = columns, rows
        self.covered = np.zeros((rows, columns), bool)
        self.picture: _Picture | None = None
        self._tile: tuple[int, ...] = ()
        self._step = 1

    @property
    def is_whole(self) -> bool:
        """Whether tiles have covered every cell."""
        return bool(self.covered.all())

    def put(self, cells: npt.NDArray[np.integer], span: int, tiles: npt.NDArray[np.uint32]) -> None:
        """Paint tiles [n, h, w], each over ``span × span`` cells to the right of and above its own."""
        pixels = self._pixels(tiles.shape[1:])
        thin = tiles[:, :: self._step, :: self._step]
        height, width = thin.shape[1:]
        large = thin if span == 1 else thin.repeat(span, axis=1).repeat(span, axis=2)
        for (column, row), tile in zip(cells.tolist(), large, strict=True):
            upper, right = min(row + span, self.rows), min(column + span, self.columns)
            y0, y1 = (self.rows - upper) * height, (self.rows - row) * height
            x0, x1 = column * width, right * width
            # A block that hangs over the grid's upper edge loses its top, over the right edge its right side.
            pixels[y0:y1, x0:x1] = tile[tile.shape[0] - (y1 - y0) :, : x1 - x0]
            self.covered[row:upper, column:right] = True

    def _pixels(self, tile: tuple[int, ...]) -> npt.NDArray[np.uint32]:
        """The whole picture, made when the first tile gives the size of all."""
        if self.picture is None or tile != self._tile:
            height, width = tile
            self._tile = tile
            self._step = max(1, int(np.ceil(max(height * self.rows, width * self.columns) / LARGEST_SIDE)))
            size = (-(-height // self._step) * self.rows, -(-width // self._step) * self.columns)
            self.picture = _Picture(np.zeros(size, np.uint32), *self.grid[:2])
            self.covered[:] = False
        return self.picture.pixels


class ManifoldLayer(ImageLayer):
    """Draws the manifold: the newest picture, over the ones before it until it covers them.

    Tiles are painted into one picture for each rectangle of the axes (tiles of newer weights replace the older ones
    in place), and the view is repainted at most once a frame, however fast they arrive.

    Signals
    -------
    extentChanged
        The manifold covers another part of the axes.
    """

    name = "manifold"
    title = "Decoded manifold"

    extentChanged = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._under: list[_Picture] = []
        self._assembly: _Assembly | None = None
        self._generation: int | None = None
        self._next_frame = Debouncer(FRAME_MS, self.redraw, self)

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return not self._pictures()

    def extent(self, view: View) -> QPainterPath:
        """What part of the view it covers, in logical pixels."""
        covered = QPainterPath()
        covered.setFillRule(Qt.FillRule.WindingFill)
        for picture in self._pictures():
            covered.addRect(view.rectangle(picture.x_range, picture.y_range))
        return covered

    def set_picture(self, picture: ByteArray | None, x_range: Range, y_range: Range) -> None:
        """Show one whole picture, uint8 [H, W] or [H, W, 3], its first row at the top; None shows nothing.

        Tiles that arrive later are painted over it.
        """
        self._under = []
        if self._assembly is not None:
            self._assembly = _Assembly(*self._assembly.grid)
        if picture is not None:
            pixels = np.ascontiguousarray(to_argb(picture))
            self._under = [_Picture(pixels, x_range, y_range)]
        self.redraw()
        self.extentChanged.emit()

    def begin(self, x_range: Range, y_range: Range, columns: int, rows: int, generation: int) -> None:
        """Expect the tiles of a new picture; what is shown stays until they cover it."""
        if columns < 1 or rows < 1:
            raise InputError(f"a manifold needs at least one column and one row, not {columns} and {rows}")
        self._generation = generation
        before = self._assembly
        if before is not None and before.grid == (x_range, y_range, columns, rows):
            return
        if before is not None and before.picture is not None:
            self._under.append(before.picture)
            # The oldest is whole and stays; of the unfinished ones only the newest are worth the time to draw them.
            del self._under[1 : len(self._under) - MAX_UNFINISHED]
        self._assembly = _Assembly(x_range, y_range, columns, rows)

    def put_tiles(self, generation: int, cells: npt.NDArray[np.integer], span: int, tiles: ByteArray) -> None:
        """Paint tiles into the picture begun with this generation; tiles of another generation are ignored."""
        assembly = self._assembly
        if assembly is None or generation != self._generation or len(cells) == 0:
            return
        is_first = assembly.picture is None
        assembly.put(np.asarray(cells), span, to_argb(tiles, axes=3))
        if assembly.is_whole and assembly.picture is not None and assembly.picture.covers(self.view()):
            self._under.clear()
            is_first = True
        if is_first:
            self.extentChanged.emit()
        self._next_frame.throttle()

    def render(self, painter: QPainter, view: View) -> None:
        """Draw the pictures, the newest last."""
        painter.fillRect(view.rect(), self.theme.map)
        for picture in self._pictures():
            picture.draw(painter, view)

    def _pictures(self) -> list[_Picture]:
        """What there is to draw, the newest last."""
        newest = None if self._assembly is None else self._assembly.picture
        return self._under if newest is None else [*self._under, newest]
