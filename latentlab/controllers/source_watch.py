"""Watches whether the files of the open model and images are as they were opened, and says so once if they are not."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.controllers.background import Background
from latentlab.gui.widgets.toasts import Toasts
from latentlab.state.session import Session
from latentlab.storage.session_places import exists
from latentlab.storage.source_kind import RUN_FILES
from latentlab.utils.source_names import NAMED, parts_of

WATCH_SECONDS = 15
_MOST_PARTS = 20  # of a dataset of many sources, as many are looked at
_GONE = "gone"
State = str | tuple[int, int]
"""``gone``, an empty text for a folder that is there, or time and size of a file."""


class SourceWatchController(QObject):
    """Looks at the files in a thread from time to time. What is open stays open, whatever happens to them.

    Parameters
    ----------
    open_source
        Opens a source again, if the user wants that.

    Signals
    -------
    looked
        The files were looked at.
    """

    looked = Signal()

    def __init__(
        self,
        session: Session,
        notifications: Toasts,
        open_source: Callable[[str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._notifications, self._open = session, notifications, open_source
        self._known: dict[str, State] = {}
        self._disk = Background(self._on_looked, self)
        self._timer = QTimer(self)
        self._timer.setInterval(WATCH_SECONDS * 1000)
        self._timer.timeout.connect(self.look)
        self._timer.start()
        session.modelChanged.connect(lambda is_new: self._forget(self._model()) if is_new else None)
        session.datasetChanged.connect(lambda: self._forget(self._dataset()))

    def note_written(self, path: str) -> None:
        """Note that the window itself has written a file."""
        self._forget(path)

    def look(self) -> None:
        """Look at the files of what is open."""
        sources = [source for source in (self._model(), self._dataset()) if source]
        self._known = {source: state for source, state in self._known.items() if source in sources}
        if sources:
            self._disk.run(lambda: {source: state_of(source) for source in sources})

    def _model(self) -> str:
        model = self._session.model
        return "" if model is None or model.source.startswith(NAMED) else model.source

    def _dataset(self) -> str:
        dataset = self._session.dataset
        return "" if dataset is None or dataset.source.startswith(NAMED) else dataset.source

    def _forget(self, source: str) -> None:
        """What the source is like from now on is not known yet; it is looked at soon."""
        self._known.pop(source, None)
        self.look()

    def _on_looked(self, found: Mapping[str, State]) -> None:
        for source, now in found.items():
            before = self._known.get(source)
            if source in (self._model(), self._dataset()):
                self._known[source] = now
                if before is not None and before != now:
                    self._say(source, now)
        self.looked.emit()

    def _say(self, source: str, now: State) -> None:
        name = Path(parts_of(source)[0]).name
        if now == _GONE:
            text = f"{name} is gone from its folder; what is open stays open."
            if source == self._model():
                text += " Save model as… writes it again."
            self._notifications.notify("warning", text)
        elif isinstance(now, tuple) and name != RUN_FILES[0]:  # a run writes its model again and again
            text = f"{name} was changed on the disk; the window shows it as it was opened."
            actions = [("Open it again", partial(self._open, source))]
            self._notifications.notify("info", text, actions=actions)


def state_of(source: str) -> State:
    """What can be told of a source without reading it: of several files whether they are there."""
    parts = parts_of(source)
    if not all(map(exists, parts[:_MOST_PARTS])):
        return _GONE
    try:
        status = os.stat(source)
    except (OSError, ValueError):
        return ""  # a name of several
    return "" if os.path.isdir(source) else (status.st_mtime_ns, status.st_size)
