"""A run's history: kept within an allowance, gone on with, and without any trace in the run itself."""

import errno
import os

import numpy as np
import pytest

from latentlab.errors import RunError
from latentlab.models.inference import weights_of
from latentlab.storage import RunFolder
from latentlab.storage import snapshots as files
from latentlab.training import Trainer, snapshots
from tests.training.helpers import bars, run_config, train
from tests.training.test_resume import content


@pytest.fixture
def generous(monkeypatch):
    """Every epoch is kept, whatever it costs."""
    monkeypatch.setattr(snapshots, "SHARE", 1e9)


def test_an_epoch_can_be_seen_again(generous, tmp_path):
    dataset = bars()
    training, _ = train(dataset, run_config(), tmp_path / "run")
    history = RunFolder(tmp_path / "run").snapshots
    assert history.epochs() == (1, 2, 3)
    assert training.newest_snapshot == 3
    last = history.read(3)
    assert np.allclose(last.mean, training.loaded.encode(dataset.images[last.index])[0], atol=2e-3)
    assert (last.label == dataset.labels[last.index]).all()
    assert (last.classes, last.fingerprint) == (dataset.classes, dataset.fingerprint)
    held_out = dataset.images[dataset.split()[1]][:, 0]
    assert all((held_out == image).all(axis=(1, 2)).any() or len(held_out) < 12 for image in last.originals)
    assert last.originals.shape == last.reconstructions.shape == last.samples.shape == (12, 8, 8)
    assert last.picture.shape == (96, 96)
    assert last.metrics["validation_elbo"] == training._best.metrics["validation_elbo"]
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
def test_the_model_is_the_same_to_the_bit_without_it(generous, tmp_path, model, binarise):
    if model.get("recipe") == "concrete-vae":
        from latentlab.config.recipes import recipe

        model = recipe("concrete-vae").config().model_dump() | {"architecture": {"kind": "mlp", "hidden": 16}}
    for name in ("with", "without"):
        train(bars(), run_config(model, binarise=binarise, history=name == "with"), tmp_path / name)
    assert not (tmp_path / "without" / "history").exists()
    assert RunFolder(tmp_path / "with").snapshots.epochs() == (1, 2, 3)
    assert content(tmp_path / "with") == content(tmp_path / "without")


def test_a_resumed_run_goes_on_with_it_and_makes_again_what_came_after_its_checkpoint(generous, tmp_path):
    train(bars(), run_config(), tmp_path / "whole")
    training = Trainer(bars(), run_config(), tmp_path / "run")
    steps = training.steps()
    while training.step < 5:
        next(steps)
    training.checkpoint()
    while training.step < 10:
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


def test_epochs_that_would_cost_too_much_are_left_out_but_not_the_first_and_the_last(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "SHARE", 0.0)
    monkeypatch.setattr(snapshots, "GRANT", 0.0)
    train(bars(), run_config(epochs=6), tmp_path / "run")
    assert RunFolder(tmp_path / "run").snapshots.epochs() == (1, 6)


@pytest.mark.parametrize(
    ("grant", "frames", "kept"),
    [
        (0.0, 30, [1, 10, 14]),  # a share of the time alone
        (0.05, 30, [1, 5, 8, 11]),  # no more than is granted, however few that makes
        (3.0, 30, [1, 2, 3, 4, 5]),  # thirty cheap ones over the whole run
    ],
)
def test_what_the_history_takes_is_bounded_and_spread_over_the_run(tmp_path, monkeypatch, grant, frames, kept):
    monkeypatch.setattr(snapshots, "SHARE", 0.02)
    monkeypatch.setattr(snapshots, "GRANT", grant)
    training, _ = train(bars(), run_config(epochs=1))
    taken = snapshots.Snapshots(files.SnapshotFolder(tmp_path / "history"), training.loaded, bars())
    clock = [0.0]
    monkeypatch.setattr(snapshots.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(taken, "_work", lambda epoch, _metrics: _costing(taken, epoch, clock, 0.01))
    found = []
    for epoch in range(1, 101):
        if taken.due(0.11 * epoch, epoch, 100):
            list(taken.take(epoch, {}))
            found.append(epoch)
    spent, allowed = 0.01 * len(found), min(grant, frames * 0.01) + 0.02 * 11
    assert found[: len(kept)] == kept
    assert spent <= allowed < spent + 0.02
    assert max(np.diff(found)) <= 10


def _costing(taken, epoch, clock, seconds):
    clock[0] += seconds
    taken.newest = epoch
    yield


@pytest.mark.parametrize(("steps", "kept"), [(2, (1,)), (4, (1,)), (9, (1, 2, 3))])
def test_a_stopped_run_keeps_what_it_came_to_and_makes_that_epoch_anew(generous, tmp_path, steps, kept):
    """Four steps are an epoch."""
    training = Trainer(bars(), run_config(), tmp_path / "run")
    running = training.steps()
    while training.step < steps:
        next(running)
    mean = training.loaded.encode(bars().images)[0]
    training.stop()
    list(running)
    history = RunFolder(tmp_path / "run").snapshots
    assert history.epochs() == kept
    last = history.read(kept[-1])
    assert np.allclose(last.mean, mean[last.index], atol=2e-3), "as it was, not as it was best"
    train(bars(), run_config(), tmp_path / "run", resume=True)
    assert history.epochs() == (1, 2, 3)
    assert history.read(kept[-1]).metrics, "of the whole epoch now"


def test_large_latents_have_fewer_points():
    assert len(snapshots._some_points(60_000, 2)) == 2000
    assert len(snapshots._some_points(60_000, 256)) == 512
    assert len(snapshots._some_points(60_000, 10_000)) == 64
    assert len(snapshots._some_points(40, 2)) == 40


def test_row_8_a_full_disk_ends_the_run_in_one_sentence(tmp_path, monkeypatch):
    training = Trainer(bars(), run_config(), tmp_path / "run")
    before = weights_of(training.model)
    real = os.fsync

    def full(descriptor):
        if "history" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="the disk is full; free some space or save elsewhere"):
        list(training.steps())
    monkeypatch.undo()
    assert os.listdir(tmp_path / "run" / "history") == []
    assert any((before[name] != array).any() for name, array in weights_of(training.model).items())
    train(bars(), run_config(), tmp_path / "run", resume=True)
    assert {1, 3} <= set(RunFolder(tmp_path / "run").snapshots.epochs())
