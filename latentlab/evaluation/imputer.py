"""Several fillings of an image's hidden pixels, drawn from p(x_hidden | x_observed)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.config.capabilities import why_not_imputed
from latentlab.errors import InputError
from latentlab.evaluation.latent_target import LatentTarget
from latentlab.evaluation.refinement import Refiner
from latentlab.models.functional import gaussian_log_density
from latentlab.models.posteriors.diagonal import Diagonal

SAMPLES = 256
"""Latents drawn by importance sampling by default."""
_REFINE_STEPS = 60
_MOVES = 80
_BETWEEN_PICTURES = 10
"""Moves between two pictures."""
_ACCEPTED = 0.574
"""Share of accepted moves aimed at: the best for Langevin proposals (Roberts & Rosenthal 1998)."""
_ADAPTED = 0.3
_LEAST_STD, _MOST_STD = 1e-3, 1.0
_ENOUGH = 4.0
"""Effective latents per filling from which importance sampling alone is trusted."""


FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Filling:
    """Hidden pixels filled in.

    Attributes
    ----------
    expected
        float32 [C, H, W]: E[x | x_observed] where hidden, the image elsewhere.
    draws
        float32 [n, C, H, W]: the mean of p(x|z) for n latents z of p(z | x_observed) where hidden.
    z
        These latents, [n, d].
    effective_samples
        1 / Σ w² of the normalised importance weights: how many equally weighted latents they are worth. 0 while there
        are none.
    method
        ``start``, ``importance``, or ``langevin`` when the weights were too uneven and chains were run.
    """

    expected: FloatArray
    draws: FloatArray
    z: FloatArray
    effective_samples: float
    method: str


class Imputer:
    """Fills in the hidden pixels of one image, in pieces.

    A Gaussian q(z) is fitted to the observed pixels by their ELBO. Latents drawn in equal parts from q and from the
    prior are weighted by p(x_observed|z) p(z) over the density that they were drawn with: self-normalised importance
    sampling with two proposals, of which the prior finds what q misses (Veach & Guibas 1995; Mattei & Frellsen 2019,
    arXiv:1812.02633). Where the weights are so uneven that few latents count, as in many dimensions, each of the drawn
    latents is moved by a Metropolis-adjusted Langevin chain (Roberts & Tweedie 1996), which leaves p(z | x_observed)
    unchanged.

    Parameters
    ----------
    target
        The image, and which pixels are hidden.
    draws
        Number of fillings.
    samples
        Latents that are weighted.
    seed
        Of all noise.

    Raises
    ------
    InputError
        When the model's latents are codes or categories.
    """

    def __init__(self, target: LatentTarget, draws: int, samples: int = SAMPLES, seed: int = 0) -> None:
        reason = why_not_imputed(target.model.config)
        if reason:
            raise InputError(f"this model fills in no hidden pixels: {reason}")
        self._target, self._draws, self._samples = target, draws, max(2, samples)
        self._generator = torch.Generator().manual_seed(seed)
        self._device, self._d = target.x.device, target.model.latent_dim
        self._seed = seed

    def run(self) -> Iterator[Filling | None]:
        """Fill in step by step; each ``Filling`` is better than the one before, the last one is the result."""
        with torch.no_grad():
            mean, std = self._target.model.encode(self._target.batch)
        q = Diagonal(mean, torch.log(torch.where(std > 0, std, 0.1).clamp(_LEAST_STD, _MOST_STD)))
        yield self._first(q)
        refiner = Refiner(self._target, q, _REFINE_STEPS, seed=self._seed)
        for _ in refiner.run():
            yield None
        fitted = refiner.best
        assert isinstance(fitted, Diagonal)
        filling = None
        for filling in self._weighted(fitted):
            yield filling
        if filling is not None and filling.effective_samples < _ENOUGH * self._draws:
            yield from self._moved(filling, fitted)

    @torch.no_grad()
    def _first(self, q: Diagonal) -> Filling:
        z = q.from_noise(self._noise(self._draws)).z[:, 0]
        means = self._means(z)
        return self._filling(means.mean(0), means, z, 0.0, "start")

    # --- importance sampling --------------------------------------------------------------------------

    def _weighted(self, q: Diagonal) -> Iterator[Filling | None]:
        target = self._target
        with torch.no_grad():
            from_q = self._samples // 2
            drawn = q.from_noise(self._noise(from_q)).z[:, 0]
            prior = target.model.sample_prior(self._samples - from_q, self._generator)
            z = torch.cat([drawn, prior])
        log_weights, means = [], []
        log_share = math.log(from_q / self._samples), math.log(1 - from_q / self._samples)
        for start in range(0, len(z), target.piece):
            part = z[start : start + target.piece]
            with torch.no_grad():
                output = target.output(part)
                log_prior = target.log_prior(part)
                log_q = gaussian_log_density(part, q.mean, q.log_std).sum(-1)
                proposal = torch.logaddexp(log_q + log_share[0], log_prior + log_share[1])
                log_weights.append(target.log_likelihood_of(output) + log_prior - proposal)
                means.append(target.model.likelihood.mean(output))
            yield None
        weights = torch.softmax(torch.cat(log_weights), 0)
        everything = torch.cat(means)
        chosen = self._resampled(weights)
        expected = torch.einsum("k,kchw->chw", weights, everything)
        effective = 1 / float((weights**2).sum())
        yield self._filling(expected, everything[chosen], z[chosen], effective, "importance")

    def _resampled(self, weights: Tensor) -> Tensor:
        """Indices of latents drawn by their weights, evenly spaced in their sum (systematic resampling)."""
        start = torch.rand((), generator=self._generator).item()
        levels = (torch.arange(self._draws) + start) / self._draws
        indices = torch.searchsorted(weights.double().cumsum(0).cpu(), levels.double()).clamp_max(len(weights) - 1)
        order = torch.randperm(self._draws, generator=self._generator)
        return indices[order].to(weights.device)

    # --- Langevin chains ------------------------------------------------------------------------------

    def _moved(self, before: Filling, q: Diagonal) -> Iterator[Filling | None]:
        """Run a chain for every filling, long enough that chains which began at one latent have parted."""
        z, scale = torch.from_numpy(before.z).to(self._device), q.std.clamp(_LEAST_STD, _MOST_STD)
        # Every second chain begins at a draw of q: in many dimensions it is chance which latents have weight.
        of_q = q.from_noise(self._noise(len(z))).z[:, 0]
        z = torch.where((torch.arange(len(z), device=z.device) % 2 == 0)[:, None], z, of_q)
        log_density, gradient, means = self._slope(z)
        step, total, count = 0.5 / self._d ** (1 / 6), torch.zeros_like(means[0]), 0
        for move in range(1, _MOVES + 1):
            forward = z + 0.5 * step**2 * scale**2 * gradient
            candidate = forward + step * scale * self._noise(len(z))[:, 0]
            new_density, new_gradient, new_means = self._slope(candidate)
            backward = candidate + 0.5 * step**2 * scale**2 * new_gradient
            there = (((candidate - forward) / scale) ** 2).sum(-1)
            back = (((z - backward) / scale) ** 2).sum(-1)
            log_ratio = new_density - log_density - (back - there) / (2 * step**2)
            uniform = torch.rand(len(z), generator=self._generator).to(self._device)
            taken = torch.log(uniform) < log_ratio  # false for NaN
            z = torch.where(taken[:, None], candidate, z)
            log_density = torch.where(taken, new_density, log_density)
            gradient = torch.where(taken[:, None], new_gradient, gradient)
            means = torch.where(taken[:, None, None, None], new_means, means)
            if move <= _MOVES // 2:  # chains whose step still adapts have not the right distribution
                step *= math.exp(_ADAPTED * (taken.float().mean().item() - _ACCEPTED))
            else:
                total, count = total + means.mean(0), count + 1
            if move % _BETWEEN_PICTURES == 0:
                expected = total / count if count else means.mean(0)
                yield self._filling(expected, means, z, before.effective_samples, "langevin")
            else:
                yield None

    def _slope(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log p(x_observed, z) [K] of latents [K, d], its gradient [K, d], and the means of p(x|z) [K, C, H, W]."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            output = self._target.output(z)
            log_density = self._target.log_likelihood_of(output) + self._target.log_prior(z)
            (gradient,) = torch.autograd.grad(log_density.sum(), z)
        with torch.no_grad():
            means = self._target.model.likelihood.mean(output.detach())
        return log_density.detach(), gradient, means

    # --- images ---------------------------------------------------------------------------------------

    def _means(self, z: Tensor) -> Tensor:
        return self._target.model.likelihood.mean(self._target.output(z))

    def _filling(self, expected: Tensor, draws: Tensor, z: Tensor, effective_samples: float, method: str) -> Filling:
        return Filling(self._filled(expected), self._filled(draws), _numpy(z), effective_samples, method)

    def _filled(self, images: Tensor) -> FloatArray:
        """Images [..., C, H, W] where pixels are hidden, the given image elsewhere."""
        mask = self._target.mask
        assert mask is not None
        return _numpy(torch.where(mask[0] > 0, self._target.x[0], images))

    def _noise(self, samples: int) -> Tensor:
        # Drawn on the CPU, so that a seed gives the same noise on every device.
        return torch.randn((samples, 1, self._d), generator=self._generator).to(self._device)


def _numpy(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.detach().float().cpu().contiguous().numpy()
    return array
