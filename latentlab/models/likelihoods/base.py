"""Base class of the likelihoods p(x|z), and sums over observed pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from latentlab.config import LikelihoodConfig


class Likelihood(nn.Module):
    """p(x|z) of images x with values in [0, 1].

    Attributes
    ----------
    parameters_per_pixel
        Outputs of the decoder per channel and pixel.
    is_density
        Whether pixels are continuous, so that bits per dimension include the width of a grey level.
    """

    parameters_per_pixel = 1
    is_density = False

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__()

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Log p(x|z) in nats, [K, B].

        Parameters
        ----------
        output
            The decoder's output, [K, B, C', H, W].
        x
            Images, [B, C, H, W].
        mask
            [B, 1, H, W], 1 where a pixel is observed; the others are left out. ``None``: all are.
        weights
            [B]: how much each image counts in what a likelihood estimates from the batch, such as an optimal σ;
            they do not weight the result. ``None``: all alike.
        """
        raise NotImplementedError

    @contextmanager
    def held(self) -> Iterator[None]:
        """Estimate nothing from the batch inside this block: what is used was estimated in earlier calls.

        One call in a step of training estimates; the others, such as a search for latents, are held.
        """
        yield

    def mean(self, output: Tensor) -> Tensor:
        """Mean of p(x|z) in [0, 1], [..., C, H, W], from the decoder's output [..., C', H, W]."""
        raise NotImplementedError

    def output_for(self, mean: Tensor) -> Tensor | None:
        """The decoder's output [..., C', H, W] that has nearly this mean [..., C, H, W]; ``None`` if none is known."""
        return None

    def std(self, output: Tensor) -> Tensor:
        """Standard deviation of each pixel under p(x|z), [..., C, H, W], from the decoder's output [..., C', H, W]."""
        raise NotImplementedError

    def sample(self, output: Tensor) -> Tensor:
        """Draw images from p(x|z), [..., C, H, W], from the decoder's output [..., C', H, W]."""
        raise NotImplementedError


def logits_of(mean: Tensor) -> Tensor:
    """Logits of means in [0, 1], which are kept .03 away from black and white: beyond, a sigmoid hardly changes."""
    return torch.logit(mean.clamp(0.03, 0.97))


def sum_over_pixels(values: Tensor, mask: Tensor | None) -> Tensor:
    """Sum over channels and observed pixels: [K, B, C, H, W] to [K, B]."""
    return (values if mask is None else values * mask).sum((-3, -2, -1))


def observed_count(x: Tensor, mask: Tensor | None) -> Tensor | int:
    """Observed values per image of x [B, C, H, W]: an int, or a tensor [B] with a mask [B, 1, H, W]."""
    channels, height, width = x.shape[1:]
    return channels * height * width if mask is None else channels * mask.sum((1, 2, 3))
