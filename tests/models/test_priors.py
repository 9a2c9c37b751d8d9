"""Priors: densities against torch.distributions, and samples against densities."""

from __future__ import annotations

import pytest
import torch
from torch import distributions

from latentlab.config import PosteriorConfig, PriorConfig
from latentlab.models.functional import log_mean_exp
from latentlab.models.posteriors import build_posterior
from latentlab.models.priors import build_prior


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
