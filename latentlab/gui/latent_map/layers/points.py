"""The encoded points, as one picture at the view's own resolution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage, QPainter, QRegion

from latentlab.gui.latent_map.layers.base import Layer, LegendContent
from latentlab.gui.latent_map.layers.markers import MARKERS
from latentlab.gui.latent_map.layers.point_raster import Pixels, PointTiles, Rasterizer, Size, Window, point_size
from latentlab.gui.latent_map.pictures import BORDER_PX, wrap_image
from latentlab.gui.latent_map.view import View
from latentlab.gui.style.palettes import MAX_COLOURS, UNLABELLED, palette
from latentlab.gui.style.theme import Theme
from latentlab.gui.widgets.debouncer import Debouncer

REST_MS = 40
"""After so long without a change a picture that is too costly for one frame is redrawn."""
FRAME_BUDGET = 400_000
"""Pixel writes that still fit into a frame (about 4 ms): below it every frame is drawn exactly."""
OVERVIEW_PX = 1024
ALPHA = 215
DIMMED_ALPHA = 46


class _Picture:
    """Points drawn for one window, and the buffer they are in."""

    def __init__(self) -> None:
        self.window: Window | None = None
        self._pixels: Pixels = np.zeros((1, 1), np.uint32)
        self.image: QImage = wrap_image(self._pixels)

    def buffer(self, window: Window) -> Pixels:
        """The array to draw the window into, reallocated only when the size has changed."""
        if self._pixels.shape != (window.height, window.width):
            self._pixels = np.zeros((window.height, window.width), np.uint32)
            self.image = wrap_image(self._pixels)
        self.window = window
        return self._pixels


class PointsLayer(Layer):
    """Draws any number of points, none left out, coloured and shaped by class.

    The points are rasterised for the view and a border round it. While the view moves and rasterising would take
    longer than a frame, the last picture is moved and stretched, over an overview where it does not reach; once the
    view rests, the points are rasterised again.
    """

    name = "points"
    title = "Points"
    opacity_at_first = 0.85

    def __init__(self) -> None:
        super().__init__()
        self._xy: npt.NDArray[np.float32] = np.zeros((0, 2), np.float32)
        self._labels: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._content = LegendContent(())
        self._hidden: frozenset[int] = frozenset()
        self._selected: npt.NDArray[np.bool_] | None = None
        self._tiles: PointTiles | None = None
        self._raster = Rasterizer()
        self._detail, self._overview = _Picture(), _Picture()
        self._rasterize_at_rest = Debouncer(REST_MS, self._on_rest, self)

    @property
    def xy(self) -> npt.NDArray[np.float32]:
        """The points [N, 2], in the order they were given."""
        return self._xy

    @property
    def shown(self) -> npt.NDArray[np.bool_]:
        """Which points are of a class that is shown, bool [N]."""
        if not self._hidden:
            return np.ones(len(self._xy), bool)
        return ~np.isin(self._labels, list(self._hidden))

    def legend(self) -> LegendContent | None:
        """The classes of the points."""
        return self._content if len(self._xy) else LegendContent(())

    def set_points(
        self,
        xy: npt.ArrayLike | None,
        labels: npt.ArrayLike | None = None,
        class_names: Sequence[str] = (),
        ordered: bool = False,
        title: str = "",
    ) -> None:
        """Draw these points; see `LatentMap.set_points`."""
        points = np.zeros((0, 2), np.float32) if xy is None else np.asarray(xy, np.float32).reshape(-1, 2)
        known = np.full(len(points), -1, np.int64) if labels is None else np.asarray(labels).astype(np.int64).ravel()
        count = max(len(class_names), int(known.max(initial=-1)) + 1)
        names = (*class_names, *(str(number) for number in range(len(class_names), count)))
        if len(points) != len(self._xy):
            self._selected = None
        self._xy, self._labels = points, known
        has_unlabelled = labels is not None and bool((known < 0).any())
        self._content = LegendContent(names, has_unlabelled, ordered, title)
        self._invalidate(points=True)
        self.legendChanged.emit()

    def set_hidden(self, classes: Iterable[int]) -> None:
        """Do not draw the points of these classes (-1: points without a class)."""
        hidden = frozenset(classes)
        if hidden != self._hidden:
            self._hidden = hidden
            self._invalidate(points=True)

    def set_selected(self, indices: npt.NDArray[np.int64] | None) -> None:
        """Dim all other points; None or an empty array dims none."""
        if indices is None or len(indices) == 0:
            self._selected = None
        else:
            self._selected = np.zeros(len(self._xy), bool)
            self._selected[indices] = True
        self._invalidate(points=True)

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours from now on."""
        self._invalidate()
        super().set_theme(theme)

    def tiles(self) -> PointTiles:
        """The shown points in tiles, sorted when first needed."""
        if self._tiles is None:
            shown = slice(None) if not self._hidden else self.shown
            self._tiles = PointTiles(self._xy[shown], self._slots()[shown])
        return self._tiles

    def nearest(self, xy: npt.ArrayLike, reach: float) -> int | None:
        """Index of the shown point nearest to (x, y); None if none is within ``reach``, in units of the axes."""
        x, y = np.asarray(xy, float).tolist()
        row = self.tiles().nearest((x, y), reach)
        return row if row is None or not self._hidden else int(np.flatnonzero(self.shown)[row])

    def has_markers(self) -> bool:
        """Whether so few points are in view that they are drawn as markers, which can be aimed at."""
        return bool(len(self._xy)) and self._size(_window(self.view())).radius > 0

    def viewRangeChanged(self) -> None:
        """Move the picture now; rasterise again once the view rests, should that take long."""
        if len(self._xy):
            if self._rasterize_at_rest.is_pending():
                self._rasterize_at_rest.debounce()
            self.update()

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return not len(self._xy)

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the points in view."""
        window = _window(view)
        if not self._is_exact(window):
            if self._cost(window) <= FRAME_BUDGET or self._detail.window is None:
                self._rasterize(self._detail, window)
            else:
                self._rasterize_at_rest.throttle()
        self._draw_picture(painter, view)

    def _draw_picture(self, painter: QPainter, view: View) -> None:
        detail = self._detail.window
        if detail is None:
            return
        area, whole = view.rectangle(detail.x_range, detail.y_range), view.rect()
        if not area.adjusted(-0.5, -0.5, 0.5, 0.5).contains(whole) and self._cost(_window(view)) > FRAME_BUDGET:
            if self._overview.window is None:
                self._rasterize(self._overview, _overview_window(self.tiles()))
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
        if have is None or abs(have.scale - window.scale) > 1e-9 * window.scale:
            return False
        slack = (BORDER_PX - 8) / window.scale
        return (
            abs(have.left - window.left) <= slack
            and abs(have.top - window.top) <= slack
            and (have.width, have.height) == (window.width, window.height)
        )

    def _size(self, window: Window) -> Size:
        return point_size(self.tiles().count(window), self.view().ratio)

    def _cost(self, window: Window) -> float:
        return self.tiles().count(window) * self._size(window).cost

    def _rasterize(self, picture: _Picture, window: Window) -> None:
        size = self._size(window)
        self._raster.draw(picture.buffer(window), self.tiles(), window, self._colour_table(), self._markers(), size)

    def _on_rest(self) -> None:
        self._rasterize(self._detail, _window(self.view()))
        self.update()

    def _invalidate(self, points: bool = False) -> None:
        if points:
            self._tiles = None
        self._detail.window = self._overview.window = None
        self.update()

    def _slots(self) -> npt.NDArray[np.uint8]:
        """Slot of each point: its class, then the unlabelled, then the same again dimmed."""
        classes = self._class_slots()
        slots = np.where(self._labels < 0, classes, self._labels % max(1, classes))
        if self._selected is not None:
            slots = slots + np.where(self._selected, 0, classes + 1)
        return slots.astype(np.uint8)

    def _class_slots(self) -> int:
        """How many slots there are for classes; beyond ``MAX_COLOURS`` classes they repeat."""
        return min(len(self._content.names), MAX_COLOURS)

    def _colour_table(self) -> npt.NDArray[np.uint8]:
        """Red, green, blue and alpha of each slot, uint8 [slots, 4]."""
        classes = self._class_slots()
        half = np.zeros((classes + 1, 4), np.uint8)
        half[:classes, :3] = palette(classes, self.theme.is_dark, self._content.is_ordered)
        half[classes, :3] = UNLABELLED
        table = np.concatenate([half, half])
        table[: classes + 1, 3], table[classes + 1 :, 3] = ALPHA, DIMMED_ALPHA
        return table

    def _markers(self) -> npt.NDArray[np.intp]:
        """Marker of each slot, [slots]: steps of a value share one, so that where points overlap none wins by value."""
        classes = self._class_slots()
        markers = np.zeros(classes + 1, np.intp)
        if not self._content.is_ordered:
            markers[:classes] = np.arange(classes) % len(MARKERS)
        return np.concatenate([markers, markers])


def _window(view: View) -> Window:
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
