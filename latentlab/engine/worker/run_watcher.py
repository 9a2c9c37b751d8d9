"""Run folders that are written elsewhere, watched: another terminal's training, or a cluster's over a shared disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from latentlab.config.events import Event, event_from
from latentlab.errors import InputError
from latentlab.storage import ModelFile, RunFolder, read_model

_INTERVAL = 1.0  # seconds between two looks

Seen = tuple[int, int] | None


@dataclass(frozen=True)
class RunUpdate:
    """What a run folder has gained since the last look.

    Attributes
    ----------
    events
        Of the metrics.
    model
        The model, where its file is another.
    kept
        Whether other epochs are in its history now.
    ended
        Whether whoever trained it has let go of it since.
    """

    events: tuple[Event, ...] = ()
    model: ModelFile | None = None
    kept: bool = False
    ended: bool = False


class RunWatcher:
    """Looks at a run folder about once a second, and says what is new.

    Parameters
    ----------
    folder
        Of the run; its model has just been read.

    Attributes
    ----------
    is_live
        Whether it was being trained at the last look, where that can be told.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = RunFolder(folder)
        self._model_seen = _seen(self.folder.model)
        self._history_seen: Seen = None
        self._metrics = _Metrics(self.folder)
        self._looked = False
        self.is_live = bool(self.folder.is_held())
        self._clock = _Clock()

    def wait(self) -> float:
        """Seconds until the next look."""
        return self._clock.wait()

    def news(self) -> RunUpdate:
        """What was not told yet; seldom anything. Nothing is looked at before it is due.

        Raises
        ------
        InputError
            When the model's file cannot be read.
        """
        if not self._clock.is_due():
            return RunUpdate()
        events = self._metrics.new_events()
        ended = self._has_ended(grown=bool(events) and self._looked)
        self._looked = True
        return RunUpdate(events, self._new_model(), self._has_kept_more(), ended)

    def _has_ended(self, grown: bool) -> bool:
        if not self.is_live and not grown:
            return False
        held = self.folder.is_held()
        self.is_live = bool(held)
        return held is False

    def _new_model(self) -> ModelFile | None:
        seen = _seen(self.folder.model)
        if seen is None or seen == self._model_seen:
            return None
        self._model_seen = seen
        return read_model(self.folder.model)

    def _has_kept_more(self) -> bool:
        before, self._history_seen = self._history_seen, _seen(self.folder.history.folder)
        return before != self._history_seen


class MetricsWatcher:
    """Looks about once a second at run folders whose curves are drawn beside others'."""

    def __init__(self) -> None:
        self._metrics: dict[str, _Metrics] = {}
        self._clock = _Clock()

    def choose(self, runs: tuple[str, ...]) -> None:
        """Look at these folders and at no others; what they hold is told at the next look.

        Raises
        ------
        InputError
            Naming the first that is no run's; the others are looked at.
        """
        known = {run: RunFolder(run) for run in runs}
        strange = [run for run, folder in known.items() if not folder.record.exists()]
        self._metrics = {run: _Metrics(folder) for run, folder in known.items() if run not in strange}
        self._clock = _Clock()
        if strange:
            raise InputError(f"{strange[0]} is not a run folder; it cannot be compared")

    def wait(self) -> float | None:
        """Seconds until the next look; ``None`` when there is nothing to look at."""
        return self._clock.wait() if self._metrics else None

    def news(self) -> Iterator[tuple[str, tuple[Event, ...]]]:
        """The folders with something new, and what. Nothing is looked at before it is due."""
        if self._metrics and self._clock.is_due():
            for run, metrics in self._metrics.items():
                if events := metrics.new_events():
                    yield run, events


class _Metrics:
    """The lines of a run's metrics that were not told yet."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._told: Seen = None
        self._lines = 0

    def new_events(self) -> tuple[Event, ...]:
        seen = _seen(self._folder.metrics)
        if seen == self._told:
            return ()
        self._told = seen
        lines = self._folder.read_metrics()
        # Fewer than before: the run was resumed from an earlier checkpoint, and tells its epochs again.
        new = lines[self._lines :] if len(lines) >= self._lines else lines
        self._lines = len(lines)
        return tuple(event for line in new if (event := event_from(line)) is not None)


class _Clock:
    """When to look next."""

    def __init__(self) -> None:
        self._due = 0.0

    def wait(self) -> float:
        return max(0.0, self._due - time.monotonic())

    def is_due(self) -> bool:
        """Whether it is time; if so, the next time is an interval away."""
        if self.wait():
            return False
        self._due = time.monotonic() + _INTERVAL
        return True


def _seen(path: Path) -> Seen:
    """What tells one state of a file from another; ``None`` while it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
