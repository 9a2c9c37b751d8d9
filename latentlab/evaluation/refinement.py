"""The posterior of one image, refined by gradient steps: the amortisation gap as it closes.

The encoder's q(z|x) is shared by all images; one that is optimised for an image alone has a higher ELBO. The difference
is the image's amortisation gap (Cremer, Li & Duvenaud 2018, arXiv:1801.03558).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from latentlab.evaluation.latent_target import LatentTarget
from latentlab.models.families.per_datapoint import adam_step
from latentlab.models.posteriors import VariationalPosterior

STEPS = 150
"""Steps of Adam by default."""
RATE = 0.05
ELBO_SAMPLES = 64
"""Latents that every ELBO of a refinement is estimated with: the same noise for all of them."""
_GRADIENT_SAMPLES = 4
_EVALUATED = 5
"""Steps between two estimates of the ELBO."""


@dataclass(frozen=True)
class RefinementStep:
    """An estimate of the ELBO during a refinement.

    Attributes
    ----------
    step
        Steps done; 0 for the posterior that the refinement began at.
    elbo
        Of the best posterior so far, in nats; of a point mass log p(x, z).
    """

    step: int
    elbo: float


class Refiner:
    """Refines the posterior of one image, and keeps the best.

    Parameters
    ----------
    target
        The image and the model.
    start
        The posterior to begin at, of a batch of one.
    steps, rate
        Of Adam; the rate falls to 0.
    seed
        Of the noise.

    Attributes
    ----------
    best
        The posterior with the highest ELBO so far. As all ELBOs have the same noise, it is never below that of
        ``start``.
    history
        One entry for each estimate.
    """

    def __init__(
        self, target: LatentTarget, start: VariationalPosterior, steps: int = STEPS, rate: float = RATE, seed: int = 0
    ) -> None:
        self._target, self._steps, self._rate = target, steps, rate
        self.best = start.with_parameters(tuple(p.detach().clone() for p in start.parameters()))
        self.history: list[RefinementStep] = []
        self._generator = torch.Generator().manual_seed(seed)
        half = self._noise(ELBO_SAMPLES // 2)
        # Symmetric, and of variance 1: the mean of what is quadratic in it is exact for a diagonal Gaussian, so that
        # the best of many estimates is hardly one that the noise favours.
        half = half / half.square().mean(0, keepdim=True).sqrt()
        self._fixed = torch.cat([half, -half])
        self._best_elbo = -math.inf

    @property
    def gap(self) -> float:
        """Nats gained so far."""
        return self.history[-1].elbo - self.history[0].elbo if self.history else 0.0

    def run(self) -> Iterator[None]:
        """Refine in pieces: at most a step, or some images, between two yields."""
        yield from self._evaluate(self.best, 0)
        # Tensors made under inference mode or no_grad could not take part: the leaves are copies.
        leaves = [p.clone() for p in self.best.parameters()]
        moments = [(torch.zeros_like(leaf), torch.zeros_like(leaf)) for leaf in leaves]
        for step in range(self._steps):
            decayed = self._rate * (1 - step / self._steps)
            with torch.enable_grad():
                free = [leaf.detach().requires_grad_() for leaf in leaves]
                objective = -self._target.bound(self.best.with_parameters(tuple(free)), self._step_noise()).mean()
                gradients = torch.autograd.grad(objective, free, allow_unused=True)
            if any(each is not None and not bool(torch.isfinite(each).all()) for each in gradients):
                return
            for leaf, gradient, (first, second) in zip(leaves, gradients, moments, strict=True):
                if gradient is not None:
                    adam_step(leaf, gradient, first, second, step + 1, decayed)
            yield
            if (step + 1) % _EVALUATED == 0 or step + 1 == self._steps:
                now = self.best.with_parameters(tuple(leaf.clone() for leaf in leaves))
                yield from self._evaluate(now, step + 1)

    @torch.no_grad()
    def _elbo_of(self, q: VariationalPosterior, noise: Tensor) -> Tensor:
        return self._target.bound(q, noise)

    def _evaluate(self, q: VariationalPosterior, step: int) -> Iterator[None]:
        """Estimate the ELBO of ``q``, and keep it if it is the best."""
        if not q.has_density:
            elbo = self._elbo_of(q, self._fixed[:1]).mean().item()
        else:
            parts, piece = [], self._target.piece
            for start in range(0, len(self._fixed), piece):
                noise = self._fixed[start : start + piece]
                parts.append(self._elbo_of(q, noise).expand(len(noise)))
                yield
            elbo = torch.cat(parts).mean().item()
        if elbo > self._best_elbo or not self.history:
            self._best_elbo, self.best = elbo, q
        self.history.append(RefinementStep(step, self._best_elbo))

    def _step_noise(self) -> Tensor:
        half = self._noise(_GRADIENT_SAMPLES // 2)
        return torch.cat([half, -half])

    def _noise(self, samples: int) -> Tensor:
        like = self.best.parameters()[0]
        shape = samples, 1, self._target.model.latent_dim
        # Drawn on the CPU, so that a seed gives the same noise on every device.
        return torch.randn(shape, generator=self._generator).to(like)
