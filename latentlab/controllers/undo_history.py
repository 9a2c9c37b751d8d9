"""The undo history, which lasts as long as the latent space that its steps are in."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.state.activity import Activity
from latentlab.state.session import Session

_CLEARED = "undo history"  # id of the activity


class UndoHistoryController(QObject):
    """Clears the history when the latent space becomes another one, and says so in the status line.

    Newer weights, a run, or another model of the same latent space keep it: its latents remain latents of the model.
    """

    def __init__(self, session: Session, undo: QUndoStack, activity: Activity, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._undo, self._activity = session, undo, activity
        self._layout = session.layout
        session.modelChanged.connect(self._on_model_changed)

    def _on_model_changed(self, _is_new_model: bool) -> None:
        before, self._layout = self._layout, self._session.layout
        if self._layout == before:
            return
        if self._undo.count():
            self._activity.show_for(_CLEARED, "Another latent space: earlier steps can no longer be undone")
        self._undo.clear()
