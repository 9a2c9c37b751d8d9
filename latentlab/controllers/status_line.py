"""The status line: shows the newest activity, or the state of the run if there is none."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint

from latentlab.controllers.run_messages import duration
from latentlab.gui.widgets.activity_list import ActivityList, ActivityRow
from latentlab.gui.widgets.status_bar import StatusBar
from latentlab.state.activity import Activity, ActivityEntry


class StatusLineController(QObject):
    """The only writer of the status bar; all others write to :class:`~latentlab.state.activity.Activity`."""

    def __init__(self, activity: Activity, status: StatusBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._activity, self._status = activity, status
        activity.changed.connect(self._show)
        self._list = ActivityList(status)
        activity.listChanged.connect(self._show_list)
        self._list.cancelRequested.connect(activity.cancel_one)
        status.cancelRequested.connect(activity.cancel)
        status.listRequested.connect(self.show_list)
        self._show()
        self._show_list()

    def show_list(self) -> None:
        """Show everything that is in progress."""
        self._list.show_above(self._status.mapToGlobal(QPoint(self._status.width(), 0)))

    def _show_list(self) -> None:
        rows = [
            ActivityRow(
                identity, entry.text + _left(entry), entry.fraction, "" if entry.cancel is None else entry.cancel_text
            )
            for identity, entry in self._activity.running
        ]
        self._list.set_rows(rows)
        self._status.set_others(max(0, len(rows) - 1))

    def _show(self) -> None:
        entry = self._activity.shown
        self._status.set_message(entry.text + _left(entry))
        self._status.set_progress(entry.fraction, busy=entry.is_busy, cancellable=entry.cancel is not None)
        self._status.set_cancel_text(entry.cancel_text)


def _left(entry: ActivityEntry) -> str:
    return "" if entry.seconds_left is None else f" · {duration(entry.seconds_left)} left"
