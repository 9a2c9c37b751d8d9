"""Copies of a model, by ``deepcopy`` or pickle, share nothing with it."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from latentlab.config.recipes import RECIPES
from latentlab.models import StepState, build
from tests.models.helpers import images, optimizers, smaller, step, tiny, train

COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda model: pickle.loads(pickle.dumps(model))}


def log_prior(model):
    with torch.no_grad():
        return model.log_prior(torch.linspace(-2, 2, 10).view(5, 2))


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("kind", ["vamp", "mixture", "flow"])
def test_training_a_copy_leaves_the_prior_of_the_original_and_vice_versa(kind, copied):
    """A VampPrior's density depends on the encoder: a copy's on the copy's encoder."""
    model = tiny(prior={"kind": kind, "components": 4})
    train(model, images(12), 3)
    other = copied(model)
    assert torch.equal(log_prior(other), log_prior(model))
    for trained, kept in ((other, model), (model, other)):
        before, kept_before = log_prior(trained), log_prior(kept)
        train(trained, images(12), 3)
        assert not torch.equal(log_prior(trained), before)
        assert torch.equal(log_prior(kept), kept_before)


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_vamp_prior_samples_with_its_own_encoder(copied):
    model = tiny(prior={"kind": "vamp", "components": 4})
    other = copied(model)
    with torch.no_grad():
        other.posterior.mean.bias.add_(100)
    assert model.sample_prior(20).mean() < 50 < other.sample_prior(20).mean()


@pytest.mark.parametrize("name", RECIPES)
def test_a_copy_takes_the_same_step_as_the_original(name):
    """Schedules and β are copied too."""
    torch.manual_seed(0)
    model = build(smaller(name, rate={"warmup": 5.0}), (1, 8, 8), 3)
    train(model, images(6, (1, 8, 8)), 2)
    model.beta = 0.5
    other = copy.deepcopy(model)
    terms = []
    for each in (model, other):
        torch.manual_seed(5)
        adams = optimizers(each)
        terms.append(step(each, images(6, (1, 8, 8)), adams, StepState(12, 1, 10, 6)))
    assert all(torch.equal(term, terms[1][name]) for name, term in terms[0].items())


@pytest.mark.parametrize("name", RECIPES)
def test_schedules_are_not_saved_with_the_weights(name):
    model = build(smaller(name), (1, 8, 8), 3)
    buffers = {key for key, _ in model.named_buffers()}
    assert {"rate_schedule.weight", "rate_schedule.capacity"} <= buffers
    assert not [key for key in model.state_dict() if "schedule" in key or "temperature" in key]
