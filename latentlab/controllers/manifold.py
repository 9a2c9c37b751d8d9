"""The decoded manifold: requested for the part of the map in view, painted tile by tile."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject

from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Axes, DecodeGrid, DecodeOtherGrid, GridTiles, Surface
from latentlab.gui.latent_map import LatentMap, View
from latentlab.state.map_axes import AxesChoice
from latentlab.state.map_state import MapState
from latentlab.utils.duty_cycle import MANIFOLD, DutyCycle
from latentlab.utils.text import format_epoch

CELL_PIXELS = 32
MAX_CELLS = 40  # a side
TRAINING_INTERVAL = 3.0
"""Seconds between two manifolds during training, if cells of one of the ``CELL_SCALES`` make that possible."""
CELL_SCALES = (1.0, 1.5, 2.0, 3.0, 4.0)
"""How much longer than ``CELL_PIXELS`` the side of a cell may be during training."""
SLIGHT_ROTATION = 0.999
"""Cosine of the angle (2.6°) that an axis may rotate at the training pace: less than a cell, three units from 0."""
_EMPTY = None, (0.0, 1.0), (0.0, 1.0)


@dataclass(frozen=True)
class Layout:
    """The cells that cover a view: whole cells on a lattice through the origin, so that panning does not move them."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    columns: int
    rows: int
    tile_pixels: int

    @staticmethod
    def of(view: View, scale: float = 1.0) -> Layout:
        """Cover ``view`` with square cells of about ``scale * CELL_PIXELS``, at most ``MAX_CELLS`` a side."""
        width, height = view.x_max - view.x_min, view.y_max - view.y_min
        per_pixel = max(width / max(1, view.width_px), height / max(1, view.height_px))
        cell = scale * max(CELL_PIXELS * per_pixel, width / MAX_CELLS, height / MAX_CELLS)
        left, right = int(np.floor(view.x_min / cell)), int(np.ceil(view.x_max / cell))
        low, high = int(np.floor(view.y_min / cell)), int(np.ceil(view.y_max / cell))
        return Layout(
            (left * cell, right * cell),
            (low * cell, high * cell),
            max(1, right - left),
            max(1, high - low),
            max(8, round(cell / per_pixel)),
        )

    @property
    def cell(self) -> float:
        """Side of a cell, in units of the axes."""
        return (self.x_range[1] - self.x_range[0]) / self.columns

    def covers(self, view: View) -> bool:
        """Whether the cells cover all of the view."""
        (left, right), (low, high) = self.x_range, self.y_range
        return left <= view.x_min and right >= view.x_max and low <= view.y_min and high >= view.y_max


class Manifold(QObject):
    """Keeps the manifold layer decoded for the view and for the map's state.

    While a finished picture of the same plane covers the view, tiles that are coarser than its cells are skipped: the
    finer picture on screen, although slightly older, is better. During training it is decoded at a rate that costs the
    run little, and a picture that was begun is finished first; its cells are large enough that there can be a picture
    every ``TRAINING_INTERVAL`` seconds. When the run pauses or ends, the finest picture is requested at once. A viewed
    epoch shows its stored picture, and nothing is requested.

    Parameters
    ----------
    is_compared
        Whether it is the manifold of the compared model.
    """

    def __init__(
        self, engine: EngineClient, latent_map: LatentMap, parent: QObject | None = None, *, is_compared: bool = False
    ) -> None:
        super().__init__(parent)
        self._engine, self._map = engine, latent_map
        self._request_kind = DecodeOtherGrid if is_compared else DecodeGrid
        self._state = MapState()
        self._generations, self._duty_cycle = Generations(), DutyCycle(MANIFOLD)
        self._view = latent_map.view()  # the map may have been shown before, without a change of view since
        self._layout: Layout | None = None
        self._plane: Surface | None = None
        self._finished: Layout | None = None  # of the finished picture of the plane that is on screen
        self._finest_kept = np.inf  # side of the cells on screen, which coarser tiles may not replace
        self._awaits_tiles = True  # whether no tile of the current model was painted yet
        self._first_tile = -1, 0.0  # generation of the tiles that are arriving, and the epoch of the first one
        self._seconds_per_cell = 0.0  # 0 until it was measured on the current model
        self._cell_scale = CELL_SCALES[-1]
        latent_map.viewChanged.connect(self._on_view_changed)
        engine.trainingEvent.connect(self._request_if_affordable)
        (engine.otherTiles if is_compared else engine.gridTiles).connect(self._on_tiles)

    @property
    def generation(self) -> int:
        """Generation of the newest request."""
        return self._generations.newest

    def apply(self, state: MapState, changed: Set[str]) -> None:
        """Show or request what has changed."""
        before, self._state = self._state, state
        if "opened_version" in changed:
            self._start_model(before.has_model)
        if "run_is_active" in changed and not state.run_is_active:
            self._map.set_staleness_text("", "manifold")
        if state.viewed_epoch is not None:
            if changed & {"viewed_epoch", "axes"}:
                self._show_snapshot()
            return
        if "viewed_epoch" in changed:
            self._layout = self._finished = None
        if "terrain" in changed:
            self._map.set_manifold(*_EMPTY)  # places of the layout were others before
        if self._awaits_tiles and changed & {"axes", "points"}:
            self._show_stored_picture()
        weights_settled = not state.is_learning and changed & {"model_version", "is_learning"}
        if weights_settled or changed & {"opened_version", "axes", "label", "viewed_epoch"}:
            self._request()
        elif changed & {"plane", "terrain"}:
            self._follow_plane()
        elif "model_version" in changed:
            self._request_if_affordable()

    def _start_model(self, shows_another: bool) -> None:
        """Forget the previous model; a picture from before the first model is that model's own stored one."""
        self._generations.discard_pending()
        self._layout = self._finished = None
        self._seconds_per_cell, self._cell_scale = 0.0, CELL_SCALES[-1]
        self._awaits_tiles = True
        if shows_another:
            self._map.set_manifold(*_EMPTY)

    def _show_snapshot(self) -> None:
        """Show the viewed epoch's picture if the map shows the plane of that picture."""
        snapshot = self._state.viewed_epoch
        if snapshot is None or self._state.axes != AxesChoice():
            self._map.set_manifold(*_EMPTY)
            return
        x_min, x_max, y_min, y_max = snapshot.extent
        self._map.set_manifold(snapshot.picture, (x_min, x_max), (y_min, y_max))

    def _show_stored_picture(self) -> None:
        """Show the picture stored with the points, which is of the first two dimensions, until tiles replace it."""
        points = self._state.points
        if self._state.axes != AxesChoice():
            self._map.set_manifold(*_EMPTY)
        elif points is not None and points.preview is not None and points.preview_extent is not None:
            x_min, x_max, y_min, y_max = points.preview_extent
            self._map.set_manifold(points.preview, (x_min, x_max), (y_min, y_max))

    # --- requests -----------------------------------------------------------------------------------

    def _on_view_changed(self, view: object) -> None:
        if isinstance(view, View):
            self._view = view
            self._request()

    def _request_if_affordable(self) -> None:
        """Request newer weights' manifold during training, as often as its share of the run's time allows."""
        if self._state.is_learning and self._duty_cycle.is_ready():
            self._request()

    def _follow_plane(self) -> None:
        """Request the manifold on another plane: another slice, or other principal components.

        During training the components rotate slightly with each new set of points; that waits for the next picture.
        """
        plane, decoded = self._state.surface, self._plane
        if plane is None or (decoded is not None and _same(plane, decoded)):
            return
        if self._state.is_learning and decoded is not None and _nearly_same(plane, decoded):
            self._request_if_affordable()
        else:
            self._request()

    def _request(self) -> None:
        state, view, plane = self._state, self._view, self._state.surface
        if not state.has_model or plane is None or state.viewed_epoch is not None:
            return
        if not view.width_px or not view.height_px:
            return
        layout = Layout.of(view, self._affordable_scale(view) if state.is_learning else 1.0)
        if self._plane is None or not _same(plane, self._plane):
            self._finished = None
        finished = self._finished
        self._finest_kept = finished.cell if finished is not None and finished.covers(view) else np.inf
        self._layout, self._plane = layout, plane
        generation = self._generations.next()
        self._duty_cycle.mark_requested()
        self._map.begin_manifold(layout.x_range, layout.y_range, layout.columns, layout.rows, generation)
        self._engine.request(
            self._request_kind(
                generation,
                plane,
                layout.x_range,
                layout.y_range,
                layout.columns,
                layout.rows,
                layout.tile_pixels,
                state.label,
            )
        )

    def _affordable_scale(self, view: View) -> float:
        """Scale of the cells during training; unchanged while a picture takes about ``TRAINING_INTERVAL``."""

        def seconds(scale: float) -> float:
            layout = Layout.of(view, scale)
            return layout.columns * layout.rows * self._seconds_per_cell / MANIFOLD

        interval = seconds(self._cell_scale)
        if self._seconds_per_cell and not 0.5 * TRAINING_INTERVAL <= interval <= 1.5 * TRAINING_INTERVAL:
            self._cell_scale = next((s for s in CELL_SCALES if seconds(s) <= TRAINING_INTERVAL), CELL_SCALES[-1])
        return self._cell_scale

    # --- results ------------------------------------------------------------------------------------

    def _on_tiles(self, result: GridTiles) -> None:
        state = self._state
        if state.viewed_epoch is not None or result.model_version < state.opened_version:
            return
        if not self._generations.accept(result.generation, is_continuation=True):
            return
        if result.generation != self._first_tile[0]:
            self._first_tile = result.generation, result.epoch
        if result.done:
            # As old as the oldest tile.
            self._map.set_staleness_text(
                f"manifold at {format_epoch(self._first_tile[1])}" if state.run_is_active else "", "manifold"
            )
        is_newest = result.generation == self._generations.newest
        if result.done and is_newest:
            self._duty_cycle.record_cost(result.seconds)
            if self._layout is not None:
                self._seconds_per_cell = result.seconds / (self._layout.columns * self._layout.rows)
        if result.span == 1 or not self._is_coarser(result.span):
            self._awaits_tiles = False
            self._map.put_tiles(result.generation, result.cells, result.span, result.tiles)
            if is_newest and (result.done or result.span > 1):
                # Coarse tiles may already have replaced the picture that was finished before.
                self._finished = self._layout if result.done else None

    def _is_coarser(self, span: int) -> bool:
        """Whether tiles of this many cells a side are coarser than the finished picture that covers the view."""
        return self._layout is not None and span * self._layout.cell > 1.001 * self._finest_kept


def _same(one: Surface, other: Surface) -> bool:
    if not isinstance(one, Axes) or not isinstance(other, Axes):
        return one == other if type(one) is type(other) else False
    same_origin = one.origin.shape == other.origin.shape and np.allclose(one.origin, other.origin)
    return same_origin and np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)


def _nearly_same(one: Surface, other: Surface) -> bool:
    """Whether the second plane is the first one with slightly rotated axes."""
    if not isinstance(one, Axes) or not isinstance(other, Axes) or one.x.size != other.x.size:
        return False
    is_slight = min(float(one.x @ other.x), float(one.y @ other.y)) >= SLIGHT_ROTATION
    return is_slight and np.allclose(one.origin, other.origin, atol=0.1)
