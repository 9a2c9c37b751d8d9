"""The latent map: updated by the differences between two states that are resolved from the session."""

from __future__ import annotations

from collections.abc import Set

from PySide6.QtCore import QObject

from latentlab.controllers.embedding import apply_embedding
from latentlab.controllers.encoded_points import EncodedPoints
from latentlab.controllers.manifold import Manifold
from latentlab.controllers.plane_distance import PlaneDistanceController
from latentlab.controllers.plane_fields import PlaneFieldsController
from latentlab.controllers.point_pictures import PointPicturesController
from latentlab.engine.client.client import EngineClient
from latentlab.gui.latent_map import LatentMap
from latentlab.state.map_state import MapState, changed_fields, resolve
from latentlab.state.session import Session
from latentlab.utils.text import format_epoch


class MapController(QObject):
    """Resolves the map's state after every change of the session, and applies what is different.

    The points, the manifold, the pictures at the points, the distances to them and other quantities are written by
    `EncodedPoints`, `Manifold`, `PointPicturesController`, `PlaneDistanceController` and `PlaneFieldsController`,
    which this controller owns. Apart from these
    only `ActionsController` writes to the map: its tool, its layers' visibility, and the message if it is empty.

    Attributes
    ----------
    manifold : Manifold
        Decodes the background of the points.
    """

    def __init__(
        self, session: Session, engine: EngineClient, latent_map: LatentMap, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._map = session, latent_map
        self._state = MapState()
        self._points = EncodedPoints(latent_map)
        self.manifold = Manifold(engine, latent_map, self)
        self._pictures = PointPicturesController(engine, latent_map, self)
        self._distances = PlaneDistanceController(engine, latent_map, self)
        self._fields = PlaneFieldsController(engine, latent_map, self)
        session.changed.connect(self._update)
        self._update()

    def _update(self) -> None:
        old, self._state = self._state, resolve(self._session)
        changed = changed_fields(old, self._state)
        if changed:
            self._apply(self._state, changed)

    def _apply(self, state: MapState, changed: Set[str]) -> None:
        latent_map = self._map
        if "axis_names" in changed:
            latent_map.set_axes_names(*state.axis_names)
        apply_embedding(latent_map, state, changed)
        self._points.apply(state, changed)
        self.manifold.apply(state, changed)
        if "neighbours" in changed:
            latent_map.set_neighbours(state.neighbours)
        self._pictures.apply(state, changed)
        self._distances.apply(state, changed)
        self._fields.apply(state, changed)
        if "path" in changed:
            latent_map.set_path(state.path)
        if "path_curve" in changed:
            latent_map.set_path_curve(state.path_curve)
        if "cursor" in changed:
            latent_map.set_cursor(state.cursor)
        if "latent" in changed and state.cursor is not None and state.viewed_epoch is None:
            latent_map.follow(state.cursor)
        if "preview" in changed:
            latent_map.set_preview(state.preview)
        if "posterior" in changed:
            latent_map.set_posterior(*(state.posterior or (None, None)))
        if "staleness" in changed:
            latent_map.set_staleness_text(state.staleness)
        if "viewed_epoch" in changed:
            epoch = state.viewed_epoch
            text = "" if epoch is None else f"{format_epoch(epoch.epoch)}  ·  click to return to now"
            latent_map.set_epoch_banner(text)
        if "is_far_from_data" in changed:
            latent_map.set_far_from_data(state.is_far_from_data)
