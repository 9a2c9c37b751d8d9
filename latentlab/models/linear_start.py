"""Starts a VAE with a linear path as the linear VAE that principal components are the optimum of."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from latentlab.models.image_model import ImageModel
from latentlab.models.networks.linear_path import LinearPath
from latentlab.models.posteriors.delta import DeltaPosterior
from latentlab.models.posteriors.diagonal import DiagonalPosterior

_MOST_IMAGES = 2000
_MOST_VALUES = 25_000_000  # of the images that components are fitted to: 100 MB
_LEAST_SHRINKAGE = 1e-3


def images_to_fit(image_shape: tuple[int, int, int]) -> int:
    """Number of images of shape (C, H, W) to fit a linear path to."""
    return max(1, min(_MOST_IMAGES, _MOST_VALUES // math.prod(image_shape)))


@torch.no_grad()
def start_at_components(model: ImageModel, x: Tensor) -> None:
    """Fit a model's linear path, if it has one, to images [N, C, H, W], and let the model begin with it alone.

    The encoder's heads then read the principal components only, and give the posterior of probabilistic PCA; the
    decoder's network gives 0, and its linear path the images with as many components as there are latents, exactly for
    ``likelihood.mean=linear``, and to first order in the latents for a sigmoid. Training begins from there. Posteriors
    other than diagonal Gaussians and points, and likelihoods with other parameters than a mean, begin as without.
    """
    path = model.linear_path
    if path is None:
        return
    latents = model.latent_dim
    found = path.fit_components(x, latents)
    head = getattr(model, "posterior", None)
    is_point = isinstance(head, DeltaPosterior)
    shrinkage = torch.ones_like(found.shrinkage) if is_point else found.shrinkage
    if isinstance(head, DiagonalPosterior | DeltaPosterior):
        _start_head(head.mean, torch.diag(shrinkage), torch.zeros_like(shrinkage), path)
        if isinstance(head, DiagonalPosterior):
            _start_head(head.log_std, torch.zeros(latents, latents, device=x.device), found.log_std, path)
    outputs = model.likelihood.output_for(found.images)
    if outputs is None:
        return
    rows = outputs.flatten(1)
    path.pixels.bias.copy_(rows.mean(0))
    # Coordinates have mean 0 and covariance I: this is the least-squares fit of the outputs.
    slopes = found.coordinates.T @ (rows - rows.mean(0)) / len(rows)
    scales = torch.where(shrinkage > _LEAST_SHRINKAGE, 1 / shrinkage.clamp_min(_LEAST_SHRINKAGE), 0.0)
    path.pixels.weight[:, :latents] = (slopes * scales[:, None]).T
    last = model.decoder.last_layer
    for parameter in last.parameters():
        nn.init.zeros_(parameter)


def _start_head(head: nn.Linear, of_components: Tensor, bias: Tensor, path: LinearPath) -> None:
    """Let an affine head read the first components only, by the weights [d, d]."""
    nn.init.zeros_(head.weight)
    first = head.in_features - path.features
    head.weight[:, first : first + of_components.shape[1]] = of_components
    head.bias.copy_(bias)
