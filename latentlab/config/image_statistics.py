"""What is measured of a dataset's images to choose settings for them: their greys, and their principal components."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MEASURED_SIDE = 32
"""Pixels: larger images are shrunk to at most this before they are measured."""

_SAME = 0.01  # relative difference of errors that is not told from none


@dataclass(frozen=True)
class LatentSize:
    """What a number of principal components buys: an optimal linear VAE with as many latents.

    Attributes
    ----------
    dimensions
        Number of components.
    left
        Fraction of the variance that they leave out.
    error
        Mean squared error of a pixel, whose values are from 0 to 1.
    rate
        Mean KL to the prior in nats per image: ½ Σ log(λ_i / σ²) with σ² the mean of the variances left out
        (Tipping & Bishop 1999; Lucas et al. 2019, arXiv:1911.02469).
    """

    dimensions: int
    left: float
    error: float
    rate: float


@dataclass(frozen=True)
class ImageStatistics:
    """Figures of some of a dataset's training images, shrunk if they are large.

    Attributes
    ----------
    images
        Number of images measured.
    greys
        Fraction of the values that are neither nearly black nor nearly white.
    pixels
        Values per image that was measured.
    variances
        Variances of the principal components, the largest first; their sum is an image's total variance.
    fitted
        Number of images that the following figures' components were fitted to; 0 if they were not measured.
    unseen, mirrored, moved
        Error that these components leave of other images, relative to that of the images they were fitted to; and that
        of the others mirrored, and moved a little, relative to that of the others.
    """

    images: int
    greys: float
    pixels: int
    variances: tuple[float, ...]
    fitted: int = 0
    unseen: float = 1.0
    mirrored: float = math.inf
    moved: float = math.inf

    def is_worth_varying(self, varied: float, images: int) -> bool:
        """Whether varied copies add to ``images`` training images: these are few, and other images are no more alike.

        ``varied`` is ``mirrored`` or ``moved``. What components leave of unseen images more than of seen ones falls as
        one over the number of images that they were fitted to.
        """
        gap = (self.unseen - 1) * self.fitted / max(images, 1)
        return gap >= _SAME and varied <= 1 + gap

    def components_for(self, fraction: float) -> int:
        """How many components hold this fraction of the variance; 1 for images that are all the same."""
        wanted, held = fraction * sum(self.variances), 0.0
        for number, variance in enumerate(self.variances, start=1):
            held += variance
            if held >= wanted:
                return number
        return max(1, len(self.variances))

    def sizes(self, dimensions: Sequence[int]) -> list[LatentSize]:
        """What these numbers of components buy; those that the images measured cannot tell are left out."""
        total = sum(self.variances)
        found = []
        for number in dimensions:
            # Of nearly as many components as images nothing can be said.
            if not total or number > min(self.pixels - 1, self.images // 4, len(self.variances) - 1):
                continue
            left = max(total - sum(self.variances[:number]), 1e-9 * total)
            noise = left / (self.pixels - number)
            rate = sum(0.5 * math.log(max(1.0, each / noise)) for each in self.variances[:number])
            found.append(LatentSize(number, left / total, left / self.pixels, rate))
        return found
