"""Snapshots of a run: taken within a budget, continued on resume, and without any effect on the run."""

import dataclasses
import errno
import os

import numpy as np
import pytest

from latentlab.errors import RunError
from latentlab.models.inference import weights_of
from latentlab.storage import RunFolder, Snapshot
from latentlab.training import Trainer, snapshots
from latentlab.training.snapshots import stored_image
from latentlab.training.timing import RunClock
from tests.training.helpers import bars, run_config, train
from tests.training.test_resume import content


@pytest.fixture
def unlimited(monkeypatch):
    """Take a snapshot of every epoch, whatever it costs."""
    monkeypatch.setattr(snapshots, "SHARE", 1e9)


def test_a_snapshot_shows_the_model_of_its_epoch(unlimited, tmp_path):
    dataset = bars()
    trainer, _ = train(dataset, run_config(standardise=False), tmp_path / "run")
    history = RunFolder(tmp_path / "run").snapshots
    assert history.epochs() == (1, 2, 3)
    assert trainer.newest_snapshot == 3
    last = history.read(3)
    assert np.allclose(last.mean, trainer.loaded.encode(dataset.images[last.index])[0], atol=2e-3)
    assert (last.label == dataset.labels[last.index]).all()
    assert (last.classes, last.fingerprint) == (dataset.classes, dataset.fingerprint)
    held_out = dataset.images[dataset.split()[1]][:, 0]
    assert all((held_out == image).all(axis=(1, 2)).any() or len(held_out) < 12 for image in last.originals)
    assert last.originals.shape == last.reconstructions.shape == last.samples.shape == (12, 8, 8)
    assert last.picture.shape == (96, 96)
    assert last.cells == 12
    assert last.metrics["validation_elbo"] == trainer.state.best.metrics["validation_elbo"]
    first = history.read(1)
    assert (first.index == last.index).all()
    assert (first.originals == last.originals).all()
    assert not (first.samples == last.samples).all(), "the model has learned"


@pytest.mark.parametrize(
    "model",
    [
        {"recipe": "cvae", "conditional": True},
        {"recipe": "concrete-vae", "posterior": {"kind": "concrete", "categories": 4}, "prior": {"kind": "categorical"},
         "latent_dim": 8, "kl": "monte-carlo"},
        {"latent_dim": 1},
    ],
)  # fmt: skip
@pytest.mark.parametrize("binarise", ["none", "dynamic"])
def test_the_model_is_the_same_to_the_bit_without_snapshots(unlimited, tmp_path, model, binarise):
    if model.get("recipe") == "concrete-vae":
        from latentlab.config.recipes import recipe

        model = recipe("concrete-vae").config().model_dump() | {"architecture": {"kind": "mlp", "hidden": 16}}
    for name in ("with", "without"):
        train(bars(), run_config(model, binarise=binarise, history=name == "with"), tmp_path / name)
    assert not (tmp_path / "without" / "history").exists()
    assert RunFolder(tmp_path / "with").snapshots.epochs() == (1, 2, 3)
    assert content(tmp_path / "with") == content(tmp_path / "without")


def test_a_resumed_run_replaces_the_snapshots_after_its_checkpoint(unlimited, tmp_path):
    train(bars(), run_config(), tmp_path / "whole")
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    steps = trainer.steps()
    while trainer.step < 5:
        next(steps)
    trainer.checkpoint()
    while trainer.step < 10:
        next(steps)
    del steps
    history = RunFolder(tmp_path / "run").snapshots
    assert history.epochs() == (1, 2)
    stale = history.path(2).stat().st_mtime_ns
    train(bars(), run_config(), tmp_path / "run", resume=True)
    assert history.epochs() == (1, 2, 3)
    assert history.path(2).stat().st_mtime_ns > stale
    whole = RunFolder(tmp_path / "whole").snapshots
    for epoch in (1, 2, 3):
        assert (history.read(epoch).mean == whole.read(epoch).mean).all()
        assert (history.read(epoch).samples == whole.read(epoch).samples).all()


def test_only_the_first_and_the_last_epoch_are_kept_at_any_cost(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "SHARE", 0.0)
    monkeypatch.setattr(snapshots, "GRANT", 0.0)
    train(bars(), run_config(epochs=6), tmp_path / "run")
    assert RunFolder(tmp_path / "run").snapshots.epochs() == (1, 6)


@pytest.mark.parametrize(
    ("grant", "frames", "kept"),
    [
        (0.0, 30, [1, 10, 14]),  # only a share of the time
        (0.05, 30, [1, 5, 8, 11]),  # as many as the grant allows
        (3.0, 30, [1, 2, 3, 4, 5]),  # thirty cheap ones over the whole run
    ],
)
def test_the_cost_of_snapshots_is_bounded_and_spread_over_the_run(tmp_path, monkeypatch, grant, frames, kept):
    monkeypatch.setattr(snapshots, "SHARE", 0.02)
    monkeypatch.setattr(snapshots, "GRANT", grant)
    trainer, _ = train(bars(), run_config(epochs=1))
    now = [0.0]
    monkeypatch.setattr(snapshots.time, "perf_counter", lambda: now[0])
    clock = RunClock()
    taker = snapshots.SnapshotTaker(CostlyHistory(now, 0.01), trainer.loaded, bars(), clock)
    taken = []
    for epoch in range(1, 101):
        clock.seconds = 0.11 * epoch
        if taker.is_due(epoch, 100):
            list(taker.take(epoch, {}))
            taken.append(epoch)
    spent, allowed = 0.01 * len(taken), min(grant, frames * 0.01) + 0.02 * 11
    assert taken[: len(kept)] == kept
    assert spent <= allowed < spent + 0.02
    assert max(np.diff(taken)) <= 10


class CostlyHistory:
    """Writes nothing, in so many ``seconds``."""

    def __init__(self, now, seconds):
        self.now, self.seconds = now, seconds

    def epochs(self):
        return ()

    def write(self, snapshot):
        self.now[0] += self.seconds


@pytest.mark.parametrize(("steps", "kept"), [(2, (1,)), (4, (1,)), (9, (1, 2, 3))])
def test_a_stopped_run_keeps_its_last_state_and_replaces_it_when_resumed(unlimited, tmp_path, steps, kept):
    """An epoch has four steps."""
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    running = trainer.steps()
    while trainer.step < steps:
        next(running)
    mean = trainer.loaded.encode(bars().images)[0]
    trainer.stop()
    list(running)
    history = RunFolder(tmp_path / "run").snapshots
    assert history.epochs() == kept
    last = history.read(kept[-1])
    assert np.allclose(last.mean, mean[last.index], atol=2e-3), "the last model, not the best"
    train(bars(), run_config(), tmp_path / "run", resume=True)
    assert history.epochs() == (1, 2, 3)
    assert history.read(kept[-1]).metrics, "those of the complete epoch"


@pytest.mark.parametrize(
    ("images", "latent_dim", "points"), [(60_000, 2, 2000), (60_000, 256, 512), (60_000, 10_000, 64), (40, 2, 40)]
)
def test_large_latents_have_fewer_points(images, latent_dim, points):
    assert len(snapshots.point_indices(images, latent_dim)) == points


def test_row_8_a_full_disk_ends_the_run_with_one_sentence(tmp_path, monkeypatch):
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    before = weights_of(trainer.model)
    real = os.fsync

    def full(descriptor):
        if "history" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="the disk is full; free some space or save elsewhere"):
        list(trainer.steps())
    monkeypatch.undo()
    assert os.listdir(tmp_path / "run" / "history") == []
    assert any((before[name] != array).any() for name, array in weights_of(trainer.model).items())
    train(bars(), run_config(), tmp_path / "run", resume=True)
    assert {1, 3} <= set(RunFolder(tmp_path / "run").snapshots.epochs())


@pytest.mark.parametrize("side", [28, 32])
def test_a_stored_image_is_the_cell_of_the_picture_at_a_latent(side):
    """At 32 pixels 6 cells and 12 shrunk ones make a picture of the same size: the number is stored."""
    cells, shown = 12, side if side == 28 else 16
    grey = np.arange(cells * cells, dtype=np.uint8).reshape(cells, cells)
    picture = np.repeat(np.repeat(grey, shown, axis=0), shown, axis=1)
    images = np.zeros((1, 4, 4), np.uint8)
    mean, label = np.zeros((1, 2), np.float32), np.zeros(1, np.int64)
    snapshot = Snapshot(
        1, {}, mean, label, label, (), "", picture, (-3.0, 3.0, -6.0, 6.0), images, images, images, cells=cells
    )
    shape = (1, side, side)
    for z, expected in (((-2.9, 5.9), 0), ((2.9, 5.9), 11), ((-2.9, -5.9), 132), ((0.1, -0.1), 6 * 12 + 6)):
        found = stored_image(snapshot, shape, np.array(z, np.float32))
        assert found.shape == (shown, shown)
        assert (found == expected).all()
    assert stored_image(snapshot, shape, np.array([3.1, 0], np.float32)) is None
    unknown = dataclasses.replace(snapshot, cells=0)
    assert (stored_image(unknown, shape, np.zeros(2, np.float32)) is None) is (side == 32)
