"""A linear path beside the networks: where it begins, what it keeps, and which models have none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from latentlab.errors import InputError
from latentlab.models import Batch
from latentlab.models.standardise import LatentMoments, standardise
from tests.models.helpers import tiny, train

SHAPE = (1, 8, 8)
D = 3
GAUSSIAN = {"kind": "gaussian", "sigma": "optimal"}


def correlated(count: int = 400, shape: tuple[int, int, int] = SHAPE) -> torch.Tensor:
    """Images around .5 that differ along four directions, with a little noise."""
    generator = torch.Generator().manual_seed(0)
    pixels = int(np.prod(shape))
    along = torch.randn(4, pixels, generator=generator)
    z = torch.randn(count, 4, generator=generator) * torch.tensor([0.08, 0.05, 0.03, 0.01])
    return (0.5 + z @ along + 0.01 * torch.randn(count, pixels, generator=generator)).clamp(0, 1).view(count, *shape)


def started(x: torch.Tensor, **values):
    torch.manual_seed(0)
    values = {"latent_dim": D, "likelihood": GAUSSIAN, **values}
    values["architecture"] = {"kind": "conv", "width": 4, "linear_path": True, **values.get("architecture", {})}
    model = tiny(tuple(x.shape[1:]), **values)
    model.prepare(Batch(x), len(x))
    return model.eval()


@pytest.mark.parametrize("kind", ["conv", "mlp", "attention"])
@torch.no_grad()
def test_training_begins_with_principal_components_and_their_posterior(kind):
    x = correlated()
    model = started(x, architecture={"kind": kind})
    rows = x.flatten(1).numpy()
    pca = PCA(D, svd_solver="full").fit(rows)
    mean, std = model.encode(Batch(x))
    noise = (rows.var(0, ddof=1).sum() - pca.explained_variance_.sum()) / (rows.shape[1] - D)
    np.testing.assert_allclose(std[0], np.sqrt(noise / pca.explained_variance_), rtol=0.02)
    # The posterior means of all images, and the spread of each, are those of the prior together.
    np.testing.assert_allclose(mean.var(0, correction=0) + std[0] ** 2, np.ones(D), rtol=0.02)
    expected = pca.inverse_transform(pca.transform(rows))
    np.testing.assert_allclose(model.decoder_output(mean).flatten(1), expected, atol=2e-3)
    assert torch.equal(mean, started(x, architecture={"kind": kind}).encode(Batch(x))[0]), "the same for the same seed"


@torch.no_grad()
def test_a_sigmoid_begins_near_the_components():
    x = correlated()
    for likelihood in ({**GAUSSIAN, "mean": "sigmoid"}, {"kind": "bernoulli"}):
        model = started(x, likelihood=likelihood)
        error = (model.decode(model.encode(Batch(x))[0]) - x).square().mean()
        rows = x.flatten(1).numpy()
        pca = PCA(D, svd_solver="full").fit(rows)
        assert error < 1.3 * np.mean((pca.inverse_transform(pca.transform(rows)) - rows) ** 2)


def test_the_networks_improve_on_the_start():
    x = correlated(64) ** 2
    model = started(x)
    with torch.no_grad():
        before = model.bound(Batch(x), 8)
    history = train(model, Batch(x), 60, rate=3e-3)
    assert history[-1]["elbo"] > (before.log_likelihood - before.rate).mean() + 5
    assert all(p.grad is not None for p in model.parameters())


@torch.no_grad()
def test_standardised_latents_keep_the_images():
    x = correlated()
    model = started(x)
    model.posterior.mean.bias.add_(1.0)
    model.decoder.first_layer.weight.mul_(2)
    torch.nn.init.normal_(model.decoder.last_layer.weight, std=0.1)
    mean, std = model.encode(Batch(x))
    before = model.decode(mean)
    moments = LatentMoments.zero(D)
    moments.add(mean, std)
    standardise(model, moments)
    mean, _ = model.encode(Batch(x))
    assert mean.mean(0).abs().max() < 1e-4
    torch.testing.assert_close(model.decode(mean), before, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_images_of_any_size_and_number():
    for shape, count in (((3, 130, 70), 5), ((1, 3, 3), 2), ((1, 8, 8), 1)):
        x = torch.rand(count, *shape)
        model = started(x)
        mean, std = model.encode(Batch(x))
        assert torch.isfinite(std).all()
        assert model.decode(mean).shape == x.shape
    constant = started(torch.full((4, *SHAPE), 0.5))
    assert torch.isfinite(constant.decode(constant.encode(Batch(torch.rand(4, *SHAPE)))[0])).all()


@torch.no_grad()
def test_hidden_pixels_count_as_the_mean():
    x = correlated()
    model = started(x, corruption={"kind": "mask", "level": 0.3})
    mask = torch.ones(len(x), 1, 8, 8)
    mask[:, :, :, :4] = 0
    shown = torch.where(mask > 0, x, torch.rand_like(x))
    mean, _ = model.encode(Batch(shown, mask=mask))
    filled = torch.where(mask > 0, x, x.mean(0))
    torch.testing.assert_close(mean, model.encode(Batch(filled))[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("values", [{"posterior": {"kind": "delta"}}, {"posterior": {"kind": "cholesky"}}])
def test_other_latents_have_it_too(values):
    model = started(correlated(32), **values)
    history = train(model, Batch(correlated(32)), 3)
    assert all(np.isfinite(list(terms.values())).all() for terms in history)


@pytest.mark.parametrize(
    "values",
    [
        {"family": "ladder", "latent_dim": 6},
        {"posterior": {"kind": "von-mises-fisher"}, "prior": {"kind": "sphere"}, "latent_dim": 3},
    ],
)
def test_a_model_that_cannot_have_it_says_so(values):
    with pytest.raises(InputError, match="linear_path needs family=vae"):
        tiny(SHAPE, architecture={"linear_path": True}, **values)
