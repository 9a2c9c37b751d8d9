"""The points selected on the map: their mean becomes the latent, which the status line shows while it lasts."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject

from latentlab.controllers.explore import ExploreController
from latentlab.gui.latent_map import LatentMap
from latentlab.state.activity import Activity
from latentlab.state.session import Session
from latentlab.utils.text import pluralize

_MESSAGE = "selection"  # id of the activity


class SelectionController(QObject):
    """Moves the latent to the mean of the points that were selected on the map."""

    def __init__(
        self,
        session: Session,
        explore: ExploreController,
        latent_map: LatentMap,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._explore, self._activity = session, explore, activity
        latent_map.selectionChanged.connect(self._on_selection_changed)
        for cause in (session.latentChanged, session.pointsChanged, session.pathChanged):
            cause.connect(self._withdraw_message)

    def _on_selection_changed(self, indices: object) -> None:
        points = self._session.viewed_epoch or self._session.points
        selected = np.asarray(indices, np.int64).ravel()
        if points is None or not len(selected):
            self._withdraw_message()
            return
        self._explore.go_to(points.mean[selected].mean(axis=0), text="Select")
        count = len(selected)
        text = f"{pluralize(count, 'point')} selected; {'its latent' if count == 1 else 'their mean'} is shown"
        self._activity.show_for(_MESSAGE, text)

    def _withdraw_message(self) -> None:
        self._activity.end(_MESSAGE)
