"""Reads run folders for the window: snapshots of epochs, and curves to compare (no torch)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentlab.engine.protocol.messages import (
    CompareRuns,
    EpochsRead,
    Notice,
    ReadEpochs,
    ReadSnapshot,
    RunFollowed,
    RunSnapshots,
    SnapshotRead,
)
from latentlab.engine.worker.run_watcher import MetricsWatcher
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.storage import RunFolder, Snapshot
from latentlab.storage.snapshots import evenly
from latentlab.utils.array_types import ByteArray


class RunHistoryReader:
    """Reads run folders; a snapshot that cannot be read is reported once and then left out.

    Parameters
    ----------
    workspace
        Sends results, and knows the open dataset.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._compared = MetricsWatcher()
        self._bad: set[tuple[Path, int]] = set()  # damaged files with their times: they may be written again

    def answer(self, request: ReadSnapshot | ReadEpochs | CompareRuns) -> None:
        """Answer a request about run folders.

        Raises
        ------
        InputError
            When a folder to compare is not a run folder.
        """
        match request:
            case ReadSnapshot():
                self._read_snapshot(request)
            case ReadEpochs():
                self._read_epochs(request)
            case CompareRuns():
                self._compared.watch(request.runs)

    def wait(self) -> float | None:
        """Seconds until compared runs are to be checked again; ``None`` if there are none."""
        return self._compared.wait()

    def check(self) -> None:
        """Publish what compared runs have gained since the last check."""
        for run, events in self._compared.check():
            self._workspace.send(RunFollowed(run, events, compared=True))

    def publish_epochs(self, run: str) -> None:
        """Publish which epochs have readable snapshots."""
        self._workspace.send(RunSnapshots(run, self._epochs(run)))

    def _epochs(self, run: str) -> tuple[int, ...]:
        """The epochs whose snapshots exist and are not known to be damaged."""
        snapshots = RunFolder(run).snapshots
        return tuple(
            epoch
            for epoch in snapshots.epochs()
            if (state := _state_of(snapshots.path(epoch))) is not None and state not in self._bad
        )

    def _read_snapshot(self, request: ReadSnapshot) -> None:
        """Send one epoch; if it cannot be read, report that and send which others there are."""
        snapshot = self._snapshot(request.run, request.epoch)
        if snapshot is None:
            self.publish_epochs(request.run)
            return
        self._workspace.send(snapshot_read(self._workspace, snapshot, request.generation, request.run))

    def _read_epochs(self, request: ReadEpochs) -> None:
        """Send images over the epochs; nothing if no snapshot can be read."""
        found = [
            snapshot
            for epoch in evenly(self._epochs(request.run), request.columns)
            if (snapshot := self._snapshot(request.run, epoch)) is not None
        ]
        # Images of another shape come from a file that another run left in the folder.
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
        snapshots = RunFolder(run).snapshots
        state = _state_of(snapshots.path(epoch))
        if state is None or state in self._bad:
            return None
        try:
            snapshot = snapshots.read(epoch)
            model = self._workspace.info
            if model is not None and model.path == str(RunFolder(run).model):
                _check_fits(snapshot, model.latent_dim, snapshots.path(epoch))
            return snapshot
        except InputError as error:
            self._bad.add(state)
            self._workspace.send(Notice(f"Epoch {epoch} cannot be shown again: {error}"))
            return None


def _check_fits(snapshot: Snapshot, latent_dim: int, path: Path) -> None:
    """Refuse points that are not in the latent space of the run's model."""
    if snapshot.mean.shape[1] != latent_dim:
        raise InputError(f"{path} has points of {snapshot.mean.shape[1]} dimensions, and the model has {latent_dim}")


def _state_of(path: Path) -> tuple[Path, int] | None:
    """Identifies one state of a file; ``None`` while it does not exist."""
    try:
        return path, path.stat().st_mtime_ns
    except OSError:
        return None


def snapshot_read(workspace: Workspace, snapshot: Snapshot, generation: int, run: str) -> SnapshotRead:
    """A snapshot of the run folder ``run`` for the window, with the columns of its images if they are open."""
    return SnapshotRead(
        generation=generation,
        run=run,
        epoch=snapshot.epoch,
        metrics=snapshot.metrics,
        mean=snapshot.mean,
        label=snapshot.label,
        classes=snapshot.classes,
        columns=workspace.columns_of(snapshot.index, snapshot.fingerprint),
        picture=snapshot.picture,
        extent=snapshot.extent,
        originals=snapshot.originals,
        reconstructions=snapshot.reconstructions,
        samples=snapshot.samples,
        fingerprint=snapshot.fingerprint,
        index=snapshot.index,
    )
