"""The selected points: their mean becomes the latent, and the status line says so while that is true."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject

from latentlab.controllers.encoded_points import EncodedPointsController
from latentlab.controllers.explore import ExploreController
from latentlab.engine.protocol.messages import FloatArray
from latentlab.gui.latent_map import LatentMap
from latentlab.state.activity import Activity
from latentlab.state.session import Session

_MESSAGE = "selection"


class SelectionController(QObject):
    """Moves the latent to the mean of the points that were selected on the map."""

    def __init__(
        self,
        session: Session,
        explore: ExploreController,
        points: EncodedPointsController,
        latent_map: LatentMap,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._explore, self._activity = explore, activity
        points.latentPicked.connect(self._on_points_selected)
        latent_map.selectionChanged.connect(self._on_selection_changed)
        latent_map.pathEdited.connect(self._withdraw)
        session.latentChanged.connect(self._withdraw)
        session.pointsChanged.connect(self._withdraw)
        session.modelChanged.connect(self._withdraw)

    def _on_points_selected(self, mean: FloatArray, count: int) -> None:
        self._explore.go_to(mean, text="Select")
        self._activity.show_for(_MESSAGE, f"{count:,} points selected; their mean is shown")

    def _on_selection_changed(self, indices: object) -> None:
        if not np.size(np.asarray(indices)):
            self._withdraw()

    def _withdraw(self, _cause: object = None) -> None:
        self._activity.end(_MESSAGE)
