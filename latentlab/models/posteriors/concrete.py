"""Categorical latents, relaxed in training (Jang, Gu & Poole 2017; Maddison, Mnih & Teh 2017)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import PosteriorConfig
from latentlab.models.posteriors.base import Posterior, PosteriorSample, VariationalPosterior


class Concrete(VariationalPosterior):
    """N independent categories out of M each, as d = N · M numbers: one-hot vectors side by side.

    Parameters
    ----------
    log_probs
        [B, N, M], normalised over the last.
    temperature
        Of the relaxation; ``None`` draws hard one-hot vectors, as evaluation does.
    """

    def __init__(self, log_probs: Tensor, temperature: Tensor | None) -> None:
        self.log_probs = log_probs
        self.temperature = temperature

    @property
    def mean(self) -> Tensor:
        """Probabilities, [B, d]."""
        return torch.exp(self.log_probs).flatten(1)

    @property
    def std(self) -> Tensor:
        """Standard deviation of each entry of the one-hot vectors, [B, d]."""
        return torch.sqrt(self.mean * (1 - self.mean))

    def rsample(self, samples: int) -> PosteriorSample:
        """Draw one-hot vectors, relaxed (with a gradient) or hard; ``log_q`` is that of the hard ones."""
        shape = (samples, *self.log_probs.shape)
        # Gumbel noise is minus the logarithm of an exponential draw; the smallest float keeps it finite.
        exponential = torch.empty(shape, device=self.log_probs.device).exponential_()
        scores = self.log_probs - torch.log(exponential.clamp_min(torch.finfo(torch.float32).tiny))

        def hard() -> Tensor:
            return functional.one_hot(scores.argmax(-1), scores.shape[-1]).to(scores.dtype)

        z = hard() if self.temperature is None else torch.softmax(scores / self.temperature, -1)
        return PosteriorSample(z.flatten(2), lambda: (hard() * self.log_probs).flatten(2).sum(-1))

    def log_prob(self, z: Tensor) -> Tensor:
        """Log q of hard one-hot vectors, [K, B]."""
        return (z.view(*z.shape[:2], *self.log_probs.shape[1:]) * self.log_probs).flatten(2).sum(-1)

    def kl_to_prior(self) -> Tensor:
        """KL to the uniform distribution, [B, d]; the parts are made non-negative, their sum is the KL."""
        size = self.log_probs.shape[-1]
        probs = torch.exp(self.log_probs)
        return (probs * (self.log_probs + math.log(size)) - (probs - 1 / size)).flatten(1)


class ConcretePosterior(Posterior):
    """One affine head: logits.

    Attributes
    ----------
    temperature
        Of the relaxation: a scalar buffer, which is not saved with the weights and which a step captured as a CUDA
        graph reads in place. It falls exponentially from ``config.temperature`` to ``config.coldest``.
    """

    temperature: Tensor

    def __init__(self, config: PosteriorConfig, features: int, latent_dim: int) -> None:
        super().__init__(config, features, latent_dim)
        self.config = config
        self.logits = nn.Linear(features, latent_dim)
        self.register_buffer("temperature", torch.tensor(config.temperature), persistent=False)

    def update_schedule(self, epochs_done: float) -> None:
        """Set the temperature to its value after ``epochs_done`` epochs; fractions count."""
        share = min(1.0, epochs_done / self.config.cooling)
        self.temperature.fill_(self.config.temperature ** (1 - share) * self.config.coldest**share)

    def forward(self, features: Tensor) -> Concrete:
        """Parametrise q(z|x)."""
        logits = self.logits(features).unflatten(1, (-1, self.config.categories))
        return Concrete(torch.log_softmax(logits, -1), self.temperature if self.training else None)
