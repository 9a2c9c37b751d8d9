"""Pictures at the points: as many as there is room for, the same ones while the view is panned."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from latentlab.gui.latent_map.layers.image import ImageLayer
from latentlab.gui.latent_map.layers.markers import pack
from latentlab.gui.latent_map.layers.point_pyramid import PointPyramid
from latentlab.gui.latent_map.layers.points import PointsLayer
from latentlab.gui.latent_map.layers.thumbnails import CAPACITY, Thumbnails
from latentlab.gui.latent_map.pictures import to_argb, wrap_image
from latentlab.gui.latent_map.view import View
from latentlab.gui.widgets.debouncer import Debouncer

FloatArray = npt.NDArray[np.floating]
ByteArray = npt.NDArray[np.uint8]
PICTURE_PX = 40
"""Longer side of a picture, in logical pixels."""
CELL_PX = 42
"""A cell, which shows one picture, has at least this side and less than twice of it."""
BORDER_PX = 1.5
FADE_SECONDS = 0.15
FRAME_MS = 16
MERGE_MS = 300
"""After so long pictures that have become opaque are drawn with the kept image."""
REQUEST_MS = 30


class Placed(NamedTuple):
    """Pictures as they are drawn in a view.

    Attributes
    ----------
    view
        With the border that is drawn round it.
    rows
        Of the points, [n].
    corners
        Upper left corner of each picture's square, [n, 2], in logical pixels, on whole device pixels.
    colours
        Of each picture's border, opaque ARGB, [n].
    """

    view: View
    rows: npt.NDArray[np.int64]
    corners: FloatArray
    colours: npt.NDArray[np.uint32]


class PicturesLayer(ImageLayer):
    """Draws pictures of the shown points, one for each cell of a grid on the plane.

    A picture lies inside its cell, over its point, so that no two overlap; it keeps its size while the view zooms.
    Pictures appear gradually, and one that is replaced stays until its successor has arrived. While points are
    selected, only these have pictures.

    Parameters
    ----------
    points
        The points' layer: where they are, which are shown, and their colours.

    Attributes
    ----------
    placed : Placed or None
        The pictures of the last view that was drawn.

    Signals
    -------
    wanted(object)
        Rows of the points whose pictures are to be given to ``put``, int64 [k]; those in the middle first.
    """

    name = "pictures"
    title = "Pictures at the points"
    about = "each stands in its cell, over its point; a ring marks the point at the pointer"
    visible_at_first = False
    choices = (("real", "Real images"), ("decoded", "Decoded images"))

    wanted = Signal(object)

    def __init__(self, points: PointsLayer) -> None:
        super().__init__()
        self._points = points
        self._pyramid: PointPyramid | None = None
        self._thumbnails: Thumbnails | None = None
        self.placed: Placed | None = None
        self._pixels: npt.NDArray[np.uint32] = np.zeros((1, 1), np.uint32)  # of the kept image
        self._missing: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._drawn: set[int] = set()  # rows whose pictures are in the kept image
        self._appeared: dict[int, float] = {}  # by row: when a picture that is drawn over the kept image appeared
        self._next_frame = Debouncer(FRAME_MS, self.update, self)
        self._merge = Debouncer(MERGE_MS, self.redraw, self)
        self._request = Debouncer(REQUEST_MS, self._on_request, self)
        points.contentChanged.connect(self._on_points_changed)

    # --- what it is given -------------------------------------------------------------------------

    def put(self, rows: npt.NDArray[np.integer], pictures: ByteArray) -> None:
        """Take pictures of these rows, uint8 [k, h, w] or [k, h, w, 3]."""
        thumbnails = self._thumbnails
        if thumbnails is None:
            return
        now = time.monotonic()
        for row, picture in zip(rows.tolist(), pictures, strict=True):
            thumbnails.put(row, picture)
            self._appeared[row] = now
        self._next_frame.throttle()

    def clear(self) -> None:
        """Forget all pictures: they are of other points."""
        self._thumbnails = None
        self._drawn, self._appeared = set(), {}
        self.redraw()

    def mark_stale(self) -> None:
        """Ask for all pictures again; the present ones stay until new ones arrive."""
        if self._thumbnails is not None:
            self._thumbnails.mark_stale()
            self.redraw()

    def picture_at(self, pixel: FloatArray, view: View) -> int | None:
        """Row of the picture that is drawn at a logical pixel of the view; None if there is none."""
        placed, thumbnails = self.placed, self._thumbnails
        if placed is None or thumbnails is None or not self.is_shown():
            return None
        inside = placed.view.to_pixel(view.from_pixel(pixel)) - placed.corners
        for row in placed.rows[((inside >= 0) & (inside <= PICTURE_PX)).all(axis=1)].tolist():
            if row in thumbnails:
                return int(row)
        return None

    def original(self, row: int) -> ByteArray | None:
        """A row's picture, as large as it was given; None if it is not there."""
        return None if self._thumbnails is None else self._thumbnails.original(row)

    def _on_points_changed(self) -> None:
        self._pyramid = None
        self.redraw()

    def _on_request(self) -> None:
        if len(self._missing):
            self.wanted.emit(self._missing)

    # --- painting ---------------------------------------------------------------------------------

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return not len(self._points.xy)

    def _rendered(self, view: View) -> QImage:
        """Draw the pictures that are opaque, and ask for those that there are not.

        Without a painter: it would copy all pixels once more.
        """
        side = round(PICTURE_PX * view.ratio)
        if self._thumbnails is None or self._thumbnails.side != side:
            self._thumbnails = Thumbnails(side, max(1, round(BORDER_PX * view.ratio)))
        placed = self.placed = self._place(view)
        thumbnails, rows, now = self._thumbnails, placed.rows.tolist(), time.monotonic()
        thumbnails.keep(rows)
        self._missing = np.array([row for row in rows if thumbnails.is_wanted(row)], np.int64)
        if len(self._missing):
            self._request.throttle()
        here = [row for row in rows if row in thumbnails]
        seen = self._drawn | self._appeared.keys()
        self._appeared = {
            row: began
            for row in here
            if (began := self._appeared.get(row, 0.0 if row in seen else now)) > now - FADE_SECONDS
        }
        self._drawn = set(here) - self._appeared.keys()
        self._pixels = self._composed(placed, thumbnails)
        image = wrap_image(self._pixels)  # not a pixmap, which would be a copy of it
        image.setDevicePixelRatio(view.ratio)
        return image

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the kept image, and over it the pictures that have appeared since."""
        super().draw(painter, view)
        placed, thumbnails = self.placed, self._thumbnails
        if placed is None or thumbnails is None or not self._appeared:
            return
        corner = view.point((placed.view.x_min, placed.view.y_max)) * view.ratio
        painter.translate(round(corner.x()) / view.ratio, round(corner.y()) / view.ratio)
        if self._draw_appeared(painter, placed, thumbnails):
            self._next_frame.throttle()
        else:
            self._merge.throttle()

    def draw_exactly(self, painter: QPainter, view: View) -> None:
        """Draw the pictures that have arrived, as large as they were given."""
        placed = self._place(view)
        for row, (x, y), colour in zip(
            placed.rows.tolist(), placed.corners.tolist(), placed.colours.tolist(), strict=True
        ):
            original = self.original(row)
            if original is None:
                continue
            pixels = np.ascontiguousarray(to_argb(original))
            tall, wide = pixels.shape
            scale = PICTURE_PX / max(tall, wide)
            area = QRectF(0, 0, wide * scale, tall * scale)
            area.moveCenter(QPointF(x + PICTURE_PX / 2, y + PICTURE_PX / 2))
            painter.drawImage(area, wrap_image(pixels))
            painter.setPen(QPen(QColor.fromRgba(colour), BORDER_PX))
            painter.drawRect(area.adjusted(BORDER_PX / 2, BORDER_PX / 2, -BORDER_PX / 2, -BORDER_PX / 2))

    def _place(self, view: View) -> Placed:
        """Choose the pictures of a view, those in its middle first, and put each into its cell."""
        points = self._points
        if self._pyramid is None:
            self._pyramid = PointPyramid(points.xy, points.emphasized())
        pyramid = self._pyramid
        level = pyramid.level_of(CELL_PX / view.scale)
        rows, pixels = self._in_view(pyramid, level, view)
        while len(rows) > CAPACITY and level > 0:
            level -= 1
            rows, pixels = self._in_view(pyramid, level, view)
        cell = pyramid.cell_side(level) * view.scale
        upper_left = view.to_pixel(pyramid.corners(points.xy[rows], level)) - (0.0, cell)
        corners = np.clip(pixels - PICTURE_PX / 2, upper_left, upper_left + max(0.0, cell - PICTURE_PX))
        middle = (view.width_px / 2, view.height_px / 2)
        order = np.argsort(np.abs(pixels - middle).max(axis=1), kind="stable")
        opaque = np.full((len(rows), 4), 255, np.uint8)
        opaque[:, :3] = points.colours(rows[order])
        return Placed(view, rows[order], np.round(corners[order] * view.ratio) / view.ratio, pack(opaque))

    def _in_view(self, pyramid: PointPyramid, level: int, view: View) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Rows of the points that a level shows in the view, and the points' logical pixels [k, 2]."""
        rows = pyramid.rows(level, view.x_range, view.y_range)
        pixels = view.to_pixel(self._points.xy[rows])
        here = ((pixels >= 0) & (pixels <= (view.width_px, view.height_px))).all(axis=1)
        return rows[here], pixels[here]

    def _composed(self, placed: Placed, thumbnails: Thumbnails) -> npt.NDArray[np.uint32]:
        """The opaque pictures with their borders, ARGB [H, W] in device pixels.

        Copied by numpy: from Python Qt takes ten times as long for each picture.
        """
        view = placed.view
        target = np.zeros((round(view.height_px * view.ratio), round(view.width_px * view.ratio)), np.uint32)
        corners = np.round(placed.corners * view.ratio).astype(int).tolist()
        for row, (left, top), colour in zip(placed.rows.tolist(), corners, placed.colours.tolist(), strict=True):
            if row in self._drawn:
                pixels = thumbnails.framed(row, colour)
                height, width = pixels.shape
                _paste(target, pixels, left + (thumbnails.side - width) // 2, top + (thumbnails.side - height) // 2)
        return target

    def _draw_appeared(self, painter: QPainter, placed: Placed, thumbnails: Thumbnails) -> bool:
        """Draw the pictures that have appeared; returns whether one of them is not yet opaque."""
        now, ratio, is_fading = time.monotonic(), placed.view.ratio, False
        for row, (x, y), colour in zip(
            placed.rows.tolist(), placed.corners.tolist(), placed.colours.tolist(), strict=True
        ):
            if row not in self._appeared:
                continue
            opacity = min(1.0, (now - self._appeared[row] + FRAME_MS / 1000) / FADE_SECONDS)
            is_fading |= opacity < 1.0
            thumbnails.framed(row, colour)
            source = thumbnails.source(row)
            left = x + (thumbnails.side - source.width()) // 2 / ratio
            top = y + (thumbnails.side - source.height()) // 2 / ratio
            painter.setOpacity(self.opacity() * opacity)
            area = QRectF(left, top, source.width() / ratio, source.height() / ratio)
            painter.drawImage(area, thumbnails.image, QRectF(source))
        return is_fading


def _paste(target: npt.NDArray[np.uint32], pixels: npt.NDArray[np.uint32], x: int, y: int) -> None:
    """Copy pixels to a position of the target, without what is outside of it."""
    height, width = pixels.shape
    if x >= 0 and y >= 0 and y + height <= len(target) and x + width <= target.shape[1]:
        target[y : y + height, x : x + width] = pixels
        return
    y0, x0 = max(0, -y), max(0, -x)
    y1, x1 = min(height, len(target) - y), min(width, target.shape[1] - x)
    if y1 > y0 and x1 > x0:
        target[y + y0 : y + y1, x + x0 : x + x1] = pixels[y0:y1, x0:x1]
