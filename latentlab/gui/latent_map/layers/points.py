"""The encoded points, as one picture at the view's own resolution."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, QTimer
from PySide6.QtGui import QImage, QPainter, QRegion

from latentlab.gui.colours import MOST_COLOURS, UNLABELLED, Theme, palette
from latentlab.gui.latent_map.layers.base import PixelLayer, rectangle, wrap_image
from latentlab.gui.latent_map.layers.markers import MARKERS
from latentlab.gui.latent_map.layers.point_raster import Pixels, PointTiles, Rasteriser, Size, Window, point_size
from latentlab.gui.latent_map.view_box import MapViewBox, View

MARGIN_PX = 48
"""The picture is drawn so much larger than the view on each side, so that a small pan uncovers no gap."""
REST_MS = 40
"""How long the hand must rest before a picture that was too costly for one frame is drawn again."""
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
        """The array to draw the window into, made anew only when the size has changed."""
        if self._pixels.shape != (window.height, window.width):
            self._pixels = np.zeros((window.height, window.width), np.uint32)
            self.image = wrap_image(self._pixels)
        self.window = window
        return self._pixels


class PointsLayer(PixelLayer):
    """Draws any number of points, none left out, coloured and shaped by class.

    A picture is drawn for the view and a margin round it. While the hand zooms or pans and drawing would
    take longer than a frame, the last picture is moved and stretched, over an overview where it does not
    reach; when the hand rests it is drawn again, exactly.
    """

    def __init__(self, box: MapViewBox, z_value: float) -> None:
        self._xy: npt.NDArray[np.float32] = np.zeros((0, 2), np.float32)
        self._labels: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._classes = 0
        self._ordered = False
        self._hidden: frozenset[int] = frozenset()
        self._selected: npt.NDArray[np.bool_] | None = None
        self._tiles: PointTiles | None = None
        self._raster = Rasteriser()
        self._detail, self._overview = _Picture(), _Picture()
        super().__init__(box, z_value)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._on_rest)

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

    def classes(self) -> frozenset[int]:
        """Every class that a point may have, -1 for those without one among them."""
        return frozenset(range(-1, self._classes))

    def set_points(
        self, xy: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], classes: int, ordered: bool = False
    ) -> None:
        """Draw these points [N, 2] with their classes [N] (-1: unknown), or steps of a value if ``ordered``."""
        if len(xy) != len(self._xy):
            self._selected = None
        self._xy, self._labels, self._classes, self._ordered = xy, labels, classes, ordered
        self._invalidate(points=True)

    def set_hidden(self, classes: Iterable[int]) -> None:
        """Leave these classes out (-1: the points without one)."""
        hidden = frozenset(classes)
        if hidden != self._hidden:
            self._hidden = hidden
            self._invalidate(points=True)

    def set_selected(self, indices: npt.NDArray[np.int64] | None) -> None:
        """Dim all but these points; None or nothing chosen dims none."""
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
        """The shown points in tiles; sorted when first needed."""
        if self._tiles is None:
            shown = slice(None) if not self._hidden else self.shown
            self._tiles = PointTiles(self._xy[shown], self._slots()[shown])
        return self._tiles

    def on_view_changed(self) -> None:
        """Move the picture now; draw it anew when the hand rests, should that take long."""
        if len(self._xy):
            if self._rest.isActive():
                self._rest.start()
            self.update()

    def is_blank(self) -> bool:
        """Whether there is no point."""
        return not len(self._xy)

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the points in view."""
        window = _window(view)
        if not self._is_exact(window):
            if self._cost(window) <= FRAME_BUDGET or self._detail.window is None:
                self._rasterise(self._detail, window)
            elif not self._rest.isActive():
                self._rest.start()
        self._draw_picture(painter, view)

    def _draw_picture(self, painter: QPainter, view: View) -> None:
        detail = self._detail.window
        if detail is None:
            return
        place = rectangle(view, detail.x_range, detail.y_range)
        whole = QRectF(0, 0, view.width_px, view.height_px)
        if not place.adjusted(-0.5, -0.5, 0.5, 0.5).contains(whole) and self._cost(_window(view)) > FRAME_BUDGET:
            if self._overview.window is None:
                self._rasterise(self._overview, _overview_window(self.tiles()))
            overview = self._overview.window
            if overview is not None:
                painter.save()
                painter.setClipRegion(QRegion(whole.toRect()).subtracted(QRegion(place.toRect())))
                painter.drawImage(rectangle(view, overview.x_range, overview.y_range), self._overview.image)
                painter.restore()
        if abs(detail.scale - view.scale * view.ratio) < 1e-9 * detail.scale:
            # The same scale: whole device pixels are copied, not resampled.
            left, top = round(place.left() * view.ratio), round(place.top() * view.ratio)
            painter.scale(1 / view.ratio, 1 / view.ratio)
            painter.drawImage(left, top, self._detail.image)
        else:
            painter.drawImage(place, self._detail.image)

    def _is_exact(self, window: Window) -> bool:
        """Whether the picture at hand shows all of the view at its own scale."""
        have = self._detail.window
        if have is None or abs(have.scale - window.scale) > 1e-9 * window.scale:
            return False
        slack = (MARGIN_PX - 8) / window.scale
        return (
            abs(have.left - window.left) <= slack
            and abs(have.top - window.top) <= slack
            and (have.width, have.height) == (window.width, window.height)
        )

    def _size(self, window: Window) -> Size:
        return point_size(self.tiles().count(window), self.view().ratio)

    def _cost(self, window: Window) -> float:
        return self.tiles().count(window) * self._size(window).cost

    def _rasterise(self, picture: _Picture, window: Window) -> None:
        size = self._size(window)
        self._raster.draw(picture.buffer(window), self.tiles(), window, self._colour_table(), size)

    def _on_rest(self) -> None:
        self._rasterise(self._detail, _window(self.view()))
        self.update()

    def _invalidate(self, points: bool = False) -> None:
        if points:
            self._tiles = None
        self._detail.window = self._overview.window = None
        self.update()

    def _slots(self) -> npt.NDArray[np.uint8]:
        """Row of the colour table for each point: its class, the unknown after them, the dimmed after those."""
        classes, unknown = self._slot_layout()
        slots = np.where(self._labels < 0, unknown, self._labels % max(1, classes))
        if self._selected is not None:
            slots = slots + np.where(self._selected, 0, unknown + len(MARKERS))
        return slots.astype(np.uint8)

    def _slot_layout(self) -> tuple[int, int]:
        """How many classes have a slot, and the slot of points without a class.

        That one is a multiple of the number of markers, and so is what the dimmed are moved by: a slot's
        marker follows from its number, and dimming must not change it.
        """
        classes = min(self._classes, MOST_COLOURS)
        return classes, -(-classes // len(MARKERS)) * len(MARKERS)

    def _colour_table(self) -> npt.NDArray[np.uint8]:
        classes, unknown = self._slot_layout()
        half = unknown + len(MARKERS)
        table = np.zeros((2 * half, 4), np.uint8)
        table[:classes, :3] = palette(classes, self.theme.dark, self._ordered)
        table[unknown, :3] = UNLABELLED
        table[half:, :3] = table[:half, :3]
        table[:half, 3], table[half:, 3] = ALPHA, DIMMED_ALPHA
        return table


def _window(view: View) -> Window:
    """The view and its margin, in device pixels."""
    margin = MARGIN_PX / view.scale
    return Window(
        view.x_min - margin,
        view.y_max + margin,
        view.scale * view.ratio,
        round((view.width_px + 2 * MARGIN_PX) * view.ratio),
        round((view.height_px + 2 * MARGIN_PX) * view.ratio),
    )


def _overview_window(tiles: PointTiles) -> Window:
    """All the points, at a resolution that is enough while the hand moves."""
    (x0, x1), (y0, y1) = tiles.x_range, tiles.y_range
    scale = (OVERVIEW_PX - 16) / max(x1 - x0, y1 - y0, 1e-9)
    width, height = (int(np.ceil((high - low) * scale)) + 16 for low, high in ((x0, x1), (y0, y1)))
    return Window(x0 - 8 / scale, y1 + 8 / scale, scale, width, height)
