"""Picking a data point on the map: its own latent is committed, in all dimensions."""

from __future__ import annotations

from PySide6.QtCore import QObject

from latentlab.controllers.explore import ExploreController
from latentlab.controllers.tool_hints import ToolHintController
from latentlab.engine.protocol.messages import PointsChanged, SnapshotRead
from latentlab.gui.latent_map import LatentMap
from latentlab.state.session import Session
from latentlab.utils.plain_text import NAME, as_line

HINT = "Ctrl+click or double-click to take the latent of this image"
CLICK_HINT = "Click to take the latent of this image"
"""The hint at a picture, and where every click takes a data point's latent."""


class PickController(QObject):
    """Commits the latent of the data point that was picked, and previews that of the one about to be picked.

    The map shows a plane: with more than two dimensions a click on it chooses a latent of the plane, which is not that
    of the point under the pointer. For a conditional model the point's class is chosen with its latent.

    Parameters
    ----------
    hints
        Shows how to pick while the pointer is at a point.
    """

    def __init__(
        self,
        session: Session,
        explore: ExploreController,
        latent_map: LatentMap,
        hints: ToolHintController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._explore, self._hints = session, explore, hints
        latent_map.pointPicked.connect(self._on_point_picked)
        latent_map.pointPreviewed.connect(self._on_point_previewed)
        latent_map.pointHovered.connect(self._on_point_hovered)

    def _on_point_picked(self, index: int, gesture: int) -> None:
        points = self._points_with(index)
        if points is None:
            return
        self._session.set_preview(None)  # the pointer is where the latent is
        self._session.set_viewed_epoch(None)
        self._explore.go_to(points.mean[index], ("map", gesture), "Pick", self._model_class(points, index))

    def _on_point_previewed(self, index: int) -> None:
        points = self._points_with(index)
        # The points of a viewed epoch are not encoded by the current model, which would decode them.
        if points is not None and self._session.viewed_epoch is None:
            self._session.set_preview(points.mean[index])

    def _on_point_hovered(self, index: int, is_aimed_at: bool) -> None:
        points = self._points_with(index)
        if points is None:
            self._hints.set_point_hint("")
            return
        label = int(points.label[index])
        name = as_line(points.classes[label], NAME) if 0 <= label < len(points.classes) else ""
        hint = CLICK_HINT if is_aimed_at else HINT
        self._hints.set_point_hint(f"{name}: {hint}" if name else hint)

    def _points_with(self, index: int) -> PointsChanged | SnapshotRead | None:
        """The points on the map, if a model is open and they have this index."""
        session = self._session
        points = session.viewed_epoch or session.points
        is_known = session.model is not None and points is not None and 0 <= index < len(points.mean)
        return points if is_known else None

    def _model_class(self, points: PointsChanged | SnapshotRead, index: int) -> int | None:
        """The point's class in the model's numbers; ``None`` if it has none there, or the model reads no class."""
        model, label = self._session.model, int(points.label[index])
        if model is None or not model.conditional or not 0 <= label < len(points.classes):
            return None
        name = points.classes[label]
        return model.classes.index(name) if name in model.classes else None
