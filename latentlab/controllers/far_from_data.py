"""The cue that the latent shown is far from all data, measured in all dimensions of the latent space."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import DistanceMeasured, DistanceToData
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.decoded_image import DecodedImage
from latentlab.state.session import Session

FAR = 3.0
"""A latent is far from data when it is farther from every point than so many typical distances between neighbours."""
PACE = 120  # milliseconds between two measurements under the pointer, or beside a run


class FarFromDataController(QObject):
    """Says on the map and beside the decoded image when the latent shown is far from every encoded image.

    The latent shown is the one under the pointer, else the committed one. The worker measures the distance: on
    the map's two dimensions alone a latent that is far along a third would look near. Under the pointer, and while
    a run takes its steps, there is one measurement every ``PACE`` milliseconds at most: a search among a million
    points takes longer than a frame, and decoding or training would wait for it.
    """

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
        self._generations = Generations()
        self._committed_is_far = self._preview_is_far = False
        self._is_due = False  # whether the latent has changed since it was measured
        self._pace = QTimer(self)
        self._pace.setSingleShot(True)
        self._pace.setInterval(PACE)
        self._pace.timeout.connect(self._on_pace)
        session.latentChanged.connect(self._ask_at_pace)
        session.previewChanged.connect(self._on_preview_changed)
        session.pointsChanged.connect(self._on_points_changed)
        session.modelChanged.connect(self._on_model_changed)
        session.pastChanged.connect(self._show)
        engine.distanceMeasured.connect(self._on_distance_measured)

    def close(self) -> None:
        """Ask nothing more: the window goes."""
        self._pace.stop()

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._forget()

    def _on_points_changed(self) -> None:
        if self._session.points is None:
            self._forget()
        else:
            self._ask_at_pace()

    def _forget(self) -> None:
        """Say nothing until it has been measured on the present points."""
        self._generations.forget()
        self._committed_is_far = self._preview_is_far = False
        self._show()

    def _on_preview_changed(self) -> None:
        if self._session.preview is None:
            self._preview_is_far = False
        self._show()
        self._ask_at_pace()

    def _ask_at_pace(self) -> None:
        session = self._session
        if session.preview is None and not session.is_learning:
            self._ask()  # the same search as for the nearest image: it costs nothing more
        elif self._pace.isActive():
            self._is_due = True
        else:
            self._is_due = session.is_learning
            if not self._is_due:
                self._ask()
            self._pace.start()

    def _on_pace(self) -> None:
        if self._is_due:
            self._is_due = False
            self._ask()
            self._pace.start()

    def _ask(self) -> None:
        session = self._session
        if session.model is None or session.points is None:
            return
        preview = session.preview
        z = session.latent if preview is None else preview
        self._engine.request(DistanceToData(self._generations.ask(), z, preview is not None))

    def _on_distance_measured(self, result: DistanceMeasured) -> None:
        points = self._session.points
        if points is None or points.model_version != result.model_version:
            return
        if not self._generations.accept(result.generation):
            return
        far = result.distance > FAR * result.typical
        if result.preview:
            self._preview_is_far = far
        else:
            self._committed_is_far = far
        self._show()

    def _show(self) -> None:
        """Show it; beside a past epoch's points, which the latent is not measured by, only beside the image."""
        far = self._committed_is_far if self._session.preview is None else self._preview_is_far
        self._image.set_far_from_data(far)
        self._map.set_far_from_data(far and self._session.past is None)
