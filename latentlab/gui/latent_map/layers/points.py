"""The encoded points, as one picture at the view's own resolution."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter

from latentlab.gui.latent_map.layers.base import NO_CLASS_NAME, LegendContent
from latentlab.gui.latent_map.layers.markers import MARKERS
from latentlab.gui.latent_map.layers.point_raster import PointTiles, Size, Window, point_size
from latentlab.gui.latent_map.layers.rasterized import RasterizedLayer, window_of
from latentlab.gui.latent_map.view import View
from latentlab.gui.style.motion import animates
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.utils.palettes import MAX_COLOURS, UNLABELLED, palette

ALPHA = 215
FRAME_MS = 16
TURN_SECONDS = 0.3
MOST_TURNING = 200_000
"""Points that move smoothly when other axes are chosen; more take longer than a frame to sort and draw."""
DIMMED = 0.21
"""Opacity of points while others are selected."""


class PointsLayer(RasterizedLayer):
    """Draws any number of points, none left out, coloured and shaped by class.

    Signals
    -------
    contentChanged
        Other points are drawn, others are selected, or their colours are others.
    """

    name = "points"
    title = "Points"
    opacity_at_first = 0.85

    contentChanged = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._xy: npt.NDArray[np.float32] = np.zeros((0, 2), np.float32)
        self._labels: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._content = LegendContent(())
        self._hidden: frozenset[int] = frozenset()
        self._selected: npt.NDArray[np.bool_] | None = None
        self._selected_count = 0
        self._noted: tuple[int, npt.NDArray[np.bool_], npt.NDArray[np.int64]]
        self._noted = 0, np.zeros(0, bool), np.zeros(0, np.int64)
        self._selected_in_tiles: tuple[tuple[int, int], npt.NDArray[np.bool_]] = ((0, 0), np.zeros(0, bool))
        self._labelled_on_top = False
        self._is_dimmed = False
        self._tiles: PointTiles | None = None
        self._turn: tuple[npt.NDArray[np.float32], float, float] | None = None
        self._next_frame = Debouncer(FRAME_MS, self._on_next_frame, self)

    @property
    def xy(self) -> npt.NDArray[np.float32]:
        """The points [N, 2], in the order they were given."""
        return self._xy

    @property
    def hidden(self) -> frozenset[int]:
        """The classes whose points are not drawn."""
        return self._hidden

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
        unlabelled: str = NO_CLASS_NAME,
        labelled_on_top: bool = False,
    ) -> None:
        """Draw these points; see `LatentMap.set_points`."""
        points = np.zeros((0, 2), np.float32) if xy is None else np.asarray(xy, np.float32).reshape(-1, 2)
        known = np.full(len(points), -1, np.int64) if labels is None else np.asarray(labels).astype(np.int64).ravel()
        count = max(len(class_names), int(known.max(initial=-1)) + 1)
        names = (*class_names, *(str(number) for number in range(len(class_names), count)))
        if len(points) != len(self._xy):
            self._selected = None
        self._xy, self._labels, self._turn = points, known, None
        has_unlabelled = labels is not None and bool((known < 0).any())
        self._content = LegendContent(names, has_unlabelled, ordered, title, unlabelled)
        self._labelled_on_top = labelled_on_top and has_unlabelled
        self._invalidate()
        self.legendChanged.emit()

    def set_hidden(self, classes: Iterable[int]) -> None:
        """Do not draw the points of these classes (-1: points without a class)."""
        hidden = frozenset(classes)
        if hidden != self._hidden:
            self._hidden = hidden
            self._invalidate()

    def set_selected(self, indices: npt.NDArray[np.int64] | None) -> None:
        """Remember which points are selected, for the layer that draws them; None or an empty array: none is."""
        if indices is None or len(indices) == 0:
            if self._selected is None:
                return
            self._selected = None
        else:
            self._selected = np.zeros(len(self._xy), bool)
            self._selected[indices] = True
            self._selected_count = len(indices)
        self.contentChanged.emit()

    def note(self, inside: npt.NDArray[np.bool_], indices: npt.NDArray[np.int64]) -> None:
        """Remember that these points [k] are the ones ``inside`` of ``tiles()``, bool [n], should they be selected."""
        self._noted = id(self.tiles()), inside, indices

    @property
    def has_selected(self) -> bool:
        """Whether a point is selected."""
        return self._selected is not None

    def is_selected(self) -> npt.NDArray[np.bool_]:
        """Which points are selected, in the order of ``tiles()``, bool [n]; not to be changed."""
        tiles = self.tiles()
        if self._selected is None:
            return np.zeros(len(tiles), bool)
        known_of, known = self._selected_in_tiles
        if known_of != (id(tiles), id(self._selected)):
            of, known, indices = self._noted
            # The same set if there are as many: ten million rows are looked up in ten times the time.
            is_noted = of == id(tiles) and len(indices) == self._selected_count and self._selected[indices].all()
            if not is_noted:
                known = self._selected[self.rows(slice(None))]
            self._selected_in_tiles = (id(tiles), id(self._selected)), known
            self._noted = 0, np.zeros(0, bool), np.zeros(0, np.int64)
        return known

    @property
    def has_on_top(self) -> bool:
        """Whether some points are drawn over the others, which are dimmed."""
        return self.has_selected or self._labelled_on_top

    def on_top(self) -> npt.NDArray[np.bool_]:
        """Which points are drawn over the others, in the order of ``tiles()``, bool [n]; not to be changed.

        They are the selected ones; while none is, those with a label if these are to stand out.
        """
        if self.has_selected or not self._labelled_on_top:
            return self.is_selected()
        is_labelled: npt.NDArray[np.bool_] = self.tiles().slot < self._class_slots()
        return is_labelled

    def rows(self, positions: npt.NDArray[np.integer] | slice) -> npt.NDArray[np.integer]:
        """Indices, in the order the points were given, of points at these positions in ``tiles()``."""
        order = self.tiles().order[positions]
        return order if not self._hidden else np.flatnonzero(self.shown)[order]

    def indices(self, rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Indices, ascending, of shown points that are given by a mask over all that the tiles were made of."""
        found = np.flatnonzero(rows)
        return found if not self._hidden else np.flatnonzero(self.shown)[found]

    def set_dimmed(self, is_dimmed: bool) -> None:
        """Draw the points faintly, because some are drawn over them."""
        if is_dimmed != self._is_dimmed:
            self._is_dimmed = is_dimmed
            self.update()

    def turn_from(self, before: npt.NDArray[np.float32]) -> None:
        """Let the points move from where they were before, [N, 2], to where they are; nothing with other points.

        They move for ``TURN_SECONDS`` at most, unless there are too many to draw in a frame or the desktop asks for no
        animations. Their positions, when asked for, are the final ones.
        """
        if len(before) != len(self._xy) or not 0 < len(before) <= MOST_TURNING or not animates():
            return
        now = time.monotonic()
        self._turn = (before, now, now + TURN_SECONDS)
        self._tiles = None
        self._next_frame.throttle()

    def _turned(self) -> npt.NDArray[np.float32]:
        """The points between their former and their present positions."""
        if self._turn is None:
            return self._xy
        before, began, ends = self._turn
        share = min(1.0, (time.monotonic() - began) / (ends - began))
        eased = np.float32(share * share * (3 - 2 * share))
        between: npt.NDArray[np.float32] = before + (self._xy - before) * eased
        return between

    def _on_next_frame(self) -> None:
        if self._turn is not None and time.monotonic() >= self._turn[2]:
            self._turn = None
            self.contentChanged.emit()  # pictures and selected points have waited
        self._tiles = None
        self.redraw()
        if self._turn is not None:
            self._next_frame.throttle()

    def tiles(self) -> PointTiles:
        """The shown points in tiles, sorted when first needed."""
        if self._tiles is None:
            shown = slice(None) if not self._hidden else self.shown
            self._tiles = PointTiles(self._turned()[shown], self._slots()[shown])
        return self._tiles

    def emphasized(self) -> npt.NDArray[np.int64] | None:
        """Indices of the shown points that are selected, or of all shown ones if none is; None for all points."""
        if self._selected is not None:
            return np.flatnonzero(self._selected & self.shown)
        return np.flatnonzero(self.shown) if self._hidden else None

    def colours(self, indices: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Red, green and blue of these points, uint8 [k, 3]."""
        classes = self._class_slots()
        labels = self._labels[indices]
        return self.colour_table()[np.where(labels < 0, classes, labels % max(1, classes)), :3]

    def nearest(self, xy: npt.ArrayLike, reach: float) -> int | None:
        """Index of the shown point nearest to (x, y); None if none is within ``reach``, in units of the axes."""
        x, y = np.asarray(xy, float).tolist()
        row = self.tiles().nearest((x, y), reach)
        return row if row is None or not self._hidden else int(np.flatnonzero(self.shown)[row])

    def has_markers(self) -> bool:
        """Whether so few points are in view that they are drawn as markers, which can be aimed at."""
        return bool(len(self._xy)) and self.point_size(window_of(self.view())).radius > 0

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return not len(self._xy)

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the points in view."""
        if self._is_dimmed:
            painter.setOpacity(painter.opacity() * DIMMED)
        super().draw(painter, view)

    def draw_exactly(self, painter: QPainter, view: View) -> None:
        """Draw all points in view for a picture of another size."""
        if self._is_dimmed:
            painter.setOpacity(painter.opacity() * DIMMED)
        super().draw_exactly(painter, view)

    def point_size(self, window: Window, ratio: float | None = None) -> Size:
        """How large the points in a window are drawn."""
        return point_size(self.tiles().count(window), self.view().ratio if ratio is None else ratio)

    def _invalidate(self) -> None:
        self._tiles = None
        self.contentChanged.emit()
        self.redraw()

    def _slots(self) -> npt.NDArray[np.uint8]:
        """Slot of each point: its class, then the unlabelled."""
        classes = self._class_slots()
        return np.where(self._labels < 0, classes, self._labels % max(1, classes)).astype(np.uint8)

    def _class_slots(self) -> int:
        """How many slots there are for classes; beyond ``MAX_COLOURS`` classes they repeat."""
        return min(len(self._content.names), MAX_COLOURS)

    def colour_table(self) -> npt.NDArray[np.uint8]:
        """Red, green, blue and alpha of each slot, uint8 [slots, 4]."""
        classes = self._class_slots()
        table = np.zeros((classes + 1, 4), np.uint8)
        table[:classes, :3] = palette(classes, self.theme.is_dark, self._content.is_ordered)
        table[classes, :3] = UNLABELLED
        table[:, 3] = ALPHA
        return table

    def markers(self) -> npt.NDArray[np.intp]:
        """Marker of each slot, [slots]: steps of a value share one, so that where points overlap none wins by value."""
        classes = self._class_slots()
        markers = np.zeros(classes + 1, np.intp)
        if not self._content.is_ordered:
            markers[:classes] = np.arange(classes) % len(MARKERS)
        return markers
