"""Posteriors: densities, KLs and flows against torch.distributions, autograd and sampling."""

from __future__ import annotations

import pytest
import torch
from torch import distributions

from latentlab.config import PosteriorConfig, PriorConfig
from latentlab.models.posteriors import build_posterior
from latentlab.models.posteriors.cholesky import Cholesky
from latentlab.models.posteriors.diagonal import Diagonal
from latentlab.models.priors import build_prior


def _posterior(kind: str, latent_dim: int = 3, **settings):
    head = build_posterior(PosteriorConfig(kind=kind, **settings), 6, latent_dim)
    with torch.no_grad():
        for weight in head.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return head.eval()(torch.randn(4, 6))


def test_diagonal_matches_torch():
    q = _posterior("diagonal")
    draw = q.rsample(8)
    reference = distributions.Independent(distributions.Normal(q.mean, q.std), 1)
    torch.testing.assert_close(draw.log_q, reference.log_prob(draw.z), atol=1e-4, rtol=1e-5)
    kl = distributions.kl_divergence(distributions.Normal(q.mean, q.std), distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(q.kl_to_prior(), kl)


def test_cholesky_matches_torch():
    q = _posterior("cholesky")
    draw = q.rsample(8)
    reference = distributions.MultivariateNormal(q.mean, scale_tril=q.factor)
    torch.testing.assert_close(draw.log_q, reference.log_prob(draw.z), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(q.log_prob(draw.z), draw.log_q, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(q.std, reference.stddev)
    standard = distributions.MultivariateNormal(torch.zeros(3), torch.eye(3))
    kl = distributions.kl_divergence(reference, standard)
    torch.testing.assert_close(q.kl_to_prior().sum(-1), kl)


def test_cholesky_with_a_diagonal_factor_equals_diagonal():
    mean, log_std = torch.randn(4, 3), torch.randn(4, 3)
    full, diagonal = Cholesky(mean, log_std, torch.zeros(4, 3)), Diagonal(mean, log_std)
    torch.testing.assert_close(full.kl_to_prior(), diagonal.kl_to_prior())
    torch.manual_seed(1)
    drawn = full.rsample(5)
    torch.manual_seed(1)
    expected = diagonal.rsample(5)
    torch.testing.assert_close(drawn.z, expected.z)
    torch.testing.assert_close(drawn.log_q, expected.log_q)


@pytest.mark.parametrize("kind", ["iaf", "planar"])
def test_flow_without_steps_equals_its_base(kind):
    q = _posterior(kind, steps=0)
    torch.manual_seed(1)
    drawn = q.rsample(5)
    torch.manual_seed(1)
    expected = q.base.rsample(5)
    assert torch.equal(drawn.z, expected.z)
    assert torch.equal(drawn.log_q, expected.log_q)
    torch.testing.assert_close(q.mean, q.base.mean)


@pytest.mark.parametrize("kind", ["iaf", "planar"])
def test_log_determinant_of_a_flow_matches_its_jacobian(kind):
    q = _posterior(kind, steps=3, hidden=16)
    start = torch.randn(4, 3)
    z, log_det = q.transform(start[None])
    assert not torch.allclose(z[0], start, atol=0.1)
    jacobian = torch.autograd.functional.jacobian(lambda s: q.transform(s[None])[0][0].sum(0), start)
    exact = torch.linalg.slogdet(jacobian.permute(1, 0, 2)).logabsdet
    torch.testing.assert_close(log_det[0], exact, atol=1e-4, rtol=1e-4)


def test_planar_flow_starts_near_the_identity_and_gets_gradients():
    head = build_posterior(PosteriorConfig(kind="planar"), 6, 3)
    q = head(torch.randn(4, 6))
    start = torch.randn(1, 4, 3)
    z, log_det = q.transform(start)
    torch.testing.assert_close(z, start, atol=0.1, rtol=0)
    assert log_det.abs().max() < 0.1
    (z.sum() + log_det.sum()).backward()
    assert all(step.bias.grad[:3].abs().max() > 0.1 for step in head.steps)


def test_log_determinant_of_large_planes_is_finite():
    """û·w, computed from û and w in float32, falls below −1 by the rounding of their entries."""
    head = build_posterior(PosteriorConfig(kind="planar", steps=1), 1, 10)
    with torch.no_grad():
        head.steps[0].weight.zero_()
        for entries in (10.0, 1000.0):
            for _ in range(20):
                head.steps[0].bias.copy_(entries * torch.randn(21))
                # Where tanh is steepest: the determinant is 1 + û·w.
                w, b = head.steps[0].bias[10:20], head.steps[0].bias[20]
                start = (-b * w / (w @ w)).expand(1, 500, 10) + 1e-3 * torch.randn(1, 500, 10) / entries
                log_det = head(torch.zeros(500, 1)).transform(start)[1]
                assert torch.isfinite(log_det).all()


def test_concrete_matches_torch():
    q = _posterior("concrete", 20, categories=5)
    draw = q.rsample(6)
    vectors = draw.z.view(6, 4, 4, 5)
    assert (vectors.sum(-1) == 1).all()
    reference = distributions.OneHotCategorical(logits=q.log_probs)
    torch.testing.assert_close(draw.log_q, reference.log_prob(vectors).sum(-1))
    torch.testing.assert_close(q.log_prob(draw.z), draw.log_q)
    uniform = distributions.OneHotCategorical(logits=torch.zeros(4, 4, 5))
    kl = distributions.kl_divergence(reference, uniform).sum(-1)
    torch.testing.assert_close(q.kl_to_prior().sum(-1), kl, atol=1e-5, rtol=1e-4)
    assert (q.kl_to_prior() >= 0).all()
    torch.testing.assert_close(q.rsample(20_000).z.mean(0), q.mean, atol=0.03, rtol=0)


def test_relaxed_categories_have_gradients_and_sharpen_with_lower_temperature():
    head = build_posterior(PosteriorConfig(kind="concrete", categories=5, cooling=2.0), 6, 20)
    spreads = []
    for epochs in (0.0, 1.0, 5.0):
        head.update_schedule(epochs)
        spreads.append(head(torch.randn(200, 6)).rsample(1).z.view(-1, 5).amax(-1).mean().item())
    assert spreads[0] < spreads[1] < spreads[2]
    assert head.temperature == 0.5
    head(torch.randn(3, 6)).rsample(1).z[..., 0].sum().backward()
    assert head.logits.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", ["diagonal", "cholesky"])
def test_closed_form_kl_matches_its_sampled_estimate(kind):
    q, prior = _posterior(kind), build_prior(PriorConfig(), 3, (1, 3, 4))
    draw = q.rsample(100_000)
    sampled = draw.log_q - prior.log_prob(draw.z)
    error = sampled.std(0) / sampled.shape[0] ** 0.5
    assert ((sampled.mean(0) - q.kl_to_prior().sum(-1)).abs() < 5 * error).all()


def test_delta_is_a_point_with_zero_rate():
    q = _posterior("delta")
    draw = q.rsample(2)
    assert (draw.z == q.mean).all()
    assert not q.kl_to_prior().any()
    assert not q.std.any()
