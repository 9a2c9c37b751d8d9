"""Bounds against the exact marginal likelihood, and invariances of the reduction over the batch."""

from __future__ import annotations

import pytest
import torch

from latentlab.models import Batch, StepState
from latentlab.models.functional import log_mean_exp
from tests.models.helpers import images, ppca, ppca_marginal, tiny


def test_elbo_with_the_exact_posterior_equals_the_marginal_likelihood():
    model, batch = ppca(), images(7)
    exact = ppca_marginal(model).log_prob(batch.x.flatten(1).double())
    bound = model.bound(batch, 5)
    # With the true posterior every sample gives log p(x).
    log_weights = (bound.log_likelihood - bound.log_ratio).double()
    torch.testing.assert_close(log_weights, exact.expand(5, 7), atol=5e-4, rtol=0)


def test_analytic_elbo_with_the_exact_posterior_estimates_the_marginal_likelihood():
    model, batch = ppca(), images(4)
    exact = ppca_marginal(model).log_prob(batch.x.flatten(1).double()).mean()
    bound = model.bound(batch, 20_000)
    elbo = (bound.log_likelihood - bound.rate).double()
    error = 5 * elbo.std() / elbo.numel() ** 0.5
    assert abs(elbo.mean() - exact) < error < 0.1


def test_bounds_tighten_with_samples():
    model, batch = ppca(offset=0.4), images(16)
    exact = ppca_marginal(model).log_prob(batch.x.flatten(1).double()).mean().item()
    bound = model.bound(batch, 20_000)
    log_weights = (bound.log_likelihood - bound.log_ratio).double()
    levels = [log_mean_exp(log_weights.view(-1, k, 16), dim=1).mean().item() for k in (1, 5, 50)]
    assert levels[0] < levels[1] < levels[2] < exact + 0.01
    assert exact - levels[0] > 0.2  # the posterior is not exact, so that there is a gap


@pytest.mark.parametrize("likelihood", [{"kind": "bernoulli"}, {"kind": "gaussian", "sigma": "learned"}])
def test_duplicating_the_batch_does_not_change_the_loss(likelihood):
    # A delta posterior has no noise, so that the two losses agree to rounding.
    model, batch = tiny(posterior={"kind": "delta"}, likelihood=likelihood), images(5)
    once = model.losses("model", batch, StepState())
    twice = model.losses("model", Batch(torch.cat([batch.x, batch.x])), StepState())
    torch.testing.assert_close(once.objective, twice.objective)
    assert once.terms.keys() == twice.terms.keys()
    rate = model.kl_per_dimension(batch)
    assert rate.shape == (5, 2)


def test_rate_is_summed_over_latents_and_averaged_over_images():
    model, batch = tiny(latent_dim=3), images(5)
    once = model.losses("model", batch, StepState()).terms["rate"]
    twice = model.losses("model", Batch(torch.cat([batch.x, batch.x])), StepState()).terms["rate"]
    torch.testing.assert_close(once, twice)
    torch.testing.assert_close(once, model.kl_per_dimension(batch).sum(1).mean())


def test_beta_weights_the_rate_only_at_any_image_size():
    for shape in ((1, 8, 8), (1, 32, 32), (3, 9, 16)):
        model, batch = tiny(shape, beta=4.0), images(6, shape)
        losses = model.losses("model", batch, StepState())
        expected = losses.terms["distortion"] + 4 * losses.terms["rate"]
        torch.testing.assert_close(losses.objective.detach(), expected)
        model.beta = 1.0
        live = model.losses("model", batch, StepState())
        torch.testing.assert_close(live.objective.detach(), -live.terms["elbo"])


def test_distortion_is_summed_over_pixels():
    model = tiny((1, 8, 8))
    with torch.no_grad():
        model.decoder.pixels.weight.zero_()
        model.decoder.pixels.bias.zero_()
    losses = model.losses("model", images(3, (1, 8, 8)), StepState())
    assert losses.terms["distortion"].item() == pytest.approx(64 * 0.6931472, rel=1e-6)
