"""Models with a discriminator, which take turns with it: FactorVAE and VAE-GAN."""

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
from latentlab.models.objective import average, reduce

# Slope of the discriminator's units below 0.
LEAK = 0.2


class FactorVAE(VAE):
    """The ELBO less γ times the total correlation, which a discriminator estimates (Kim & Mnih 2018).

    The discriminator tells latents of images from such whose dimensions were shuffled among the images; its logit is
    the logarithm of their densities' ratio, of which the mean is the total correlation.
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
        """The discriminator's own, or all others."""
        own = list(self.discriminator.parameters())
        if phase == "discriminator":
            return own
        theirs = {id(p) for p in own}
        return [p for p in self.parameters() if id(p) not in theirs]

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The bound with the total correlation; then the discriminator's cross-entropy."""
        seen = self.corrupted(batch)
        if phase == "discriminator":
            with torch.no_grad():
                z = self.infer(seen).rsample(1).z[0]
            joint, shuffled = self.discriminator(z), self.discriminator(permuted(z))
            loss = average(0.5 * (functional.softplus(-joint) + functional.softplus(shuffled)))
            return Losses(loss, {"discriminator": loss.detach()})
        q = self.infer(seen)
        draw = q.rsample(self.config.samples)
        per_dimension = self.rate_per_dimension(q)
        assert per_dimension is not None
        return reduce(
            self.log_likelihood(draw.z, seen),
            per_dimension.sum(-1).unsqueeze(0),
            self.rate_schedule.cost,
            extra={"total_correlation": (self.config.adversary.weight, self.discriminator(draw.z[0]).squeeze(-1))},
        )


def permuted(z: Tensor) -> Tensor:
    """Shuffle each dimension of z [B, d] among the images by itself."""
    order = torch.rand_like(z).argsort(0)
    return z.gather(0, order)


class VAEGAN(VAE):
    """A VAE whose error is measured in a discriminator's features (Larsen et al. 2016).

    Encoder: rate + error. Decoder: error + weight · the discriminator's rejection of its reconstructions and samples.
    Discriminator: real against both. Whoever is too far ahead rests. The error is that of the features and, to hold
    it in place while these are still being learned, a share of the pixels' distortion.
    What is reported as distortion and ELBO is the pixels', as of every model.
    """

    phases = ("encoder", "decoder", "discriminator")

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, classes)
        self.discriminator = build_encoder(config.architecture, image_shape)
        self.verdict = nn.Linear(self.discriminator.features, 1)

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """Encoder and posterior; decoder and likelihood; or the discriminator."""
        modules: dict[str, tuple[nn.Module, ...]] = {
            "encoder": (self.inputs, self.encoder, self.posterior, self.prior),
            "decoder": (self.decoder, self.likelihood),
            "discriminator": (self.discriminator, self.verdict),
        }
        return [p for module in modules[phase] for p in module.parameters()]

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The loss of one of the three players."""
        seen = self.corrupted(batch)
        if phase == "encoder":
            return self._encoder_losses(seen)
        with torch.no_grad():
            z = self.infer(seen).rsample(1).z[0]
        drawn = torch.cat([z, self.sample_prior(len(z))])
        if phase == "decoder":
            return self._decoder_losses(drawn, seen)
        with torch.no_grad():
            fakes = self.decode(drawn)
        real, fake = self._split(self.verdict(self._looked_at(seen, fakes)), len(batch.x))
        loss = average(functional.softplus(-real)) + average(functional.softplus(fake))
        told = {"discriminator": 0.5 * loss.detach()}
        return Losses(loss, told, told["discriminator"] >= math.log(2) - self.config.adversary.margin)

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
            wanted, found = self._split(self._looked_at(seen, images), len(seen.x))
            features = _log_likelihood(wanted, found.view(len(draw.z), *wanted.shape))
        terms = reduce(pixels.detach(), rate.detach(), self.rate_schedule.cost).terms
        losses = reduce(features + self.config.adversary.pixels * pixels, rate, self.rate_schedule.cost)
        return Losses(losses.objective, terms | {"feature_distortion": -average(features.detach())})

    def _decoder_losses(self, drawn: Tensor, seen: Batch) -> Losses:
        """The first of the ``drawn`` latents are those of the images, the others are the prior's."""
        count = len(seen.x)
        with frozen(self.discriminator, self.verdict):
            output = self.output(drawn)
            features = self._looked_at(seen, self.likelihood.mean(output))
            wanted, found = self._split(features, count)
            real, fake = self._split(self.verdict(features), count)
        pixels = self.likelihood.log_prob(output[None, :count], seen.x, seen.mask)
        error = -average(_log_likelihood(wanted, found[None, :count]) + self.config.adversary.pixels * pixels)
        rejection = average(functional.softplus(-fake))
        accuracy = 0.5 * (average(functional.softplus(-real)) + average(functional.softplus(fake))).detach()
        rests = accuracy > math.log(2) + self.config.adversary.margin
        objective = error + self.config.adversary.weight * rejection * (~rests).to(rejection.dtype)
        return Losses(objective, {"rejection": rejection.detach()})

    def _looked_at(self, seen: Batch, drawn: Tensor) -> Tensor:
        """The discriminator's features of the images, then of drawn ones [n · B, C, H, W].

        Where pixels are missing from the images, the same are taken from the drawn ones (AmbientGAN, Bora, Price &
        Dimakis 2018): what nobody has seen tells neither from the other.
        """
        images = torch.cat([seen.x, drawn])
        if seen.mask is not None:
            images = images * seen.mask.repeat(len(images) // len(seen.x), 1, 1, 1)
        features: Tensor = self.discriminator(images)
        return features

    @staticmethod
    def _split(values: Tensor, real: int) -> tuple[Tensor, Tensor]:
        """What is of the real images, which came first, and what is of the drawn ones."""
        return values[:real], values[real:]


def _log_likelihood(wanted: Tensor, found: Tensor) -> Tensor:
    """Log N(``wanted``; ``found``, I) without its constant, [K, B], of features [B, F] and [K, B, F]."""
    zero = torch.zeros((), device=wanted.device)
    return (gaussian_log_density(wanted, found, zero) - gaussian_log_density(zero, zero, zero)).sum(-1)
