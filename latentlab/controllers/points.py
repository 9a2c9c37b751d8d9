"""The encoded points: projected onto the map's axes, and what their dimensions carry."""

from __future__ import annotations

from PySide6.QtCore import QObject

from latentlab.gui.latent_map import LatentMap
from latentlab.gui.latent_sliders import LatentSliders
from latentlab.session import Session


class PointsController(QObject):
    """Shows the session's points on the map, and each dimension's KL beside its slider."""

    def __init__(
        self, session: Session, latent_map: LatentMap, sliders: LatentSliders, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._map, self._sliders = session, latent_map, sliders
        self._fitted = False
        session.modelChanged.connect(self._on_model_changed)
        session.pointsChanged.connect(self._on_points_changed)
        session.axesChanged.connect(self._on_axes_changed)

    def _on_model_changed(self, fresh: bool) -> None:
        if fresh:
            self._fitted = False

    def _on_points_changed(self) -> None:
        points = self._session.points
        self._sliders.set_kl(None if points is None else points.kl)
        if points is None:
            self._map.set_points(None, None, ())
            return
        self._map.set_points(self._session.plane().project(points.mean), points.label, points.classes)
        if points.preview is not None and points.preview_extent is not None and not self._fitted:
            x_min, x_max, y_min, y_max = points.preview_extent
            self._map.set_manifold(points.preview, (x_min, x_max), (y_min, y_max))
        if not self._fitted:
            # Once for a model: afterwards the view is the user's.
            self._fitted = True
            self._map.fit_to_points()

    def _on_axes_changed(self) -> None:
        axes, points = self._session.axes, self._session.points
        self._map.set_axes_names(_shown(axes.x), _shown(axes.y))
        if points is not None:
            self._map.set_points(self._session.plane().project(points.mean), points.label, points.classes)
            self._map.fit_to_points()


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _shown(name: str) -> str:
    """``z1`` as the user reads it: z₁; ``pc1`` as PC 1."""
    if name.startswith("pc"):
        return f"PC {name[2:]}"
    return "z" + name[1:].translate(_SUBSCRIPTS)
