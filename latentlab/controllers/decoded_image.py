"""The large image: whatever latent is committed or under the pointer, decoded."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.config.layout import LatentLayout
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Decode, Decoded, FloatArray, Nearest, NearestFound
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.decoded_image import MOST_NUMBERS, DecodedImage, in_numbers
from latentlab.state.session import Session
from latentlab.utils.text import subscript

REST = 120  # milliseconds without a new latent


class DecodedImageController(QObject):
    """Asks for the image of the latent that is shown, and shows the newest answer.

    The preview under the pointer wins over the committed latent; leaving the map asks for the committed one again.
    For a committed latent it also finds the nearest encoded image. The map's ellipse is the posterior of the image
    file that the latent belongs to, or else of that nearest image.

    Signals
    -------
    latentPicked(z)
        The nearest image was clicked: its latent is to be committed.
    """

    latentPicked = Signal(object)

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        image: DecodedImage,
        latent_map: LatentMap,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._image, self._map = session, engine, image, latent_map
        self._decoded, self._nearest = Generations(), Generations()
        self._nearest_latent: FloatArray | None = None
        self._nearest_std: FloatArray | None = None

        session.latentChanged.connect(self._on_latent_changed)
        session.previewChanged.connect(self._ask_for_image)
        session.labelChanged.connect(self._on_latent_changed)
        session.levelChanged.connect(self._ask_for_image)  # its words are of the level
        session.modelChanged.connect(self._on_model_changed)
        session.pointsChanged.connect(self._ask_for_nearest)
        session.pastChanged.connect(self._on_past_changed)
        session.axesChanged.connect(self._show_posterior)
        session.encodedImageChanged.connect(self._show_posterior)
        # Beside a run the nearest image waits for the hand to rest: every search is taken from the training.
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.timeout.connect(self._ask_for_nearest)
        engine.decoded.connect(self._on_decoded)
        engine.nearestFound.connect(self._on_nearest_found)
        image.nearestClicked.connect(self._on_nearest_clicked)

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._nearest.forget()
            self._nearest_latent = self._nearest_std = None
            self._image.set_nearest(None, "")
            self._map.set_posterior(None, None)
        if self._session.model is not None:
            self._ask_for_image()
            self._ask_for_nearest()

    def _on_past_changed(self) -> None:
        """The image is today's model's, and says so beside a past map; the ellipse would lie among other points."""
        past = self._session.past is not None
        self._image.set_now(past)
        self._show_posterior()
        if not past:
            self._ask_for_nearest()

    def close(self) -> None:
        """Ask nothing more: the window goes."""
        self._rest.stop()

    def _on_latent_changed(self) -> None:
        self._ask_for_image()
        if self._session.encoded_image is not None:
            self._show_posterior()
        if self._session.run_is_live:
            self._rest.start()
        else:
            self._ask_for_nearest()

    def _ask_for_image(self) -> None:
        session = self._session
        if session.model is None:
            return
        preview = session.preview
        z = session.latent if preview is None else preview
        self._engine.request(Decode(self._decoded.ask(), z, session.label, preview is not None))

    def _ask_for_nearest(self) -> None:
        session = self._session
        if session.model is not None and session.points is not None:
            self._engine.request(Nearest(self._nearest.ask(), session.latent))

    def _on_decoded(self, result: Decoded) -> None:
        if result.model_version == self._session.model_version and self._decoded.accept(result.generation):
            self._image.set_image(result.image)
            words = in_words(result.z, self._session.layout, self._session.level)
            self._image.set_caption(result.z, result.preview, words)

    def _on_nearest_found(self, result: NearestFound) -> None:
        points = self._session.points
        if points is None or points.model_version != result.model_version:
            return
        if not self._nearest.accept(result.generation):
            return
        self._nearest_latent = result.z
        name = points.classes[result.label] if 0 <= result.label < len(points.classes) else ""
        self._image.set_nearest(result.image, name or result.path)
        self._nearest_std = points.std[result.index] if result.index < len(points.std) else None
        self._show_posterior()

    def _show_posterior(self) -> None:
        session, encoded = self._session, self._session.encoded_image
        mean, std = self._nearest_latent, self._nearest_std
        if encoded is not None and np.array_equal(encoded.mean, session.latent):
            mean, std = encoded.mean, encoded.std
        if mean is None or std is None or session.past is not None or mean.size != session.latent.size:
            self._map.set_posterior(None, None)
            return
        plane = session.plane()
        directions = np.stack([plane.x, plane.y])  # [2, d]
        self._map.set_posterior(plane.project(mean[None])[0], (directions * std**2) @ directions.T)

    def _on_nearest_clicked(self) -> None:
        if self._nearest_latent is not None:
            self.latentPicked.emit(self._nearest_latent)


def in_words(z: FloatArray, layout: LatentLayout, level: int) -> str:
    """How a latent is read that is more than a row of plain numbers; empty for one that is not."""
    chosen = layout.levels[level]
    match layout.kind:
        case "categories":
            variables = z.reshape(-1, layout.categories)
            read = [f"c{subscript(place + 1)}\u00a0{part.argmax() + 1}" for place, part in enumerate(variables)]
            return "   ".join(read[:MOST_NUMBERS]) + ("  …" if len(read) > MOST_NUMBERS else "")
        case "codes":
            grids = [f"{level.grid[0]} × {level.grid[1]}" for level in layout.levels if level.grid is not None]
            return f"{' and '.join(grids)} codes"
    if len(layout.levels) < 2:
        return ""
    return f"{chosen.name}: {in_numbers(z[chosen.place].astype(np.float64), chosen.start)}"
