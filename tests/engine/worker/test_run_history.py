"""Snapshots of a run's epochs, read while another process trains it."""

from __future__ import annotations

import numpy as np

from latentlab.engine.protocol.messages import (
    EpochsRead,
    Notice,
    OpenModel,
    ReadEpochs,
    ReadSnapshot,
    RunSnapshots,
    SnapshotRead,
)
from latentlab.storage import RunFolder
from tests.engine.conftest import train_elsewhere
from tests.storage.rewrite import rewrite


def test_the_snapshots_of_an_opened_run_can_be_read(driver, image_file, tmp_path):
    out = tmp_path / "run"
    train_elsewhere(image_file, out, 1)
    driver.ask(OpenModel(str(out)))
    assert driver.wait(RunSnapshots) == RunSnapshots(str(out), (1,))
    train_elsewhere(image_file, out, 3)
    driver.wait(RunSnapshots, lambda result: result.epochs[-1] == 3)
    driver.ask(ReadSnapshot(1, str(out), 1), ReadEpochs(2, str(out), "reconstruct", rows=4))
    read = driver.wait(SnapshotRead)
    assert (read.generation, read.epoch, read.mean.shape) == (1, 1, (300, 2))
    assert read.classes == ("0", "1")
    assert "validation_elbo" in read.metrics
    strip = driver.wait(EpochsRead)
    assert (strip.generation, strip.epochs[0], strip.epochs[-1]) == (2, 1, 3)
    assert strip.images.shape == (4, len(strip.epochs), 8, 8)
    assert (strip.images[:, 0] == read.reconstructions[:4]).all()
    assert (strip.originals == read.originals[:4]).all()


def test_a_damaged_snapshot_is_reported_once_and_left_out(driver, image_file, tmp_path):
    out = tmp_path / "run"
    train_elsewhere(image_file, out, 2)
    history = RunFolder(out).snapshots
    assert history.epochs() == (1, 2)
    history.path(1).write_bytes(b"nonsense")
    driver.ask(OpenModel(str(out)), ReadSnapshot(1, str(out), 1))
    assert "Epoch 1 cannot be shown again" in driver.wait(Notice).message
    assert driver.wait(RunSnapshots, lambda result: result.epochs == (2,)).run == str(out)
    driver.ask(ReadEpochs(2, str(out), "sample"))
    strip = driver.wait(EpochsRead)
    assert (strip.epochs, strip.originals, strip.images.shape) == ((2,), None, (6, 1, 8, 8))
    driver.ask(ReadSnapshot(3, str(out), 2))
    driver.wait(SnapshotRead)
    assert driver.seen(Notice) == []


def test_row_40_a_snapshot_of_another_latent_space_is_reported_and_left_out(driver, image_file, tmp_path):
    out = tmp_path / "run"
    train_elsewhere(image_file, out, 1)
    snapshots = RunFolder(out).snapshots
    rewrite(snapshots.path(1), "latentlab_history", {"mean": np.zeros((300, 5), np.float16)})
    driver.ask(OpenModel(str(out)), ReadSnapshot(1, str(out), 1))
    assert "has points of 5 dimensions, and the model has 2" in driver.wait(Notice).message
    assert driver.seen(SnapshotRead) == []
