"""The cue that the latent shown is far from all data, measured in all dimensions of the latent space."""

from __future__ import annotations

from PySide6.QtCore import QObject

from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import DistanceMeasured, DistanceToData
from latentlab.gui.panels.decoded_image import DecodedImage
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.session import Session
from latentlab.utils.defaults import FAR

INTERVAL_MS = 120  # between two measurements under the pointer, or during a run


class FarFromDataController(QObject):
    """Measures whether the latent shown is far from every encoded image, for the map and the decoded image.

    The latent shown is the one under the pointer, else the committed one. The worker measures the distance in all
    dimensions: in the map's two a latent that is far along a third one would look near. Under the pointer and during
    a run there is at most one measurement every ``INTERVAL_MS``: a search among a million points takes longer than a
    frame, and decoding or training would wait for it.
    """

    def __init__(
        self, session: Session, engine: EngineClient, image: DecodedImage, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._image = session, engine, image
        self._generations = Generations()
        self._committed_is_far = self._preview_is_far = False
        self._is_pending = False  # whether the latent has changed since it was measured
        self._interval = Debouncer(INTERVAL_MS, self._on_interval, self)
        self._soon = Debouncer(0, self._measure, self)  # the worker would receive it while it decodes the image
        session.latentChanged.connect(self._schedule)
        session.previewChanged.connect(self._on_preview_changed)
        session.pointsChanged.connect(self._on_points_changed)
        engine.distanceMeasured.connect(self._on_distance_measured)

    def _on_points_changed(self) -> None:
        if self._session.points is not None:
            self._schedule()
            return
        self._generations.discard_pending()
        self._committed_is_far = self._preview_is_far = False
        self._show()

    def _on_preview_changed(self) -> None:
        if self._session.preview is None:
            self._preview_is_far = False
        self._show()
        self._schedule()

    def _schedule(self) -> None:
        session = self._session
        if session.preview is None and not session.is_learning:
            self._soon.throttle()  # the search for the nearest image is the same: this costs nothing more
        elif self._interval.is_pending():
            self._is_pending = True
        else:
            self._is_pending = session.is_learning
            if not self._is_pending:
                self._measure()
            self._interval.start()

    def _on_interval(self) -> None:
        if self._is_pending:
            self._is_pending = False
            self._measure()
            self._interval.start()

    def _measure(self) -> None:
        session = self._session
        if session.model is None or session.points is None:
            return
        preview = session.preview
        z = session.latent if preview is None else preview
        self._engine.request(DistanceToData(self._generations.next(), z, preview is not None))

    def _on_distance_measured(self, result: DistanceMeasured) -> None:
        points = self._session.points
        if points is None or points.model_version != result.model_version:
            return
        if not self._generations.accept(result.generation):
            return
        is_far = result.distance > FAR * result.typical
        if result.preview:
            self._preview_is_far = is_far
        else:
            self._committed_is_far = is_far
        self._show()

    def _show(self) -> None:
        is_far = self._committed_is_far if self._session.preview is None else self._preview_is_far
        self._image.set_far_from_data(is_far)
        self._session.set_far_from_data(is_far)
