"""The composition: encoder, posterior, prior, decoder and likelihood, joined by the ELBO."""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.config import ModelConfig
from latentlab.models.base import Batch, Bound, LatentModel, Losses, StepState
from latentlab.models.likelihoods import build_likelihood
from latentlab.models.networks import build_decoder, build_encoder
from latentlab.models.posteriors import Approximation, Draw, build_posterior
from latentlab.models.priors import build_prior
from latentlab.models.reduce import reduce


class VAE(LatentModel):
    """Whatever can be said by choosing parts (Kingma & Welling 2014, and its family).

    Attributes
    ----------
    encoder, posterior, prior, decoder, likelihood
        The parts; their names begin the names of the weights in a model file.
    """

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, classes)
        channels, height, width = image_shape
        self.encoder = build_encoder(config.architecture, image_shape)
        self.posterior = build_posterior(config.posterior, self.encoder.features, config.latent_dim)
        self.prior = build_prior(config.prior, config.latent_dim)
        self.likelihood = build_likelihood(config.likelihood)
        output_shape = (channels * self.likelihood.parameters_per_pixel, height, width)
        self.decoder = build_decoder(config.architecture, config.latent_dim, output_shape)
        self.is_density = self.likelihood.is_density

    def approximate(self, batch: Batch) -> Approximation:
        """q(z|x) of each image."""
        approximation: Approximation = self.posterior(self.encoder(batch.x))
        return approximation

    def log_likelihood(self, z: Tensor, batch: Batch) -> Tensor:
        """Log p(x|z), [K, B], of latents [K, B, d]."""
        output = self.decoder(z.flatten(0, 1))
        return self.likelihood.log_prob(output.reshape(*z.shape[:2], *output.shape[1:]), batch.x)

    def log_ratio(self, q: Approximation, draw: Draw) -> Tensor:
        """Log q(z|x) − log p(z), [K, B]; 0 for a point mass."""
        return draw.log_q - self.prior.log_prob(draw.z) if q.has_density else torch.zeros_like(draw.log_q)

    def closed_form_rate(self, q: Approximation) -> Tensor | None:
        """KL(q ‖ p) per image, [B], where prior and posterior have one."""
        per_dimension = q.kl_to_standard() if self.prior.is_standard or not q.has_density else None
        return None if per_dimension is None else per_dimension.sum(-1)

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The negative ELBO with its rate weighted by ``beta``."""
        q = self.approximate(batch)
        draw = q.rsample(self.config.samples)
        rate = self.closed_form_rate(q) if self.config.kl == "analytic" else None
        if rate is None:
            rate = self.log_ratio(q, draw)
        return reduce(self.log_likelihood(draw.z, batch), rate, lambda nats: self.beta * nats)

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The bound's terms with ``samples`` latents per image."""
        q = self.approximate(batch)
        draw = q.rsample(samples)
        log_ratio = self.log_ratio(q, draw)
        rate = self.closed_form_rate(q)
        rate = log_ratio if rate is None else rate.expand_as(log_ratio)
        return Bound(self.log_likelihood(draw.z, batch), rate, log_ratio)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Posterior mean and standard deviation, float32 [B, d] each."""
        q = self.approximate(batch)
        return q.mean, q.std

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Mean of p(x|z) for z [B, d]: float32 [B, C, H, W] in [0, 1]."""
        return self.likelihood.mean(self.decoder(z))

    def sample_prior(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Latents [count, d] drawn from the prior."""
        return self.prior.sample(count, generator).to(next(self.parameters()).device)
