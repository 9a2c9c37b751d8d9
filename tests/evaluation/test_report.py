"""What evaluation reports."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from latentlab.config import ModelConfig, validated
from latentlab.errors import InputError
from latentlab.evaluation import evaluate, quick_bound
from latentlab.models import Batch, build
from latentlab.models.functional import log_mean_exp
from latentlab.models.seeded_noise import fixed_noise
from tests.models.helpers import ppca, ppca_marginal

SHAPE = (1, 8, 8)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build(validated(ModelConfig, {"architecture": {"hidden": 16}, "latent_dim": 3}), SHAPE)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (37, *SHAPE), dtype=np.uint8)


def test_numbers_depend_on_the_seed_alone(model, images):
    first = evaluate(model, images, importance_samples=5, seed=1)
    assert evaluate(model, images, importance_samples=5, seed=1) == first
    assert evaluate(model, images, importance_samples=5, seed=2) != first


def test_the_rng_state_of_the_caller_is_restored(model, images):
    before = torch.get_rng_state()
    model.train()
    evaluate(model, images, importance_samples=2)
    quick_bound(model, images)
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training


@pytest.mark.parametrize("samples", [1, 20])
def test_parts_add_up_and_the_likelihood_is_no_less_than_its_bound(model, images, samples):
    result = evaluate(model, images, importance_samples=samples)
    assert result.images == 37
    assert result.elbo == -(result.rate + result.distortion)
    assert result.log_likelihood >= result.elbo
    assert (result.log_likelihood > result.elbo) == (samples > 1)
    assert result.bits_per_dimension == pytest.approx(-result.log_likelihood / 64 / math.log(2))
    assert sum(result.kl_per_dimension) == pytest.approx(result.rate, rel=1e-5)


def test_results_do_not_depend_on_chunk_sizes(model, images, monkeypatch):
    whole = evaluate(model, images, importance_samples=400)
    monkeypatch.setattr("latentlab.evaluation.batches.LARGEST_OUTPUT", 5 * 7 * 64)
    pieces = evaluate(model, images, importance_samples=400, batch_size=7)
    assert pieces.rate == pytest.approx(whole.rate, rel=1e-5)
    assert pieces.log_likelihood == pytest.approx(whole.log_likelihood, abs=0.1)
    assert pieces.active_units == whole.active_units


def test_log_likelihood_reaches_the_exact_one():
    torch.manual_seed(0)
    model = ppca(offset=0.3)
    images = np.random.default_rng(0).integers(0, 256, (20, 1, 3, 4), dtype=np.uint8)
    exact = ppca_marginal(model).log_prob(torch.from_numpy(images).double().flatten(1) / 255).mean().item()
    result = evaluate(model, images, importance_samples=3000)
    assert result.elbo < exact - 0.1
    assert result.log_likelihood == pytest.approx(exact, abs=0.03)
    assert result.bits_per_dimension == pytest.approx(-result.log_likelihood / 12 / math.log(2) + math.log2(255))


def test_a_latent_that_ignores_the_image_is_not_active(model, images):
    with torch.no_grad():
        model.posterior.mean.weight[1].zero_()
        model.posterior.mean.weight[[0, 2]] *= 10
        model.posterior.mean.bias[1] = 100.0
    assert evaluate(model, images, importance_samples=1).active_units == 2


def test_latents_that_ignore_the_image_have_collapsed(model, images):
    with torch.no_grad():
        model.posterior.mean.weight[[0, 2]] *= 10
        for part in (model.posterior.mean, model.posterior.log_std):
            part.weight[1].zero_()
            part.bias[1] = 0
    result = evaluate(model, images, importance_samples=1)
    assert result.collapsed == (1,)
    assert result.kl_per_dimension[1] == 0
    points = build(validated(ModelConfig, {"posterior": {"kind": "delta"}, "architecture": {"hidden": 16}}), SHAPE)
    assert evaluate(points, images, importance_samples=1).collapsed == ()


def test_diversity_is_the_samples_spread_against_the_images(model, images):
    with torch.no_grad():
        for weight in model.decoder.parameters():
            weight.zero_()
    assert evaluate(model, images, importance_samples=1).sample_diversity == 0
    drawn = torch.from_numpy(images)[:20].float() / 255
    model.decode = lambda z, label: drawn[torch.arange(len(z)) % 20] / 2
    half = evaluate(model, images[:20], importance_samples=1)
    assert half.sample_diversity == pytest.approx(0.5)
    assert evaluate(model, images[:1].repeat(4, 0), importance_samples=1).sample_diversity is None


def test_binarised_images_are_black_or_white_and_the_same_each_time(model, images):
    seen = []
    bound = model.bound
    model.bound = lambda batch, samples: (seen.append(batch.x), bound(batch, samples))[1]
    quick_bound(model, images, binarise="dynamic")
    quick_bound(model, images, binarise="dynamic")
    assert set(seen[0].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(seen[0], seen[1])


def test_quick_bound_is_the_elbo(model, images):
    quick = quick_bound(model, torch.from_numpy(images), batch_size=10)
    slow = evaluate(model, images, importance_samples=300)
    assert quick.elbo == -(quick.rate + quick.distortion)
    assert quick.rate == pytest.approx(slow.rate, rel=1e-5)
    assert quick.elbo == pytest.approx(slow.elbo, abs=1.0)
    assert quick.kl_per_dimension == pytest.approx(slow.kl_per_dimension, rel=1e-4)
    assert quick.as_dict() == {"elbo": quick.elbo, "rate": quick.rate, "distortion": quick.distortion}


def test_read_only_images_are_accepted(model, images):
    images.setflags(write=False)
    assert evaluate(model, images, importance_samples=1).images == 37


def test_invalid_input_is_refused(model, images):
    with pytest.raises(InputError, match="no images"):
        evaluate(model, images[:0])
    with pytest.raises(InputError, match=r"shape \(1, 8, 8\), not \(1, 4, 8\)"):
        evaluate(model, images[:, :, :4])
    with pytest.raises(InputError, match="at least 1"):
        evaluate(model, images, importance_samples=0)


def test_quick_bound_measures_the_importance_weighted_bound_too(model, images, monkeypatch):
    """L_K = mean over images of log 1/K Σ_k p(x, z_k) / q(z_k|x): above the ELBO (Burda et al. 2016)."""
    quick = quick_bound(model, images, importance_samples=50)
    assert quick.importance_bound > quick.elbo + 0.1
    slow = evaluate(model, images, importance_samples=50)
    assert quick.importance_bound == pytest.approx(slow.log_likelihood, abs=0.5)
    assert quick.as_dict()["importance_bound"] == quick.importance_bound
    with fixed_noise(torch.device("cpu"), 0), torch.no_grad():
        bound = model.bound(Batch(torch.from_numpy(images) / 255), 50)
    expected = log_mean_exp(bound.log_likelihood - bound.log_ratio).mean().item()
    assert quick.importance_bound == pytest.approx(expected, abs=1e-3)
    assert quick_bound(model, images).importance_bound is None
    monkeypatch.setattr("latentlab.evaluation.batches.LARGEST_OUTPUT", 37 * 7 * 64)
    pieces = quick_bound(model, images, importance_samples=50)
    assert pieces.importance_bound == pytest.approx(quick.importance_bound, abs=0.5)
