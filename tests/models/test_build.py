"""Whole models: architectures, names of the weights, gradients, schedules."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from latentlab.config import (
    ArchitectureConfig,
    DivergenceConfig,
    LikelihoodConfig,
    ModelConfig,
    PosteriorConfig,
    PriorConfig,
)
from latentlab.config.recipes import RECIPES
from latentlab.models import FAMILIES, Batch, StepState, build
from latentlab.models.divergences import DIVERGENCES
from latentlab.models.likelihoods import LIKELIHOODS
from latentlab.models.likelihoods.gaussian import GAUSSIANS
from latentlab.models.networks import DECODERS, ENCODERS
from latentlab.models.posteriors import POSTERIORS
from latentlab.models.priors import PRIORS
from tests.models.helpers import images, tiny

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 64, 64), (1, 28, 20), (3, 61, 37), (1, 8, 256), (1, 2, 3)]


@pytest.mark.parametrize("kind", ["mlp", "conv", "residual", "attention"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_image_size(kind, shape):
    model = tiny(shape, architecture={"kind": kind, "width": 4}, latent_dim=3)
    batch = images(2, shape)
    mean, std = model.encode(batch)
    assert mean.shape == std.shape == (2, 3)
    assert (std > 0).all()
    decoded = model.decode(mean)
    assert decoded.shape == (2, *shape)
    assert decoded.dtype == torch.float32
    assert 0 <= decoded.min() <= decoded.max() <= 1
    model.losses("model", batch, StepState()).objective.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_every_pixel_affects_the_features_and_is_decoded(kind):
    model = tiny((1, 13, 9), architecture={"kind": kind, "width": 4, "activation": "tanh"})
    x = torch.rand(1, 1, 13, 9, requires_grad=True)
    model.encode(Batch(x))[0].sum().backward()
    assert (x.grad != 0).all()
    drawn = model.decode(torch.randn(8, 2))
    assert (drawn.std(0) > 0).all()


def test_decoding_does_not_depend_on_the_rest_of_the_batch():
    model = tiny((1, 16, 16), architecture={"kind": "conv", "width": 4})
    z = torch.randn(5, 2)
    torch.testing.assert_close(model.decode(z)[2:3], model.decode(z[2:3]))


@pytest.mark.parametrize(
    ("registry", "part", "field"),
    [
        (DIVERGENCES, DivergenceConfig, "kind"),
        (PRIORS, PriorConfig, "kind"),
        (POSTERIORS, PosteriorConfig, "kind"),
        (LIKELIHOODS, LikelihoodConfig, "kind"),
        (GAUSSIANS, LikelihoodConfig, "sigma"),
        (ENCODERS, ArchitectureConfig, "kind"),
        (DECODERS, ArchitectureConfig, "kind"),
        (FAMILIES, ModelConfig, "family"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_registries_match_the_configuration(registry, part, field):
    """A new part is a file, a line in its registry, and its name in the configuration."""
    assert set(registry) == set(get_args(part.model_fields[field].annotation)) - {"none", "foreign"}


def test_names_of_the_weights_are_stable():
    model = build(RECIPES["vae"].config(), (1, 28, 28))
    assert {name: tuple(weight.shape) for name, weight in model.state_dict().items()} == {
        "encoder.layers.0.weight": (500, 784),
        "encoder.layers.0.bias": (500,),
        "posterior.mean.weight": (2, 500),
        "posterior.mean.bias": (2,),
        "posterior.log_std.weight": (2, 500),
        "posterior.log_std.bias": (2,),
        "decoder.layers.0.weight": (500, 2),
        "decoder.layers.0.bias": (500,),
        "decoder.pixels.weight": (784, 500),
        "decoder.pixels.bias": (784,),
    }


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_gradients_are_finite_at_extremes(likelihood):
    sigma = "learned" if likelihood == "gaussian" else "fixed"
    model = tiny((1, 8, 8), likelihood={"kind": likelihood, "sigma": sigma})
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(300)
    for x in (torch.zeros(2, 1, 8, 8), torch.ones(2, 1, 8, 8)):
        model.zero_grad()
        losses = model.losses("model", Batch(x), StepState())
        losses.objective.backward()
        assert torch.isfinite(losses.objective)
        assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_beta_1_equals_the_vae():
    batch = images(4, (1, 8, 8))
    values = []
    for name in ("vae", "beta-vae"):
        torch.manual_seed(3)
        model = build(RECIPES[name].config(beta=1.0), (1, 8, 8))
        losses = model.losses("model", batch, StepState())
        losses.objective.backward()
        values.append([losses.objective.detach(), *(p.grad for p in model.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*values, strict=True))


def test_monte_carlo_rate_matches_the_closed_form():
    batch = images(4)
    analytic, sampled = tiny(samples=5_000), tiny(samples=5_000, kl="monte-carlo")
    sampled.load_state_dict(analytic.state_dict())
    rates = [model.losses("model", batch, StepState()).terms["rate"].item() for model in (analytic, sampled)]
    assert rates[1] == pytest.approx(rates[0], abs=0.05)
    assert rates[1] != rates[0]


def test_prior_samples_can_be_decoded():
    model = tiny(latent_dim=4)
    z = model.sample_prior(3, torch.Generator().manual_seed(0))
    assert z.shape == (3, 4)
    assert model.decode(z).shape == (3, 1, 3, 4)


def test_schedules_are_written_in_place():
    """A captured step reads the same tensors again."""
    model = tiny(beta=2.0, rate={"kind": "capacity", "capacity": 40.0, "epochs": 4.0, "warmup": 2.0})
    schedule = model.rate_schedule
    tensors = schedule.weight, schedule.capacity, schedule.beta
    assert [tensor.item() for tensor in tensors] == [0, 0, 2]
    model.on_step_start(StepState(step=10, epoch=1, steps_per_epoch=10))
    assert [tensor.item() for tensor in tensors] == [1, 10, 2]
    model.beta = 3.0
    assert [tensor.item() for tensor in tensors] == [1.5, 10, 3]
    model.on_step_start(StepState(step=50, epoch=5, steps_per_epoch=10))
    assert [tensor.item() for tensor in tensors] == [3, 40, 3]
    assert all(a is b for a, b in zip(tensors, (schedule.weight, schedule.capacity, schedule.beta), strict=True))


def test_the_temperature_is_written_in_place():
    model = tiny(
        latent_dim=8,
        posterior={"kind": "concrete", "categories": 4, "temperature": 1.0, "coldest": 0.25, "cooling": 2.0},
        prior={"kind": "categorical"},
    )
    temperature = model.posterior.temperature
    model.on_step_start(StepState(step=10, steps_per_epoch=10))
    assert temperature.item() == 0.5
    model.on_step_start(StepState(step=90, steps_per_epoch=10))
    assert temperature.item() == 0.25
    assert model.posterior.temperature is temperature
