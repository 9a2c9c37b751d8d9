"""The learning rates of a step's parameters."""

import numpy as np
import pytest
import torch

from latentlab.config import ModelConfig, TrainingConfig, validated
from latentlab.errors import InputError
from latentlab.models import Batch, build
from latentlab.models.base import StepState
from latentlab.models.inference import weights_of
from latentlab.training import Trainer
from latentlab.training.step.optimizer_step import OptimizerStep
from tests.training.helpers import bars, run_config, train


@pytest.fixture
def planar():
    torch.manual_seed(0)
    values = {"latent_dim": 3, "posterior": {"kind": "planar", "steps": 2}, "architecture": {"hidden": 16}}
    return build(validated(ModelConfig, values), (1, 4, 4)).train()


@pytest.mark.parametrize("deferred", [False, True])
def test_the_planes_of_a_planar_flow_take_a_tenth_of_a_step(planar, deferred):
    """Adam's first step is the learning rate itself, in the direction of the gradient's sign."""
    step = OptimizerStep(planar, TrainingConfig(), 8)
    if deferred:
        step.optimizers = type(step.optimizers)(planar, TrainingConfig(), deferred=True)
    before = {name: weight.detach().clone() for name, weight in planar.named_parameters()}
    step.run(Batch(torch.rand(8, 1, 4, 4)), StepState(), learning_rate=0.02)
    moved = {name: (weight - before[name]).abs().max().item() for name, weight in planar.named_parameters()}
    planes = {name: change for name, change in moved.items() if name.startswith("posterior.steps")}
    assert len(planes) == 4
    assert list(planes.values()) == pytest.approx([0.002] * 4, rel=1e-2)
    assert [moved[name] for name in moved if name not in planes] == pytest.approx([0.02] * (len(moved) - 4), rel=1e-2)


def test_the_moments_of_parameters_with_a_rate_of_their_own_are_kept(planar):
    step = OptimizerStep(planar, TrainingConfig(), 8)
    batch = Batch(torch.rand(8, 1, 4, 4))
    step.run(batch, StepState(), 0.01)
    weights, moments = [weight.detach().clone() for weight in step.weights()], step.optimizers.state_dict()
    other = OptimizerStep(planar, TrainingConfig(), 8)
    other.optimizers.load_state_dict({name: moment.clone() for name, moment in moments.items()})
    results = []
    for each in (step, other):
        with torch.no_grad():
            for weight, value in zip(each.weights(), weights, strict=True):
                weight.copy_(value)
        torch.manual_seed(1)
        each.run(batch, StepState(1), 0.01)
        results.append([weight.detach().clone() for weight in each.weights()])
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


TORCH = {
    "sgd": lambda weights, rate: torch.optim.SGD(weights, lr=rate, momentum=0.9),
    "rmsprop": lambda weights, rate: torch.optim.RMSprop(weights, lr=rate),
    "adagrad": lambda weights, rate: torch.optim.Adagrad(weights, lr=rate),
    "adam": lambda weights, rate: torch.optim.Adam(weights, lr=rate),
}


@pytest.mark.parametrize("name", TORCH)
def test_the_steps_are_those_of_torch_s_optimizer(name):
    config = validated(ModelConfig, {"posterior": {"kind": "delta"}, "beta": 0.0, "architecture": {"hidden": 8}})
    torch.manual_seed(0)
    model, twin = (build(config, (1, 4, 4)).train() for _ in range(2))
    twin.load_state_dict(model.state_dict())
    theirs = TORCH[name](list(twin.parameters()), 0.01)
    step = OptimizerStep(model, TrainingConfig(optimizer=name), 8)
    for number in range(3):
        batch, state = Batch(torch.rand(8, 1, 4, 4)), StepState(number)
        step.run(batch, state, 0.01)
        theirs.zero_grad()
        twin.losses("model", batch, state).objective.backward()
        theirs.step()
    for ours, its in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, its)


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adagrad"])
def test_a_run_with_another_optimizer_resumes_to_the_bit(tmp_path, name):
    config = run_config(optimizer=name, epochs=2)
    whole, _ = train(bars(), config)
    part = Trainer(bars(), config, tmp_path / "run")
    for _ in part.steps():
        if part.step == 5:
            part.stop()
    resumed, _ = train(bars(), config, tmp_path / "run", resume=True)
    assert resumed.step == whole.step == 8
    weights = weights_of(whole.model)
    assert all(np.array_equal(array, weights[name]) for name, array in weights_of(resumed.model).items())


def test_a_run_cannot_be_resumed_with_another_optimizer(tmp_path):
    train(bars(), run_config(epochs=1), tmp_path / "run")
    with pytest.raises(InputError, match=r"has training\.optimizer 'adam', not 'sgd'"):
        Trainer(bars(), run_config(epochs=2, optimizer="sgd"), tmp_path / "run", resume=True)
