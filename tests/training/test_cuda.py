"""Recorded steps on a GPU: they are replayed, and are equal to eager steps. Skipped without a GPU."""

import math

import pytest
import torch

from latentlab.config.recipes import RECIPES
from latentlab.errors import RunError
from latentlab.models.inference import weights_of
from latentlab.training import Trainer, batches
from tests.training.helpers import bars, named, run_config

DEVICE = "cuda:0"
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def run(model=None, out=None, resume=False, stop_at=None, dataset=None, **training):
    trainer = Trainer(dataset or bars(side=16), run_config(model, device=DEVICE, **training), out, resume)
    events = []
    for event in trainer.steps():
        events.append(event)
        if trainer.step == stop_at:
            trainer.stop()
    return trainer, [event for event in events if event is not None]


SIZES = {16, 54 % 16}  # of the batches


def last_elbo(events):
    return named(events, "epoch")[-1].train["elbo"]


def small(name, **changes):
    values = RECIPES[name].config().model_dump()
    values["architecture"] |= {"hidden": 16, "width": 4}
    values["supervision"]["labels"] = 8
    values["posterior"]["refine"] = min(3, values["posterior"]["refine"])
    return values | changes


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_recorded_and_learns_the_same(name):
    """Both batch sizes are recorded; with the same noise only the order of additions differs."""
    replayed, events = run(small(name), epochs=4)
    assert [event.message for event in named(events, "warning")] == []
    assert replayed.graphed_step.recorded_sizes == SIZES
    computed, expected = run(small(name), epochs=4, graphs="off")
    assert computed.graphed_step is None
    assert last_elbo(events) == pytest.approx(last_elbo(expected), rel=0.02, abs=0.5)


def test_a_moving_schedule_is_followed_by_replays():
    model = small("vae", beta=4.0) | {"rate": {"warmup": 3.0}}
    replayed, events = run(model, epochs=4)
    assert replayed.graphed_step.recorded_sizes == SIZES
    _, expected = run(model, epochs=4, graphs="off")
    for mine, theirs in zip(named(events, "epoch"), named(expected, "epoch"), strict=True):
        assert mine.train["objective"] == pytest.approx(theirs.train["objective"], rel=0.02, abs=0.5)


def test_a_recording_that_fails_is_reported_once_and_the_run_continues():
    """With working random numbers, whose state the failed capture must not keep."""
    trainer = Trainer(bars(side=16), run_config(device=DEVICE, epochs=4))
    real = trainer.model.losses

    def losses(phase, batch, state):
        found = real(phase, batch, state)
        if torch.cuda.is_current_stream_capturing():
            found.objective.item()
        return found

    trainer.model.losses = losses
    events = [event for event in trainer.steps() if event is not None]
    (warning,) = named(events, "warning")
    assert "continuing without" in warning.message
    assert trainer.graphed_step.recorded_sizes == set()
    _, expected = run(epochs=4, graphs="off")
    assert last_elbo(events) == pytest.approx(last_elbo(expected), rel=0.02, abs=0.5)


@pytest.mark.parametrize("kind", ["mlp", "conv", "residual"])
def test_networks_in_bfloat16_are_recorded(kind):
    model = small("vae") | {"architecture": {"kind": kind, "hidden": 64, "width": 8}}
    replayed, events = run(model, epochs=6, precision="bfloat16")
    assert not named(events, "warning")
    assert replayed.graphed_step.recorded_sizes == SIZES
    assert named(events, "started")[0].precision == "bfloat16"
    assert math.isfinite(last_elbo(events))


def test_images_that_do_not_fit_are_copied_batch_by_batch(monkeypatch):
    monkeypatch.setattr(batches, "_free_memory", lambda device: 10.0)
    _, events = run(epochs=3)
    monkeypatch.undo()
    _, expected = run(epochs=3, graphs="off")
    assert last_elbo(events) == pytest.approx(last_elbo(expected), rel=0.02, abs=0.5)


def test_a_resumed_run_continues_with_its_noise(tmp_path):
    run(out=tmp_path / "run", epochs=4, stop_at=6)
    resumed, _ = run(out=tmp_path / "run", epochs=4, resume=True)
    whole, _ = run(out=tmp_path / "whole", epochs=4)
    others = weights_of(whole.model)
    for name, weights in weights_of(resumed.model).items():
        assert abs(weights - others[name]).max() < 0.02, name


def test_a_non_finite_step_is_not_applied():
    trainer = Trainer(bars(side=16), run_config(device=DEVICE, epochs=20))
    steps = trainer.steps()
    while trainer.step < 12:
        next(steps)
    before = weights_of(trainer.model)
    with torch.no_grad():
        next(trainer.model.parameters()).fill_(torch.nan)
    with pytest.raises(RunError, match="no longer finite at step 12 "):
        list(steps)
    after = weights_of(trainer.model)
    assert all((after[name] == array).all() for name, array in list(before.items())[1:])
