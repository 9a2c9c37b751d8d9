"""The von Mises–Fisher posterior and its uniform prior, against SciPy, closed forms and numeric integration."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special
from torch import distributions
from torch.nn import functional

from latentlab.config import PriorConfig
from latentlab.errors import InputError
from latentlab.models import build
from latentlab.models.bessel import log_bessel_i
from latentlab.models.posteriors.von_mises_fisher import VonMisesFisher, angle_slope, log_area
from latentlab.models.priors import build_prior
from tests.models.helpers import images, smaller

CASES = [(2, 0.3), (2, 40.0), (3, 2.0), (3, 800.0), (5, 0.05), (10, 30.0), (64, 5.0), (64, 900.0)]


def a_posterior(size: int, kappa: float, count: int = 1) -> VonMisesFisher:
    direction = functional.normalize(torch.randn(count, size, dtype=torch.float64), dim=-1)
    return VonMisesFisher(direction, torch.full((count,), kappa, dtype=torch.float64))


@pytest.mark.parametrize("order", [0.0, 0.5, 1.0, 2.5, 11.0, 24.0, 31.5, 128.0])
def test_bessel_functions_are_those_of_scipy(order):
    x = torch.logspace(-3, 4.3, 200, dtype=torch.float64, requires_grad=True)
    value = log_bessel_i(order, x)
    points = x.detach().numpy()
    scaled = special.ive(order, points)
    seen = scaled > 1e-290  # SciPy's underflow
    assert seen.sum() > 50
    np.testing.assert_allclose(value.detach().numpy()[seen], np.log(scaled[seen]) + points[seen], rtol=2e-9, atol=2e-8)
    (slope,) = torch.autograd.grad(value.sum(), x)
    expected = special.ive(order + 1, points[seen]) / scaled[seen] + order / points[seen]
    np.testing.assert_allclose(slope.numpy()[seen], expected, rtol=1e-6)


def test_on_a_circle_the_density_is_that_of_torch():
    q = a_posterior(2, 3.0)
    angle = torch.linspace(-3, 3, 50, dtype=torch.float64)
    z = torch.stack([torch.cos(angle), torch.sin(angle)], -1)[:, None]
    reference = distributions.VonMises(torch.atan2(q.mean[:, 1], q.mean[:, 0]), q.concentration)
    torch.testing.assert_close(q.log_prob(z)[:, 0], reference.log_prob(angle))


@pytest.mark.parametrize(("size", "kappa"), CASES)
def test_density_and_kl_agree_with_numeric_integration(size, kappa):
    """Over the angle t: its circle has the area of a sphere of one dimension less, times sin^{d−2} t."""
    q = a_posterior(size, kappa)
    ring = math.log(2) if size == 2 else log_area(size - 1)
    nodes, weights = (torch.from_numpy(each) for each in np.polynomial.legendre.leggauss(40))
    edges = torch.linspace(0, math.pi, 41, dtype=torch.float64)
    half = math.pi / 80
    t = (edges[:-1, None] + half * (nodes + 1)).flatten()
    side = functional.normalize(torch.eye(size, dtype=torch.float64)[:1] - q.mean * q.mean[:, :1], dim=-1)
    z = torch.cos(t)[:, None, None] * q.mean + torch.sin(t)[:, None, None] * side
    log_density = q.log_prob(z)[:, 0]
    mass = torch.exp(log_density + ring + (size - 2) * torch.log(torch.sin(t))) * half * weights.repeat(40)
    assert mass.sum().item() == pytest.approx(1, abs=1e-7)
    kl = (mass * (log_density + log_area(size))).sum().item()
    assert q.kl_to_prior().sum().item() == pytest.approx(kl, abs=1e-6)


@pytest.mark.parametrize(("size", "kappa"), CASES)
def test_draws_have_the_angles_of_the_density_and_both_estimates_of_the_kl_agree(size, kappa):
    torch.manual_seed(0)
    q = a_posterior(size, kappa)
    draw = q.rsample(20_000)
    torch.testing.assert_close(draw.z.norm(dim=-1), torch.ones(20_000, 1, dtype=torch.float64))
    cosines = (draw.z * q.mean).sum(-1)[:, 0]
    expected = special.ive(size / 2, kappa) / special.ive(size / 2 - 1, kappa)
    assert cosines.mean().item() == pytest.approx(expected, abs=5 * cosines.std().item() / math.sqrt(20_000))
    torch.testing.assert_close(draw.z.std(0), q.std, rtol=0.06, atol=2e-3)
    ratio = draw.log_q[:, 0] + log_area(size)
    error = ratio.std().item() / math.sqrt(20_000)
    assert ratio.mean().item() == pytest.approx(q.kl_to_prior().sum().item(), abs=5 * error + 1e-9)
    sides = draw.z[:, 0] - cosines[:, None] * q.mean
    assert sides.mean(0).norm().item() < 5 * sides.norm(dim=-1).mean().item() / math.sqrt(20_000)


@pytest.mark.parametrize("kappa", [0.05, 1.0, 30.0, 3000.0])
def test_the_slope_of_an_angle_is_that_of_the_quantile(kappa):
    """In three dimensions the quantile has a closed form: cos t = 1 + log(u + (1 − u) e^{−2κ}) / κ."""
    rank = torch.linspace(0.02, 0.98, 40, dtype=torch.float64)
    k = torch.tensor(kappa, dtype=torch.float64, requires_grad=True)
    angle = torch.acos(1 + torch.log(rank + (1 - rank) * torch.exp(-2 * k)) / k)
    expected = torch.stack([torch.autograd.grad(each, k, retain_graph=True)[0] for each in angle])
    found = angle_slope(angle.detach(), k.detach().expand(40), 3)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-8 / kappa)


@pytest.mark.parametrize(("size", "kappa"), [(2, 0.3), (2, 40.0), (5, 0.5), (10, 30.0), (64, 5.0), (64, 900.0)])
def test_the_slope_of_an_angle_holds_its_rank(size, kappa):
    """F(t; κ) on a fine grid, at κ ± h: the angle of the same rank moves by the slope."""
    t = np.linspace(0, math.pi, 100_001)

    def ranks(k: float) -> np.ndarray:
        logs = k * (np.cos(t) - 1) + (size - 2) * np.log(np.maximum(np.sin(t), 1e-300))
        mass = integrate.cumulative_simpson(np.exp(logs - logs.max()), x=t, initial=0)
        return mass / mass[-1]

    levels, step = np.linspace(0.05, 0.95, 19), 1e-3 * kappa
    angles = np.interp(levels, ranks(kappa), t)
    expected = (np.interp(levels, ranks(kappa + step), t) - np.interp(levels, ranks(kappa - step), t)) / (2 * step)
    found = angle_slope(torch.from_numpy(angles), torch.full((19,), kappa, dtype=torch.float64), size)
    np.testing.assert_allclose(found.numpy(), expected, rtol=2e-3, atol=1e-7)


@pytest.mark.parametrize(("size", "kappa"), [(2, 1.0), (3, 20.0), (12, 8.0)])
def test_gradients_through_draws_are_those_of_the_expectation(size, kappa):
    """E[μ₀ᵀz] = A(κ) μ₀ᵀμ, whose derivatives are known."""
    torch.manual_seed(1)
    fixed = functional.normalize(torch.randn(size, dtype=torch.float64), dim=-1)
    direction = functional.normalize(torch.randn(1, size, dtype=torch.float64), dim=-1).requires_grad_()
    k = torch.tensor([kappa], dtype=torch.float64, requires_grad=True)
    draws = VonMisesFisher(direction, k).rsample(40_000).z @ fixed
    by_mu, by_kappa = torch.autograd.grad(draws.mean(), [direction, k])
    resultant = special.ive(size / 2, kappa) / special.ive(size / 2 - 1, kappa)
    slope = 1 - resultant**2 - (size - 1) * resultant / kappa
    along = (fixed @ direction.detach()[0]).item()
    assert by_kappa.item() == pytest.approx(slope * along, abs=0.02 / kappa)
    tangent = fixed - along * direction.detach()[0]  # changes of length are not changes of the direction
    assert (by_mu[0] @ tangent).item() == pytest.approx(resultant * (tangent @ tangent).item(), abs=0.03)


def test_the_prior_is_uniform():
    prior = build_prior(PriorConfig(kind="sphere"), 4, (1, 3, 4))
    z = prior.sample(20_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(20_000))
    torch.testing.assert_close(torch.cov(z.T), torch.eye(4) / 4, atol=0.01, rtol=0)
    torch.testing.assert_close(prior.log_prob(z[:3]), torch.full((3,), -math.log(2 * math.pi**2)))
    wide = a_posterior(4, 1e-3)
    assert 0 <= wide.kl_to_prior().sum().item() < 1e-6


def test_only_the_direction_of_a_latent_is_decoded_and_no_gradient_is_lost():
    model = build(smaller("sphere-vae"), (1, 8, 8))
    batch = images(6, (1, 8, 8))
    mean, std = model.encode(batch)
    torch.testing.assert_close(mean.norm(dim=-1), torch.ones(6))
    assert (std > 0).all()
    torch.testing.assert_close(model.decode(3 * mean), model.decode(mean))
    torch.testing.assert_close(model.decoder_output(3 * mean), model.decoder_output(mean))
    assert torch.isfinite(model.decode(0 * mean)).all()
    model.infer(batch).rsample(3).z.sum().backward()
    for head in (model.posterior.direction, model.posterior.log_concentration):
        assert torch.isfinite(head.weight.grad).all()
        assert head.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("changes", [{"prior": {"kind": "standard"}}, {"posterior": {"kind": "diagonal"}}])
def test_sphere_and_uniform_prior_go_together(changes):
    with pytest.raises(InputError, match="go together"):
        smaller("sphere-vae", **changes)
    with pytest.raises(InputError, match="at least 2"):
        smaller("sphere-vae", latent_dim=1)
