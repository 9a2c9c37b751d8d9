"""Gaps of inference, imputation, and the figures of a kind."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.config import ModelConfig, validated
from latentlab.errors import InputError
from latentlab.evaluation import evaluate, impute, inference_gaps
from latentlab.models import Batch, StepState, build
from tests.models.families.test_every_recipe import bars
from tests.models.helpers import images, ppca, ppca_marginal, smaller, tiny, train

SHAPE = (1, 8, 8)


def test_gaps_of_a_model_whose_exact_likelihood_is_known():
    torch.manual_seed(0)
    model = ppca(offset=0.5)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 1, 3, 4), dtype=np.uint8)
    exact = ppca_marginal(model).log_prob(torch.from_numpy(pixels).double().flatten(1) / 255).mean().item()
    gaps = inference_gaps(model, pixels, steps=150)
    # The exact posterior is diagonal: a refined one reaches it, and nothing is left for a richer family.
    assert gaps.encoder_elbo < exact - 0.5
    assert gaps.refined_elbo == pytest.approx(exact, abs=0.1)
    assert gaps.richer_elbo == pytest.approx(exact, abs=0.1)
    assert gaps.log_likelihood == pytest.approx(exact, abs=0.05)
    assert gaps.amortisation_gap == pytest.approx(gaps.refined_elbo - gaps.encoder_elbo)
    assert gaps.approximation_gap == pytest.approx(0, abs=0.1)
    assert all(weight.grad is None for weight in model.parameters())


def test_gaps_are_those_of_the_elbo_whatever_beta_the_model_has():
    """At β = 4 a refined q would maximise log p(x|z) − 4 KL, and stay below the exact likelihood by more than a nat."""
    torch.manual_seed(0)
    model = ppca(offset=0.5, beta=4.0)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 1, 3, 4), dtype=np.uint8)
    exact = ppca_marginal(model).log_prob(torch.from_numpy(pixels).double().flatten(1) / 255).mean().item()
    gaps = inference_gaps(model, pixels, steps=150, importance_samples=100)
    assert gaps.refined_elbo == pytest.approx(exact, abs=0.1)
    assert gaps.richer_elbo == pytest.approx(exact, abs=0.1)


def test_a_richer_posterior_closes_the_approximation_gap():
    torch.manual_seed(0)
    model = ppca(latent_dim=2)
    with torch.no_grad():  # columns that are not orthogonal tilt the posterior
        model.decoder.pixels.weight[:, 1] = model.decoder.pixels.weight[:, 0] * 0.9 + 0.1
    pixels = np.random.default_rng(0).integers(0, 256, (20, 1, 3, 4), dtype=np.uint8)
    gaps = inference_gaps(model, pixels, steps=300)
    assert gaps.approximation_gap > 0.3
    assert gaps.richer_elbo > gaps.refined_elbo + 0.5 * gaps.approximation_gap
    assert gaps.log_likelihood >= gaps.richer_elbo - 0.05


def test_gaps_are_refused_for_point_posteriors():
    with pytest.raises(InputError, match="diagonal or full-covariance"):
        inference_gaps(tiny(posterior={"kind": "delta"}), np.zeros((1, 1, 3, 4), np.uint8))


def test_missing_pixels_are_their_conditional_mean():
    torch.manual_seed(0)
    model = ppca(sigma=0.05)
    # The encoder knows nothing of what is missing: a wide posterior, whose weights must do the work.
    with torch.no_grad():
        model.posterior.mean.weight.zero_()
        model.posterior.mean.bias.zero_()
        model.posterior.log_std.bias.zero_()
        # Means well within [0, 1], where they are not cut.
        model.decoder.pixels.weight.mul_(0.1)
        model.decoder.pixels.bias.fill_(0.5)
    x, mask = 0.5 + 0.3 * (images(3).x - 0.5), torch.ones(3, 1, 3, 4)
    mask[:, :, :, 2:] = 0
    seen = mask[0].flatten().bool()
    marginal = ppca_marginal(model, 0.05)
    covariance, mean = marginal.covariance_matrix, marginal.mean
    gain = covariance[~seen][:, seen] @ torch.linalg.inv(covariance[seen][:, seen])
    flat = x.flatten(1).double()
    expected = mean[~seen] + (flat[:, seen] - mean[seen]) @ gain.T
    filled = impute(model, x, mask, samples=200_000).flatten(1)
    torch.testing.assert_close(filled[:, seen], x.flatten(1)[:, seen])
    torch.testing.assert_close(filled[:, ~seen].double(), expected, atol=0.01, rtol=0)


@pytest.mark.parametrize("recipe", ["ae", "vq-vae", "ladder-vae"])
def test_without_importance_weights_missing_pixels_are_reconstructed(recipe):
    model = build(smaller(recipe, corruption={"kind": "mask"}), (1, 8, 8)).eval()
    x, mask = images(3, (1, 8, 8)).x, torch.ones(3, 1, 8, 8)
    mask[:, :, 4:] = 0
    filled = impute(model, x, mask)
    assert torch.equal(filled[:, :, :4], x[:, :, :4])
    with torch.no_grad():
        mean, _ = model.encode(Batch(x * mask, mask=mask))
        assert torch.equal(filled[:, :, 4:], model.decode(mean)[:, :, 4:])
    changed = x.clone()
    changed[:, :, 4:] = 0.5
    assert torch.equal(impute(model, changed, mask), filled), "what is missing is not looked at"


def test_classification_error_of_a_semi_supervised_model():
    torch.manual_seed(0)
    model = build(smaller("semi-supervised-vae"), SHAPE, 4)
    batch = bars(48)
    train(model, batch, 40, rate=1e-2)
    pixels, labels = (batch.x * 255).to(torch.uint8).numpy(), batch.label.numpy()
    result = evaluate(model, pixels, labels, importance_samples=3)
    assert result.figures == {"classification_error": 0.0}
    assert result.as_dict()["classification_error"] == 0.0
    assert evaluate(model, pixels, (labels + 1) % 4, importance_samples=1).figures["classification_error"] == 1.0
    assert result.log_likelihood >= result.elbo
    # Images without a label do not count, wherever they stand.
    half = np.where(np.arange(48) % 2, -1, (labels + 1) % 4)
    assert evaluate(model, pixels, half, importance_samples=1, batch_size=7).figures["classification_error"] == 1.0
    assert not evaluate(model, pixels, np.full(48, -1), importance_samples=1).figures
    assert not evaluate(model, pixels, importance_samples=1).figures


def test_only_so_many_labels_are_used():
    model = build(smaller("semi-supervised-vae", supervision={"labels": 8}), SHAPE, 4)
    train(model, bars(48), 2)
    assert model.labelled_classes.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    other = bars(48)
    expected = torch.stack([other.x[other.label == name][:2] for name in range(4)]).flatten(0, 1)
    torch.testing.assert_close(model.labelled_images.float() / 255, expected)


def test_perplexity_counts_the_codes_in_even_use():
    torch.manual_seed(0)
    model = build(smaller("vq-vae"), SHAPE)
    pixels = (bars(16).x * 255).to(torch.uint8).numpy()
    result = evaluate(model, pixels, importance_samples=1)
    codes = torch.cat([grid.flatten() for grid in model.eval().codes(Batch(torch.from_numpy(pixels) / 255))])
    shares = torch.bincount(codes) / len(codes)
    expected = torch.exp(-(shares[shares > 0] * shares[shares > 0].log()).sum()).item()
    assert result.figures["perplexity"] == pytest.approx(expected, rel=1e-5)


def test_refinement_of_an_image_does_not_depend_on_the_others():
    config = validated(ModelConfig, {"posterior": {"refine": 10}, "architecture": {"hidden": 16}})
    model = build(config, SHAPE).eval()
    batch = bars(6)
    mean, _ = model.encode(batch)
    start = model.initial_posterior(batch).mean
    assert (mean - start).abs().max() > 0.05
    bound = model.bound(batch, 200)
    unrefined = model.bound_from(model.initial_posterior(batch), batch, 200)
    assert (bound.log_likelihood - bound.rate).mean() > (unrefined.log_likelihood - unrefined.rate).mean()


@pytest.mark.parametrize("search", ["gradient", "evolution"])
def test_latents_are_found_without_an_encoder(search):
    torch.manual_seed(0)
    model = build(smaller("decoder-only-vae", posterior={"search": search, "refine": 30}), SHAPE).eval()
    assert not [name for name in model.state_dict() if name.startswith(("encoder", "posterior"))]
    z = torch.randn(5, 2)
    batch = Batch(model.decode(z).detach())
    found, std = model.encode(batch)
    assert not std.any()

    def height(latents):
        return model.log_likelihood(latents[None], batch)[0] + model.prior.log_prob(latents)

    assert (height(found) > height(torch.zeros(5, 2))).all()
    assert (height(found) >= height(z) - 0.05).all()


@pytest.mark.parametrize("recipe", ["decoder-only-vae", "per-datapoint-vae"])
def test_a_search_in_training_neither_estimates_sigma_nor_sees_other_images(recipe):
    torch.manual_seed(0)
    values = {"likelihood": {"kind": "gaussian", "sigma": "optimal"}, "posterior": {"refine": 5}}
    model = build(smaller(recipe, **values), SHAPE).train()
    batch = bars(6)
    model.log_likelihood(torch.zeros(1, 6, 2), batch)  # an estimate of earlier steps
    before = model.likelihood.running_variance.clone()
    torch.manual_seed(1)
    together = model.refined(model.initial_posterior(batch), batch)
    assert torch.equal(model.likelihood.running_variance, before)
    if recipe == "decoder-only-vae":  # without noise
        alone = model.refined(model.initial_posterior(Batch(batch.x[:1])), Batch(batch.x[:1]))
        torch.testing.assert_close(alone.mean, together.mean[:1])
    model.losses("model", batch, StepState())
    assert model.likelihood.batches == 2, "one estimate in a step"


def test_pixels_of_unlabelled_images_are_filled_in_with_the_most_probable_class():
    """Networks that are conditioned on a class have never seen an average of all classes."""
    torch.manual_seed(0)
    model = build(smaller("semi-supervised-vae"), SHAPE, 4)
    train(model, bars(48), 20, rate=1e-2)
    model.eval()
    batch, mask = bars(5), torch.ones(5, 1, 8, 8)
    mask[:, :, :, 4:] = 0
    likeliest = model.classify(Batch(batch.x * mask, mask=mask))
    torch.manual_seed(1)
    expected = impute(model, batch.x, mask, 5, likeliest)
    torch.manual_seed(1)
    assert torch.equal(impute(model, batch.x, mask, 5), expected)
