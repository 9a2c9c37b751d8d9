"""The encoded points: projected onto the map's axes, and what their dimensions carry."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.controllers.point_colours import PointColours, point_colours
from latentlab.engine.protocol.messages import PointsChanged, SnapshotRead
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.latent_map.view import PRIOR_REACH
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.state.session import Session

OF_TRAINING_IMAGES = "points of the images the model was trained on, not of the open ones"
OF_EARLIER_IMAGES = "points of the images opened before, not of the open ones"
MOST = 0.9  # of the points
PRIOR_SPAN = 4.0  # standard deviations of the prior that a slider covers at least


class EncodedPointsController(QObject):
    """Shows the session's points on the map, or a past epoch's, and each dimension's KL beside its slider.

    Signals
    -------
    latentPicked(z, count)
        So many points were selected; their mean is to be committed.
    """

    latentPicked = Signal(object, int)

    def __init__(
        self, session: Session, latent_map: LatentMap, sliders: LatentSliders, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._map, self._sliders = session, latent_map, sliders
        self._fitted, self._seen = False, ("", 0)  # the model whose view was chosen: source and size
        session.modelChanged.connect(self._on_model_changed)
        session.pointsChanged.connect(self._on_points_changed)
        session.pastChanged.connect(self._on_past_changed)
        session.datasetChanged.connect(self._show_freshness)
        session.runStateChanged.connect(self._show_freshness)
        session.runStateChanged.connect(self._on_run_state_changed)
        session.axesChanged.connect(self._on_axes_changed)
        session.colourByChanged.connect(self._on_colour_by_changed)
        latent_map.selectionChanged.connect(self._on_selection_changed)

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            model = self._session.model
            seen = ("", 0) if model is None else (model.source, model.latent_dim)
            if seen != self._seen or not self._session.run_is_live:  # a run that begins anew after a loss is no other
                self._fitted = False
            self._seen = seen
            # What was drawn and chosen by hand is of another model's latent space.
            self._map.set_path(None)
            self._map.set_selection(None)

    def _on_points_changed(self) -> None:
        points = self._session.points
        self._show_kl()
        if points is None:
            self._map.set_points(None, None, ())
            return
        self._draw(self._session.past or points)  # a past epoch's too: its axes may be the new points' components
        self._sliders.set_range(max(PRIOR_SPAN, float(np.ceil(np.abs(points.mean).max(initial=0.0)))))
        if not self._fitted:
            self._fitted = True
            self._choose_first_view()
        self._show_freshness()

    def _show_kl(self) -> None:
        """What a dimension carries changes as it learns: a slider that swapped places would be lost to the hand."""
        points, live = self._session.points, self._session.run_is_live
        self._sliders.set_kl(None if points is None else points.kl, fold=not live, keep=points is not None and live)

    def _on_run_state_changed(self) -> None:
        if not self._session.run_is_live:
            self._show_kl()

    def _on_past_changed(self) -> None:
        shown = self._session.past or self._session.points
        if shown is not None:
            self._draw(shown)
        self._show_freshness()

    def _show_freshness(self) -> None:
        """Say how far a model that learns had come when it encoded the points, or that they are not the open images."""
        session, points = self._session, self._session.points
        if points is None or session.past is not None:
            text = ""
        elif session.run_is_live:
            text = f"epoch {points.epoch:.1f}"
        elif session.points_are_of_dataset:
            text = ""
        else:
            trained_on = "" if session.model is None else session.model.data.get("fingerprint", "")
            text = OF_TRAINING_IMAGES if points.fingerprint in ("", trained_on) else OF_EARLIER_IMAGES
        self._map.set_staleness_text(text)

    def _draw(self, points: PointsChanged | SnapshotRead) -> None:
        """Project the points onto the shown axes, coloured by class or by the chosen column."""
        column = points.columns.get(self._session.colour_by)
        known = PointColours(points.label, points.classes, False) if column is None else point_colours(column)
        title = "" if column is None else self._session.colour_by
        xy = self._session.plane().project(points.mean)
        self._map.set_points(xy, known.labels, known.names, known.ordered, title)

    def _on_colour_by_changed(self) -> None:
        shown = self._session.past or self._session.points
        if shown is not None:
            self._draw(shown)

    def _choose_first_view(self) -> None:
        """Show the prior's region where it holds most points, else all points; afterwards the view is the user's.

        The points of a model that still learns lie on a heap that they will leave: for them too the prior's
        region is the better view.
        """
        points = self._session.points
        if points is None:
            return
        within = np.abs(self._session.plane().project(points.mean)).max(axis=1, initial=0.0) <= PRIOR_REACH
        if self._session.run_is_live or (len(within) and within.mean() >= MOST):
            self._map.reset_view()
        else:
            self._map.fit_to_points()

    def _on_selection_changed(self, indices: object) -> None:
        points = self._session.past or self._session.points
        chosen = np.asarray(indices, np.int64).ravel()
        if points is not None and len(chosen):
            self.latentPicked.emit(points.mean[chosen].mean(axis=0), len(chosen))

    def _on_axes_changed(self) -> None:
        axes, points = self._session.axes, self._session.past or self._session.points
        of = f" · {name}" if axes.principal and (name := self._session.layout.levels[self._session.level].name) else ""
        self._map.set_axes_names(_shown(axes.x) + of, _shown(axes.y))  # the y axis has no room for more
        if points is not None:
            self._draw(points)
            self._map.fit_to_points()


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _shown(name: str) -> str:
    """``z1`` as the user reads it: z₁; ``pc1`` as PC 1."""
    if name.startswith("pc"):
        return f"PC {name[2:]}"
    return "z" + name[1:].translate(_SUBSCRIPTS)
