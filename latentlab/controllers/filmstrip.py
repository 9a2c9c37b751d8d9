"""The filmstrip: the strip that is chosen, asked for when what it shows has changed."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.controllers import traversals
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    Decoded,
    DecodeRows,
    FloatArray,
    Interpolate,
    Reconstruct,
    Request,
    Sample,
    Strip,
    Traverse,
)
from latentlab.gui.panels.filmstrip import Filmstrip
from latentlab.state.session import Session
from latentlab.utils.duty_cycle import STRIP, DutyCycle

MOST_TRAVERSED = 8
STEPS = 15
SPAN = 3.0  # traversals and sliders sweep ± so many standard deviations of the prior
HISTORY = 60
REST = 120  # milliseconds without a new latent, before strips follow the hand


class FilmstripController(QObject):
    """Keeps the shown strip in step with latent, model, data and path.

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
        self._fresh, self._duty_cycle = Generations(), DutyCycle(STRIP)
        self._model_from = 0  # the version at which the live model came
        self._seed = 0
        self._path: FloatArray | None = None
        self._history: list[tuple[FloatArray, np.ndarray]] = []
        self._last: Decoded | None = None
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(REST)
        self._settled.timeout.connect(self._remember)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.timeout.connect(self._ask)

        filmstrip.kindChosen.connect(self._on_kind_chosen)
        filmstrip.refreshRequested.connect(self._on_refresh_requested)
        filmstrip.latentPicked.connect(self.latentPicked)
        session.latentChanged.connect(self._on_latent_changed)
        session.labelChanged.connect(self._rest.start)
        session.levelChanged.connect(self._rest.start)
        session.modelChanged.connect(self._on_model_changed)
        session.datasetChanged.connect(self._rest.start)
        session.pointsChanged.connect(self._on_points_changed)
        session.runStateChanged.connect(self._on_points_changed)
        engine.trainingEvent.connect(lambda _: self._follow())
        engine.strip.connect(self._on_strip)
        engine.decoded.connect(self._on_decoded)

    def set_path(self, waypoints: FloatArray) -> None:
        """Interpolate through these latents [n, d]; fewer than two are no path."""
        self._path = waypoints if len(waypoints) > 1 else None
        if self._path is None:
            self._filmstrip.set_strip("interpolate", None)
        self._rest.start()

    def close(self) -> None:
        """Ask nothing more: the window goes."""
        self._rest.stop()
        self._settled.stop()

    # --- when to ask --------------------------------------------------------------------------------

    def _on_kind_chosen(self, _kind: str) -> None:
        self._ask()

    def _on_refresh_requested(self, _kind: str) -> None:
        self._seed += 1
        self._ask()

    def _on_latent_changed(self) -> None:
        if self._filmstrip.kind() == "traverse":
            self._rest.start()

    def _on_points_changed(self) -> None:
        """Other dimensions may carry most now; those of a model that learns follow at its pace."""
        if not self._session.is_learning:
            self._rest.start()

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._fresh.forget()
            self._model_from = self._session.model_version
            self._path = None
            self._history.clear()
            self._last = None
            for kind in ("traverse", "interpolate", "reconstruct", "sample", "history"):
                self._filmstrip.set_strip(kind, None)
        if is_new_model or not self._session.is_learning:
            self._rest.start()
        else:
            self._follow()

    def _follow(self) -> None:
        """A model that learns has come further: ask when that is affordable, which is seldom."""
        if self._session.is_learning and not self._rest.isActive() and self._duty_cycle.is_ready():
            self._rest.start()

    def _ask(self) -> None:
        if self._session.model is None or not self._filmstrip.isVisible():
            return
        request = self._request()
        if request is not None:
            self._duty_cycle.mark_requested()
            self._engine.request(request)

    def _request(self) -> Request | None:
        session, label = self._session, self._session.label
        match self._filmstrip.kind():
            case "traverse":
                return self._sweep()
            case "interpolate" if self._path is not None:
                return Interpolate(self._fresh.ask(), self._path, STEPS, label=label)
            case "reconstruct" if session.dataset is not None:
                return Reconstruct(self._fresh.ask(), seed=self._seed)
            case "sample":
                return Sample(self._fresh.ask(), count=2 * STEPS, seed=self._seed)
        return None

    def _sweep(self) -> Request | None:
        """One row for each dimension of the level, variable or direction that carries most."""
        session = self._session
        z, points, label = session.latent, session.points, session.label
        layout = session.layout
        kl = None if points is None else points.kl
        if layout.kind == "plain":
            values = np.linspace(-SPAN, SPAN, STEPS, dtype=np.float32)
            level = layout.levels[session.level]
            dimensions = traversals.strongest(kl, range(level.start, level.start + level.size), MOST_TRAVERSED)
            if session.run_is_live:  # rows that change places at every look cannot be followed
                dimensions = tuple(sorted(dimensions))
            return Traverse(self._fresh.ask(), z, dimensions, values, label)
        if layout.kind == "categories":
            rows = traversals.of_categories(z, layout, kl, MOST_TRAVERSED)
        elif points is not None and len(session.components):
            rows = traversals.along_components(z, points.mean, session.components[:MOST_TRAVERSED], STEPS)
        else:
            return None
        return DecodeRows(self._fresh.ask(), *rows, label)

    # --- what came ----------------------------------------------------------------------------------

    def _on_strip(self, result: Strip) -> None:
        if result.model_version >= self._model_from and self._fresh.accept(result.generation):
            self._duty_cycle.record_cost(result.seconds)
            fresh = f"epoch {result.epoch:.1f}" if self._session.run_is_live else ""
            self._filmstrip.set_strip(result.kind, result.images, result.row_names, result.latents, fresh)

    def _on_decoded(self, result: Decoded) -> None:
        if not result.preview and result.model_version >= self._model_from:
            self._last = result
            self._settled.start()

    def _remember(self) -> None:
        """Add where the hand has come to rest: the last image of a gesture."""
        last = self._last
        if last is None or (self._history and np.array_equal(self._history[-1][0], last.z)):
            return
        self._history = [*self._history[-HISTORY + 1 :], (last.z, last.image)]
        images = np.stack([image for _, image in reversed(self._history)])[None]
        latents = np.stack([z for z, _ in reversed(self._history)])[None]
        self._filmstrip.set_strip("history", images, (), latents)
