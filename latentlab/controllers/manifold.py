"""The decoded manifold: asked for whatever part of the map is in view, painted as its tiles come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject

from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Axes, DecodeGrid, GridTiles
from latentlab.gui.latent_map import LatentMap, View
from latentlab.state.session import AxesChoice, Session
from latentlab.utils.duty_cycle import MANIFOLD, DutyCycle

CELL_PIXELS = 32
MOST_CELLS = 40  # a side
PACE = 3.0
"""Seconds of training between two pictures of it, if cells of ``COARSER`` sides make that possible."""
SLIGHT_TURN = 0.999
"""Cosine of the angle (2.6°) that an axis may turn at the manifold's pace: less than a cell, three units from 0."""
COARSER = (1.0, 1.5, 2.0, 3.0, 4.0)
"""How much longer than ``CELL_PIXELS`` the side of a cell may be while a model learns."""


@dataclass(frozen=True)
class Layout:
    """The cells that cover a view: whole cells on a lattice through the origin, so panning keeps them in place."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    columns: int
    rows: int
    tile_pixels: int

    @staticmethod
    def of(view: View, coarser: float = 1.0) -> Layout:
        """Cover ``view`` with square cells of about ``CELL_PIXELS``, at most ``MOST_CELLS`` a side.

        Their sides are ``coarser`` times as long.
        """
        width, height = view.x_max - view.x_min, view.y_max - view.y_min
        per_pixel = max(width / max(1, view.width_px), height / max(1, view.height_px))
        cell = coarser * max(CELL_PIXELS * per_pixel, width / MOST_CELLS, height / MOST_CELLS)
        left, right = int(np.floor(view.x_min / cell)), int(np.ceil(view.x_max / cell))
        low, high = int(np.floor(view.y_min / cell)), int(np.ceil(view.y_max / cell))
        return Layout(
            (left * cell, right * cell),
            (low * cell, high * cell),
            max(1, right - left),
            max(1, high - low),
            max(8, round(cell / per_pixel)),
        )


class ManifoldController(QObject):
    """Keeps the manifold layer decoded for the view, the axes, the class and the model's newest weights.

    While the same cells are decoded again with newer weights, coarse tiles are passed over: the finer picture
    that stands there, a moment old, is the better one to look at. A model that learns is followed at a pace that
    costs its training little, and a picture that was begun is finished first; its cells are as large as makes a
    picture every ``PACE`` seconds affordable. When the training rests or has ended, the finest is asked for at once.
    While a past epoch is looked at, its stored picture is shown and nothing is asked for.
    """

    def __init__(
        self, session: Session, engine: EngineClient, latent_map: LatentMap, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._map = session, engine, latent_map
        self._fresh, self._duty_cycle = Generations(), DutyCycle(MANIFOLD)
        self._model_from = 0  # the version at which the live model came
        self._view = latent_map.view()  # it may be shown long since, and tell of no change
        self._layout: Layout | None = None
        self._plane: Axes | None = None
        self._whole = False  # whether the picture that stands is finished at the layout asked for
        self._skip_coarse = False
        self._stored = True  # whether a picture stored with the model would be news: no tile of it has come yet
        self._begun = -1, 0.0  # the generation whose tiles come, and the epoch of its first
        self._per_cell = 0.0  # seconds; 0 until it was measured on the live model
        self._coarser = COARSER[-1]

        latent_map.viewChanged.connect(self._on_view_changed)
        session.latentChanged.connect(self._follow_plane)
        session.axesChanged.connect(self._on_axes_changed)
        session.pastChanged.connect(self._on_past_changed)
        session.pointsChanged.connect(self._on_points_changed)
        session.pointsChanged.connect(self._follow_plane)
        session.labelChanged.connect(self._ask)
        session.modelChanged.connect(self._on_model_changed)
        session.runStateChanged.connect(self._on_run_state_changed)
        engine.trainingEvent.connect(lambda _: self._follow())
        engine.gridTiles.connect(self._on_tiles)

    @property
    def generation(self) -> int:
        """Of the request that was made last."""
        return self._fresh.asked

    def _on_view_changed(self, view: object) -> None:
        if isinstance(view, View):
            self._view = view
            self._ask()

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._fresh.forget()
            # Before the first model nothing was decoded: what may stand there is this one's own stored picture.
            shows_another, self._model_from = self._model_from > 0, self._session.model_version
            self._layout = None
            self._per_cell, self._coarser = 0.0, COARSER[-1]
            self._whole, self._stored = False, True
            if shows_another:
                self._map.set_manifold(None, (0.0, 1.0), (0.0, 1.0))
        if is_new_model or not self._session.is_learning:
            self._ask()
        else:
            self._follow()

    def _follow(self) -> None:
        """A model that learns has come further: ask when that is affordable."""
        if self._session.is_learning and self._duty_cycle.is_ready():
            self._ask()

    def _on_points_changed(self) -> None:
        """Show the picture that was stored with the points, until there is a tile: none would be asked for again."""
        points, plain = self._session.points, self._session.axes == AxesChoice()  # it is of the first two dimensions
        if not self._stored or not plain or points is None or self._session.past is not None:
            return
        if points.preview is not None and points.preview_extent is not None:
            x_min, x_max, y_min, y_max = points.preview_extent
            self._map.set_manifold(points.preview, (x_min, x_max), (y_min, y_max))

    def _on_axes_changed(self) -> None:
        if self._session.past is None:
            if self._stored:  # a picture that is of other axes
                self._map.set_manifold(None, (0.0, 1.0), (0.0, 1.0))
            self._ask()
        else:
            self._on_past_changed()

    def _on_past_changed(self) -> None:
        """Show the picture of the past where it is of the map's plane; back in the present, tiles replace it."""
        past = self._session.past
        if past is None:
            self._layout, self._whole = None, False
            self._ask()
        elif self._session.axes == AxesChoice():
            x_min, x_max, y_min, y_max = past.extent
            self._map.set_manifold(past.picture, (x_min, x_max), (y_min, y_max))
        else:
            self._map.set_manifold(None, (0.0, 1.0), (0.0, 1.0))

    def _on_run_state_changed(self) -> None:
        """A run rests or has ended: the weights stay as they are, and nothing is to be spared any more."""
        if not self._session.run_is_live:
            self._map.set_staleness_text("", "manifold")
        if not self._session.is_learning:
            self._ask()

    def _follow_plane(self) -> None:
        """Decode again when the plane differs from the decoded one: another slice, or other principal components.

        The components of a model that learns change a little with every new set of points; that waits for the
        manifold's pace.
        """
        plane = self._session.plane()
        if self._plane is not None and _same(plane, self._plane):
            return
        if self._session.is_learning and self._plane is not None and _nearly_same(plane, self._plane):
            self._follow()
        else:
            self._ask()

    def _ask(self) -> None:
        session, view = self._session, self._view
        if session.model is None or session.past is not None:
            return
        if not view.width_px or not view.height_px:
            return
        layout, plane = Layout.of(view, self._affordable(view) if session.is_learning else 1.0), session.plane()
        same_place = layout == self._layout and self._plane is not None and _same(plane, self._plane)
        self._skip_coarse = same_place and self._whole
        self._whole = self._whole and same_place
        self._layout, self._plane = layout, plane
        generation = self._fresh.ask()
        self._duty_cycle.mark_requested()
        self._map.begin_manifold(layout.x_range, layout.y_range, layout.columns, layout.rows, generation)
        self._engine.request(
            DecodeGrid(
                generation,
                plane,
                layout.x_range,
                layout.y_range,
                layout.columns,
                layout.rows,
                layout.tile_pixels,
                session.label,
            )
        )

    def _affordable(self, view: View) -> float:
        """How much coarser the cells are to be beside a training; kept as it is while it comes near ``PACE``."""

        def seconds(coarser: float) -> float:
            layout = Layout.of(view, coarser)
            return layout.columns * layout.rows * self._per_cell / MANIFOLD

        if self._per_cell and not 0.5 * PACE <= seconds(self._coarser) <= 1.5 * PACE:
            self._coarser = next((each for each in COARSER if seconds(each) <= PACE), COARSER[-1])
        return self._coarser

    def _on_tiles(self, result: GridTiles) -> None:
        if self._session.past is not None:
            return
        if result.model_version < self._model_from or not self._fresh.accept(result.generation, again=True):
            return
        if result.generation != self._begun[0]:
            self._begun = result.generation, result.epoch
        if result.done:
            self._map.set_staleness_text(
                f"manifold {self._begun[1]:.1f}" if self._session.run_is_live else "", "manifold"
            )
        if result.done and result.generation == self._fresh.asked:
            self._duty_cycle.record_cost(result.seconds)
            if self._layout is not None:
                self._per_cell = result.seconds / (self._layout.columns * self._layout.rows)
        if result.span == 1 or not self._skip_coarse:
            self._stored = False
            self._map.put_tiles(result.generation, result.cells, result.span, result.tiles)
        self._whole = self._whole or result.done


def _same(one: Axes, other: Axes) -> bool:
    return np.allclose(one.origin, other.origin) and np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)


def _nearly_same(one: Axes, other: Axes) -> bool:
    """Whether the second plane is the first but for a slight turn of its axes."""
    if one.x.size != other.x.size:
        return False
    slight = min(float(one.x @ other.x), float(one.y @ other.y)) >= SLIGHT_TURN
    return slight and np.allclose(one.origin, other.origin, atol=0.1)
