"""Drawing latents from the model's own prior."""

from __future__ import annotations

# Not numpy.random: numpy would import that lazily, on the GUI thread.
from numpy.random import default_rng
from PySide6.QtCore import QObject

from latentlab.config.capabilities import NO_PRIOR
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import DrawLatent, LatentDrawn
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.state.session import Session


class PriorController(QObject):
    """Draws from the prior, in the worker, when the user asks for a sample; locked dimensions stay."""

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        explore: ExploreController,
        sliders: LatentSliders,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._explore, self._sliders = session, engine, explore, sliders
        self._generations = Generations()
        self._random = default_rng()
        self._dimension = -1  # the one to sample; −1 for all that are not locked
        sliders.sampleRequested.connect(self._on_sample_requested)
        engine.latentDrawn.connect(self._on_drawn)
        session.modelChanged.connect(self._show_reason)

    def _show_reason(self) -> None:
        self._sliders.set_sampling_reason(self._why_not())

    def _why_not(self) -> str:
        model = self._session.model
        if model is None or model.has_prior:
            return ""
        return f"It cannot be drawn: {model.capabilities.why_not_decoded or NO_PRIOR}"

    def _on_sample_requested(self, dimension: int) -> None:
        if self._session.model is not None and not self._why_not():
            self._dimension = dimension
            self._engine.request(DrawLatent(self._generations.next(), int(self._random.integers(2**31))))

    def _on_drawn(self, result: LatentDrawn) -> None:
        latent = self._session.latent
        if result.model_version < self._session.opened_version or result.z.size != latent.size:
            return
        if not self._generations.accept(result.generation):
            return
        if self._dimension >= 0:
            chosen = [self._dimension]
        else:
            chosen = [dimension for dimension in range(latent.size) if dimension not in self._session.locked]
        latent[chosen] = result.z[chosen]
        self._explore.go_to(latent, text="Sample")
