"""The variational autoencoder: encoder, posterior, prior, decoder and likelihood, trained by the ELBO."""

from __future__ import annotations

import dataclasses
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import ModelConfig
from latentlab.models.base import Batch, Bound, Losses, StepState
from latentlab.models.batch_reduction import gather_rows
from latentlab.models.divergences import Latents, build_divergence
from latentlab.models.image_model import ImageModel
from latentlab.models.linear_start import images_to_fit, start_at_components
from latentlab.models.objective import batch_objective
from latentlab.models.path_gradients import DoublyReparameterised, without_score
from latentlab.models.posteriors import PosteriorSample, VariationalPosterior, build_posterior
from latentlab.models.priors import CategoricalPrior, build_prior
from latentlab.models.priors.marginal_kl import marginal_kl
from latentlab.models.score_function import gradient_variances, score_surrogate


class VAE(ImageModel):
    """A VAE composed of the configuration's parts.

    Attributes
    ----------
    encoder, posterior, prior, decoder, likelihood
        The parts; their names are the prefixes of the weights in a model file.

    Examples
    --------
    >>> model = VAE(ModelConfig(latent_dim=2), image_shape=(1, 8, 8))
    >>> batch = Batch(torch.rand(5, 1, 8, 8))
    >>> bound = model.bound(batch, samples=3)
    >>> (bound.log_likelihood - bound.rate).shape
    torch.Size([3, 5])
    >>> mean, std = model.encode(batch)
    >>> model.decode(mean).shape
    torch.Size([5, 1, 8, 8])

    References
    ----------
    Kingma & Welling 2014, Auto-Encoding Variational Bayes (arXiv:1312.6114).
    Rezende, Mohamed & Wierstra 2014, Stochastic Backpropagation (arXiv:1401.4082).
    """

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, classes)
        if self.has_encoder:
            self.posterior = build_posterior(config.posterior, self.feature_count, config.latent_dim)
        self.prior = build_prior(config.prior, config.latent_dim, image_shape)
        if isinstance(self.prior, CategoricalPrior):
            self.prior.categories = config.posterior.categories
        self.divergence = build_divergence(config.divergence)

    def learning_rate_factors(self) -> dict[nn.Parameter, float]:
        """Those of the posterior."""
        return self.posterior.learning_rate_factors() if self.has_encoder else {}

    @property
    def images_to_prepare(self) -> int | None:
        """A VampPrior's pseudo-inputs all begin at images of their own; a linear path is fitted to many images."""
        wanted = self.config.prior.components if self.config.prior.kind == "vamp" else 0
        if self.linear_path is not None:
            wanted = max(wanted, images_to_fit(self.image_shape))
        return wanted or None

    def prepare(self, batch: Batch, images: int) -> None:
        """Initialise the prior from training images, and the linear path."""
        self.prior.prepare(batch.x)
        start_at_components(self, batch.x)

    def on_step_start(self, state: StepState) -> None:
        """Write the schedules' values: the rate's, and the posterior's (a temperature)."""
        super().on_step_start(state)
        if self.has_encoder:
            self.posterior.update_schedule(state.epochs_done)

    def infer(self, batch: Batch) -> VariationalPosterior:
        """q(z|x) of each image."""
        q: VariationalPosterior = self.posterior(self.features(batch))
        return q

    def infer_images(self, x: Tensor) -> VariationalPosterior:
        """q(z|x) of images [B, C, H, W] without labels or masks; a VampPrior encodes its pseudo-inputs with it."""
        return self.infer(Batch(x))

    def log_prior(self, z: Tensor) -> Tensor:
        """Log p(z) in nats for z [..., d], shape [...]."""
        return self.prior.log_prob(z, self.infer_images)

    def log_ratio(self, q: VariationalPosterior, draw: PosteriorSample) -> Tensor:
        """Log q(z|x) − log p(z) in nats, [K, B]; 0 for a point mass."""
        return draw.log_q - self.log_prior(draw.z) if q.has_density else draw.log_q

    def rate_per_dimension(self, q: VariationalPosterior) -> Tensor | None:
        """KL(q ‖ p) in nats, [B, d], or ``None`` if posterior and prior have no closed form."""
        return q.kl_to_prior() if self.prior.has_closed_form_rate or not q.has_density else None

    def charged_groups(self, per_dimension: Tensor | None) -> Tensor | None:
        """The rates [B, G] that are charged separately: with free bits those of each latent; else ``None``.

        A categorical latent is one, whatever its number of categories. ``None`` also where the rate has no parts: free
        bits are then of the rate as a whole.
        """
        if self.config.rate.kind != "free-bits" or per_dimension is None:
            return None
        if self.config.posterior.kind == "concrete":
            return per_dimension.view(len(per_dimension), -1, self.config.posterior.categories).sum(-1)
        return per_dimension

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The negative bound with its weighted rate, plus the divergence if there is one."""
        seen = self.corrupted(batch)
        q = self.infer(seen)
        draw = q.rsample(self.config.samples)
        if self.config.estimator == "score":
            return self._score_losses(q, draw, seen, state)
        if self.config.estimator in ("sticking-the-landing", "doubly-reparameterised"):
            return self._path_losses(q, draw, seen, state)
        return self.objective(q, draw, self.log_likelihood(draw.z, seen), state)

    def objective(
        self,
        q: VariationalPosterior,
        draw: PosteriorSample,
        log_likelihood: Tensor,
        state: StepState,
        surrogate: Tensor | None = None,
    ) -> Losses:
        """The losses of latents ``draw`` from ``q`` and their log-likelihood [K, B]."""
        config = self.config
        importance = config.bound == "importance"
        per_dimension = None if self._is_rate_sampled(q) else self.rate_per_dimension(q)
        rate = self.log_ratio(q, draw) if per_dimension is None else per_dimension.sum(-1).unsqueeze(0)
        cost = partial(self.rate_schedule.cost, dimensions=1 if per_dimension is not None else config.latent_dim)
        extra = {}
        if self.divergence is not None:
            latents = Latents(gather_rows(draw.z[0]), q, self.sample_prior, state.images)
            extra[config.divergence.kind.replace("-", "_")] = (config.divergence.weight, self.divergence(latents))
        return batch_objective(
            log_likelihood,
            rate,
            # Points have no rate, so that no capacity and no free bits are to be added either.
            cost if q.has_density else torch.zeros_like,
            importance,
            self.charged_groups(per_dimension),
            extra,
            surrogate,
        )

    def _score_losses(self, q: VariationalPosterior, draw: PosteriorSample, seen: Batch, state: StepState) -> Losses:
        z = draw.z.detach().requires_grad_()
        log_likelihood = self.log_likelihood(z, seen)
        signal, drawn = log_likelihood.detach(), draw
        if self._is_rate_sampled(q):
            # No path through the sample here either: what is drawn is fixed, and its log q a number. The prior still
            # learns from log p(z).
            fixed = z.detach()
            drawn = PosteriorSample(fixed, lambda: q.log_prob(fixed).detach())
            log_ratio = self.log_ratio(q, drawn).detach()
            signal = signal - self.rate_schedule.slope(log_ratio.mean(), self.config.latent_dim) * log_ratio
        surrogate = score_surrogate(q, z.detach(), signal)
        losses = self.objective(q, drawn, log_likelihood, state, surrogate)
        return dataclasses.replace(losses, terms=losses.terms | gradient_variances(q, z, log_likelihood))

    def _path_losses(self, q: VariationalPosterior, draw: PosteriorSample, seen: Batch, state: StepState) -> Losses:
        doubly = DoublyReparameterised() if self.config.estimator == "doubly-reparameterised" else None
        drawn = without_score(q, draw.z if doubly is None else doubly.watched(draw.z))
        log_likelihood = self.log_likelihood(drawn.z, seen)
        if doubly is not None:
            doubly.set_log_weights(log_likelihood - self.rate_schedule.cost(self.log_ratio(q, drawn)))
        return self.objective(q, drawn, log_likelihood, state)

    def _is_rate_sampled(self, q: VariationalPosterior) -> bool:
        """Whether the rate in the objective is log q − log p of the samples."""
        # A hard draw of categories has no gradient: the mean gradient of its log q is 0, so that a sampled rate would
        # not be minimised at all.
        sampled = self.config.kl == "monte-carlo" and self.config.posterior.kind != "concrete"
        sampled = sampled or self.config.estimator in ("sticking-the-landing", "doubly-reparameterised")
        return sampled or self.config.bound == "importance" or self.rate_per_dimension(q) is None

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The terms of the ELBO with ``samples`` latents per image."""
        return self.bound_from(self.infer(batch), batch, samples)

    def bound_from(self, q: VariationalPosterior, batch: Batch, samples: int) -> Bound:
        """The terms of the ELBO with latents drawn from ``q``."""
        draw = q.rsample(samples)
        log_ratio = self.log_ratio(q, draw)
        per_dimension = self.rate_per_dimension(q)
        rate = log_ratio if per_dimension is None else per_dimension.sum(-1).expand_as(log_ratio)
        return Bound(self.log_likelihood(draw.z, batch), rate, log_ratio)

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """KL of each dimension to the prior's marginal in nats, [B, d]: in closed form or by quadrature.

        A flow posterior counts as the Gaussian of its mean and standard deviation.
        """
        q = self.infer(batch)
        per_dimension = self.rate_per_dimension(q)
        if per_dimension is not None:
            return per_dimension
        return marginal_kl(q.mean, q.std, *self.prior.marginals(self.infer_images))

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Posterior mean and standard deviation, float32 [B, d] each."""
        q = self.infer(batch)
        return q.mean, q.std

    @property
    def is_capturable(self) -> bool:
        """Whether a step can be captured as a CUDA graph: not one that draws by rejection."""
        return self.config.posterior.kind != "von-mises-fisher" and super().is_capturable

    def decoder_output(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The decoder's output for z [B, d]; on a sphere, for the direction of z from 0."""
        if self.config.posterior.kind == "von-mises-fisher":
            z = functional.normalize(z, dim=-1)
        return super().decoder_output(z, label)

    def sample_prior(self, count: int, generator: torch.Generator | None = None, temperature: float = 1.0) -> Tensor:
        """Draw latents [count, d] from the prior."""
        return self.prior.sample(count, generator, self.infer_images, temperature)
