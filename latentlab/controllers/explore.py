"""Exploring by hand: map and sliders move the latent; the latent moves map, sliders and image."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.controllers.commands import ChooseLabel, MoveLatent, new_gesture
from latentlab.engine.protocol.messages import FloatArray
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.state.session import Session


class ExploreController(QObject):
    """Joins the map's and the sliders' gestures with the session's latent.

    Every gesture becomes one undoable step. Nothing is decoded here: ``ImageController`` follows the session.
    """

    def __init__(
        self,
        session: Session,
        undo: QUndoStack,
        latent_map: LatentMap,
        sliders: LatentSliders,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._undo, self._map, self._sliders = session, undo, latent_map, sliders

        latent_map.hovered.connect(self._on_map_hovered)
        latent_map.committed.connect(self._on_map_committed)
        latent_map.nudged.connect(self._on_map_nudged)
        sliders.valueEdited.connect(self._on_slider_edited)
        sliders.resetRequested.connect(self._on_reset_requested)
        sliders.lockToggled.connect(session.set_locked)
        sliders.labelChosen.connect(self._on_label_chosen)

        session.latentChanged.connect(self._on_latent_changed)
        session.axesChanged.connect(self._show_latent)
        session.pointsChanged.connect(self._show_latent)  # principal components are those of the points
        session.previewChanged.connect(self._show_preview)
        session.modelChanged.connect(self._on_model_changed)
        session.lockedChanged.connect(lambda: sliders.set_locked(session.locked))
        session.labelChanged.connect(lambda: sliders.set_label(session.label))

    # --- intents ----------------------------------------------------------------------------------

    def go_to(self, latent: FloatArray, gesture: Hashable | None = None, text: str = "Move") -> None:
        """Commit ``latent`` [d] as an undoable step, part of ``gesture`` where one is given."""
        if self._session.model is None:
            return
        latent = np.asarray(latent, np.float32)
        if not np.array_equal(latent, self._session.latent):
            self._undo.push(MoveLatent(self._session, latent, gesture or new_gesture(), text))

    def _lifted(self, point: object) -> FloatArray:
        lifted: FloatArray = self._session.plane().lift(np.asarray(point, np.float32).reshape(1, 2))[0]
        return lifted

    def _on_map_hovered(self, point: object | None) -> None:
        # A past epoch's map is not the plane that the live model would decode.
        away = point is None or self._session.model is None or self._session.past is not None
        self._session.set_preview(None if away else self._lifted(point))

    def _on_map_committed(self, point: object, gesture: int) -> None:
        if self._session.model is not None:
            # The pointer is where the commit is: nothing of its own is left to preview.
            self._session.set_preview(None)
            self.go_to(self._lifted(point), ("map", gesture))

    def _on_map_nudged(self, offset: object, gesture: int) -> None:
        if self._session.model is not None:
            plane = self._session.plane()
            step = np.asarray(offset, np.float32)
            self.go_to(self._session.latent + step[0] * plane.x + step[1] * plane.y, ("nudge", gesture), "Nudge")

    def _on_slider_edited(self, dimension: int, value: float, gesture: int) -> None:
        latent = self._session.latent
        if dimension < latent.size:
            latent[dimension] = value
            self.go_to(latent, ("slider", dimension, gesture), f"Slide z{dimension + 1}")

    def _on_reset_requested(self, dimension: int) -> None:
        latent, first = self._session.latent, self._session.first_latent()
        chosen = slice(None) if dimension < 0 else dimension
        latent[chosen] = first[chosen]
        self.go_to(latent, text="Reset")

    def _on_label_chosen(self, label: int) -> None:
        if self._session.model is not None and label != self._session.label:
            self._undo.push(ChooseLabel(self._session, label))

    def _on_latent_changed(self) -> None:
        """Show it, and let the map follow where a slider, a key or the dice led out of what is in view."""
        self._show_latent()
        session = self._session
        if session.model is not None and session.past is None:
            self._map.follow(session.plane().project(session.latent[None])[0])

    # --- what widgets are told ----------------------------------------------------------------------

    def _on_model_changed(self, is_new_model: bool) -> None:
        if not is_new_model:
            return
        model = self._session.model
        # Steps of another model's latent space mean nothing in this one.
        self._undo.clear()
        self._sliders.set_instead(None)
        plain = model is not None and self._session.layout.kind == "plain"
        self._sliders.set_dimensions(self._session.latent.size if plain else 0)
        self._sliders.set_locked(self._session.locked)
        self._sliders.set_classes(model.classes if model is not None and model.conditional else ())
        self._show_latent()

    def _show_latent(self) -> None:
        session = self._session
        self._sliders.set_latent(session.latent)
        if session.model is None:
            self._map.set_cursor(None)
        else:
            self._map.set_cursor(session.plane().project(session.latent[None])[0])

    def _show_preview(self) -> None:
        preview = self._session.preview
        self._map.set_preview(None if preview is None else self._session.plane().project(preview[None])[0])
