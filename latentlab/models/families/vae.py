"""The composition: encoder, posterior, prior, decoder and likelihood, joined by the ELBO."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from latentlab.config import ModelConfig
from latentlab.models.base import Batch, Bound, Losses, StepState
from latentlab.models.batch_reduction import rows_of_all
from latentlab.models.divergences import Latents, build_divergence
from latentlab.models.image_model import PixelModel
from latentlab.models.objective import reduce
from latentlab.models.posteriors import PosteriorSample, VariationalPosterior, build_posterior
from latentlab.models.priors import CategoricalPrior, build_prior
from latentlab.models.score_function import gradient_variances, score_surrogate


class VAE(PixelModel):
    """Whatever can be said by choosing parts (Kingma & Welling 2014, and its family).

    Attributes
    ----------
    encoder, posterior, prior, decoder, likelihood
        The parts; their names begin the names of the weights in a model file.
    """

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, classes)
        if self.has_encoder:
            self.posterior = build_posterior(config.posterior, self.encoder.features, config.latent_dim)
        self.prior = build_prior(config.prior, config.latent_dim, image_shape)
        if isinstance(self.prior, CategoricalPrior):
            self.prior.categories = config.posterior.categories
        self.divergence = build_divergence(config.divergence)

    def prepare(self, batch: Batch, images: int) -> None:
        """Let the prior see some training images."""
        self.prior.prepare(batch.x)

    def on_step_start(self, state: StepState) -> None:
        """Write the schedules' values: those of the rate, and of the posterior (a temperature)."""
        super().on_step_start(state)
        if self.has_encoder:
            self.posterior.update_schedule(state.epochs_done)

    def infer(self, batch: Batch) -> VariationalPosterior:
        """q(z|x) of each image."""
        approximation: VariationalPosterior = self.posterior(self.features(batch))
        return approximation

    def infer_images(self, x: Tensor) -> VariationalPosterior:
        """q(z|x) of images [B, C, H, W] alone; a VampPrior is given it to see its pseudo-inputs with."""
        return self.infer(Batch(x))

    def log_prior(self, z: Tensor) -> Tensor:
        """Log p(z) for z [..., d], shape [...]."""
        return self.prior.log_prob(z, self.infer_images)

    def log_ratio(self, q: VariationalPosterior, draw: PosteriorSample) -> Tensor:
        """Log q(z|x) − log p(z), [K, B]; 0 for a point mass."""
        return draw.log_q - self.log_prior(draw.z) if q.has_density else draw.log_q

    def rate_per_dimension(self, q: VariationalPosterior) -> Tensor | None:
        """KL(q ‖ p) in closed form, [B, d], where posterior and prior have one."""
        return q.kl_to_prior() if self.prior.has_closed_form_rate or not q.has_density else None

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The negative bound with its rate weighted, and a divergence if there is one."""
        seen = self.corrupted(batch)
        q = self.infer(seen)
        draw = q.rsample(self.config.samples)
        if self.config.estimator == "score":
            return self._score_losses(q, draw, seen, state)
        return self.reduced(q, draw, self.log_likelihood(draw.z, seen), state)

    def reduced(
        self,
        q: VariationalPosterior,
        draw: PosteriorSample,
        log_likelihood: Tensor,
        state: StepState,
        surrogate: Tensor | None = None,
    ) -> Losses:
        """Weigh and reduce the terms of latents that were drawn from ``q``."""
        config = self.config
        importance = config.bound == "importance"
        per_dimension = None if importance or config.kl == "monte-carlo" else self.rate_per_dimension(q)
        rate = self.log_ratio(q, draw) if per_dimension is None else per_dimension.sum(-1).unsqueeze(0)
        extra = {}
        if self.divergence is not None:
            latents = Latents(rows_of_all(draw.z[0]), q, self.sample_prior, state.images)
            extra[config.divergence.kind.replace("-", "_")] = (config.divergence.weight, self.divergence(latents))
        return reduce(
            log_likelihood,
            rate,
            self.rate_schedule.cost,
            importance,
            per_dimension if config.rate.kind == "free-bits" else None,
            extra,
            surrogate,
        )

    def _score_losses(self, q: VariationalPosterior, draw: PosteriorSample, seen: Batch, state: StepState) -> Losses:
        z = draw.z.detach().requires_grad_()
        log_likelihood = self.log_likelihood(z, seen)
        surrogate = score_surrogate(q, draw, log_likelihood)
        losses = self.reduced(q, draw, log_likelihood, state, surrogate)
        return dataclasses.replace(losses, terms=losses.terms | gradient_variances(q, z, log_likelihood))

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The bound's terms with ``samples`` latents per image."""
        return self.bound_of(self.infer(batch), batch, samples)

    def bound_of(self, q: VariationalPosterior, batch: Batch, samples: int) -> Bound:
        """The bound's terms with latents drawn from a given ``q``."""
        draw = q.rsample(samples)
        log_ratio = self.log_ratio(q, draw)
        per_dimension = self.rate_per_dimension(q)
        rate = log_ratio if per_dimension is None else per_dimension.sum(-1).expand_as(log_ratio)
        return Bound(self.log_likelihood(draw.z, batch), rate, log_ratio)

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """KL of each dimension in closed form where there is one, else that of the marginal moments, [B, d]."""
        per_dimension = self.rate_per_dimension(self.infer(batch))
        return super().kl_per_dimension(batch) if per_dimension is None else per_dimension

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Posterior mean and standard deviation, float32 [B, d] each."""
        q = self.infer(batch)
        return q.mean, q.std

    def sample_prior(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Latents [count, d] drawn from the prior."""
        return self.prior.sample(count, generator, self.infer_images)
