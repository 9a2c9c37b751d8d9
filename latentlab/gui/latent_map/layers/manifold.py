"""The decoded manifold: images on a grid behind everything else, refined as they arrive."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPixmap

from latentlab.errors import InputError
from latentlab.gui.latent_map.layers.base import PixelLayer, rectangle, wrap_image
from latentlab.gui.latent_map.view_box import MapViewBox, View

ByteArray = npt.NDArray[np.uint8]
Range = tuple[float, float]
FRAME_MS = 16
LARGEST_SIDE = 4096
"""Pixels on a side of the assembled picture at most; larger tiles are thinned out to fit."""
MOST_UNFINISHED = 2


def to_argb(picture: ByteArray) -> npt.NDArray[np.uint32]:
    """Pack opaque grey [..., H, W, 1] or colour [..., H, W, 3] levels into ARGB, uint32 [..., H, W].

    Grey levels come with a trailing axis of 1, so that the last axis is always the colour's.
    """
    red, green, blue = (picture[..., min(k, picture.shape[-1] - 1)].astype(np.uint32) for k in range(3))
    return np.uint32(0xFF000000) | (red << np.uint32(16)) | (green << np.uint32(8)) | blue


class _Picture:
    """Pixels, and the rectangle of the axes that they cover."""

    def __init__(self, pixels: npt.NDArray[np.uint32], x_range: Range, y_range: Range) -> None:
        self.pixels, self.x_range, self.y_range = pixels, x_range, y_range
        self.image: QImage = wrap_image(pixels)

    def covers(self, view: View) -> bool:
        """Whether nothing of the view lies outside."""
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        return x0 <= view.x_min and x1 >= view.x_max and y0 <= view.y_min and y1 >= view.y_max


class _Assembly:
    """A picture that is being put together from tiles, transparent where none has come yet."""

    def __init__(self, x_range: Range, y_range: Range, columns: int, rows: int) -> None:
        self.place = (x_range, y_range, columns, rows)
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
        """The whole picture, made when the first tile tells the size of all."""
        if self.picture is None or tile != self._tile:
            height, width = tile
            self._tile = tile
            self._step = max(1, int(np.ceil(max(height * self.rows, width * self.columns) / LARGEST_SIDE)))
            size = (-(-height // self._step) * self.rows, -(-width // self._step) * self.columns)
            self.picture = _Picture(np.zeros(size, np.uint32), *self.place[:2])
            self.covered[:] = False
        return self.picture.pixels


class ManifoldLayer(PixelLayer):
    """Draws the manifold: the newest picture, over those before it until it covers them.

    Tiles are painted into one picture that is made once for each rectangle of the axes (newer weights
    paint over the older tiles in place), and the view is repainted at most once a frame, however fast
    they come.
    """

    def __init__(self, box: MapViewBox, z_value: float) -> None:
        self._under: list[_Picture] = []
        self._assembly: _Assembly | None = None
        self._generation: int | None = None
        self._scaled: tuple[View, QPixmap] | None = None
        super().__init__(box, z_value)
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MS)
        self._frame.timeout.connect(self._changed)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self._under and (self._assembly is None or self._assembly.picture is None)

    def extent(self, view: View) -> QPainterPath:
        """What part of the view it covers, in logical pixels."""
        covered = QPainterPath()
        covered.setFillRule(Qt.FillRule.WindingFill)
        newest = None if self._assembly is None else self._assembly.picture
        for picture in (*self._under, newest):
            if picture is not None:
                covered.addRect(rectangle(view, picture.x_range, picture.y_range))
        return covered

    def set_picture(self, picture: ByteArray | None, x_range: Range, y_range: Range) -> None:
        """Show one whole picture, uint8 [H, W] or [H, W, 3], its first row at the top; None shows nothing.

        Tiles that are awaited are still welcome: they are painted over it.
        """
        self._under = []
        if self._assembly is not None:
            self._assembly = _Assembly(*self._assembly.place)
        if picture is not None:
            pixels = np.ascontiguousarray(to_argb(_check(picture, 2)))
            self._under = [_Picture(pixels, x_range, y_range)]
        self._changed()

    def begin(self, x_range: Range, y_range: Range, columns: int, rows: int, generation: int) -> None:
        """Await the tiles of a new picture; what is shown stays until they cover it."""
        if columns < 1 or rows < 1:
            raise InputError(f"a manifold needs at least one column and one row, not {columns} and {rows}")
        self._generation = generation
        before = self._assembly
        if before is not None and before.place == (x_range, y_range, columns, rows):
            return
        if before is not None and before.picture is not None:
            self._under.append(before.picture)
            # The oldest is whole and stays; of the unfinished ones only the newest are worth their time.
            del self._under[1 : len(self._under) - MOST_UNFINISHED]
        self._assembly = _Assembly(x_range, y_range, columns, rows)

    def put_tiles(self, generation: int, cells: npt.NDArray[np.integer], span: int, tiles: ByteArray) -> None:
        """Paint tiles into the picture begun with this generation; others come too late and are passed over."""
        assembly = self._assembly
        if assembly is None or generation != self._generation or len(cells) == 0:
            return
        assembly.put(np.asarray(cells), span, to_argb(_check(tiles, 3)))
        if assembly.is_whole and assembly.picture is not None and assembly.picture.covers(self.view()):
            self._under.clear()
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
        for picture in self._under:
            _draw_visible(painter, view, picture)
        if self._assembly is not None and self._assembly.picture is not None:
            _draw_visible(painter, view, self._assembly.picture)
        painter.end()
        return pixmap

    def _changed(self) -> None:
        self._scaled = None
        self.update()


def _draw_visible(painter: QPainter, view: View, shown: _Picture) -> None:
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
