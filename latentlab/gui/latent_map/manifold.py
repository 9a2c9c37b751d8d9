"""The decoded manifold: images on a grid behind everything else, refined as they arrive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, QTimer
from PySide6.QtGui import QImage, QPainter, QPixmap

from latentlab.errors import InputError
from latentlab.gui.latent_map.layer import PixelLayer, rectangle, wrap_image
from latentlab.gui.latent_map.view import MapViewBox, View

ByteArray = npt.NDArray[np.uint8]
Range = tuple[float, float]
FRAME_MS = 16
LARGEST_SIDE = 4096
"""Pixels on a side of the assembled picture at most; larger tiles are thinned out to fit."""


def to_argb(picture: ByteArray) -> npt.NDArray[np.uint32]:
    """Pack opaque grey [..., H, W] or colour [..., H, W, 3] levels into ARGB, uint32 [..., H, W].

    The last axis says colour when it has length 3 and ``picture`` has one axis more than a grey picture;
    callers pass grey stacks with a trailing axis of 1 to be certain.
    """
    red, green, blue = (picture[..., min(k, picture.shape[-1] - 1)].astype(np.uint32) for k in range(3))
    return np.uint32(0xFF000000) | (red << np.uint32(16)) | (green << np.uint32(8)) | blue


@dataclass
class _Assembly:
    """A picture that is being put together from tiles."""

    x_range: Range
    y_range: Range
    columns: int
    rows: int
    generation: int
    covered: npt.NDArray[np.bool_]
    pixels: npt.NDArray[np.uint32] | None = None
    step: int = 1

    def allocate(self, height: int, width: int) -> npt.NDArray[np.uint32]:
        """The whole picture, transparent, made when the first tile tells its size."""
        if self.pixels is None:
            self.step = max(1, int(np.ceil(max(height * self.rows, width * self.columns) / LARGEST_SIDE)))
            size = (-(-height // self.step) * self.rows, -(-width // self.step) * self.columns)
            self.pixels = np.zeros(size, np.uint32)
        return self.pixels

    def put(self, cells: npt.NDArray[np.integer], span: int, tiles: npt.NDArray[np.uint32]) -> None:
        """Paint tiles [n, h, w], each over ``span × span`` cells to the right of and above its own."""
        pixels = self.allocate(*tiles.shape[1:])
        thin = tiles[:, :: self.step, :: self.step]
        height, width = thin.shape[1:]
        large = thin if span == 1 else thin.repeat(span, axis=1).repeat(span, axis=2)
        for (column, row), tile in zip(cells.tolist(), large, strict=True):
            top_row = min(row + span, self.rows)
            right = min(column + span, self.columns)
            y0, y1 = (self.rows - top_row) * height, (self.rows - row) * height
            x0, x1 = column * width, right * width
            # A block that hangs over the grid's upper edge loses its top, over the right edge its right side.
            pixels[y0:y1, x0:x1] = tile[tile.shape[0] - (y1 - y0) :, : x1 - x0]
            self.covered[row:top_row, column:right] = True


class _Shown:
    """A finished picture and where it lies."""

    def __init__(self, pixels: npt.NDArray[np.uint32], x_range: Range, y_range: Range) -> None:
        self.pixels, self.x_range, self.y_range = pixels, x_range, y_range
        self.image: QImage = wrap_image(pixels)


class ManifoldLayer(PixelLayer):
    """Draws the manifold: the newest picture, over the one before it until it is covered.

    Tiles are painted into one picture that is made once for each generation, and the view is
    repainted at most once a frame, however fast they come.
    """

    def __init__(self, box: MapViewBox, z_value: float) -> None:
        self._below: _Shown | None = None
        self._above: _Shown | None = None
        self._assembly: _Assembly | None = None
        self._scaled: tuple[View, QPixmap] | None = None
        super().__init__(box, z_value)
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MS)
        self._frame.timeout.connect(self._on_frame)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return self._below is None and self._above is None

    def set_picture(self, picture: ByteArray | None, x_range: Range, y_range: Range) -> None:
        """Show one whole picture, uint8 [H, W] or [H, W, 3], its first row at the top; None shows nothing."""
        self._assembly = self._above = self._below = None
        if picture is not None:
            grey_or_colour = _check(picture, 2)
            self._below = _Shown(np.ascontiguousarray(to_argb(grey_or_colour)), x_range, y_range)
        self._changed()

    def begin(self, x_range: Range, y_range: Range, columns: int, rows: int, generation: int) -> None:
        """Await the tiles of a new picture; the old one stays until they cover it."""
        if columns < 1 or rows < 1:
            raise InputError(f"a manifold needs at least one column and one row, not {columns} and {rows}")
        self._settle()
        covered = np.zeros((rows, columns), bool)
        self._assembly = _Assembly(x_range, y_range, columns, rows, generation, covered)

    def put_tiles(self, generation: int, cells: npt.NDArray[np.integer], span: int, tiles: ByteArray) -> None:
        """Paint tiles into the picture begun with this generation; others come too late and are passed over."""
        assembly = self._assembly
        if assembly is None or generation != assembly.generation or len(cells) == 0:
            return
        assembly.put(np.asarray(cells), span, to_argb(_check(tiles, 3)))
        if not self._frame.isActive():
            self._frame.start()

    def on_view_changed(self) -> None:
        """Zoomed or panned: stretch the picture at hand."""
        if not self.is_empty:
            self.update()

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint what there is of the manifold."""
        if self.is_empty:
            return
        if self._scaled is None or self._scaled[0] != view:
            self._scaled = view, self._scale(view)
        painter.drawPixmap(0, 0, self._scaled[1])

    def _scale(self, view: View) -> QPixmap:
        """The view's own pixels, so that what moves over the manifold costs a copy and no resampling."""
        pixmap = QPixmap(round(view.width_px * view.ratio), round(view.height_px * view.ratio))
        pixmap.setDevicePixelRatio(view.ratio)
        pixmap.fill(self.theme.background)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for shown in (self._below, self._above):
            if shown is not None:
                _draw_visible(painter, view, shown)
        painter.end()
        return pixmap

    def _settle(self) -> None:
        """Keep of the two pictures the one that the next will be drawn over."""
        assembly = self._assembly
        if assembly is not None and assembly.pixels is not None and (assembly.covered.all() or self._below is None):
            self._below = _Shown(assembly.pixels, assembly.x_range, assembly.y_range)
        self._above = None

    def _on_frame(self) -> None:
        assembly = self._assembly
        if assembly is None or assembly.pixels is None:
            return
        if self._above is None:
            self._above = _Shown(assembly.pixels, assembly.x_range, assembly.y_range)
        if assembly.covered.all():
            self._below = None
        self._changed()

    def _changed(self) -> None:
        self._scaled = None
        self.update()


def _draw_visible(painter: QPainter, view: View, shown: _Shown) -> None:
    """Draw the part of a picture that is in view: Qt would resample all of it."""
    height, width = shown.pixels.shape
    place = rectangle(view, shown.x_range, shown.y_range)
    seen = place.intersected(QRectF(0, 0, view.width_px, view.height_px))
    if seen.isEmpty():
        return
    across, down = width / place.width(), height / place.height()
    source = QRectF(
        (seen.left() - place.left()) * across,
        (seen.top() - place.top()) * down,
        seen.width() * across,
        seen.height() * down,
    )
    painter.drawImage(seen, shown.image, source)


def _check(picture: ByteArray, axes: int) -> ByteArray:
    """Give a grey picture or stack a trailing axis of 1; say what is wrong with anything else."""
    if picture.dtype != np.uint8:
        raise InputError(f"pictures for the latent map are uint8, not {picture.dtype}")
    if picture.ndim == axes:
        return picture[..., None]
    if picture.ndim == axes + 1 and picture.shape[-1] == 3:
        return picture
    raise InputError(f"a picture of shape {picture.shape} is neither grey nor red, green and blue")
