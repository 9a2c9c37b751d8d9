"""Models trained alternately with a discriminator: FactorVAE and VAE-GAN."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import ModelConfig
from latentlab.models.base import Batch, Losses, StepState
from latentlab.models.families.vae import VAE
from latentlab.models.freeze import frozen
from latentlab.models.functional import gaussian_log_density
from latentlab.models.networks import build_encoder
from latentlab.models.objective import batch_mean, batch_objective

# Slope of the discriminator's leaky units below 0.
LEAK = 0.2


class FactorVAE(VAE):
    """The ELBO minus γ times the total correlation, which a discriminator estimates.

    The discriminator distinguishes latents of images from latents whose dimensions were permuted among the images. Its
    logit estimates the log-ratio of the two densities, whose mean is the total correlation.

    Examples
    --------
    >>> model = FactorVAE(ModelConfig(family="factor", latent_dim=3), (1, 8, 8))
    >>> losses = model.losses("model", Batch(torch.rand(5, 1, 8, 8)), StepState())
    >>> "total_correlation" in losses.terms
    True

    References
    ----------
    Kim & Mnih 2018, Disentangling by Factorising (arXiv:1802.05983).
    """

    phases = ("model", "discriminator")

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, classes)
        width = config.adversary.hidden
        sizes = [config.latent_dim, width, width, width]
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(LEAK)]
        self.discriminator = nn.Sequential(*layers, nn.Linear(width, 1))

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """The discriminator's parameters, or all others."""
        own = list(self.discriminator.parameters())
        ids = {id(p) for p in own}
        return own if phase == "discriminator" else [p for p in self.parameters() if id(p) not in ids]

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The negative bound plus the total correlation, or the discriminator's cross-entropy."""
        seen = self.corrupted(batch)
        if phase == "discriminator":
            with torch.no_grad():
                z = self.infer(seen).rsample(1).z[0]
            joint, shuffled = self.discriminator(z), self.discriminator(permute_dimensions(z))
            loss = batch_mean(0.5 * (functional.softplus(-joint) + functional.softplus(shuffled)))
            return Losses(loss, {"discriminator": loss.detach()})
        q = self.infer(seen)
        draw = q.rsample(self.config.samples)
        per_dimension = self.rate_per_dimension(q)
        assert per_dimension is not None
        return batch_objective(
            self.log_likelihood(draw.z, seen),
            per_dimension.sum(-1).unsqueeze(0),
            self.rate_schedule.cost,
            groups=self.charged_groups(per_dimension),
            extra={"total_correlation": (self.config.adversary.weight, self.discriminator(draw.z[0]).squeeze(-1))},
        )


def permute_dimensions(z: Tensor) -> Tensor:
    """Permute each dimension of z [B, d] among the images independently."""
    order = torch.rand_like(z).argsort(0)
    return z.gather(0, order)


class VAEGAN(VAE):
    """A VAE whose reconstruction error is measured in the features of a discriminator.

    Encoder: rate + error. Decoder: error + weight · the discriminator's rejection of reconstructions and samples.
    Discriminator: real images against both. When it is ahead by more than a margin, the discriminator skips its step,
    and the decoder leaves out the rejection. The error is that of the features plus a share of the pixels' distortion,
    which stabilises it while the features are untrained. The reported distortion and ELBO are the pixels', as for every
    model.

    Examples
    --------
    >>> model = VAEGAN(ModelConfig(family="vae-gan"), (1, 8, 8))
    >>> batch = Batch(torch.rand(5, 1, 8, 8))
    >>> [sorted(model.losses(phase, batch, StepState()).terms) for phase in model.phases[1:]]
    [['rejection'], ['discriminator']]

    References
    ----------
    Larsen et al. 2016, Autoencoding beyond pixels using a learned similarity metric (arXiv:1512.09300).
    """

    phases = ("encoder", "decoder", "discriminator")

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, classes)
        self.discriminator = build_encoder(config.architecture, image_shape)
        self.verdict = nn.Linear(self.discriminator.features, 1)

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """The parameters of encoder and posterior; of decoder and likelihood; or of the discriminator."""
        modules: dict[str, tuple[nn.Module, ...]] = {
            "encoder": (self.inputs, self.encoder, self.posterior, self.prior),
            "decoder": (self.decoder, self.likelihood),
            "discriminator": (self.discriminator, self.verdict),
        }
        return [p for module in modules[phase] for p in module.parameters()]

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The loss of encoder, decoder or discriminator."""
        seen = self.corrupted(batch)
        if phase == "encoder":
            return self._encoder_losses(seen)
        with torch.no_grad():
            z = self.infer(seen).rsample(1).z[0]
        latents = torch.cat([z, self.sample_prior(len(z))])
        if phase == "decoder":
            return self._decoder_losses(latents, seen)
        with torch.no_grad():
            fakes = self.decode(latents)
        real, fake = self._split(self.verdict(self._features_of(seen, fakes)), len(batch.x))
        loss = batch_mean(functional.softplus(-real)) + batch_mean(functional.softplus(fake))
        terms = {"discriminator": 0.5 * loss.detach()}
        return Losses(loss, terms, terms["discriminator"] >= math.log(2) - self.config.adversary.margin)

    def _encoder_losses(self, seen: Batch) -> Losses:
        q = self.infer(seen)
        draw = q.rsample(self.config.samples)
        per_dimension = self.rate_per_dimension(q)
        assert per_dimension is not None
        rate = per_dimension.sum(-1).unsqueeze(0)

        with frozen(self.decoder, self.likelihood, self.discriminator):
            output = self.output(draw.z)
            pixels = self.likelihood.log_prob(output, seen.x, seen.mask)
            images = self.likelihood.mean(output).flatten(0, 1)
            target, features = self._split(self._features_of(seen, images), len(seen.x))
            log_likelihood = _log_likelihood(target, features.view(len(draw.z), *target.shape))
        terms = batch_objective(pixels.detach(), rate.detach(), self.rate_schedule.cost).terms
        losses = batch_objective(
            log_likelihood + self.config.adversary.pixels * pixels,
            rate,
            self.rate_schedule.cost,
            groups=self.charged_groups(per_dimension),
        )
        return Losses(losses.objective, terms | {"feature_distortion": -batch_mean(log_likelihood.detach())})

    def _decoder_losses(self, latents: Tensor, seen: Batch) -> Losses:
        """``latents`` are those of the images, then those of the prior."""
        count = len(seen.x)
        with frozen(self.discriminator, self.verdict):
            output = self.output(latents)
            features = self._features_of(seen, self.likelihood.mean(output))
            target, decoded = self._split(features, count)
            real, fake = self._split(self.verdict(features), count)
        with self.likelihood.held():  # the encoder's phase has estimated what the likelihood estimates
            pixels = self.likelihood.log_prob(output[None, :count], seen.x, seen.mask)
        error = -batch_mean(_log_likelihood(target, decoded[None, :count]) + self.config.adversary.pixels * pixels)
        rejection = batch_mean(functional.softplus(-fake))
        cross_entropy = 0.5 * (batch_mean(functional.softplus(-real)) + batch_mean(functional.softplus(fake))).detach()
        skips = cross_entropy > math.log(2) + self.config.adversary.margin
        objective = error + self.config.adversary.weight * rejection * (~skips).to(rejection.dtype)
        return Losses(objective, {"rejection": rejection.detach()})

    def _features_of(self, seen: Batch, generated: Tensor) -> Tensor:
        """The discriminator's features of the images, then of generated images [n · B, C, H, W].

        Pixels missing from the images are masked in the generated ones too, so that the mask does not give them away
        (AmbientGAN, Bora, Price & Dimakis 2018).
        """
        images = torch.cat([seen.x, generated])
        if seen.mask is not None:
            images = images * seen.mask.repeat(len(images) // len(seen.x), 1, 1, 1)
        features: Tensor = self.discriminator(images)
        return features

    @staticmethod
    def _split(values: Tensor, real: int) -> tuple[Tensor, Tensor]:
        """The rows of the ``real`` first images, and the rows of the others."""
        return values[:real], values[real:]


def _log_likelihood(target: Tensor, mean: Tensor) -> Tensor:
    """Log N(``target``; ``mean``, I) without its constant, [K, B], of features [B, F] and [K, B, F]."""
    zero = torch.zeros((), device=target.device)
    return (gaussian_log_density(target, mean, zero) - gaussian_log_density(zero, zero, zero)).sum(-1)
