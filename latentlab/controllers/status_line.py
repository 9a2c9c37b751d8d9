"""The status line: shows the newest activity, or the state of the run if there is none."""

from __future__ import annotations

from PySide6.QtCore import QObject

from latentlab.controllers.run_messages import duration
from latentlab.gui.widgets.status_bar import StatusBar
from latentlab.state.activity import Activity


class StatusLineController(QObject):
    """The only writer of the status bar; all others write to :class:`~latentlab.state.activity.Activity`."""

    def __init__(self, activity: Activity, status: StatusBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._activity, self._status = activity, status
        activity.changed.connect(self._show)
        status.cancelRequested.connect(activity.cancel)
        self._show()

    def _show(self) -> None:
        entry = self._activity.shown
        left = "" if entry.seconds_left is None else f" · {duration(entry.seconds_left)} left"
        self._status.set_message(entry.text + left)
        self._status.set_progress(entry.fraction, busy=entry.is_busy, cancellable=entry.cancel is not None)
        self._status.set_cancel_text(entry.cancel_text)
