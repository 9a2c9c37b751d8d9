"""The undo history, which lasts as long as the latent space that its steps are in."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.state.activity import Activity
from latentlab.state.session import Session

MOST_STEPS = 500
"""Steps that are kept. A move takes 1.5 kB, and a day of exploring took tens of megabytes; a selection takes more."""

_CLEARED = "undo history"  # id of the activity


def undo_stack(parent: QObject) -> QUndoStack:
    """A stack that forgets its oldest steps, so that memory stays bounded."""
    stack = QUndoStack(parent)
    stack.setUndoLimit(MOST_STEPS)
    return stack


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
