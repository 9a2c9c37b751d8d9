"""Rate and distortion of each image."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from latentlab.evaluation.batches import batches, device_of
from latentlab.models.base import LatentModel
from latentlab.models.seeded_noise import fixed_noise


class ImageBounds(NamedTuple):
    """Rate and distortion of each image in nats at β = 1, float32 [N]; the ELBO is ``−(rate + distortion)``."""

    rate: NDArray[np.float32]
    distortion: NDArray[np.float32]

    @property
    def elbo(self) -> NDArray[np.float32]:
        """ELBO of each image, float32 [N]."""
        return -(self.rate + self.distortion)


@torch.no_grad()
def image_bounds(
    model: LatentModel, images: NDArray[Any], labels: NDArray[Any] | None = None, batch_size: int = 512, seed: int = 0
) -> ImageBounds:
    """Estimate the ELBO of each image with one latent per image; its mean is that of `quick_bound`.

    The noise of a batch is the same at every call. The RNG state of the caller is restored.

    Parameters
    ----------
    model
        Put into evaluation mode for the duration of the call.
    images
        uint8 [N, C, H, W].
    labels
        int64 [N], −1 where unknown.
    batch_size
        Images per batch.
    seed
        Seed of the noise.
    """
    device, training = device_of(model), model.training
    rates, distortions = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    model.eval()
    try:
        with fixed_noise(device, seed):
            for batch in batches(images, labels, batch_size, device, "none"):
                bound = model.bound(batch)
                rates.append(bound.rate.mean(dim=0).float().cpu().numpy())
                distortions.append(-bound.log_likelihood.mean(dim=0).float().cpu().numpy())
    finally:
        model.train(training)
    return ImageBounds(np.concatenate(rates), np.concatenate(distortions))
