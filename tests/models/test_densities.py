"""Gates 4 and 8: closed forms against sampling, and every log-density against torch.distributions."""

from __future__ import annotations

import pytest
import torch
from torch import distributions

from latentlab.config import LikelihoodConfig, PosteriorConfig, PriorConfig
from latentlab.models.functional import gaussian_kl, log_mean_exp, soft_clip
from latentlab.models.likelihoods import build_likelihood
from latentlab.models.posteriors import build_posterior
from latentlab.models.priors import build_prior


def _posterior(kind: str, latent_dim: int = 3):
    return build_posterior(PosteriorConfig(kind=kind), 6, latent_dim)(torch.randn(4, 6))


def test_diagonal_posterior_agrees_with_torch():
    q = _posterior("diagonal")
    draw = q.rsample(8)
    reference = distributions.Independent(distributions.Normal(q.mean, q.std), 1)
    torch.testing.assert_close(draw.log_q, reference.log_prob(draw.z), atol=1e-4, rtol=1e-5)
    kl = distributions.kl_divergence(distributions.Normal(q.mean, q.std), distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(q.kl_to_prior(), kl)


def test_closed_form_rate_is_the_sampled_one():
    q, prior = _posterior("diagonal"), build_prior(PriorConfig(), 3, (1, 3, 4))
    draw = q.rsample(100_000)
    sampled = draw.log_q - prior.log_prob(draw.z)
    error = sampled.std(0) / sampled.shape[0] ** 0.5
    assert ((sampled.mean(0) - q.kl_to_prior().sum(-1)).abs() < 5 * error).all()


def test_delta_is_a_point_without_a_rate():
    q = _posterior("delta")
    draw = q.rsample(2)
    assert (draw.z == q.mean).all()
    assert not q.kl_to_prior().any()
    assert not q.std.any()


def test_standard_prior_agrees_with_torch_and_samples_itself():
    prior = build_prior(PriorConfig(), 5, (1, 3, 4))
    z = prior.sample(20_000, torch.Generator().manual_seed(1))
    reference = distributions.MultivariateNormal(torch.zeros(5), torch.eye(5))
    torch.testing.assert_close(prior.log_prob(z), reference.log_prob(z))
    torch.testing.assert_close(torch.cov(z.T), torch.eye(5), atol=0.05, rtol=0)
    assert torch.equal(z, prior.sample(20_000, torch.Generator().manual_seed(1)))


def test_bernoulli_agrees_with_torch():
    likelihood = build_likelihood(LikelihoodConfig(kind="bernoulli"))
    output, x = 3 * torch.randn(2, 5, 3, 4, 4), torch.rand(5, 3, 4, 4).round()
    reference = distributions.Independent(distributions.Bernoulli(logits=output), 3).log_prob(x.expand_as(output))
    torch.testing.assert_close(likelihood.log_prob(output, x), reference)
    torch.testing.assert_close(likelihood.mean(output), torch.sigmoid(output))


@pytest.mark.parametrize("sigma", ["fixed", "learned"])
def test_gaussian_agrees_with_torch(sigma):
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma=sigma, sigma_value=0.3))
    output, x = torch.randn(2, 5, 3, 4, 4), torch.rand(5, 3, 4, 4)
    std = torch.tensor(0.3) if sigma == "fixed" else torch.exp(likelihood.clipped_log_sigma())
    reference = distributions.Independent(distributions.Normal(output, std), 3).log_prob(x.expand_as(output))
    torch.testing.assert_close(likelihood.log_prob(output, x), reference)
    assert len(list(likelihood.parameters())) == (sigma == "learned")
    mean = likelihood.mean(output)
    assert mean.min() == 0
    assert mean.max() == 1


def test_learned_sigma_cannot_collapse():
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="learned"))
    with torch.no_grad():
        likelihood.log_sigma.fill_(-100.0)
    assert likelihood.clipped_log_sigma().item() == pytest.approx(-6.0)
    with torch.no_grad():
        likelihood.log_sigma.fill_(0.5)
    assert likelihood.clipped_log_sigma().item() == pytest.approx(0.5, abs=2e-3)


def test_soft_clip_is_the_identity_inside_and_bounded_outside():
    values = torch.tensor([-1e6, -8.0, 0.0, 1e6], requires_grad=True)
    clipped = soft_clip(values, -8.0, 6.0)
    assert clipped[0].item() == pytest.approx(-8.0, abs=1e-4)
    assert clipped[2].item() == pytest.approx(0.0, abs=3e-3)
    assert clipped[3].item() == pytest.approx(6.0, abs=1e-4)
    clipped.sum().backward()
    assert torch.isfinite(values.grad).all()
    assert values.grad[1] == pytest.approx(0.5, abs=1e-3)


def test_log_mean_exp_does_not_overflow():
    values = torch.tensor([[1000.0, -1000.0], [1000.0, -1000.0]])
    torch.testing.assert_close(log_mean_exp(values), values[0])


def test_kl_is_zero_at_the_prior():
    assert gaussian_kl(torch.zeros(3), torch.zeros(3)).abs().max() == 0
