"""The interface of every model to the trainer, the evaluation and the worker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from latentlab.config import ModelConfig
from latentlab.config.capabilities import ALL, Capabilities
from latentlab.models.functional import gaussian_kl
from latentlab.models.likelihoods.base import Likelihood
from latentlab.models.push_forward import push_forward
from latentlab.models.rate_schedule import RateSchedule


@dataclass(frozen=True)
class Batch:
    """A batch of images on the model's device.

    Attributes
    ----------
    x
        float32 [B, C, H, W] in [0, 1].
    label
        int64 [B], −1 where unknown; ``None`` for unlabelled data.
    index
        int64 [B], each image's index in the training set.
    seen
        float32 [B, C, H, W], the encoder's input instead of ``x``; ``None`` for ``x`` itself.
    mask
        float32 [B, 1, H, W]: 1 where a pixel is observed, 0 where it is missing and left out of the likelihood;
        ``None``: all are observed.
    """

    x: Tensor
    label: Tensor | None = None
    index: Tensor | None = None
    seen: Tensor | None = None
    mask: Tensor | None = None


@dataclass(frozen=True)
class StepState:
    """Progress of the run, for schedules.

    Attributes
    ----------
    step, epoch
        Steps and whole epochs done so far.
    steps_per_epoch
        Optimizer steps per epoch.
    images
        Size of the training set.
    epochs
        Epochs of the whole run; 0 if that is not known.
    """

    step: int = 0
    epoch: int = 0
    steps_per_epoch: int = 1
    images: int = 1
    epochs: int = 0

    @property
    def epochs_done(self) -> float:
        """Epochs done so far, the fraction of the current one included."""
        return self.step / max(1, self.steps_per_epoch)

    @property
    def fraction_done(self) -> float:
        """Fraction of the run that is done; 0 while its length is not known."""
        return self.epochs_done / self.epochs if self.epochs else 0.0


@dataclass(frozen=True)
class Losses:
    """The loss of one phase, and the terms to report.

    Attributes
    ----------
    objective
        Scalar in nats per image, to be minimised; the only one with a gradient.
    terms
        Detached scalars by name. A model's first phase always has ``elbo``, ``rate`` and ``distortion`` (at β = 1,
        nats per image) and the recipe's own terms; later phases have their own terms only.
    applies
        Boolean scalar: false skips this phase's step (e.g. of a discriminator that is winning). ``None``: never
        skipped. A gradient of 0 would not do: the optimizer's momentum would still move the weights.
    """

    objective: Tensor
    terms: dict[str, Tensor]
    applies: Tensor | None = None


class Bound(NamedTuple):
    """The terms of the ELBO for K samples of each of B images, in nats, at β = 1.

    Attributes
    ----------
    log_likelihood
        log p(x|z), [K, B].
    rate
        [K, B]: the KL in closed form where there is one (the same for every sample), else ``log_ratio``.
    log_ratio
        log q(z|x) − log p(z) of each sample, [K, B].
    """

    log_likelihood: Tensor
    rate: Tensor
    log_ratio: Tensor


class LatentModel(nn.Module):
    """Base class of every model.

    Attributes
    ----------
    config
        The model's configuration.
    likelihood
        p(x|z), of the decoder's output.
    image_shape
        (C, H, W).
    classes
        Number of classes of a conditional model; 0 for any other.
    phases
        Names of the losses minimised one after the other within a step, each with its own optimizer.
    rate_schedule
        Weight and capacity of the rate at the current step.
    is_density
        Whether log p(x|z) is a density of pixels in [0, 1] rather than a probability of binary pixels.
    capabilities
        What the model offers; all of it unless it is of another program.
    decodes_per_sample
        Images decoded per latent that ``bound`` draws, for planning memory.
    log_ratio_estimates_rate
        Whether the mean over K of ``log_ratio`` estimates ``rate``. It does not where the importance weights sum
        out a variable (a class): by Jensen's inequality their mean logarithm is then above the ELBO.
    """

    phases: tuple[str, ...] = ("model",)
    is_density: bool = False
    capabilities: Capabilities = ALL
    decodes_per_sample: int = 1
    log_ratio_estimates_rate: bool = True
    likelihood: Likelihood

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__()
        self.config = config
        self.image_shape = image_shape
        self.classes = classes
        self.rate_schedule = RateSchedule(config.rate, config.beta)
        self._beta = config.beta

    @property
    def beta(self) -> float:
        """Weight of the rate in the objective, without warm-up; may be set while training."""
        return self._beta

    @beta.setter
    def beta(self, value: float) -> None:
        self._beta = value
        self.rate_schedule.set_beta(value)

    @property
    def latent_dim(self) -> int:
        """Size d of the latents of ``encode`` and ``decode``.

        The configuration's, except for quantised models: their latents are a grid whose size follows from the image's.
        """
        return self.config.latent_dim

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """The parameters that the optimizer of ``phase`` updates."""
        return self.parameters()

    def learning_rate_factors(self) -> dict[nn.Parameter, float]:
        """Factors of the learning rate for parameters that need another one than the rest."""
        return {}

    @property
    def images_to_prepare(self) -> int | None:
        """Number of images that ``prepare`` uses at most; ``None`` for those of one step."""
        return None

    def prepare(self, batch: Batch, images: int) -> None:
        """Initialise from a batch of the ``images`` training images before the first step (e.g. codebooks)."""

    def run_state(self) -> dict[str, Tensor]:
        """What a run keeps of each training image, by name: saved in its checkpoints, not in model files."""
        return {}

    def load_run_state(self, state: dict[str, Tensor]) -> None:
        """Continue from an earlier ``run_state``.

        Raises
        ------
        ValueError
            When it is not one of this model.
        """
        if state:
            raise ValueError("it keeps something of its training images, which this model does not")

    @property
    def is_capturable(self) -> bool:
        """Whether a step can be captured as a CUDA graph; false unless a family overrides it.

        The operations must not depend on the images' values, and what changes from step to step must be read from
        buffers that ``on_step_start`` writes.
        """
        return False

    def on_step_start(self, state: StepState) -> None:
        """Write the schedules' values at ``state`` into their buffers; called before every step, never captured."""
        self.rate_schedule.update(state.epochs_done)

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The loss of one phase on one batch, with the schedules as ``on_step_start`` has set them."""
        raise NotImplementedError

    def discard_partial_step(self) -> None:
        """Drop intermediate results of a step that was interrupted and will be repeated."""

    def on_step_end(self, state: StepState) -> None:
        """Update what is not learned by gradients (e.g. moving averages); called after the optimizers' steps."""

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The terms of the ELBO with ``samples`` latents per image.

        The mean over K of ``log_likelihood − rate`` estimates the ELBO; the log-mean-exp over K of
        ``log_likelihood − log_ratio`` estimates log p(x).
        """
        raise NotImplementedError

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """KL(q(z_j|x) ‖ p_j) of each dimension in nats, [B, d], p_j the prior's density of z_j; 0 for a point mass.

        They sum to the rate if the dimensions of both q and the prior are independent. By default q is taken for a
        diagonal Gaussian, and the prior for N(0, I).
        """
        mean, std = self.encode(batch)
        return torch.where(std > 0, gaussian_kl(mean, torch.log(std.clamp_min(1e-30))), 0.0)

    def extra_metrics(self, batch: Batch) -> dict[str, Tensor]:
        """Further metrics of this family by name, such as a classification error.

        One value for each image that has it, [b ≤ B]; the evaluation reports the mean.
        """
        return {}

    def classify(self, batch: Batch) -> Tensor | None:
        """The most probable class of each image, int64 [B]; ``None`` if the model has no classifier."""
        return None

    def clusters(self, batch: Batch) -> Tensor | None:
        """The cluster of each image, int64 [B]; ``None`` if the model finds none."""
        return None

    def codebook_entries(self) -> list[Tensor]:
        """Entries [K, D] of each level's codebook, the coarse level first; empty if latents are not quantised."""
        return []

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Posterior mean and standard deviation, float32 [B, d] each."""
        raise NotImplementedError

    def sample_posterior(self, batch: Batch, samples: int) -> Tensor:
        """Draw latents [samples, B, d] from q; by default from the Gaussian of ``encode``."""
        mean, std = self.encode(batch)
        return mean + std * torch.randn(samples, *mean.shape, device=mean.device)

    def decoder_output(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """What the likelihood reads for z [B, d]: [B, C', H, W]; the same latents as for ``decode``."""
        raise NotImplementedError

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Mean of p(x|z) for z [B, d]: float32 [B, C, H, W] in [0, 1]."""
        return self.likelihood.mean(self.decoder_output(z, label))

    def push_forward(self, z: Tensor, directions: Tensor, label: Tensor | None = None) -> Tensor:
        """Derivatives of ``decode`` along directions [k, d] or [k, B, d]: [k, B, C, H, W]."""
        return push_forward(partial(self.decode, label=label), z, directions)[1]

    def sample_prior(self, count: int, generator: torch.Generator | None = None, temperature: float = 1.0) -> Tensor:
        """Draw latents [count, d] from the prior, on the model's device; ``generator`` is on the CPU.

        ``temperature`` is a factor of the prior's noise: less than 1 for latents that are more typical.
        """
        raise NotImplementedError
