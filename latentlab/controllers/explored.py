"""A model that another process computes: reports the Board to it, closes the window for it, and notices its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from latentlab.foreign.remote_functions import GONE
from latentlab.foreign.window_link import WindowLink
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.toasts import Notification, Toasts
from latentlab.state.board import BoardItem, Direction, Latent, Path
from latentlab.state.selection import Selection
from latentlab.state.session import Session
from latentlab.storage.explored_model import is_explored

REPORT_MS = 100
_MOST_ITEMS = 1000
_LONGEST = 300  # characters of a text

Arrays = dict[str, NDArray[Any]]


class ExploredController(QObject):
    """Connects to the process that computes the open model, for as long as that model is open.

    Signals
    -------
    closeRequested
        That process wants the window to close.
    """

    closeRequested = Signal()
    _gone = Signal()

    def __init__(self, session: Session, notifications: Toasts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._notifications = session, notifications
        self._link: WindowLink | None = None
        self._source = ""
        self._notification: Notification | None = None
        self._report = Debouncer(REPORT_MS, self._send_report, self)
        # By a signal: the link calls from a thread of its own.
        self._gone.connect(self._on_gone)
        session.modelChanged.connect(self._on_model_changed)
        for changed in (session.board.changed, session.latentChanged, session.selectionChanged):
            changed.connect(self._on_changed)

    def close(self) -> None:
        """Tell the process what is on the Board at last, and disconnect."""
        if self._link is not None:
            self._report.cancel()
            self._send_report()
        self._disconnect()

    def _on_model_changed(self, _is_new_model: bool) -> None:
        model = self._session.model
        source = "" if model is None or not is_explored(model.source) else model.source
        if source == self._source:
            return
        self._disconnect()
        self._source = source
        if source:
            self._link = WindowLink(source, self.closeRequested.emit, self._gone.emit)
            self._report.throttle()

    def _disconnect(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
        self._source = ""
        if self._notification is not None:
            self._notification.withdraw()
            self._notification = None

    def _on_changed(self, *_of: object) -> None:
        if self._link is not None:
            self._report.throttle()

    def _on_gone(self) -> None:
        if self._link is not None:
            self._notification = self._notifications.notify("error", GONE, important=True)

    def _send_report(self) -> None:
        if self._link is not None:
            self._link.report(*report_of(self._session))


def report_of(session: Session) -> tuple[Mapping[str, Any], Arrays]:
    """What is on the Board, the latent and the selection, as a message: its header and arrays."""
    model = session.model
    arrays: Arrays = {}
    if model is not None and len(session.latent):
        arrays["latent"] = np.asarray(session.latent, np.float32)
    if session.selection is not None:
        arrays["selection"] = session.selection.images
    items: list[dict[str, str]] = []
    for item in session.board.items[:_MOST_ITEMS]:
        number = len(items)
        arrays |= _arrays_of(item, str(number))
        texts = {"name": item.name, "provenance": item.provenance, "tag": item.tag}
        items.append({"kind": item.kind} | {key: text[:_LONGEST] for key, text in texts.items()})
    return {"do": "report", "items": items}, arrays


def _arrays_of(item: BoardItem, key: str) -> Arrays:
    match item.content:
        case Selection() as selection:
            return {key: selection.images}
        case Direction() as direction:
            return {key: direction.vector, f"{key} origin": direction.origin}
        case Path() as path:
            return {key: path.waypoints}
        case Latent() as latent:
            return {key: latent.z}
