"""The decoder's derivative along a direction, against differences and a linear decoder."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from latentlab.config.recipes import RECIPES
from latentlab.errors import InputError
from latentlab.models import build
from latentlab.models.inference import InferenceModel, load_model
from latentlab.storage import ModelHeader

SHAPE = (1, 8, 8)
SMALL = {"architecture": {"kind": "mlp", "hidden": 8, "activation": "tanh"}}


def model_of(recipe: str) -> InferenceModel:
    config = RECIPES[recipe].config()
    if config.architecture.kind == "mlp":
        config = RECIPES[recipe].config(**SMALL)
    torch.manual_seed(0)
    header = ModelHeader(model=config, image_shape=SHAPE, classes=("a", "b"))
    return InferenceModel(build(config, SHAPE, 2).eval(), header, "cpu")


@pytest.mark.parametrize("recipe", ["vae", "gaussian-vae", "cvae", "ladder-vae", "helmholtz", "vae-gan", "vq-vae"])
def test_it_is_the_limit_of_differences(recipe):
    model = model_of(recipe)
    random = np.random.default_rng(0)
    z = random.standard_normal((3, model.latent_dim)).astype(np.float32)
    direction = random.standard_normal(model.latent_dim).astype(np.float32)
    label = np.array([0, 1, 1]) if model.module.classes else None
    found = model.decoder_derivative(z, direction, label)
    model.module.double()
    step = 1e-5
    with torch.no_grad():
        labels = None if label is None else torch.from_numpy(label)
        ahead, behind = (
            model.module.decode(torch.from_numpy(z + sign * step * direction.astype(np.float64)), labels)
            for sign in (1, -1)
        )
    difference = ((ahead - behind) / (2 * step)).numpy()
    # A kink of the activation between the two differs: most pixels have none.
    close = np.isclose(found, difference, atol=1e-5)
    assert close.mean() > 0.98
    assert found.shape == (3, *SHAPE)
    if recipe == "vq-vae":
        assert not found.any(), "codes are discrete"


def test_it_leaves_no_gradients_and_the_mode_as_it_was():
    model = model_of("vae")
    model.module.train()
    model.decoder_derivative(np.zeros((1, 2)), [1.0, 0.0])
    assert model.module.training
    assert all(parameter.grad is None for parameter in model.module.parameters())


def test_a_sum_of_directions_has_the_sum_of_derivatives():
    model = load_model("bundled:mnist-2d", "cpu")
    z = np.array([[0.3, -0.5]])
    one, other, both = (model.decoder_derivative(z, d) for d in ([1.0, 0.0], [0.0, 2.0], [1.0, 2.0]))
    np.testing.assert_allclose(one + other, both, atol=1e-5)


def test_each_latent_can_have_directions_of_its_own():
    model = load_model("bundled:mnist-2d", "cpu")
    random = np.random.default_rng(0)
    z, directions = random.normal(size=(150, 2)), random.normal(size=(150, 3, 2))
    found = model.decoder_jacobian(z, directions)
    assert found.shape == (150, 3, 1, 28, 28)
    for row, place in ((0, 0), (70, 2), (149, 1)):
        alone = model.decoder_derivative(z[row : row + 1], directions[row, place])[0]
        np.testing.assert_allclose(found[row, place], alone, atol=1e-5)
    with pytest.raises(InputError, match="for each of 150 latents, not for 3"):
        model.decoder_jacobian(z, directions[:3])


@pytest.mark.parametrize(("z", "direction"), [([[0, 0, 0]], [1, 0]), ([[0, 0]], [1]), ([[0, np.nan]], [1, 0])])
def test_what_does_not_fit_is_refused(z, direction):
    model = load_model("bundled:mnist-2d", "cpu")
    with warnings.catch_warnings(), pytest.raises(InputError):
        model.decoder_derivative(z, direction)
