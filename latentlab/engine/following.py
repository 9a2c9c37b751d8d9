"""A run folder that is written elsewhere, watched: another terminal's training, or a cluster's over a shared disk."""

from __future__ import annotations

import time
from pathlib import Path

from latentlab.events import Event, event_from
from latentlab.storage import ModelFile, RunFolder, read_model

_INTERVAL = 1.0  # seconds between two looks

Seen = tuple[int, int] | None


class Following:
    """Looks at a run folder about once a second, and says what is new.

    Parameters
    ----------
    folder
        Of the run; its model has just been read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = RunFolder(folder)
        self._model_seen = _seen(self.folder.model)
        self._metrics_seen: Seen = None
        self._lines = 0
        self._due = 0.0

    def wait(self) -> float:
        """Seconds until the next look."""
        return max(0.0, self._due - time.monotonic())

    def news(self) -> tuple[tuple[Event, ...], ModelFile | None]:
        """Events of the metrics that were not told yet, and the model where its file is another; seldom both nothing.

        Nothing is looked at before it is due.

        Raises
        ------
        InputError
            When the model's file cannot be read.
        """
        if self.wait():
            return (), None
        self._due = time.monotonic() + _INTERVAL
        return self._new_events(), self._new_model()

    def _new_events(self) -> tuple[Event, ...]:
        seen = _seen(self.folder.metrics)
        if seen == self._metrics_seen:
            return ()
        self._metrics_seen = seen
        lines = self.folder.read_metrics()
        # Fewer than before: the run was resumed from an earlier checkpoint, and tells its epochs again.
        new = lines[self._lines :] if len(lines) >= self._lines else lines
        self._lines = len(lines)
        return tuple(event for line in new if (event := event_from(line)) is not None)

    def _new_model(self) -> ModelFile | None:
        seen = _seen(self.folder.model)
        if seen is None or seen == self._model_seen:
            return None
        self._model_seen = seen
        return read_model(self.folder.model)


def _seen(path: Path) -> Seen:
    """What tells one state of a file from another; ``None`` while it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
