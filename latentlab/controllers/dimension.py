"""What a dimension does: asked for by its name in the Latent panel, and kept up to date while its view is open."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QWidget

from latentlab.controllers.commands import NameDimension
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import DescribeDimension, DimensionDescribed, FloatArray
from latentlab.gui.panels.dimension_view import Association, DimensionView
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.dimension_names import symbol
from latentlab.state.session import Session
from latentlab.utils.text import format_number

STEPS = 9
SPAN = 3.0  # standard deviations of the prior, on each side of 0
REST_MS = 150  # without a new latent


class DimensionController(QObject):
    """Opens the view of a dimension, describes the dimension in it, and names it.

    During a run the description follows when the latent changes, and when the run has ended: it costs the run time.

    Signals
    -------
    latentPicked(z)
        An image of the view was chosen: its latent is to be committed.
    """

    latentPicked = Signal(object)

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        undo: QUndoStack,
        sliders: LatentSliders,
        window: QWidget,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._undo, self._sliders = session, engine, undo, sliders
        self._window = window
        self._view: DimensionView | None = None
        self._dimension = 0
        self._latents: FloatArray | None = None
        self._generations = Generations()
        self._at_rest = Debouncer(REST_MS, self._request, self)
        sliders.dimensionAsked.connect(self.open)
        engine.dimensionDescribed.connect(self._on_described)
        session.dimension_names.changed.connect(self._show_names)
        session.latentChanged.connect(self._on_changed)
        session.labelChanged.connect(self._on_changed)
        session.pointsChanged.connect(self._on_points_changed)
        session.runStateChanged.connect(self._on_points_changed)
        session.modelChanged.connect(self._on_model_changed)

    def open(self, dimension: int) -> None:
        """Show what a dimension does."""
        model = self._session.model
        if model is None or not model.has_decoder or dimension >= self._session.latent.size:
            return
        if self._view is None:
            self._view = DimensionView(self._window)
            self._view.named.connect(self._on_named)
            self._view.tilePicked.connect(self._on_tile_picked)
        self._dimension, self._latents = dimension, None
        self._generations.discard_pending()
        self._view.clear()
        self._show_names()
        self._view.show()
        self._request()

    def _is_open(self) -> bool:
        return self._view is not None and self._view.isVisible()

    # --- when to describe -------------------------------------------------------------------------

    def _on_changed(self) -> None:
        if self._is_open():
            self._at_rest.debounce()

    def _on_points_changed(self) -> None:
        if self._is_open() and not self._session.is_learning:
            self._show_names()
            self._at_rest.debounce()

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            model = self._session.model
            no_decoder = "" if model is None else model.capabilities.why_not_decoded
            self._sliders.set_description_reason(f"What it does cannot be shown: {no_decoder}" if no_decoder else "")
            self._show_names()
            if self._view is not None:
                self._view.close()  # the dimension of another model is another one

    def _request(self) -> None:
        session = self._session
        if not self._is_open() or session.model is None:
            return
        values = np.linspace(-SPAN, SPAN, STEPS, dtype=np.float32)
        generation = self._generations.next()
        self._engine.request(DescribeDimension(generation, session.latent, self._dimension, values, session.label))

    # --- results ----------------------------------------------------------------------------------

    def _on_described(self, result: DimensionDescribed) -> None:
        view, is_current = self._view, result.model_version >= self._session.opened_version
        if view is None or not is_current or result.dimension != self._dimension:
            return
        if not self._generations.accept(result.generation):
            return
        self._latents = result.latents
        values = result.latents[:, result.dimension]
        nearest = int(np.abs(values - self._session.latent[result.dimension]).argmin())
        view.set_images(result.images, [format_number(float(value), ".1f") for value in values], nearest)
        view.set_change(result.change, result.mean_change, result.averaged)
        view.set_correlations(
            [Association(each.name, each.value, each.is_signed, each.high, each.low) for each in result.correlations]
        )

    def _show_names(self) -> None:
        names = self._session.names
        self._sliders.set_names(names)
        if self._view is not None:
            points, dimension = self._session.points, self._dimension
            kl = None if points is None or points.kl is None else float(points.kl[dimension])
            self._view.set_dimension(symbol(dimension), names.get(dimension, ""), kl)

    def _on_named(self, name: str) -> None:
        if self._session.model is not None and name != self._session.names.get(self._dimension, ""):
            self._undo.push(NameDimension(self._session, self._dimension, name))

    def _on_tile_picked(self, index: int) -> None:
        if self._latents is not None and index < len(self._latents):
            self.latentPicked.emit(self._latents[index])
