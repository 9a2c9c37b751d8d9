"""Latents drawn from priors at a temperature, from the aggregate posterior, and from a selection."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.config.layout import latent_layout
from latentlab.config.recipes import RECIPES
from latentlab.errors import InputError
from latentlab.models import build
from latentlab.models.families.code_prior import CodePrior
from latentlab.models.generate import mixture_of
from latentlab.models.inference import InferenceModel, load_model
from latentlab.storage import ModelHeader, Points
from tests.models.helpers import smaller

SHAPE = (1, 8, 8)
CLASSES = ("a", "b", "c")


def with_config(config):
    header = ModelHeader(model=config, image_shape=SHAPE, classes=CLASSES)
    return InferenceModel(build(config, SHAPE, len(CLASSES)).eval(), header, "cpu")


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_generates_or_says_why_not(recipe):
    model = with_config(smaller(recipe))
    images, z = model.generate(4, seed=1)
    assert images.shape == (4, *SHAPE)
    np.testing.assert_array_equal(z, model.sample_prior(4, seed=1))
    kind = latent_layout(model.header.model, SHAPE).kind
    size = model.latent_dim
    model.points = Points(np.zeros((30, size), np.float32), np.ones((30, size), np.float32), np.zeros(30, np.int64))
    if kind == "plain":
        assert model.generate(4, "aggregate")[0].shape == (4, *SHAPE)
        if model.header.model.prior.kind != "sphere":  # which has no temperature
            assert abs(model.sample_prior(4, 1, temperature=0.01)).max() < abs(z).max()
    else:
        with pytest.raises(InputError, match=f"latents are {kind}, which a mixture of Gaussians does not describe"):
            model.generate(4, "aggregate")


@pytest.mark.parametrize("kind", ["standard", "mixture", "vamp", "flow"])
def test_the_temperature_is_a_factor_of_the_priors_noise(kind):
    config = smaller("vae")
    model = with_config(config.model_copy(update={"prior": config.prior.model_copy(update={"kind": kind})}))
    whole, half, none = (model.sample_prior(200, 3, temperature=t) for t in (1.0, 0.5, 1e-6))
    np.testing.assert_array_equal(whole, model.sample_prior(200, 3))
    if kind == "standard":
        np.testing.assert_allclose(half, whole / 2)
        return
    if kind != "flow":  # halfway to its component's mean
        np.testing.assert_allclose(half - none, (whole - none) / 2, atol=1e-4)
    components = {"mixture": 10, "vamp": 10, "flow": 1}[kind]
    assert len(np.unique(none.round(3), axis=0)) <= components


def test_a_learned_prior_of_codes_divides_its_logits():
    prior = CodePrior(size=5, grid=(2, 2))
    with torch.no_grad():
        prior.logits.bias.copy_(torch.tensor([0.0, 1, 2, 3, 4]))
    cold = prior.sample(100, generator=torch.Generator().manual_seed(0), temperature=0.01)
    hot = prior.sample(100, generator=torch.Generator().manual_seed(0), temperature=50.0)
    assert (cold == 4).all()
    assert len(hot.unique()) == 5


def test_the_aggregate_posterior_is_that_of_the_points():
    model = with_config(smaller("vae"))
    random = np.random.default_rng(0)
    mean = random.normal(size=(3000, model.latent_dim)).astype(np.float32) * 0.1 + 5
    model.points = Points(mean, np.full_like(mean, 0.5), np.zeros(3000, np.int64))
    _, z = model.generate(2000, "aggregate", seed=2)
    np.testing.assert_allclose(z.mean(0), 5, atol=0.1)
    np.testing.assert_allclose(z.std(0), np.sqrt(0.01 + 0.25), rtol=0.1)
    _, narrow = model.generate(2000, "aggregate", temperature=0.5, seed=2)
    assert narrow.std() < z.std()
    np.testing.assert_array_equal(z, mixture_of(model, "aggregate").sample(2000, 2))


def test_a_selection_is_drawn_from_by_its_points_or_latents():
    model = load_model("bundled:mnist-2d", "cpu")
    ones = np.flatnonzero(model.points.label == 1)
    images, z = model.generate(50, model.points.of(ones))
    assert images.shape == (50, 1, 28, 28)
    assert abs(np.median(z, axis=0) - np.median(model.points.mean[ones], axis=0)).max() < 0.5
    _, near = model.generate(50, model.points.mean[ones[:1]])
    np.testing.assert_allclose(near, np.broadcast_to(model.points.mean[ones[0]], (50, 2)), atol=0.05)


def test_a_conditional_model_takes_its_classes_in_turn():
    model = with_config(smaller("cvae"))
    images, z = model.generate(6, seed=4)
    np.testing.assert_array_equal(images, model.decode(z, [0, 1, 2, 0, 1, 2]))
    np.testing.assert_array_equal(model.generate(6, seed=4, label="b")[0], model.decode(z, 1))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((0,), "at least 1 image"),
        ((2, "somewhere"), "no source 'somewhere' of latents: use prior, aggregate or flow, or give"),
        ((2, "aggregate"), "no encoded points"),
        ((2, np.zeros((4, 99))), r"numbers, not \[99\]"),
    ],
)
def test_what_cannot_be_generated(arguments, why):
    with pytest.raises(InputError, match=why):
        with_config(smaller("vae")).generate(*arguments)


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), 1e9])
def test_a_temperature_has_its_limits(temperature):
    with pytest.raises(InputError, match="above 0 and at most 100"):
        with_config(smaller("vae")).generate(2, temperature=temperature)


def test_a_uniform_prior_has_no_temperature():
    with pytest.raises(InputError, match="draws categories with equal probability"):
        with_config(smaller("concrete-vae")).generate(2, temperature=0.5)
    with pytest.raises(InputError, match="draws every direction with equal probability"):
        with_config(smaller("sphere-vae")).generate(2, temperature=0.5)
