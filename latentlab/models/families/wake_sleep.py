"""The Helmholtz machine, trained by the wake-sleep algorithm instead of the ELBO."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from latentlab.config import ModelConfig
from latentlab.config.layout import layer_sizes
from latentlab.models.base import Batch, Bound, Losses, StepState
from latentlab.models.families.hierarchy import GaussianLayer, standardised
from latentlab.models.functional import gaussian_kl
from latentlab.models.image_model import ImageModel
from latentlab.models.objective import batch_mean, batch_objective
from latentlab.models.posteriors.diagonal import Diagonal
from latentlab.models.seeded_noise import standard_normal

# Limit of the latents' absolute means in both networks, which can otherwise drive each other to ever larger values.
MAX_MEAN = 4.0
# Standard deviations ≥ .14: neither phase penalises a network for confidence about latents that the other never shows
# it. With a floor at e⁻⁶ the ELBO of digits was −488,000 nats after six epochs, with this one −185.
LOG_STD_RANGE = (-2.0, 6.0)


class HelmholtzMachine(ImageModel):
    """Gaussian layers z_1 (top) … z_L, generated top-down and recognised bottom-up.

    Wake phase: the generative model maximises log p(x, z) of latents recognised in an image. Sleep phase: the
    recognition model maximises log q(z|x) of images and latents that the generative model samples. No gradient passes
    from one to the other. ``encode`` and ``decode`` use the coordinates of the prior, as in a ladder: all ε together
    are N(0, I).

    Examples
    --------
    >>> model = HelmholtzMachine(ModelConfig(family="wake-sleep", latent_dim=6), (1, 8, 8))
    >>> mean, std = model.encode(Batch(torch.rand(5, 1, 8, 8)))
    >>> mean.shape
    torch.Size([5, 6])

    References
    ----------
    Hinton, Dayan, Frey & Neal 1995, The wake-sleep algorithm for unsupervised neural networks.
    """

    phases = ("wake", "sleep")

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        sizes = layer_sizes(config.latent_dim, config.hierarchy.layers)
        super().__init__(config, image_shape, classes, decoder_inputs=sizes[-1])
        self.sizes = sizes
        hidden, pairs = config.hierarchy.hidden, list(zip(self.sizes, self.sizes[1:], strict=False))

        def layer(inputs: int, size: int) -> GaussianLayer:
            return GaussianLayer(config.posterior, inputs, hidden, size, MAX_MEAN, LOG_STD_RANGE)

        self.posterior = layer(self.encoder.features, self.sizes[-1])
        self.generation = nn.ModuleList(layer(above, below) for above, below in pairs)
        self.recognition = nn.ModuleList(layer(below, above) for above, below in pairs)

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """The generative model's in the wake phase, the recognition model's in the sleep phase."""
        modules: dict[str, tuple[nn.Module, ...]] = {
            "wake": (self.decoder, self.likelihood, self.generation),
            "sleep": (self.inputs, self.encoder, self.posterior, self.recognition),
        }
        return [p for module in modules[phase] for p in module.parameters()]

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """Wake: −log p(x, z) of recognised z. Sleep: −log q(z|x) of sampled x and z."""
        if phase == "sleep":
            loss = batch_mean(-self._log_q_of_samples(len(batch.x)))
            return Losses(loss, {"sleep": loss.detach()})
        seen = self.corrupted(batch)
        with torch.no_grad():
            layers, log_q = self._recognise(seen, self.config.samples)
        log_ratio = log_q - self._log_prior(layers)
        # No warm-up: the recognition, which alone could lower the rate, does not learn from this phase.
        return batch_objective(self.log_likelihood(layers[-1], seen), log_ratio, self.rate_schedule.beta.mul)

    def _posteriors(self, batch: Batch, samples: int | None) -> tuple[list[Diagonal], list[Tensor]]:
        """Every layer's q(z_l | below) and z [K, B, ·], the top layer first; means instead of samples for ``None``."""
        bottom: Diagonal = self.posterior(self.features(batch))
        shape = (samples or 1, *bottom.mean.shape)
        q = Diagonal(bottom.mean.expand(shape), bottom.log_std.expand(shape))
        posteriors, layers = [], []
        for level in reversed(range(len(self.sizes))):
            z = q.mean if samples is None else q.rsample(1).z[0]
            posteriors.append(q)
            layers.append(z)
            if level:
                q = self.recognition[level - 1](z)
        return posteriors[::-1], layers[::-1]

    def _recognise(self, batch: Batch, samples: int) -> tuple[list[Tensor], Tensor]:
        posteriors, layers = self._posteriors(batch, samples)
        return layers, torch.stack([q.log_prob(z) for q, z in zip(posteriors, layers, strict=True)]).sum(0)

    def _priors(self, layers: list[Tensor]) -> list[Diagonal]:
        """p(z_l | above) given all layers, the top layer first."""
        zeros = torch.zeros_like(layers[0])
        below = [step(z) for step, z in zip(self.generation, layers, strict=False)]
        return [Diagonal(zeros, zeros), *below]

    def _log_prior(self, layers: list[Tensor]) -> Tensor:
        return torch.stack([p.log_prob(z) for p, z in zip(self._priors(layers), layers, strict=True)]).sum(0)

    def _log_q_of_samples(self, count: int) -> Tensor:
        """Log q(z|x) of images and latents that the generative model samples, in nats, [1, count]."""
        with torch.no_grad():
            layers = self._generate(self.sample_prior(count))
            images = self.likelihood.sample(self.output(layers[-1]))
        bottom = self.posterior(self.features(Batch(images)))
        posteriors = [*(step(z) for step, z in zip(self.recognition, layers[1:], strict=True)), bottom]
        return torch.stack([q.log_prob(z[None]) for q, z in zip(posteriors, layers, strict=True)]).sum(0)

    def _generate(self, epsilon: Tensor) -> list[Tensor]:
        """Every layer's z from all ε [B, d]."""
        parts = torch.split(epsilon, self.sizes, -1)
        layers = [parts[0]]
        for step, part in zip(self.generation, parts[1:], strict=True):
            prior = step(layers[-1])
            layers.append(prior.mean + prior.std * part)
        return layers

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The terms of the ELBO, which training does not maximise."""
        layers, log_q = self._recognise(batch, samples)
        log_ratio = log_q - self._log_prior(layers)
        return Bound(self.log_likelihood(layers[-1], batch), log_ratio, log_ratio)

    def _standardised(self, batch: Batch, samples: int | None) -> list[Diagonal]:
        posteriors, layers = self._posteriors(batch, samples)
        return [standardised(q, p) for q, p in zip(posteriors, self._priors(layers), strict=True)]

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """KL of each dimension given one sample of the other layers, in nats, [B, d], the top layer first."""
        return torch.cat([gaussian_kl(q.mean, q.log_std)[0] for q in self._standardised(batch, 1)], -1)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of every ε, [B, d] each, the top layer first, given the means of the others."""
        posteriors = self._standardised(batch, None)
        mean = torch.cat([q.mean[0] for q in posteriors], -1)
        return mean, torch.cat([q.std[0] for q in posteriors], -1)

    def decoder_output(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The decoder's output for ε [B, d], the top layer first."""
        return self.output(self._generate(z)[-1])

    def sample_prior(self, count: int, generator: torch.Generator | None = None, temperature: float = 1.0) -> Tensor:
        """Draw ε [count, d] from N(0, temperature² I)."""
        device = next(self.parameters()).device
        return temperature * standard_normal(count, self.config.latent_dim, device, generator)
