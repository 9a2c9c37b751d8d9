"""The selected images: chosen on the map or by a menu, and how many there are in the status line."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.controllers.commands import ChangeSelection
from latentlab.engine.protocol.messages import PointsChanged, SnapshotRead
from latentlab.gui.latent_map import LatentMap
from latentlab.state.activity import Activity
from latentlab.state.selection import Selection, SelectMode, inverted, is_same_choice, selection_of_rows
from latentlab.state.session import Session
from latentlab.utils.text import pluralize

_MESSAGE = "selection"  # id of the activity


class SelectionController(QObject):
    """Turns chosen points into the session's selection; each gesture is one step of undo.

    The latent stays where it is: a selection is no place in latent space.
    """

    def __init__(
        self,
        session: Session,
        undo: QUndoStack,
        latent_map: LatentMap,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._undo, self._activity = session, undo, activity
        latent_map.pointsSelected.connect(self._on_points_selected)
        latent_map.selectionPreviewed.connect(self._on_previewed)
        session.selectionChanged.connect(self._show_message)

    def points(self) -> PointsChanged | SnapshotRead | None:
        """The points on the map."""
        return self._session.viewed_epoch or self._session.points

    def select(self, selection: Selection | None, mode: SelectMode = SelectMode.REPLACE, text: str = "Select") -> None:
        """Select these images, add them or take them away."""
        before = self._session.selection
        if selection is not None and before is not None:
            selection = before.combined(selection, mode)
        elif mode is SelectMode.SUBTRACT:
            selection = None
        after = selection if selection is not None and len(selection) else None
        if not is_same_choice(after, before):
            self._undo.push(ChangeSelection(self._session, after, text))

    def select_all(self) -> None:
        """Select every image that is a point of the map."""
        points = self.points()
        if points is not None:
            self.select(selection_of_rows(points, np.arange(len(points.mean)), "all"), text="Select all")

    def clear(self) -> None:
        """Select none."""
        self.select(None, text="Clear the selection")

    def invert(self) -> None:
        """Select the points that are not selected."""
        points, selection = self.points(), self._session.selection
        if points is None:
            return
        if selection is None:
            self.select_all()
        else:
            self.select(inverted(selection, points), text="Invert the selection")

    def _on_points_selected(self, rows: object, mode: str, how: str) -> None:
        points = self.points()
        rows = np.asarray(rows, np.int64)
        if points is None or (not len(rows) and mode != SelectMode.REPLACE):
            return
        text = {SelectMode.ADD: "Add to the selection", SelectMode.SUBTRACT: "Take from the selection"}
        wanted = SelectMode(mode)
        if len(rows):
            self.select(selection_of_rows(points, rows, how), wanted, text.get(wanted, "Select"))
        else:
            self.clear()

    # --- the status line ------------------------------------------------------------------------------

    def _on_previewed(self, count: int) -> None:
        if count < 0:
            self._show_message()
        else:
            self._activity.show_for(_MESSAGE, f"{pluralize(count, 'image')} inside")

    def _show_message(self) -> None:
        selection = self._session.selection
        if selection is None:
            self._activity.end(_MESSAGE)
        else:
            self._activity.show_for(_MESSAGE, f"{pluralize(len(selection), 'image')} selected")
