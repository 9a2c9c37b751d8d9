"""Shifts and scales a trained VAE's latents so that its encoded images lie where its prior does.

The aggregate posterior, the mixture of q(z|x) over the training images, seldom has mean 0 and standard deviation 1 in
every dimension, and samples from N(0, I) are then decoded where the decoder was not trained. Latents z can be replaced
by (z − mean) / std without changing a reconstruction: the encoder's heads and the layers of the decoder that read the
latents are affine.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentlab.models.base import LatentModel
from latentlab.models.families.vae import VAE
from latentlab.models.posteriors.diagonal import DiagonalPosterior

_SMALLEST_STD = 1e-6  # of a dimension that is the same for all images, and has no posterior of its own


@dataclass
class LatentMoments:
    """Sums over images from which the mean and standard deviation of each latent dimension follow.

    Attributes
    ----------
    count
        Images added.
    first, second
        Sums of E[z] and E[z²] under q(z|x), float64 [d].
    """

    count: int
    first: Tensor
    second: Tensor

    @classmethod
    def zero(cls, latent_dim: int) -> LatentMoments:
        """No images."""
        return cls(0, torch.zeros(latent_dim, dtype=torch.float64), torch.zeros(latent_dim, dtype=torch.float64))

    def add(self, mean: Tensor, std: Tensor) -> None:
        """Add images with posterior means and standard deviations [B, d]."""
        mean, std = mean.detach().cpu().double(), std.detach().cpu().double()
        self.count += len(mean)
        self.first += mean.sum(0)
        self.second += (mean**2 + std**2).sum(0)

    @property
    def mean(self) -> Tensor:
        """Mean of the aggregate posterior, float64 [d]."""
        return self.first / self.count

    @property
    def std(self) -> Tensor:
        """Standard deviation of the aggregate posterior, float64 [d]."""
        return (self.second / self.count - self.mean**2).clamp_min(_SMALLEST_STD**2).sqrt()

    def rate_change(self, by: LatentMoments) -> float:
        """Change of the mean rate of these images in nats when latents are standardised ``by`` a set of images.

        At most 0 if it is the same set.
        """
        mean, std = by.mean, by.std
        spread = self.second / self.count - 2 * mean * self.mean + mean**2  # E[(z − mean)²]
        return float((torch.log(std) + 0.5 * (spread / std**2 - self.second / self.count)).sum())


def can_standardise(model: LatentModel) -> bool:
    """Whether shifting and scaling the latents keeps the model's reconstructions and can only lower its rate.

    That is so for a diagonal Gaussian posterior from the encoder and the prior N(0, I). Not for the importance-weighted
    bound, which depends on more than the posterior's moments, not where q is refined in steps of a fixed size, and not
    for a rate that was held at a capacity, which it would fall below.
    """
    config = model.config
    return (
        type(model) is VAE
        and isinstance(getattr(model, "posterior", None), DiagonalPosterior)
        and config.prior.kind == "standard"
        and config.bound == "elbo"
        and config.rate.kind != "capacity"
    )


@torch.no_grad()
def standardise(model: LatentModel, moments: LatentMoments) -> None:
    """Replace the latents z of a model by (z − mean) / std, in its weights.

    Distortions stay as they are up to rounding; the mean rate of the images of ``moments`` changes by
    ``moments.rate_change(moments)``.

    Parameters
    ----------
    model
        One that ``can_standardise``.
    moments
        Of the images whose aggregate posterior is to have mean 0 and standard deviation 1.

    Examples
    --------
    >>> from latentlab.config import ModelConfig
    >>> from latentlab.models import Batch, build
    >>> model, batch = build(ModelConfig(latent_dim=3), (1, 8, 8)), Batch(torch.rand(50, 1, 8, 8))
    >>> moments = LatentMoments.zero(3)
    >>> moments.add(*model.encode(batch))
    >>> standardise(model, moments)
    >>> mean, std = model.encode(batch)
    >>> bool(mean.mean(0).abs().max() < 1e-4)
    True
    """
    assert isinstance(model, VAE)
    assert isinstance(model.posterior, DiagonalPosterior)
    mean, std = moments.mean, moments.std
    head, spread, readers = model.posterior.mean, model.posterior.log_std, [model.decoder.first_layer]
    if model.linear_path is not None:
        readers.append(model.linear_path.pixels)
    for reader in readers:
        latents = reader.weight[:, : model.latent_dim].double().cpu()
        reader.bias.add_((latents @ mean).to(reader.bias))
        reader.weight[:, : model.latent_dim] = (latents * std).to(reader.weight)
    head.weight.div_(std.to(head.weight)[:, None])
    head.bias.copy_((head.bias.double().cpu() - mean) / std)
    spread.bias.sub_(torch.log(std).to(spread.bias))
