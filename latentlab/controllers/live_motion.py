"""The latent as oscillators and other programs move it, frame by frame: the whole movement is one step of undo."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from latentlab.controllers.commands import PlayLatent
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.session import Session
from latentlab.utils.array_types import FloatArray

REST_MS = 500
"""So long after the last frame the movement counts as ended."""


class LiveMotion(QObject):
    """Moves the latent; everything until it rests is one step of undo.

    Signals
    -------
    movedByOthers(before, after)
        The latent was changed by something else: its value before and after.
    """

    movedByOthers = Signal(object, object)

    def __init__(self, session: Session, undo: QUndoStack, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._undo = session, undo
        self._start: FloatArray | None = None
        self._last = session.latent
        self._is_moving = False
        self._text = "Play"
        self._at_rest = Debouncer(REST_MS, self.end, self)
        session.latentChanged.connect(self._on_latent_changed)
        session.modelChanged.connect(self._on_model_changed)

    def move_to(self, latent: FloatArray, text: str = "Play") -> None:
        """Show a latent [d]; locked dimensions stay as they are."""
        session = self._session
        here = session.latent
        if session.model is None or latent.shape != here.shape or not np.isfinite(latent).all():
            return
        moved = np.asarray(latent, np.float32).copy()
        locked = sorted(session.locked)
        moved[locked] = here[locked]
        if self._start is None:
            self._start, self._text = here, text
        self._at_rest.debounce()
        self._is_moving = True
        try:
            session.set_viewed_epoch(None)
            session.set_latent(moved)
        finally:
            self._is_moving = False

    def end(self) -> None:
        """The movement is over: it becomes one step of undo."""
        self._at_rest.cancel()
        start, self._start = self._start, None
        here = self._session.latent
        if start is not None and start.shape == here.shape and not np.array_equal(start, here):
            self._undo.push(PlayLatent(self._session, start, here, self._text))

    def _on_latent_changed(self) -> None:
        before, self._last = self._last, self._session.latent
        if not self._is_moving and before.shape == self._last.shape:
            self.movedByOthers.emit(before, self._last)

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._at_rest.cancel()
            self._start, self._last = None, self._session.latent
