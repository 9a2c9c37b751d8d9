"""Categorical posterior, relaxed during training."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import PosteriorConfig
from latentlab.models.posteriors.base import Posterior, PosteriorSample, VariationalPosterior


class Concrete(VariationalPosterior):
    """N independent variables of M categories each, as d = N · M numbers: one-hot vectors side by side.

    Parameters
    ----------
    log_probs
        [B, N, M], normalised over the last dimension.
    temperature
        Scalar, of the relaxation; ``None`` draws exact one-hot vectors, as in evaluation.

    Examples
    --------
    >>> q = Concrete(torch.log_softmax(torch.zeros(1, 2, 3), -1), temperature=None)
    >>> q.rsample(1).z.view(2, 3).sum(-1)
    tensor([1., 1.])

    References
    ----------
    Jang, Gu & Poole 2017, Categorical Reparameterization with Gumbel-Softmax (arXiv:1611.01144).
    Maddison, Mnih & Teh 2017, The Concrete Distribution (arXiv:1611.00712).
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
        """Draw one-hot vectors, relaxed (with a gradient) or exact; ``log_q`` is that of the exact ones."""
        shape = (samples, *self.log_probs.shape)
        # Gumbel noise is minus the logarithm of an exponential variable; the clamp keeps it finite.
        exponential = torch.empty(shape, device=self.log_probs.device).exponential_()
        scores = self.log_probs - torch.log(exponential.clamp_min(torch.finfo(torch.float32).tiny))

        def exact() -> Tensor:
            return functional.one_hot(scores.argmax(-1), scores.shape[-1]).to(scores.dtype)

        z = exact() if self.temperature is None else torch.softmax(scores / self.temperature, -1)
        return PosteriorSample(z.flatten(2), lambda: (exact() * self.log_probs).flatten(2).sum(-1))

    def log_prob(self, z: Tensor) -> Tensor:
        """Log q(z|x) in nats, [K, B], of exact one-hot vectors."""
        return (z.view(*z.shape[:2], *self.log_probs.shape[1:]) * self.log_probs).flatten(2).sum(-1)

    def kl_to_prior(self) -> Tensor:
        """KL to the uniform distribution in nats, split over entries so that none is negative, [B, d]."""
        size = self.log_probs.shape[-1]
        probs = torch.exp(self.log_probs)
        return (probs * (self.log_probs + math.log(size)) - (probs - 1 / size)).flatten(1)


class ConcretePosterior(Posterior):
    """One affine head: the logits.

    Attributes
    ----------
    temperature
        Scalar buffer that falls exponentially from ``config.temperature`` to ``config.coldest`` over
        ``config.cooling`` epochs. It is not saved with the weights. A captured CUDA graph reads it in place.
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
        """Compute q(z|x)."""
        logits = self.logits(features).unflatten(1, (-1, self.config.categories))
        return Concrete(torch.log_softmax(logits, -1), self.temperature if self.training else None)
