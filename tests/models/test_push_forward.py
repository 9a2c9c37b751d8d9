"""Derivatives along directions, against reverse mode in double precision."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch.nn import functional

from latentlab.config.recipes import RECIPES
from latentlab.models import build
from latentlab.models.networks.base import ACTIVATIONS
from latentlab.models.push_forward import push_forward

SHAPE = (1, 8, 8)


def reverse_mode(function, z, directions):
    """Jacobian of each latent times the directions, [k, N, ...]."""
    rows = []
    for latent in z:
        jacobian = torch.autograd.functional.jacobian(lambda one: function(one[None])[0], latent)
        rows.append(torch.einsum("...d,kd->k...", jacobian, directions))
    return torch.stack(rows, 1)


def check(function, size=3):
    torch.manual_seed(0)
    z, directions = torch.randn(4, size, dtype=torch.float64), torch.randn(2, size, dtype=torch.float64)
    value, derivatives = push_forward(function, z, directions)
    torch.testing.assert_close(value, function(z).detach())
    torch.testing.assert_close(derivatives, reverse_mode(function, z, directions))
    assert type(value) is type(derivatives) is torch.Tensor
    assert not value.requires_grad
    assert not derivatives.requires_grad


@pytest.mark.parametrize("kind", ["mlp", "conv", "residual", "attention"])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_decoder(kind, activation):
    architecture = {"kind": kind, "activation": activation, "hidden": 9, "width": 4}
    config = RECIPES["vae"].config(architecture=architecture, latent_dim=3)
    check(build(config, (3, 9, 12), 0).double().eval().decode)


def test_an_argument_that_is_given_twice():
    check(lambda z: torch.addcmul(z, z, torch.exp(z)))
    check(lambda z: z * z + torch.exp(z))


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian", "continuous-bernoulli", "discretised-logistic"])
@pytest.mark.parametrize("sigma", ["learned", "pixel"])
def test_every_likelihood(kind, sigma):
    architecture = {"kind": "mlp", "hidden": 9}
    config = RECIPES["vae"].config(architecture=architecture, latent_dim=3, likelihood={"kind": kind, "sigma": sigma})
    check(build(config, SHAPE, 0).double().eval().decode)


@pytest.mark.parametrize("recipe", ["ladder-vae", "helmholtz", "semi-supervised-vae", "vae-gan"])
def test_other_families(recipe):
    config = RECIPES[recipe].config()
    model = build(config, SHAPE, 2 if config.conditional else 0).double().eval()

    def decode(z):
        return model.decode(z, torch.zeros(len(z), dtype=torch.int64) if config.conditional else None)

    check(decode, model.latent_dim)


@pytest.mark.parametrize(
    "function",
    [
        lambda z: functional.softmax(z, -1) * z.sum(-1, keepdim=True),
        lambda z: torch.where(z > 0, 2 - z, z / 3),
        lambda z: torch.stack(torch.cat([z, torch.ones_like(z), z**2], -1).chunk(3, -1), 1)[:, ::2],
        lambda z: torch.cat([(1 - each).exp() @ each.T for each in z.split(1)]),
        lambda z: functional.layer_norm(z, (3,)),
        lambda z: torch.sort(z, -1).values,
    ],
)
def test_functions_with_no_rule_of_their_own(function):
    check(function)


def test_directions_of_each_latent():
    z = torch.tensor([[1.0], [2.0]])
    _, derivatives = push_forward(lambda z: z**2, z, torch.tensor([[[1.0], [10.0]]]))
    assert derivatives.tolist() == [[[2.0], [40.0]]]


def test_what_does_not_depend_on_the_latents_has_no_derivative():
    value, derivatives = push_forward(lambda z: torch.ones(len(z), 5), torch.zeros(2, 3), torch.eye(3))
    assert value.shape == (2, 5)
    assert derivatives.shape == (3, 2, 5)
    assert not derivatives.any()


def test_its_first_use_imports_next_to_nothing():
    program = (
        "import sys, torch\n"
        "from latentlab.models.inference import load_model\n"
        "model = load_model('bundled:mnist-2d', 'cpu')\n"
        "before = len(sys.modules)\n"
        "model.decoder_jacobian([[0.0, 1.0]])\n"
        "print(len(sys.modules) - before)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(result.stdout) < 20
