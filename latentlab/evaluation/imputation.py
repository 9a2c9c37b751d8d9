"""Missing pixels, filled in by what the model expects there."""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.models import LatentModel
from latentlab.models.base import Batch
from latentlab.models.vae import VAE


@torch.no_grad()
def impute(model: LatentModel, x: Tensor, mask: Tensor, samples: int = 100, label: Tensor | None = None) -> Tensor:
    """Expected value of the missing pixels given the observed ones, by self-normalised importance sampling.

    E[x_missing | x_observed] ≈ Σ_k w_k E[x_missing | z_k] with w_k ∝ p(x_observed | z_k) p(z_k) / q(z_k | x_observed)
    (Mattei & Frellsen 2019). Points, codes and hierarchies have no such weights: there the missing pixels are those of
    the reconstruction, from what is observed.

    Parameters
    ----------
    model
        Best one trained with ``corruption.kind=mask``.
    x
        float32 [B, C, H, W] in [0, 1], on the model's device; missing pixels may hold anything.
    mask
        float32 [B, 1, H, W]: 1 where observed, 0 where missing.
    samples
        Latents per image.
    label
        int64 [B], for a conditional model.

    Returns
    -------
    Tensor
        float32 [B, C, H, W]: ``x`` where observed.
    """
    batch = Batch(x * mask, label, mask=mask)
    if not isinstance(model, VAE) or model.config.posterior.kind == "delta":
        mean, _ = model.encode(batch)
        return torch.where(mask > 0, x, model.decode(mean, label))
    q = model.approximate(batch)
    draw = q.rsample(samples)
    log_weights = model.log_likelihood(draw.z, batch) - model.log_ratio(q, draw)
    weights = torch.softmax(log_weights, 0)
    means = model.likelihood.mean(model.output(draw.z, label))
    expected = (weights[:, :, None, None, None] * means).sum(0)
    return torch.where(mask > 0, x, expected)
