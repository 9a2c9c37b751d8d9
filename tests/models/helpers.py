"""Tiny models for exact tests."""

from __future__ import annotations

from typing import Any

import torch

from latentlab.config import ModelConfig, validated
from latentlab.models import Batch, LatentModel, build

SHAPE = (1, 3, 4)


def tiny(shape: tuple[int, int, int] = SHAPE, classes: int = 0, **values: Any) -> LatentModel:
    """A model with 16 hidden units unless told otherwise."""
    architecture = {"hidden": 16, **values.pop("architecture", {})}
    return build(validated(ModelConfig, {"architecture": architecture, **values}), shape, classes)


def images(count: int, shape: tuple[int, int, int] = SHAPE) -> Batch:
    return Batch(torch.rand(count, *shape))


def ppca(sigma: float = 0.5, latent_dim: int = 3, offset: float = 0.0, **values: Any) -> LatentModel:
    """A linear-Gaussian VAE whose posterior is the exact one when ``offset`` is 0.

    x = W z + b + σ ε with orthogonal columns of W, so that the true posterior is a diagonal Gaussian.
    """
    model = tiny(
        latent_dim=latent_dim,
        architecture={"layers": 0},
        likelihood={"kind": "gaussian", "sigma_value": sigma},
        **values,
    )
    pixels = 12
    columns = torch.linalg.qr(torch.randn(pixels, latent_dim))[0] * torch.tensor([2.0, 1.0, 0.3])[:latent_dim]
    bias = torch.rand(pixels)
    precision = (columns**2).sum(0) / sigma**2 + 1
    with torch.no_grad():
        model.decoder.pixels.weight.copy_(columns)
        model.decoder.pixels.bias.copy_(bias)
        mean_map = (columns / sigma**2 / precision).T
        model.posterior.mean.weight.copy_(mean_map)
        model.posterior.mean.bias.copy_(-mean_map @ bias + offset)
        model.posterior.log_std.weight.zero_()
        model.posterior.log_std.bias.copy_(-0.5 * precision.log())
    return model


def ppca_marginal(model: LatentModel, sigma: float = 0.5) -> torch.distributions.MultivariateNormal:
    """The exact p(x) of :func:`ppca`."""
    columns, bias = model.decoder.pixels.weight.detach(), model.decoder.pixels.bias.detach()
    covariance = columns @ columns.T + sigma**2 * torch.eye(len(bias))
    return torch.distributions.MultivariateNormal(bias.double(), covariance.double())
