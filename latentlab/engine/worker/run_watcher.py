"""Watches run folders that another process writes: a training in another terminal, or on a cluster's shared disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from latentlab.config.events import Event, event_from
from latentlab.errors import InputError
from latentlab.storage import ModelFile, RunFolder, read_model

_INTERVAL = 1.0  # seconds between two checks

FileState: TypeAlias = tuple[int, int] | None  # time of modification and size; None for a missing file


@dataclass(frozen=True)
class RunUpdate:
    """What a run folder has gained since the last check.

    Attributes
    ----------
    events
        New lines of the metrics.
    model
        The model, if its file has changed.
    has_other_snapshots
        Whether the epochs with snapshots have changed.
    has_ended
        Whether the process that trained it has released it.
    """

    events: tuple[Event, ...] = ()
    model: ModelFile | None = None
    has_other_snapshots: bool = False
    has_ended: bool = False


class RunWatcher:
    """Checks a run folder about once a second.

    Parameters
    ----------
    folder
        Of the run; its model has just been read.

    Attributes
    ----------
    is_locked_by_trainer
        Whether a process was training it at the last check, as far as can be determined.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = RunFolder(folder)
        self._model_state = _state_of(self.folder.model)
        self._snapshots_state: FileState = None
        self._metrics = _MetricsReader(self.folder)
        self._has_checked = False
        self.is_locked_by_trainer = bool(self.folder.is_locked())
        self._timer = _IntervalTimer()

    def wait(self) -> float:
        """Seconds until the next check."""
        return self._timer.wait()

    def check(self) -> RunUpdate:
        """What is new; an empty update before the next check is due.

        Raises
        ------
        InputError
            When the model's file cannot be read.
        """
        if not self._timer.is_due():
            return RunUpdate()
        events = self._metrics.new_events()
        has_ended = self._check_lock(has_grown=bool(events) and self._has_checked)
        self._has_checked = True
        return RunUpdate(events, self._new_model(), self._has_other_snapshots(), has_ended)

    def _check_lock(self, has_grown: bool) -> bool:
        """Whether the trainer has released the folder since the last check."""
        if not self.is_locked_by_trainer and not has_grown:
            return False
        is_locked = self.folder.is_locked()
        self.is_locked_by_trainer = bool(is_locked)
        return is_locked is False

    def _new_model(self) -> ModelFile | None:
        state = _state_of(self.folder.model)
        if state is None or state == self._model_state:
            return None
        self._model_state = state
        return read_model(self.folder.model)

    def _has_other_snapshots(self) -> bool:
        before, self._snapshots_state = self._snapshots_state, _state_of(self.folder.snapshots.folder)
        return before != self._snapshots_state


class MetricsWatcher:
    """Checks the metrics of compared run folders about once a second."""

    def __init__(self) -> None:
        self._metrics: dict[str, _MetricsReader] = {}
        self._timer = _IntervalTimer()

    def watch(self, runs: tuple[str, ...]) -> None:
        """Watch these folders and no others; their metrics are returned by the next check.

        Raises
        ------
        InputError
            Naming the first that is not a run folder; the others are watched.
        """
        folders = {run: RunFolder(run) for run in runs}
        invalid = [run for run, folder in folders.items() if not os.path.exists(folder.record)]
        self._metrics = {run: _MetricsReader(folder) for run, folder in folders.items() if run not in invalid}
        self._timer = _IntervalTimer()
        if invalid:
            raise InputError(f"{invalid[0]} is not a run folder; it cannot be compared")

    def wait(self) -> float | None:
        """Seconds until the next check; ``None`` when nothing is watched."""
        return self._timer.wait() if self._metrics else None

    def check(self) -> Iterator[tuple[str, tuple[Event, ...]]]:
        """The folders with new events; none before the next check is due."""
        if self._metrics and self._timer.is_due():
            for run, metrics in self._metrics.items():
                if events := metrics.new_events():
                    yield run, events


class _MetricsReader:
    """Reads the new lines of a run's metrics."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._state: FileState = None
        self._lines = 0

    def new_events(self) -> tuple[Event, ...]:
        state = _state_of(self._folder.metrics)
        if state == self._state:
            return ()
        self._state = state
        lines = self._folder.read_metrics()
        # Fewer than before: the run was resumed from an earlier checkpoint and writes those epochs again.
        new = lines[self._lines :] if len(lines) >= self._lines else lines
        self._lines = len(lines)
        return tuple(event for line in new if (event := event_from(line)) is not None)


class _IntervalTimer:
    """When to check next."""

    def __init__(self) -> None:
        self._due = 0.0

    def wait(self) -> float:
        return max(0.0, self._due - time.monotonic())

    def is_due(self) -> bool:
        """Whether it is time; if so, the next time is an interval later."""
        if self.wait():
            return False
        self._due = time.monotonic() + _INTERVAL
        return True


def _state_of(path: Path) -> FileState:
    """Identifies one state of a file; ``None`` while it does not exist."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
