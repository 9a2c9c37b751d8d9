"""Exploring: gestures on the map and on the sliders move the latent, and the sliders show it."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.controllers.commands import ChooseLabel, EditPath, GestureStep, LockDimension, MoveLatent, extend_last
from latentlab.engine.protocol.messages import FloatArray
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.widgets.gesture_id import next_gesture
from latentlab.state.session import Session

_SAME = 1e-5  # of a coordinate of the map
MIN_SLIDER_RANGE = 4.0  # standard deviations of the prior, on each side of 0


class ExploreController(QObject):
    """Joins the gestures of the map and of the sliders with the session's latent.

    Every gesture becomes one undoable step. Nothing is decoded here: ``DecodedImageController`` follows the session.
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
        self._session, self._undo, self._sliders = session, undo, sliders
        self.ignores_pointer = False
        """Whether the pointer previews nothing, since a path is played."""

        latent_map.hovered.connect(self._on_map_hovered)
        latent_map.committed.connect(self._on_map_committed)
        latent_map.nudged.connect(self._on_map_nudged)
        latent_map.pathEdited.connect(self._on_path_edited)
        sliders.valueEdited.connect(self._on_slider_edited)
        sliders.resetRequested.connect(self._on_reset_requested)
        sliders.lockToggled.connect(self._on_lock_toggled)
        sliders.labelChosen.connect(self._on_label_chosen)

        session.modelChanged.connect(self._on_model_changed)
        session.latentChanged.connect(self._show_latent)
        session.pointsChanged.connect(self._on_points_changed)
        session.runStateChanged.connect(self._on_run_state_changed)
        session.lockedChanged.connect(self._show_locked)
        session.labelChanged.connect(self._show_label)

    # --- gestures ---------------------------------------------------------------------------------

    def go_to(
        self, latent: FloatArray, gesture: Hashable | None = None, text: str = "Move", label: int | None = None
    ) -> None:
        """Commit ``latent`` [d] as an undoable step, or as a part of the step of the same ``gesture``.

        ``label`` is the class to decode it for; ``None`` keeps the one that is chosen.
        """
        if self._session.model is None:
            return
        latent = np.asarray(latent, np.float32)
        if np.array_equal(latent, self._session.latent) and label in (None, self._session.label):
            return
        gesture = gesture or next_gesture()
        after = latent, self._session.label if label is None else label
        if not self._extend(MoveLatent, after, gesture):
            self._undo.push(MoveLatent(self._session, latent, gesture, text, label))

    def _extend(self, kind: type[GestureStep], after: object, gesture: Hashable) -> bool:
        """Extend the last step if it is of this kind and gesture; returns whether it is."""
        return extend_last(self._undo, kind, after, gesture)

    def _lift(self, point: object) -> FloatArray:
        """The latent [d] at a point (x, y) of the map."""
        latent: FloatArray = self._session.plane().lift(np.asarray(point, np.float32).reshape(1, 2))[0]
        return latent

    def _on_map_hovered(self, point: object | None) -> None:
        # The map of a viewed epoch is not the plane that the current model would decode.
        session = self._session
        is_off = point is None or session.model is None or session.viewed_epoch is not None
        is_off = is_off or bool(session.axes.embedding)
        if self.ignores_pointer:
            return
        self._session.set_preview(None if is_off else self._lift(point))

    def _on_map_committed(self, point: object, gesture: int) -> None:
        if self._session.model is not None and not self._session.axes.embedding:
            latent = self._lift(point)
            self._session.set_preview(None)  # the pointer is where the latent is
            self._session.set_viewed_epoch(None)
            self.go_to(latent, ("map", gesture))

    def _on_map_nudged(self, offset: object, gesture: int) -> None:
        if self._session.model is not None and not self._session.axes.embedding:
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

    def _on_path_edited(self, points: object, sources: object, gesture: int) -> None:
        if self._session.axes.embedding:
            return  # there is nothing between the points of a layout
        waypoints = self._edited_waypoints(np.asarray(points, np.float32), np.asarray(sources, np.int64))
        if self._session.model is not None and not self._extend(EditPath, waypoints, ("path", gesture)):
            self._undo.push(EditPath(self._session, waypoints, ("path", gesture)))

    def _edited_waypoints(self, points: FloatArray, sources: NDArray[np.int64]) -> FloatArray:
        """Waypoints [n, d] at points [n, 2] of the map; one that was there before keeps what the map does not show."""
        plane, before = self._session.plane(), self._session.path
        waypoints = plane.lift(points)
        if before is not None and before.shape[1:] == waypoints.shape[1:]:
            kept = (sources >= 0) & (sources < len(before))
            old = before[sources[kept]]
            moved = points[kept] - plane.project(old)
            moved[np.abs(moved) <= _SAME * np.maximum(1, np.abs(points[kept]))] = 0  # rounding, of those at rest
            waypoints[kept] = old + moved @ np.stack([plane.x, plane.y]).astype(np.float32)
        return waypoints

    def _on_lock_toggled(self, dimension: int, locked: bool) -> None:
        if locked != (dimension in self._session.locked):
            self._undo.push(LockDimension(self._session, dimension, locked))

    def _on_label_chosen(self, label: int) -> None:
        if self._session.model is not None and label != self._session.label:
            self._undo.push(ChooseLabel(self._session, label))

    # --- the sliders ------------------------------------------------------------------------------

    def _on_model_changed(self, is_new_model: bool) -> None:
        if not is_new_model:
            return
        session, model = self._session, self._session.model
        self._sliders.set_instead(None)
        is_plain = model is not None and session.layout.kind == "plain" and not session.layout.is_spatial
        self._sliders.set_dimensions(session.latent.size if is_plain else 0)
        self._show_locked()
        self._sliders.set_classes(model.classes if model is not None and model.conditional else ())
        self._show_latent()

    def _show_latent(self) -> None:
        self._sliders.set_latent(self._session.latent)

    def _show_locked(self) -> None:
        self._sliders.set_locked(self._session.locked)

    def _show_label(self) -> None:
        self._sliders.set_label(self._session.label)

    def _on_points_changed(self) -> None:
        points = self._session.points
        if points is not None:
            largest = float(np.ceil(np.abs(points.mean).max(initial=0.0)))
            self._sliders.set_range(max(MIN_SLIDER_RANGE, largest))
        self._show_kl()

    def _on_run_state_changed(self) -> None:
        if not self._session.run_is_active:
            self._show_kl()

    def _show_kl(self) -> None:
        """Show each dimension's KL; during training the sliders keep their order, so that they can be followed."""
        points, is_active = self._session.points, self._session.run_is_active
        kl = None if points is None else points.kl
        self._sliders.set_kl(kl, fold=not is_active, keep=points is not None and is_active)
