"""Divergences: zero between equal distributions at any batch size, and closed forms against sampling."""

from __future__ import annotations

import math

import pytest
import torch

from latentlab.config import DivergenceConfig, PriorConfig
from latentlab.models.divergences import Latents, build_divergence
from latentlab.models.divergences.closed_form import energy_distance, expected_distance, kernel_distance
from latentlab.models.divergences.mmd import mmd
from latentlab.models.divergences.sliced import sliced_wasserstein
from latentlab.models.divergences.total_correlation import total_correlation
from latentlab.models.posteriors.delta import Delta
from latentlab.models.posteriors.diagonal import Diagonal
from latentlab.models.priors import build_prior

KINDS = ["mmd", "sliced-wasserstein", "energy", "kernel"]
DIM = 3


def estimates(kind: str, count: int, shift: float, times: int) -> torch.Tensor:
    divergence = build_divergence(DivergenceConfig(kind=kind))
    prior = build_prior(PriorConfig(), DIM, (1, 8, 8))
    samples = (torch.randn(count, DIM) + shift for _ in range(times))
    return torch.stack([divergence(Latents(z, Delta(z), prior.sample, 1000)) for z in samples])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [2, 5, 64])
def test_divergence_of_the_prior_from_itself_is_zero_on_average(kind, count):
    values = estimates(kind, count, 0.0, 400)
    assert abs(values.mean()) < 5 * values.std() / 400**0.5


@pytest.mark.parametrize("kind", KINDS)
def test_divergence_of_a_shifted_gaussian_is_positive(kind):
    values = estimates(kind, 64, 1.0, 20)
    assert values.min() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_divergence_does_not_depend_on_the_batch_size(kind):
    small, large = (estimates(kind, count, 1.0, 4096 // count) for count in (8, 128))
    assert small.mean().item() == pytest.approx(large.mean().item(), rel=0.1)


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_mmd_is_the_mean_over_pairs(kernel):
    x, y = torch.randn(4, 2).double(), torch.randn(3, 2).double()

    def k(a, b):
        total = 0.0
        for scale in (0.1, 0.2, 0.5, 1, 2, 5, 10):
            width, squared = scale * 2 * 2, ((a - b) ** 2).sum().item()
            total += width / (width + squared) if kernel == "imq" else math.exp(-squared / width)
        return total

    within_x = sum(k(x[i], x[j]) for i in range(4) for j in range(4) if i != j) / 12
    within_y = sum(k(y[i], y[j]) for i in range(3) for j in range(3) if i != j) / 6
    across = sum(k(a, b) for a in x for b in y) / 12
    assert mmd(x, y, kernel).item() == pytest.approx(within_x + within_y - 2 * across)


def test_sliced_distance_of_shifted_gaussians_is_their_projected_shift():
    x = torch.randn(500, DIM)
    shift = torch.tensor([1.0, -2.0, 0.5])
    directions = torch.nn.functional.normalize(torch.randn(40, DIM), dim=1)
    expected = ((directions @ shift) ** 2).mean()
    torch.testing.assert_close(sliced_wasserstein(x + shift, x, directions), expected, rtol=1e-4, atol=1e-4)


def test_expected_distance_matches_sampling():
    for dim in (1, 2, 7):
        z = torch.randn(5, dim) * torch.tensor([0.0, 0.5, 1.0, 3.0, 40.0])[:, None]
        normal = torch.randn(200_000, dim)
        sampled = torch.stack([(point - normal).norm(dim=1).mean() for point in z])
        torch.testing.assert_close(expected_distance(z), sampled, atol=0.02, rtol=1e-3)
    half_normal = math.sqrt(2 / math.pi)
    assert expected_distance(torch.zeros(1, 1)).item() == pytest.approx(half_normal, rel=1e-6)


def test_expected_distance_has_the_right_gradient():
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(expected_distance, (z,))
    far = torch.full((1, 3), 1e3, requires_grad=True)
    expected_distance(far).sum().backward()
    torch.testing.assert_close(far.grad, torch.full((1, 3), 3**-0.5), rtol=1e-4, atol=0)


def test_energy_distance_of_equal_points_has_a_finite_gradient():
    z = torch.zeros(3, 2, requires_grad=True)
    energy_distance(z).backward()
    assert torch.isfinite(z.grad).all()


def test_energy_distance_matches_sampling():
    z, normal = torch.randn(400, 2) * 0.5 + 1, torch.randn(40_000, 2)
    across = torch.cdist(z, normal).mean()
    within = torch.cdist(z, z).sum() / (400 * 399)
    between = (normal[:20_000] - normal[20_000:]).norm(dim=1).mean()
    assert energy_distance(z).item() == pytest.approx((2 * across - within - between).item(), abs=0.03)


def test_kernel_distance_matches_sampling():
    z, normal = torch.randn(400, 2) * 0.5 + 1, torch.randn(40_000, 2)

    def kernel(squared):
        return torch.exp(-squared / 4)  # the width is d = 2

    within = (kernel(torch.cdist(z, z) ** 2).sum() - 400) / (400 * 399)
    across = kernel(torch.cdist(z, normal) ** 2).mean()
    between = kernel(((normal[:20_000] - normal[20_000:]) ** 2).sum(1)).mean()
    assert kernel_distance(z).item() == pytest.approx((within - 2 * across + between).item(), abs=0.01)


def test_total_correlation_matches_its_closed_form():
    images, correlation = 4000, 0.9
    # Narrow posteriors around Gaussian means: q(z) is that Gaussian.
    for rho in (0.0, correlation):
        first, second = torch.randn(2, images)
        mean = torch.stack([first, rho * first + math.sqrt(1 - rho**2) * second], 1)
        log_std = torch.full_like(mean, math.log(0.3))
        z = mean + 0.3 * torch.randn_like(mean)
        # The batch is the whole set: exact.
        exact = -0.5 * math.log(1 - (rho / (1 + 0.09)) ** 2)
        assert total_correlation(z, mean, log_std, images).item() == pytest.approx(exact, abs=0.06)


def test_total_correlation_of_a_batch_estimates_that_of_the_set():
    mean = torch.randn(1000, 2)
    log_std = torch.full_like(mean, -0.5)
    z = mean + torch.exp(log_std) * torch.randn_like(mean)
    whole = total_correlation(z, mean, log_std, 1000)
    parts = [total_correlation(z[i], mean[i], log_std[i], 1000) for i in torch.randperm(1000).view(-1, 200)]
    assert torch.stack(parts).mean().item() == pytest.approx(whole.item(), abs=0.1)


def test_divergence_of_one_image_is_zero():
    prior = build_prior(PriorConfig(), DIM, (1, 8, 8))
    z = torch.randn(1, DIM)
    for kind in ("mmd", "energy", "kernel", "total-correlation"):
        q = Diagonal(z, torch.zeros_like(z))
        assert build_divergence(DivergenceConfig(kind=kind))(Latents(z, q, prior.sample, 1)).item() == 0
    assert build_divergence(DivergenceConfig()) is None
