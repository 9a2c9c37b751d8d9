"""Faults during training, and what is left after them (reliability rows 8, 14 and 17)."""

import errno
import os
import shutil

import numpy as np
import pytest
import torch

from latentlab.config import ModelConfig, TrainingConfig, validated
from latentlab.errors import RunError
from latentlab.models import build
from latentlab.models.base import Batch, Losses, StepState
from latentlab.models.inference import weights_of
from latentlab.storage import RunFolder
from latentlab.training import Trainer, timing
from latentlab.training.step.optimizer_step import OptimizerStep
from latentlab.training.step.optimizers import Optimizers
from tests.training.helpers import ARCHITECTURE, bars, named, run_config, train


def spoil(trainer, at, value, where="objective"):
    """Make the loss (or a gradient) non-finite from step ``at`` on."""
    real = trainer.model.losses

    def losses(phase, batch, state):
        found = real(phase, batch, state)
        if state.step < at:
            return found
        if where == "objective":
            return Losses(found.objective * value, found.terms)
        next(trainer.model.parameters()).register_hook(lambda gradient: gradient * value)
        return found

    trainer.model.losses = losses


def run_until(trainer, step):
    """Advance to a step; returns the iterator that continues from it."""
    steps = trainer.steps()
    while trainer.step < step:
        next(steps)
    return steps


@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize(("value", "where"), [(np.nan, "objective"), (np.inf, "objective"), (np.nan, "gradient")])
def test_row_17_a_non_finite_loss_stops_before_its_step(tmp_path, monkeypatch, value, where, deferred):
    """``deferred`` is the guard on CUDA, which reports later that the device skipped the step."""
    monkeypatch.setattr(
        "latentlab.training.step.optimizer_step.Optimizers", lambda model, config: Optimizers(model, config, deferred)
    )
    monkeypatch.setattr(timing, "_REPORT_SECONDS", 1e9)
    trainer = Trainer(bars(), run_config(epochs=2), tmp_path / "run")
    spoil(trainer, 2, value, where)
    steps = run_until(trainer, 2)
    before = weights_of(trainer.model)
    with pytest.raises(RunError, match=r"at step 2 \(recipe vae, learning rate 0.001\).*lower learning rate"):
        list(steps)
    for name, array in weights_of(trainer.model).items():
        assert (array == before[name]).all()
        assert np.isfinite(array).all()


@pytest.mark.parametrize("network", ["encoder", "decoder"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("at", [1, 4])
def test_row_17_one_non_finite_element_of_a_large_gradient_stops_any_step(network, value, at):
    """With a finite objective, and whether or not the norm is computed in that step."""
    trainer = Trainer(bars(), run_config({"architecture": {"kind": "mlp", "hidden": 200}}))
    weight = max(getattr(trainer.model, network).parameters(), key=torch.numel)
    assert weight.numel() > 4096
    steps = run_until(trainer, at)
    before = weights_of(trainer.model)

    def spoil_element(gradient):
        gradient = gradient.clone()
        gradient.view(-1)[-1] = value
        return gradient

    weight.register_hook(spoil_element)
    with pytest.raises(RunError, match=f"at step {at}"):
        list(steps)
    for name, array in weights_of(trainer.model).items():
        assert (array == before[name]).all()


def test_the_checkpoint_before_a_non_finite_step_can_be_resumed_with_a_lower_rate(tmp_path):
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    spoil(trainer, 5, np.nan)
    steps = run_until(trainer, 4)
    trainer.checkpoint()
    with pytest.raises(RunError, match=r"checkpoint\.safetensors"):
        list(steps)
    _, events = train(bars(), run_config(learning_rate=1e-4), tmp_path / "run", resume=True)
    assert events[-1].reason == "done"


def out_of_memory_above(trainer, most):
    """Make the model run out of memory when a batch has more than ``most`` images; returns the sizes that fitted."""
    real, sizes = trainer.model.losses, []

    def losses(phase, batch, state):
        if len(batch.x) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        sizes.append(len(batch.x))
        return real(phase, batch, state)

    trainer.model.losses = losses
    return sizes


def test_row_14_out_of_memory_halves_the_micro_batch_and_accumulates(tmp_path):
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    sizes = out_of_memory_above(trainer, 5)
    events = [event for event in trainer.steps() if event is not None]
    assert max(sizes) == 4
    warnings = named(events, "warning")
    assert len(warnings) == 1
    assert "too little memory for 16 images at a time; continuing with 4" in warnings[0].message
    assert named(events, "epoch")[-1].step == 12
    assert events[-1].reason == "done"


def test_row_14_out_of_memory_with_one_image_gives_advice():
    trainer = Trainer(bars(), run_config())
    out_of_memory_above(trainer, 0)
    with pytest.raises(RunError, match=r"too little memory for even one image.*smaller images"):
        list(trainer.steps())


def test_micro_batches_add_up_to_the_gradient_of_the_batch():
    """Without noise (a point posterior) the steps agree to rounding."""
    point = {"posterior": {"kind": "delta"}, "recipe": "ae", "beta": 0.0}
    whole = Trainer(bars(), run_config(point))
    parts = Trainer(bars(), run_config(point))
    out_of_memory_above(parts, 5)
    for trainer in (whole, parts):
        list(trainer.steps())
    for name, array in weights_of(whole.model).items():
        assert np.allclose(array, weights_of(parts.model)[name], atol=1e-4)


@pytest.mark.parametrize("kl", ["analytic", "monte-carlo"])
@pytest.mark.parametrize(
    "rate",
    [
        # Between the parts' mean rates, so that some are above the capacity and some below.
        {"kind": "capacity", "capacity": None, "epochs": 1e-6, "gamma": 10.0},
        {"kind": "free-bits", "free_bits": None},
    ],
    ids=["capacity", "free-bits"],
)
def test_a_capacity_and_free_bits_are_those_of_the_whole_batch(rate, kl):
    """c(mean over the batch) has the gradient c'(mean) Σ_i w_i ∇mean_i, not Σ_i w_i c'(mean_i) ∇mean_i."""
    if rate["kind"] == "free-bits" and kl == "monte-carlo":
        return  # free bits of a sampled rate count it as a whole, which the capacity covers
    torch.manual_seed(0)
    batch = Batch(torch.rand(12, 1, 8, 8) * torch.linspace(0.1, 1, 12)[:, None, None, None])

    def model_with(value):
        torch.manual_seed(1)
        settings = rate | {name: value for name, given in rate.items() if given is None}
        values = {"architecture": ARCHITECTURE, "rate": settings, "kl": kl, "latent_dim": 3}
        model = build(validated(ModelConfig, values), (1, 8, 8)).train()
        with torch.no_grad():
            model.posterior.mean.weight.mul_(8)
            for weight in model.decoder.parameters():
                weight.zero_()  # the gradient is that of the rate
        return model

    rates = model_with(1.0).kl_per_dimension(batch).detach()
    value = 1.02 * (rates.sum(1) if rate["kind"] == "capacity" else rates).mean().item()
    gradients = []
    for micro_batch in (12, 5):
        model = model_with(value)
        step = OptimizerStep(model, TrainingConfig(), micro_batch)
        model.on_step_start(StepState(1, 1, 1, 12))
        torch.manual_seed(2)
        noise = torch.randn(1, 12, 3)
        drawn = iter([noise[:, :12]] if micro_batch == 12 else [*noise.split(5, 1), *noise.split(5, 1)])
        with pytest.MonkeyPatch.context() as patch:
            name = "latentlab.models.posteriors.diagonal.standard_noise"
            patch.setattr(name, lambda samples, like, drawn=drawn: next(drawn))
            step.run(batch, StepState(1, 1, 1, 12), 1e-3)
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.posterior.parameters()]))
    assert gradients[0].abs().max() > 1e-3
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-4)


def test_the_parts_of_a_batch_have_the_same_noise_in_both_passes():
    """The mean rate that is found first must be that of the noise with which the gradients are computed."""
    config = {"architecture": ARCHITECTURE, "rate": {"kind": "capacity"}, "kl": "monte-carlo"}
    model = build(validated(ModelConfig, config), (1, 8, 8)).train()
    rates = []
    cost = model.rate_schedule.cost
    model.rate_schedule.cost = lambda rate, **how: (rates.append(rate.item()), cost(rate, **how))[1]
    OptimizerStep(model, TrainingConfig(), 4).run(Batch(torch.rand(12, 1, 8, 8)), StepState(0, 0, 1, 12), 1e-3)
    assert len(rates) == 6
    assert rates[:3] == rates[3:]
    assert len(set(rates)) == 3


def test_other_runtime_errors_are_raised():
    trainer = Trainer(bars(), run_config())

    def losses(phase, batch, state):
        raise RuntimeError("shapes cannot be multiplied")

    trainer.model.losses = losses
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        list(trainer.steps())


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_run_whose_folder_is_removed_is_saved_in_a_new_one(tmp_path, at_the_end):
    """During an epoch, or at the end, when only the points and the preview are still to be written."""
    train(bars(), run_config(), tmp_path / "alone")
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    steps = trainer.steps()
    while not trainer.closing if at_the_end else trainer.epoch < 1.5:
        next(steps)
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(RunError, match="was removed or moved while it was trained; training stopped at step"):
        list(steps)
    train(bars(), run_config(), tmp_path / "run", resume=True)
    ended, alone = (RunFolder(tmp_path / name).read_checkpoint().tensors for name in ("run", "alone"))
    assert all(ended[name].tobytes() == alone[name].tobytes() for name in alone)


def test_row_8_a_full_disk_ends_in_one_sentence_and_the_last_checkpoint_stays(tmp_path, monkeypatch):
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    steps = run_until(trainer, 3)
    trainer.checkpoint()
    before = RunFolder(tmp_path / "run").checkpoint.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="the disk is full; free some space or save elsewhere"):
        list(steps)
    monkeypatch.undo()
    assert RunFolder(tmp_path / "run").checkpoint.read_bytes() == before
    assert not [name for name in os.listdir(tmp_path / "run") if name.endswith(".tmp")]
    train(bars(), run_config(), tmp_path / "run", resume=True)
