"""Drawing latents from the model's own prior."""

from __future__ import annotations

# Not by numpy's own name for it: that imports it when it is first wanted, on the GUI thread.
from numpy.random import default_rng
from PySide6.QtCore import QObject

from latentlab.controllers.explore import ExploreController
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import DrawLatent, LatentDrawn
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.state.session import Session


class PriorController(QObject):
    """Answers the dice: the worker draws from the prior, whatever it is, and what is wanted of it is committed."""

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        explore: ExploreController,
        sliders: LatentSliders,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._explore = session, engine, explore
        self._fresh = Generations()
        self._random = default_rng()
        self._dimension = -1  # the one that is wanted of the draw; −1: all that are not locked
        sliders.sampleRequested.connect(self._on_sample_requested)
        session.modelChanged.connect(self._on_model_changed)
        engine.latentDrawn.connect(self._on_drawn)

    def _on_sample_requested(self, dimension: int) -> None:
        if self._session.model is not None:
            self._dimension = dimension
            self._engine.request(DrawLatent(self._fresh.ask(), int(self._random.integers(2**31))))

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._fresh.forget()

    def _on_drawn(self, result: LatentDrawn) -> None:
        latent = self._session.latent
        if not self._fresh.accept(result.generation) or result.z.size != latent.size:
            return
        if self._dimension >= 0:
            chosen = [self._dimension]
        else:
            chosen = [dimension for dimension in range(latent.size) if dimension not in self._session.locked]
        latent[chosen] = result.z[chosen]
        self._explore.go_to(latent, text="Sample")
