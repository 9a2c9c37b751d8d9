"""The large image, decoded from the latent under the pointer or the committed one, and the nearest encoded image."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.config.layout import LatentLayout
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Decode, Decoded, FloatArray, Nearest, NearestFound
from latentlab.gui.panels.decoded_image import MAX_VALUES, DecodedImage, latent_text
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.session import Posterior, Session
from latentlab.utils.text import subscript

REST_MS = 120  # without a new latent


class DecodedImageController(QObject):
    """Requests the image of the latent shown, and shows the newest answer.

    The latent under the pointer takes precedence over the committed one. For the committed latent the nearest encoded
    image is found too; its posterior goes to the session, for the map's ellipse.

    Signals
    -------
    latentPicked(z)
        The nearest image was clicked: its latent is to be committed.
    """

    latentPicked = Signal(object)

    def __init__(
        self, session: Session, engine: EngineClient, image: DecodedImage, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._image = session, engine, image
        self._decoded, self._nearest = Generations(), Generations()
        self._nearest_latent: FloatArray | None = None
        # During a run the nearest image waits until the latent rests: every search slows the training. Otherwise it
        # waits for the next iteration of the event loop: the worker would receive it while it decodes the image.
        self._nearest_at_rest = Debouncer(REST_MS, self._request_nearest, self)
        self._nearest_soon = Debouncer(0, self._request_nearest, self)

        session.latentChanged.connect(self._on_latent_changed)
        session.labelChanged.connect(self._on_latent_changed)
        session.previewChanged.connect(self._request_image)
        session.levelChanged.connect(self._request_image)  # the caption describes the level
        session.modelChanged.connect(self._on_model_changed)
        session.pointsChanged.connect(self._request_nearest)
        session.viewedEpochChanged.connect(self._on_viewed_epoch_changed)
        engine.decoded.connect(self._on_decoded)
        engine.nearestFound.connect(self._on_nearest_found)
        image.nearestClicked.connect(self._on_nearest_clicked)

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._nearest.discard_pending()
            self._nearest_latent = None
            self._image.set_nearest(None, "")
        if self._session.model is not None:
            self._request_image()
            self._request_nearest()

    def _on_viewed_epoch_changed(self) -> None:
        """Mark that the image is the current model's while the map shows an earlier epoch."""
        is_viewing = self._session.viewed_epoch is not None
        self._image.set_is_current(is_viewing)
        if not is_viewing:
            self._request_nearest()

    def _on_latent_changed(self) -> None:
        self._request_image()
        if self._session.run_is_active:
            self._nearest_at_rest.debounce()
        else:
            self._nearest_soon.throttle()

    def _request_image(self) -> None:
        session = self._session
        if session.model is None:
            return
        preview = session.preview
        z = session.latent if preview is None else preview
        self._engine.request(Decode(self._decoded.next(), z, session.label, preview is not None))

    def _request_nearest(self) -> None:
        session = self._session
        if session.model is not None and session.points is not None:
            self._engine.request(Nearest(self._nearest.next(), session.latent))

    def _on_decoded(self, result: Decoded) -> None:
        if result.model_version == self._session.model_version and self._decoded.accept(result.generation):
            self._image.set_image(result.image)
            text = describe_latent(result.z, self._session.layout, self._session.level)
            self._image.set_caption(result.z, result.preview, text)

    def _on_nearest_found(self, result: NearestFound) -> None:
        points = self._session.points
        if points is None or points.model_version != result.model_version:
            return
        if not self._nearest.accept(result.generation):
            return
        self._nearest_latent = result.z
        name = points.classes[result.label] if 0 <= result.label < len(points.classes) else ""
        self._image.set_nearest(result.image, name or result.path)
        has_std = result.index < len(points.std)
        self._session.set_nearest_posterior(Posterior(result.z, points.std[result.index]) if has_std else None)

    def _on_nearest_clicked(self) -> None:
        if self._nearest_latent is not None:
            self.latentPicked.emit(self._nearest_latent)


def describe_latent(z: FloatArray, layout: LatentLayout, level: int) -> str:
    """The caption of a latent that is more than one row of plain numbers; empty for one that is not."""
    shown = layout.levels[level]
    match layout.kind:
        case "categories":
            variables = z.reshape(-1, layout.categories)
            texts = [f"c{subscript(number)}\u00a0{part.argmax() + 1}" for number, part in enumerate(variables, 1)]
            return "   ".join(texts[:MAX_VALUES]) + ("  …" if len(texts) > MAX_VALUES else "")
        case "codes":
            grids = [f"{level.grid[0]} × {level.grid[1]}" for level in layout.levels if level.grid is not None]
            return f"{' and '.join(grids)} codes"
    if len(layout.levels) < 2:
        return ""
    return f"{shown.name}: {latent_text(z[shown.indices].astype(np.float64), shown.start)}"
