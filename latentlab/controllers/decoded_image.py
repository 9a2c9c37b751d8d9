"""The large image, decoded from the latent under the pointer or the committed one."""

from __future__ import annotations

import time

import numpy as np
from PySide6.QtCore import QObject

from latentlab.config.layout import LatentLayout
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Decode, Decoded, Failed, FloatArray
from latentlab.gui.panels.decoded_image import MAX_VALUES, DecodedImage, latent_text
from latentlab.gui.widgets.paint_hold import HOLD_MS, PaintHold
from latentlab.state.session import Session
from latentlab.utils.text import subscript

NO_IMAGES = "This table of latents has no images: the map shows its points alone."
NEAREST = "The nearest image of the table, which has no decoder"


class DecodedImageController(QObject):
    """Requests the image of the latent shown, and shows the newest answer.

    The latent under the pointer takes precedence over the committed one. While answers are quick, the window is painted
    together with the image.

    Parameters
    ----------
    paint_hold
        Delays the window's painting; ``None`` if it need not wait for the image.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        image: DecodedImage,
        parent: QObject | None = None,
        *,
        paint_hold: PaintHold | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._image = session, engine, image
        self._decoded = Generations()
        self._paint_hold = paint_hold
        self._moved_at: float | None = None  # time of the first move that is not answered yet
        self._is_quick = False  # whether the last answer to a move came before a hold would have ended

        session.latentChanged.connect(self._on_moved)
        session.labelChanged.connect(self._request_image)
        session.previewChanged.connect(self._on_moved)
        session.levelChanged.connect(self._request_image)  # the caption describes the level
        session.modelChanged.connect(self._request_image)
        session.viewedEpochChanged.connect(self._on_viewed_epoch_changed)
        engine.decoded.connect(self._on_decoded)
        engine.failed.connect(self._on_failed)

    def _on_viewed_epoch_changed(self) -> None:
        """Mark that the image is the current model's while the map shows an earlier epoch."""
        self._image.set_is_current(self._session.viewed_epoch is not None)

    def _on_moved(self) -> None:
        if self._moved_at is None:
            self._moved_at = time.perf_counter()
        self._request_image()
        if self._paint_hold is not None and self._is_quick:
            self._paint_hold.hold()

    def _request_image(self) -> None:
        session = self._session
        if session.model is None:
            return
        preview = session.preview
        z = session.latent if preview is None else preview
        self._engine.request(Decode(self._decoded.next(), z, session.label, preview is not None))

    def _on_decoded(self, result: Decoded) -> None:
        if self._moved_at is not None:
            self._is_quick = time.perf_counter() - self._moved_at < HOLD_MS / 1000
            self._moved_at = None
        self._show(result)
        if self._paint_hold is not None:
            self._paint_hold.release()

    def _on_failed(self, failure: Failed) -> None:
        """Mark the image, which stays: the sliders and the map show another latent than it has."""
        if failure.request == Decode.__name__:
            self._image.set_is_outdated(True)
            if self._paint_hold is not None:
                self._paint_hold.release()

    def _show(self, result: Decoded) -> None:
        if result.model_version == self._session.model_version and self._decoded.accept(result.generation):
            model = self._session.model
            self._image.set_is_outdated(False)
            if model is not None and not model.has_decoder and not model.data.get("images_found"):
                self._image.set_image(None)
                self._image.set_waiting(NO_IMAGES)
                self._image.set_caption(result.z, result.preview)
                return
            self._image.set_image(result.image)
            text = describe_latent(result.z, self._session.layout, self._session.level)
            text = text if model is None or model.has_decoder else NEAREST
            self._image.set_caption(result.z, result.preview, text)


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
    if layout.is_spatial and shown.grid is not None:
        height, width = shown.grid
        return f"{shown.size // (height * width)} × {height} × {width} numbers"
    if len(layout.levels) < 2:
        return ""
    return f"{shown.name}: {latent_text(z[shown.indices].astype(np.float64), shown.start)}"
