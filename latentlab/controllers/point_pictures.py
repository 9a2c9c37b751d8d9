"""Pictures at the points of the map: requested when they come into view."""

from __future__ import annotations

from collections.abc import Set
from typing import Literal, cast

import numpy as np
from PySide6.QtCore import QObject

from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import PicturesOfPoints, PointPictures
from latentlab.gui.latent_map import LatentMap
from latentlab.state.map_state import MapState
from latentlab.utils.duty_cycle import PICTURES, DutyCycle

PIXELS = 96
"""Largest side of a picture that is requested; it is drawn smaller, and as large as this under the pointer."""
NO_POINTS = "There are no points yet"
OF_AN_EPOCH = "Only the points of the current model have pictures"
NO_IMAGES = "Open the images that the points encode to see them here"
MAX_ROWS = 1024  # of a request


class PointPicturesController(QObject):
    """Requests the pictures that the map wants, and gives them to it.

    Real images are shown while the dataset that the points encode is open, otherwise what the model decodes from the
    points' latents; the user may choose the latter in any case. When the weights change, the decoded pictures are
    requested again, during training as often as that costs the run little.
    """

    def __init__(self, engine: EngineClient, latent_map: LatentMap, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine, self._map = engine, latent_map
        self._layer = latent_map.layer_stack.pictures
        self._state = MapState()
        self._wish = "real"
        self._kind = ""
        self._of: tuple[str, int, int] = ("", 0, -1)  # the points whose pictures the map has
        self._is_outdated = False
        self._generations, self._duty_cycle = Generations(), DutyCycle(PICTURES)
        self._layer.wanted.connect(self._request)
        self._layer.choiceEdited.connect(self._on_choice_edited)
        engine.pointPictures.connect(self._on_pictures)
        engine.trainingEvent.connect(self._refresh_if_affordable)
        self._show_choice()

    def apply(self, state: MapState, changed: Set[str]) -> None:
        """Show what has changed."""
        self._state = state
        if changed & {"points", "viewed_epoch", "has_images", "opened_version"}:
            self._on_points_changed()
        if changed & {"model_version", "is_learning"} and self._kind == "decoded":
            self._is_outdated = True
            self._refresh_if_affordable()

    def _on_points_changed(self) -> None:
        state, points = self._state, self._state.points
        of = ("", 0, -1) if points is None else (points.fingerprint, len(points.mean), state.opened_version)
        if of != self._of:
            # Rows of the same images of the same model stay, with their pictures, until newer ones arrive.
            self._of = of
            self._generations.discard_pending()
            self._layer.clear()
        reason = OF_AN_EPOCH if state.viewed_epoch is not None else NO_POINTS if points is None else ""
        self._layer.set_unavailable(reason)
        self._show_choice()

    def _on_choice_edited(self, choice: str) -> None:
        self._wish = choice
        self._show_choice()

    def _show_choice(self) -> None:
        has_images = self._state.has_images
        kind = self._wish if has_images else "decoded"
        self._layer.set_choice(kind, {} if has_images else {"real": NO_IMAGES})
        if kind != self._kind:
            self._kind = kind
            self._generations.discard_pending()
            self._layer.mark_stale()

    def _refresh_if_affordable(self) -> None:
        """Request decoded pictures of newer weights; during training as often as its share of the time allows."""
        if not self._is_outdated or self._kind != "decoded" or not self._layer.is_shown():
            return
        if not self._state.is_learning or self._duty_cycle.is_ready():
            self._is_outdated = False
            self._layer.mark_stale()

    def _request(self, rows: object) -> None:
        state = self._state
        if state.points is None or state.viewed_epoch is not None or not state.has_model:
            return
        self._duty_cycle.mark_requested()
        kind = cast(Literal["real", "decoded"], self._kind)
        wanted = np.asarray(rows, np.int64)[:MAX_ROWS]
        self._engine.request(PicturesOfPoints(self._generations.next(), wanted, kind, PIXELS))

    def _on_pictures(self, result: PointPictures) -> None:
        points = self._state.points
        if points is None or result.kind != self._kind or result.points_version != points.model_version:
            return
        if not self._generations.accept(result.generation, is_continuation=True):
            return
        if result.done:
            self._duty_cycle.record_cost(result.seconds)
        self._map.put_pictures(result.rows, result.pictures)
