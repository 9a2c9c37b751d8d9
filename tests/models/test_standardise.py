"""Latents that are shifted and scaled to the prior: the same images, at a lower rate."""

import math

import pytest
import torch

from latentlab.config import ModelConfig, validated
from latentlab.models import Batch, build
from latentlab.models.standardise import LatentMoments, can_standardise, standardise

SHAPE = (1, 12, 12)


def model_of(**values):
    torch.manual_seed(0)
    classes = 3 if values.get("conditional") else 0
    model = build(validated(ModelConfig, {"latent_dim": 4, **values}), SHAPE, classes).eval()
    with torch.no_grad():  # posteriors far from the prior
        model.posterior.mean.bias += torch.tensor([3.0, -1.0, 0.0, 0.5])
        model.posterior.mean.weight *= 9
        model.posterior.log_std.bias -= 2
    return model


def batch_of(model, count=40):
    x = torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1))
    return Batch(x, torch.arange(count) % model.classes if model.classes else None)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"architecture": {"kind": "mlp", "layers": 0}},
        {"architecture": {"kind": "conv", "width": 4, "normalisation": "group"}},
        {"conditional": True},
        {"likelihood": {"kind": "gaussian", "sigma": "learned", "mean": "sigmoid"}},
    ],
)
@torch.no_grad()
def test_reconstructions_stay_and_the_rate_falls_by_what_is_said(values):
    model = model_of(**values)
    batch, moments = batch_of(model), LatentMoments.zero(4)
    mean, std = model.encode(batch)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(2))
    images, rate = model.decode(mean + std * noise, batch.label), model.bound(batch).rate.mean()
    moments.add(mean[:10], std[:10])  # a piece at a time
    moments.add(mean[10:], std[10:])
    standardise(model, moments)
    mean, std = model.encode(batch)
    assert mean.mean(0).abs().max() < 1e-4
    assert torch.allclose(mean.var(0, correction=0) + (std**2).mean(0), torch.ones(4), atol=1e-3)
    assert torch.allclose(model.decode(mean + std * noise, batch.label), images, atol=1e-4)
    change = float(model.bound(batch).rate.mean() - rate)
    assert change == pytest.approx(moments.rate_change(moments), rel=1e-3)
    assert change < -1


@torch.no_grad()
def test_the_rate_of_other_images_changes_as_is_said():
    model = model_of()
    batch = batch_of(model)
    first, rest = LatentMoments.zero(4), LatentMoments.zero(4)
    mean, std = model.encode(batch)
    first.add(mean[:10], std[:10])
    rest.add(mean[10:], std[10:])
    before = model.bound(batch).rate[0, 10:].mean()
    standardise(model, first)
    assert float(model.bound(batch).rate[0, 10:].mean() - before) == pytest.approx(rest.rate_change(first), rel=1e-3)


@torch.no_grad()
def test_a_dimension_that_is_the_same_for_all_images_stays_finite():
    moments = LatentMoments.zero(2)
    moments.add(torch.tensor([[1.0, 0.0]] * 5), torch.tensor([[0.0, 1.0]] * 5))
    assert math.isfinite(moments.rate_change(moments))
    assert (moments.std > 0).all()


@pytest.mark.parametrize(
    "values",
    [
        {"posterior": {"kind": "delta"}, "beta": 0.0},
        {"posterior": {"kind": "cholesky"}},
        {"prior": {"kind": "mixture"}},
        {"posterior": {"refine": 3}},
        {"bound": "importance", "samples": 2},
        {"family": "factor"},
        {"rate": {"kind": "capacity"}},
    ],
)
def test_other_models_are_left_as_they_are(values):
    assert not can_standardise(build(validated(ModelConfig, {"latent_dim": 4, **values}), SHAPE))
