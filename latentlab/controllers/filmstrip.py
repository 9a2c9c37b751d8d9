"""The filmstrip: the selected strip, requested when what it shows has changed."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.config.capabilities import ALL
from latentlab.controllers import traversals
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    Decoded,
    DecodeRows,
    Failed,
    FloatArray,
    Interpolate,
    Reconstruct,
    Request,
    Sample,
    Strip,
    Traverse,
)
from latentlab.gui.panels.filmstrip import Filmstrip
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.dimension_names import symbol, titled
from latentlab.state.session import Session
from latentlab.utils.duty_cycle import STRIP, DutyCycle
from latentlab.utils.text import format_epoch

MAX_ROWS = 8  # of a traversal
STEPS = 15
SPAN = 3.0  # traversals cover this many standard deviations of the prior, on each side of 0
MAX_VISITED = 60
_STRIPS = frozenset(each.__name__ for each in (DecodeRows, Interpolate, Reconstruct, Sample, Traverse))
REST_MS = 120  # without a new latent, before strips follow it


class FilmstripController(QObject):
    """Keeps the shown strip up to date with latent, model, data and path.

    Signals
    -------
    latentPicked(z)
        A tile was clicked whose latent is known.
    """

    latentPicked = Signal(object)

    def __init__(
        self, session: Session, engine: EngineClient, filmstrip: Filmstrip, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._filmstrip = session, engine, filmstrip
        self._generations, self._duty_cycle = Generations(), DutyCycle(STRIP)
        self._seed = 0
        self._has_path = False  # with two waypoints at least
        self._visited: list[tuple[FloatArray, np.ndarray]] = []
        self._last: Decoded | None = None
        self._visit = Debouncer(REST_MS, self._add_visited, self)
        self._strip_request = Debouncer(REST_MS, self._request_strip, self)
        request_soon = self._strip_request.debounce

        filmstrip.kindChosen.connect(self._request_strip)
        filmstrip.refreshRequested.connect(self._on_refresh_requested)
        filmstrip.latentPicked.connect(self.latentPicked)
        session.latentChanged.connect(self._on_latent_changed)
        session.modelChanged.connect(self._on_model_changed)
        session.pathChanged.connect(self._on_path_changed)
        session.pathPlanned.connect(self._on_path_planned)
        named = session.dimension_names.changed
        for signal in (session.labelChanged, session.levelChanged, session.datasetChanged, named):
            signal.connect(request_soon)
        for signal in (session.pointsChanged, session.runStateChanged):
            signal.connect(self._on_points_changed)
        engine.trainingEvent.connect(self._request_if_affordable)
        engine.strip.connect(self._on_strip)
        engine.decoded.connect(self._on_decoded)
        engine.failed.connect(self._on_failed)

    # --- when to request ----------------------------------------------------------------------------

    def _on_refresh_requested(self, _kind: str) -> None:
        self._seed += 1
        self._request_strip()

    def _on_latent_changed(self) -> None:
        if self._filmstrip.kind() == "traverse":
            self._strip_request.debounce()

    def _on_path_changed(self) -> None:
        had_path, self._has_path = self._has_path, self._path() is not None
        if not self._has_path:
            self._filmstrip.set_strip("interpolate", None)
        elif not had_path:
            self._filmstrip.set_kind("interpolate")
        self._strip_request.debounce()

    def _on_path_planned(self) -> None:
        if self._session.path_frames is not None and self._filmstrip.kind() == "interpolate":
            self._strip_request.debounce()

    def _path(self) -> FloatArray | None:
        """Latents [n, d] to interpolate through: of the film if they are known, else the waypoints; at least two."""
        path, frames = self._session.path, self._session.path_frames
        if path is None or len(path) < 2:
            return None
        if frames is None or len(frames) < STEPS:
            return path
        shown: FloatArray = frames[np.linspace(0, len(frames) - 1, STEPS).round().astype(int)]
        return shown

    def _on_points_changed(self) -> None:
        """Other dimensions may have the highest KL now; during training that waits for the next strip."""
        if not self._session.is_learning:
            self._strip_request.debounce()

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._generations.discard_pending()
            self._visited.clear()
            self._last = None
            for kind in ("traverse", "interpolate", "reconstruct", "sample", "visited"):
                self._filmstrip.set_strip(kind, None)
            self._show_reasons()
        if is_new_model or not self._session.is_learning:
            self._strip_request.debounce()
        else:
            self._request_if_affordable()

    def _show_reasons(self) -> None:
        """Say which strips the model cannot fill."""
        model = self._session.model
        can = ALL if model is None else model.capabilities
        no_decoder = "" if can.has_decoder else "A table of latents has no decoder."
        self._filmstrip.set_reason("traverse", no_decoder)
        self._filmstrip.set_reason("interpolate", no_decoder)
        no_encoder = "" if can.has_encoder else "This model has no encoder."
        self._filmstrip.set_reason("reconstruct", no_decoder or no_encoder)
        no_prior = "" if can.has_prior else "The prior of this model is not known."
        self._filmstrip.set_reason("sample", no_decoder or no_prior)

    def _request_if_affordable(self) -> None:
        """Request newer weights' strip during training, as often as its share of the run's time allows."""
        if self._session.is_learning and self._duty_cycle.is_ready():
            self._strip_request.throttle()

    def _request_strip(self) -> None:
        if self._session.model is None or not self._filmstrip.isVisible():
            return
        request = self._request()
        if request is not None:
            self._duty_cycle.mark_requested()
            self._engine.request(request)

    def _request(self) -> Request | None:
        session, label, path = self._session, self._session.label, self._path()
        can = ALL if session.model is None else session.model.capabilities
        if not can.has_decoder:
            return None
        match self._filmstrip.kind():
            case "traverse":
                return self._traversal()
            case "interpolate" if path is not None:
                return Interpolate(self._generations.next(), path, STEPS, label=label)
            case "reconstruct" if session.dataset is not None and can.has_encoder:
                return Reconstruct(self._generations.next(), seed=self._seed)
            case "sample" if can.has_prior:
                return Sample(self._generations.next(), count=2 * STEPS, seed=self._seed)
        return None

    def _traversal(self) -> Request | None:
        """One row for each of the level's dimensions, variables or directions with the highest KL."""
        session = self._session
        z, points, label, layout = session.latent, session.points, session.label, session.layout
        kl = None if points is None else points.kl
        if layout.kind == "plain" and not layout.is_spatial:
            values = np.linspace(-SPAN, SPAN, STEPS, dtype=np.float32)
            level = layout.levels[session.level]
            dimensions = traversals.strongest(kl, range(level.start, level.start + level.size), MAX_ROWS)
            if session.run_is_active:  # rows that change places with every strip cannot be followed
                dimensions = tuple(sorted(dimensions))
            return Traverse(self._generations.next(), z, dimensions, values, label)
        if layout.kind == "categories":
            rows = traversals.of_categories(z, layout, kl, MAX_ROWS)
        elif points is not None and len(session.components):
            rows = traversals.along_components(z, points.mean, session.components[:MAX_ROWS], STEPS)
        else:
            return None
        return DecodeRows(self._generations.next(), *rows, label)

    # --- results ------------------------------------------------------------------------------------

    def _on_strip(self, result: Strip) -> None:
        is_current = result.model_version >= self._session.opened_version
        if is_current and self._generations.accept(result.generation):
            self._duty_cycle.record_cost(result.seconds)
            epoch = format_epoch(result.epoch) if self._session.run_is_active else ""
            self._filmstrip.set_strip(result.kind, result.images, self._titles(result), result.latents, epoch)

    def _on_failed(self, failure: Failed) -> None:
        """Say where a strip would be that it failed: that of a function of the user's own may fail at any time."""
        if failure.request in _STRIPS:
            self._filmstrip.set_waiting(f"This strip could not be decoded: {failure.message}")

    def _titles(self, result: Strip) -> tuple[str, ...]:
        """Names of the rows, with those that the user gave to dimensions."""
        if result.kind != "traverse":
            return result.row_names
        names = self._session.names
        named = {symbol(dimension): titled(dimension, names) for dimension in names}
        return tuple(named.get(name, name) for name in result.row_names)

    def _on_decoded(self, result: Decoded) -> None:
        if not result.preview and result.model_version >= self._session.opened_version:
            self._last = result
            self._visit.debounce()

    def _add_visited(self) -> None:
        """Add the last image of a gesture to the visited latents, at the end, to which the strip scrolls."""
        last = self._last
        if last is None or (self._visited and np.array_equal(self._visited[-1][0], last.z)):
            return
        self._visited = [*self._visited[-MAX_VISITED + 1 :], (last.z, last.image)]
        images = np.stack([image for _, image in self._visited])[None]
        latents = np.stack([z for z, _ in self._visited])[None]
        self._filmstrip.set_strip("visited", images, (), latents)
