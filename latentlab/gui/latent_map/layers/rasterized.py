"""A layer of points that are drawn as one picture at the view's own resolution."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage, QPainter, QRegion

from latentlab.gui.latent_map.layers.base import Layer
from latentlab.gui.latent_map.layers.point_raster import Pixels, PointTiles, Rasterizer, Size, Window
from latentlab.gui.latent_map.pictures import BORDER_PX, wrap_image
from latentlab.gui.latent_map.view import View
from latentlab.gui.style.theme import Theme
from latentlab.gui.widgets.debouncer import Debouncer

REST_MS = 40
"""After so long without a change a picture that is too costly for one frame is redrawn."""
FRAME_BUDGET = 400_000
"""Pixel writes that still fit into a frame (about 4 ms): below it every frame is drawn exactly."""
MOST_AT_ONCE = 500_000
"""Points drawn at once (about a frame): of more, a sample is shown first, and all of them once they are drawn."""
SLICE_SECONDS = 0.006
"""Of drawing, before other events are handled."""
OVERVIEW_PX = 1024


class _Picture:
    """Points drawn for one window, and the buffer they are in."""

    def __init__(self) -> None:
        self.window: Window | None = None
        self.is_sample = False
        self._pixels: Pixels = np.zeros((1, 1), np.uint32)
        self.image: QImage = wrap_image(self._pixels)

    def buffer(self, window: Window) -> Pixels:
        """The array to draw the window into, reallocated only when the size has changed."""
        if self._pixels.shape != (window.height, window.width):
            self._pixels = np.zeros((window.height, window.width), np.uint32)
            self.image = wrap_image(self._pixels)
        self.window, self.is_sample = window, False
        return self._pixels


class RasterizedLayer(Layer):
    """Draws any number of points, none left out.

    The points are rasterised for the view and a border round it. While the view moves and rasterising would take
    longer than a frame, the last picture is moved and stretched, over an overview where it does not reach; once the
    view rests, the points are rasterised again, in slices of the event loop. Other points are shown by a sample until
    then, if they are millions.
    """

    def __init__(self) -> None:
        super().__init__()
        self._raster = Rasterizer()
        self._detail, self._overview, self._next = _Picture(), _Picture(), _Picture()
        self._steps: Iterator[None] | None = None  # of drawing the next picture
        self._continue = Debouncer(0, self._take_steps, self)
        self._rasterize_at_rest = Debouncer(REST_MS, self._on_rest, self)

    # --- what a subclass draws ----------------------------------------------------------------------

    def tiles(self) -> PointTiles:
        """The points that are drawn."""
        raise NotImplementedError

    def point_size(self, window: Window, ratio: float | None = None) -> Size:
        """How large the points in a window are drawn, at the screen's device pixels for each logical one or others."""
        raise NotImplementedError

    def colour_table(self) -> npt.NDArray[np.uint8]:
        """Red, green, blue and alpha of each slot, uint8 [slots, 4]."""
        raise NotImplementedError

    def markers(self) -> npt.NDArray[np.intp]:
        """Marker of each slot, [slots]."""
        raise NotImplementedError

    # --- drawing ------------------------------------------------------------------------------------

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours from now on."""
        self.redraw()
        super().set_theme(theme)

    def redraw(self) -> None:
        """Draw anew: points or colours are others."""
        self._detail.window = self._overview.window = None
        self._cancel()
        self.update()

    def viewRangeChanged(self) -> None:
        """Move the picture now; rasterise again once the view rests, should that take long."""
        if not self.is_blank():
            self._cancel()
            if self._rasterize_at_rest.is_pending():
                self._rasterize_at_rest.debounce()
            self.update()

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the points in view."""
        window = window_of(view)
        if not self._is_exact(window):
            if self._cost(window) <= FRAME_BUDGET:
                self._cancel()
                self._rasterize(self._detail, window)
            elif self._detail.window is None:
                self._rasterize_sample(self._detail, window)
            if not self._is_exact(window) and self._steps is None:
                self._rasterize_at_rest.throttle()
        self._draw_picture(painter, view)

    def draw_exactly(self, painter: QPainter, view: View) -> None:
        """Draw all points in view for a picture of another size, without what is kept for the screen."""
        width, height = round(view.width_px * view.ratio), round(view.height_px * view.ratio)
        window = Window(view.x_min, view.y_max, view.scale * view.ratio, width, height)
        pixels = np.zeros((height, width), np.uint32)
        size = self.point_size(window, view.ratio)
        for _ in Rasterizer().steps(pixels, self.tiles(), window, self.colour_table(), self.markers(), size):
            pass
        painter.drawImage(view.rect(), wrap_image(pixels))

    def _draw_picture(self, painter: QPainter, view: View) -> None:
        detail = self._detail.window
        if detail is None:
            return
        area, whole = view.rectangle(detail.x_range, detail.y_range), view.rect()
        if not area.adjusted(-0.5, -0.5, 0.5, 0.5).contains(whole) and self._cost(window_of(view)) > FRAME_BUDGET:
            if self._overview.window is None:
                self._rasterize_sample(self._overview, _overview_window(self.tiles()))
            overview = self._overview.window
            if overview is not None:
                painter.save()
                painter.setClipRegion(QRegion(whole.toRect()).subtracted(QRegion(area.toRect())))
                painter.drawImage(view.rectangle(overview.x_range, overview.y_range), self._overview.image)
                painter.restore()
        if abs(detail.scale - view.scale * view.ratio) < 1e-9 * detail.scale:
            # At the same scale whole device pixels are copied, not resampled.
            left, top = round(area.left() * view.ratio), round(area.top() * view.ratio)
            painter.scale(1 / view.ratio, 1 / view.ratio)
            painter.drawImage(left, top, self._detail.image)
        else:
            painter.drawImage(area, self._detail.image)

    def _is_exact(self, window: Window) -> bool:
        """Whether the last picture shows all of the view at its own scale."""
        have = self._detail.window
        if have is None or self._detail.is_sample or abs(have.scale - window.scale) > 1e-9 * window.scale:
            return False
        slack = (BORDER_PX - 8) / window.scale
        return (
            abs(have.left - window.left) <= slack
            and abs(have.top - window.top) <= slack
            and (have.width, have.height) == (window.width, window.height)
        )

    def _cost(self, window: Window) -> float:
        return self.tiles().count(window) * self.point_size(window).cost

    def _rasterize(self, picture: _Picture, window: Window) -> None:
        for _ in self._drawing(picture, window, self.tiles()):
            pass

    def _rasterize_sample(self, picture: _Picture, window: Window) -> None:
        """Draw not all of millions of points."""
        tiles = self.tiles()
        every = 1 + len(tiles) // MOST_AT_ONCE
        if every > 1:
            tiles = tiles.subset(np.arange(0, len(tiles), every))
        for _ in self._drawing(picture, window, tiles):
            pass
        picture.is_sample = every > 1

    def _drawing(self, picture: _Picture, window: Window, tiles: PointTiles) -> Iterator[None]:
        size = self.point_size(window)
        return self._raster.steps(picture.buffer(window), tiles, window, self.colour_table(), self.markers(), size)

    def _on_rest(self) -> None:
        self._steps = self._drawing(self._next, window_of(self.view()), self.tiles())
        self._take_steps()

    def _take_steps(self) -> None:
        """Draw for a slice of time; show the picture when it is complete."""
        if self._steps is None:
            return
        end = time.perf_counter() + SLICE_SECONDS
        for _ in self._steps:
            if time.perf_counter() >= end:
                self._continue.debounce()
                return
        self._steps = None
        self._detail, self._next = self._next, self._detail
        self.update()

    def _cancel(self) -> None:
        """Give up the next picture: the view or the points are others."""
        self._steps = None
        self._continue.cancel()


def window_of(view: View) -> Window:
    """The view and the border round it, in device pixels."""
    drawn = view.widened(BORDER_PX)
    width, height = round(drawn.width_px * view.ratio), round(drawn.height_px * view.ratio)
    return Window(drawn.x_min, drawn.y_max, view.scale * view.ratio, width, height)


def _overview_window(tiles: PointTiles) -> Window:
    """All the points, at a resolution that is enough while the view moves."""
    (x0, x1), (y0, y1) = tiles.x_range, tiles.y_range
    scale = (OVERVIEW_PX - 16) / max(x1 - x0, y1 - y0, 1e-9)
    width, height = (int(np.ceil((high - low) * scale)) + 16 for low, high in ((x0, x1), (y0, y1)))
    return Window(x0 - 8 / scale, y1 + 8 / scale, scale, width, height)
