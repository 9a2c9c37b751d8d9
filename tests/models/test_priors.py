"""Priors: densities against torch.distributions, and samples against densities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import distributions

from latentlab.config import PosteriorConfig, PriorConfig
from latentlab.evaluation import evaluate
from latentlab.models.functional import gaussian_kl, log_mean_exp
from latentlab.models.posteriors import build_posterior
from latentlab.models.priors import build_prior
from latentlab.models.priors.marginal_kl import marginal_kl
from latentlab.training import Trainer
from tests.models.helpers import images, tiny
from tests.training.helpers import bars, run_config


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_made_depends_on_earlier_inputs_only(latent_dim):
    prior = build_prior(PriorConfig(kind="flow", hidden=32), latent_dim, (1, 3, 4))
    for made in prior.steps:
        torch.nn.init.normal_(made.outward.weight)
        jacobian = torch.autograd.functional.jacobian(lambda z: made(z)[0], torch.randn(latent_dim))  # noqa: B023
        for output, rank in enumerate(made.ranks):
            for source, earlier in enumerate(made.ranks):
                assert (jacobian[output, source] != 0) == (earlier < rank)


def test_standard_prior_matches_torch():
    prior = build_prior(PriorConfig(), 5, (1, 3, 4))
    z = prior.sample(20_000, torch.Generator().manual_seed(1))
    reference = distributions.MultivariateNormal(torch.zeros(5), torch.eye(5))
    torch.testing.assert_close(prior.log_prob(z), reference.log_prob(z))
    torch.testing.assert_close(torch.cov(z.T), torch.eye(5), atol=0.05, rtol=0)
    assert torch.equal(z, prior.sample(20_000, torch.Generator().manual_seed(1)))


def _vamp(posterior: str = "diagonal", latent_dim: int = 2, components: int = 4):
    """A VampPrior, and the encoder that its methods are given."""
    prior = build_prior(PriorConfig(kind="vamp", components=components), latent_dim, (1, 2, 3))
    head = build_posterior(PosteriorConfig(kind=posterior), 6, latent_dim)
    return prior, lambda x: head(x.flatten(1))


@pytest.mark.parametrize("posterior", ["diagonal", "cholesky"])
def test_vamp_prior_is_the_mixture_of_its_posteriors(posterior):
    prior, encode = _vamp(posterior)
    z = torch.randn(3, 5, 2)
    q = prior.components(encode)
    factor = q.factor if posterior == "cholesky" else torch.diag_embed(q.std)
    each = distributions.MultivariateNormal(q.mean, scale_tril=factor).log_prob(z[..., None, :])
    torch.testing.assert_close(prior.log_prob(z, encode), log_mean_exp(each, -1), atol=1e-5, rtol=1e-5)


def test_vamp_prior_requires_an_encoder():
    prior, _ = _vamp()
    with pytest.raises(TypeError, match="pass encode"):
        prior.log_prob(torch.zeros(1, 2))
    with pytest.raises(TypeError, match="pass encode"):
        prior.sample(1)


def test_mixture_prior_matches_torch():
    prior = build_prior(PriorConfig(kind="mixture", components=4), 3, (1, 2, 3))
    parts = distributions.Independent(distributions.Normal(prior.means, torch.exp(prior.log_stds)), 1)
    reference = distributions.MixtureSameFamily(distributions.Categorical(torch.ones(4)), parts)
    z = torch.randn(2, 5, 3)
    torch.testing.assert_close(prior.log_prob(z), reference.log_prob(z), atol=1e-5, rtol=1e-5)


def test_pseudo_inputs_are_initialised_from_training_images():
    prior, _ = _vamp()
    prior.prepare(torch.full((3, 1, 2, 3), 0.5))
    assert (prior.pseudo_inputs - 0.5).abs().max() < 0.5
    assert prior.pseudo_inputs.std() > 0.01


def test_log_density_in_chunks_equals_the_whole(monkeypatch):
    (prior, encode), z = _vamp(), torch.randn(3, 5, 2)
    whole = prior.log_prob(z, encode)
    monkeypatch.setattr("latentlab.models.priors.mixtures.MAX_ELEMENTS", 16)
    torch.testing.assert_close(prior.log_prob(z, encode), whole)


@pytest.mark.parametrize("kind", ["mixture", "flow", "vamp"])
def test_learned_priors_are_normalised_and_samples_match_the_density(kind):
    if kind == "vamp":
        prior, encode = _vamp()
    else:
        prior, encode = build_prior(PriorConfig(kind=kind, components=3), 2, (1, 3, 4)), None
    if kind == "flow":
        for made in prior.steps:
            torch.nn.init.normal_(made.outward.weight, std=0.1)
    axis = torch.linspace(-10, 10, 401)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        density = torch.exp(prior.log_prob(grid, encode)) * (axis[1] - axis[0]) ** 2
        assert density.sum().item() == pytest.approx(1, abs=1e-2)
        drawn = prior.sample(20_000, torch.Generator().manual_seed(0), encode)
    expected = (density[:, None] * grid).sum(0)
    torch.testing.assert_close(drawn.mean(0), expected, atol=0.08, rtol=0)
    spread = (density[:, None] * (grid - expected) ** 2).sum(0)
    torch.testing.assert_close(drawn.var(0), spread, atol=0.15, rtol=0.1)


def test_categorical_prior_is_uniform():
    prior = build_prior(PriorConfig(kind="categorical"), 12, (1, 3, 4))
    prior.categories = 4
    z = prior.sample(1000, torch.Generator().manual_seed(0))
    assert (z.view(1000, 3, 4).sum(-1) == 1).all()
    assert prior.log_prob(z)[0].item() == pytest.approx(-3 * 1.3862944)


def test_kl_to_a_mixture_is_the_integral_of_its_definition():
    """∫ q (log q − log p), on a grid."""
    means, stds = torch.tensor([[-2.0], [1.0], [1.5]]), torch.tensor([[0.5], [1.0], [0.7]])
    q = [(-2.0, 0.5), (0.0, 0.3), (3.0, 1.0), (-0.5, 0.05)]
    mean, std = (torch.tensor(values)[:, None] for values in zip(*q, strict=True))
    found = marginal_kl(mean, std, means, stds.log()).squeeze(1)
    z = torch.linspace(-12, 12, 200_001, dtype=torch.float64)
    log_p = torch.logsumexp(distributions.Normal(means, stds).log_prob(z), 0) - math.log(3)
    for (centre, width), kl in zip(q, found, strict=True):
        log_q = distributions.Normal(torch.tensor(centre).double(), torch.tensor(width).double()).log_prob(z)
        expected = torch.trapezoid(log_q.exp() * (log_q - log_p), z)
        torch.testing.assert_close(kl.double(), expected, atol=5e-3, rtol=5e-3)


@pytest.mark.parametrize("kind", ["vamp", "mixture", "flow"])
def test_the_kl_of_a_single_dimension_is_the_rate(kind):
    """With d = 1 the prior's marginal is the prior: the sum of one KL is the rate, whatever the prior is."""
    model = tiny(latent_dim=1, prior={"kind": kind, "components": 5, "hidden": 8})
    with torch.no_grad():
        model.posterior.mean.bias.fill_(1.0 if kind == "flow" else 2.0)
        for weight in model.posterior.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
        if kind == "flow":
            for made in model.prior.steps:
                made.outward.bias.copy_(torch.tensor([0.7, 0.3]))
    batch = images(20)
    with torch.no_grad():
        rates = model.bound(batch, 4000).rate
        kl = model.kl_per_dimension(batch).sum(1)
    error = 5 * rates.std(0) / 4000**0.5 + 0.02
    assert ((kl - rates.mean(0)).abs() < (error if kind != "flow" else error + 0.1)).all()
    mean, std = (part.detach() for part in model.encode(batch))
    assert (kl - gaussian_kl(mean, std.log()).sum(1)).abs().max() > 0.2, "not the KL to N(0, 1)"


def test_a_posterior_that_equals_its_vamp_prior_has_collapsed():
    """All images, the pseudo-inputs too, have one q: its KL to the prior is 0 wherever it lies."""
    model = tiny(latent_dim=3, prior={"kind": "vamp", "components": 4})
    with torch.no_grad():
        for head in (model.posterior.mean, model.posterior.log_std):
            head.weight[:2].zero_()
        model.posterior.mean.weight[2].mul_(30)
        model.posterior.mean.bias.fill_(3.0)
        model.posterior.log_std.bias.fill_(-1.0)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 1, 3, 4), dtype=np.uint8)
    result = evaluate(model, pixels, importance_samples=1)
    assert result.collapsed == (0, 1)
    assert result.kl_per_dimension[:2] == pytest.approx((0, 0), abs=1e-5)


def test_marginals_of_an_untrained_flow_are_standard():
    prior = build_prior(PriorConfig(kind="flow", hidden=16), 3, (1, 3, 4))
    zeros = torch.zeros(1, 3)
    assert marginal_kl(zeros, torch.ones(1, 3), *prior.marginals()).abs().max() < 0.01
    assert torch.equal(prior.marginals()[0], prior.marginals()[0])


@pytest.mark.parametrize("posterior", ["diagonal", "cholesky"])
def test_marginals_of_a_vamp_prior_are_those_of_its_samples(posterior):
    prior, encode = _vamp(posterior)
    drawn = prior.sample(40_000, torch.Generator().manual_seed(2), encode)
    means, log_stds = prior.marginals(encode)
    torch.testing.assert_close(drawn.mean(0), means.mean(0), atol=0.03, rtol=0)
    second = (means**2 + torch.exp(2 * log_stds)).mean(0)
    torch.testing.assert_close((drawn**2).mean(0), second, atol=0.08, rtol=0.02)


def test_every_pseudo_input_begins_at_an_image_of_its_own():
    """Also where there are more of them than images in a batch."""
    config = run_config({"prior": {"kind": "vamp", "components": 40}, "latent_dim": 2}, epochs=1, batch_size=16)
    trainer = Trainer(bars(60), config)
    prepared = []
    trainer.model.prepare = lambda batch, images: prepared.append(batch.x)
    next(trainer.steps())
    (x,) = prepared
    assert x.shape == (40, 1, 8, 8)
    assert len(x.flatten(1).unique(dim=0)) == 40
