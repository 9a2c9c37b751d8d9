"""Run folders beside the live model, read for the window: their history, and curves to compare (no torch)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentlab.engine.protocol.messages import (
    ByteArray,
    CompareRuns,
    EpochsRead,
    Notice,
    ReadEpochs,
    ReadSnapshot,
    Request,
    RunFollowed,
    RunSnapshots,
    SnapshotRead,
)
from latentlab.engine.worker.run_watcher import MetricsWatcher
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.storage import RunFolder, Snapshot
from latentlab.storage.snapshots import evenly


class RunHistoryReader:
    """Reads run folders; a snapshot that cannot be read is told of once, and then left out.

    Parameters
    ----------
    workspace
        Which tells the window, and knows the open dataset.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._comparison = MetricsWatcher()
        self._bad: set[tuple[Path, int] | None] = set()  # damaged files, each with its time: it may be written again

    def answer(self, request: Request) -> bool:
        """Answer a request that is about run folders; whether it was one.

        Raises
        ------
        InputError
            When a folder to compare is no run's.
        """
        match request:
            case ReadSnapshot():
                self.read(request)
            case ReadEpochs():
                self.read_epochs(request)
            case CompareRuns():
                self._comparison.choose(request.runs)
            case _:
                return False
        return True

    def wait(self) -> float | None:
        """Seconds until compared runs are to be looked at again; ``None`` when there are none."""
        return self._comparison.wait()

    def look(self) -> None:
        """Tell what compared runs have gained since the last look."""
        for run, events in self._comparison.news():
            self._workspace.send(RunFollowed(run, events, compared=True))

    def tell_epochs(self, run: str) -> None:
        """Tell which epochs can be seen again."""
        self._workspace.send(RunSnapshots(run, self.epochs(run)))

    def epochs(self, run: str) -> tuple[int, ...]:
        """The epochs that are kept and not known to be damaged."""
        history = RunFolder(run).history
        return tuple(
            epoch for epoch in history.epochs() if (seen := _seen(history.path(epoch))) and seen not in self._bad
        )

    def read(self, request: ReadSnapshot) -> None:
        """Tell one epoch; where it cannot be read, say so and tell which others there are."""
        snapshot = self._snapshot(request.run, request.epoch)
        if snapshot is None:
            self.tell_epochs(request.run)
            return
        self._workspace.send(
            SnapshotRead(
                generation=request.generation,
                run=request.run,
                epoch=snapshot.epoch,
                metrics=snapshot.metrics,
                mean=snapshot.mean,
                label=snapshot.label,
                classes=snapshot.classes,
                columns=self._workspace.columns_of(snapshot.index, snapshot.fingerprint),
                picture=snapshot.picture,
                extent=snapshot.extent,
                originals=snapshot.originals,
                reconstructions=snapshot.reconstructions,
                samples=snapshot.samples,
            )
        )

    def read_epochs(self, request: ReadEpochs) -> None:
        """Tell images over the epochs; nothing where none can be read."""
        found = [
            snapshot
            for epoch in evenly(self.epochs(request.run), request.columns)
            if (snapshot := self._snapshot(request.run, epoch)) is not None
        ]
        # Images of another shape are of another run, of which a file was left here.
        found = [snapshot for snapshot in found if snapshot.originals.shape == found[-1].originals.shape]
        if not found:
            return
        reconstruct = request.kind == "reconstruct"
        images = [(each.reconstructions if reconstruct else each.samples)[: request.rows] for each in found]
        stacked: ByteArray = np.stack(images, axis=1)
        self._workspace.send(
            EpochsRead(
                request.generation,
                request.run,
                request.kind,
                tuple(each.epoch for each in found),
                stacked,
                found[-1].originals[: request.rows] if reconstruct else None,
            )
        )

    def _snapshot(self, run: str, epoch: int) -> Snapshot | None:
        history = RunFolder(run).history
        path = history.path(epoch)
        seen = _seen(path)
        if seen is None or seen in self._bad:
            return None
        try:
            return history.read(epoch)
        except InputError as error:
            self._bad.add(seen)
            self._workspace.send(Notice(f"Epoch {epoch} cannot be shown again: {error}"))
            return None


def _seen(path: Path) -> tuple[Path, int] | None:
    """What tells one state of a file from another; ``None`` while it is not there."""
    try:
        return path, path.stat().st_mtime_ns
    except OSError:
        return None
