"""The learning rates of a step's parameters."""

import pytest
import torch

from latentlab.config import ModelConfig, TrainingConfig, validated
from latentlab.models import Batch, build
from latentlab.models.base import StepState
from latentlab.training.step.optimizer_step import OptimizerStep


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
