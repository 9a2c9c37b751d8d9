"""bfloat16 in the networks during training, float32 everywhere else."""

import copy

import pytest
import torch

from latentlab.config.recipes import RECIPES
from latentlab.evaluation import quick_bound
from latentlab.models import build
from latentlab.models.base import Batch, Bound, StepState
from latentlab.models.inference import weights_of
from latentlab.storage import RunFolder, read_model
from latentlab.training import Trainer
from latentlab.training.step import precision
from latentlab.training.step.precision import Precision
from tests.training.helpers import bars, named, run_config, train

CPU = torch.device("cpu")
MANY = 1e12  # floating-point operations, enough for bfloat16


@pytest.fixture
def capable(monkeypatch):
    """A device that has bfloat16, for steps of any size."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)
    monkeypatch.setattr(precision, "_WORTH_CASTING", 0.0)


def model_and_batch(name="vae"):
    values = RECIPES[name].config().model_dump()
    values["architecture"] |= {"hidden": 16, "width": 4}
    torch.manual_seed(0)
    model = build(run_config(values).model, (1, 16, 16), 4).train()
    batch = Batch(torch.rand(8, 1, 16, 16), torch.arange(8) % 4, torch.arange(8))
    model.prepare(batch, 8)
    return model, batch


def losses(model, batch):
    torch.manual_seed(1)
    return model.losses(model.phases[0], batch, StepState())


@pytest.mark.parametrize(
    "name", ["vae", "vq-vae", "vae-gan", "ladder-vae", "vamp-vae", "concrete-vae", "per-datapoint-vae"]
)
def test_networks_compute_in_bfloat16_and_nothing_else(name):
    model, batch = model_and_batch(name)
    exact = losses(model, batch)
    Precision("bfloat16", model, CPU, MANY)
    seen = {}
    for network in precision.networks(model):
        linear = next(part for part in network.modules() if hasattr(part, "weight"))
        linear.register_forward_hook(lambda part, inputs, output: seen.setdefault(output.dtype))
        network.register_forward_hook(lambda part, inputs, output: seen.setdefault(("out", output.dtype)))
    rounded = losses(model, batch)
    assert set(seen) == {torch.bfloat16, ("out", torch.float32)}
    assert rounded.objective.dtype == torch.float32
    assert rounded.objective != exact.objective
    assert torch.isclose(rounded.objective, exact.objective, rtol=0.05)
    rounded.objective.backward()
    assert all(p.grad is None or p.grad.dtype == torch.float32 for p in model.parameters())


def test_evaluation_computes_in_float32():
    model, batch = model_and_batch()
    images = (batch.x * 255).to(torch.uint8)
    exact = quick_bound(model, images, None, 8, "none", 0)
    Precision("bfloat16", model, CPU, MANY)
    assert quick_bound(model, images, None, 8, "none", 0) == exact


def test_a_copy_of_the_model_computes_with_its_own_weights():
    model, batch = model_and_batch()
    Precision("bfloat16", model, CPU, MANY)
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert losses(other, batch).terms["rate"] == 0
    assert losses(model, batch).terms["rate"] > 0


def test_autocast_ends_when_a_network_fails():
    model, batch = model_and_batch()
    Precision("bfloat16", model, CPU, MANY)
    with pytest.raises(RuntimeError):
        losses(model, Batch(batch.x[:, :, :3]))
    assert not torch.is_autocast_enabled("cpu")


def test_auto_is_float32_on_the_cpu():
    model, _ = model_and_batch()
    chosen = Precision("auto", model, CPU, MANY)
    assert (chosen.name, chosen.may_change) == ("float32", False)
    assert not model.encoder._forward_pre_hooks
    assert not precision.has_bfloat16(CPU)


def test_auto_keeps_bfloat16_within_the_noise(capable, tmp_path):
    """Files hold float32."""
    _, events = train(bars(), run_config(), tmp_path / "run")
    assert named(events, "started")[0].precision == "bfloat16"
    assert not named(events, "warning")
    tensors = RunFolder(tmp_path / "run").read_checkpoint().tensors
    weights = read_model(tmp_path / "run" / "model.safetensors").weights
    for name, array in (*tensors.items(), *weights.items()):
        assert array.dtype.kind in "iu" or array.dtype.itemsize >= 4, name


def test_auto_gives_up_bfloat16_when_the_elbo_changes_by_more_than_its_noise(capable, monkeypatch, tmp_path):
    """At the end of an epoch, once, with a warning; also after the run is resumed."""
    trainer = Trainer(bars(), run_config(), tmp_path / "run")
    real, autocast = trainer.model.bound, []
    trainer.model.encoder.register_forward_pre_hook(lambda *_: autocast.append(torch.is_autocast_enabled("cpu")))

    def bound(batch, samples=1):
        found = real(batch, samples)
        off = 100.0 if autocast[-1] and trainer.epoch >= 1 else 0.0
        return Bound(found.log_likelihood + off, found.rate, found.log_ratio)

    trainer.model.bound = bound
    steps = trainer.steps()
    events = []
    while trainer.step < 7:
        events.append(next(steps))
    trainer.stop()
    events = [event for event in [*events, *steps] if event is not None]
    assert named(events, "started")[0].precision == "bfloat16"
    (warning,) = named(events, "warning")
    assert "bfloat16 would move the ELBO" in warning.message
    assert trainer.state.progress.precision == "float32"
    _, events = train(bars(), run_config(), tmp_path / "run", resume=True)
    assert named(events, "started")[0].precision == "float32"
    assert not named(events, "warning")


def test_float32_stays_float32(capable):
    _, events = train(bars(), run_config(precision="float32", epochs=1))
    assert named(events, "started")[0].precision == "float32"


def test_a_run_in_bfloat16_learns_and_resumes_to_the_bit(tmp_path):
    config = run_config(precision="bfloat16")
    whole, events = train(bars(), config, tmp_path / "whole")
    assert named(events, "epoch")[-1].train["elbo"] > named(events, "epoch")[0].train["elbo"]
    parts = Trainer(bars(), config, tmp_path / "parts")
    for _ in parts.steps():
        if parts.step == 5:
            parts.stop()
    resumed, _ = train(bars(), config, tmp_path / "parts", resume=True)
    for name, array in weights_of(whole.model).items():
        assert (array == weights_of(resumed.model)[name]).all(), name


def test_trying_the_precision_does_not_advance_the_random_numbers(capable):
    """A run with ``auto`` and one with ``bfloat16`` compute the same."""
    tried, _ = train(bars(), run_config(epochs=2))
    given, _ = train(bars(), run_config(epochs=2, precision="bfloat16"))
    for name, array in weights_of(tried.model).items():
        assert (array == weights_of(given.model)[name]).all(), name
