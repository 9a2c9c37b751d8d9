"""What every model is to the trainer, the evaluation and the worker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from latentlab.config import ModelConfig
from latentlab.models.functional import gaussian_kl
from latentlab.models.rate_schedule import RateSchedule


@dataclass(frozen=True)
class Batch:
    """Images on the model's device, with what is known of them.

    Attributes
    ----------
    x
        float32 [B, C, H, W] in [0, 1].
    label
        int64 [B], −1 where unknown; ``None`` for unlabelled data.
    index
        int64 [B]: each image's place in the training set.
    seen
        What the encoder sees instead of ``x`` [B, C, H, W]; ``None`` when that is ``x`` itself.
    mask
        float32 [B, 1, H, W]: 1 where a pixel is observed, 0 where it is missing and carries no likelihood;
        ``None`` when all are observed.
    """

    x: Tensor
    label: Tensor | None = None
    index: Tensor | None = None
    seen: Tensor | None = None
    mask: Tensor | None = None


@dataclass(frozen=True)
class StepState:
    """Where the run is, for schedules: ``step`` counts from 0, ``images`` is the training set's size."""

    step: int = 0
    epoch: int = 0
    steps_per_epoch: int = 1
    images: int = 1

    @property
    def epochs_done(self) -> float:
        """Epochs done so far, with the fraction of the one that runs."""
        return self.step / max(1, self.steps_per_epoch)


@dataclass(frozen=True)
class Losses:
    """What one phase minimises, and what to tell of it.

    Attributes
    ----------
    objective
        Scalar, in nats per image, to be minimised; the only one with a gradient.
    terms
        Detached scalars by name: of a model's first phase always ``elbo``, ``rate``, ``distortion`` (β = 1, nats
        per image), and the recipe's own; of later phases only what is theirs.
    applies
        Scalar, whether to take the phase's step at all; ``None`` for yes. A player who is too far ahead rests:
        with a gradient of 0 instead the optimizer's momentum would go on.
    """

    objective: Tensor
    terms: dict[str, Tensor]
    applies: Tensor | None = None


class Bound(NamedTuple):
    """The terms of K samples for each of B images, in nats, β = 1.

    Attributes
    ----------
    log_likelihood
        log p(x|z), [K, B].
    rate
        [K, B]: in closed form where there is one (then the same for every sample), else ``log_ratio``.
    log_ratio
        log q(z|x) − log p(z) of each sample, [K, B].
    """

    log_likelihood: Tensor
    rate: Tensor
    log_ratio: Tensor


class LatentModel(nn.Module):
    """Base of every model.

    Attributes
    ----------
    config
        What it is composed of.
    image_shape
        (C, H, W).
    classes
        Number of classes it may be conditioned on; 0 when it is not.
    phases
        Names of the losses that take turns within a step, each with its own optimizer.
    rate_schedule
        Weight and capacity of the rate at the current step.
    is_density
        Whether log p(x|z) is a density of pixels in [0, 1] rather than a probability of binary ones.
    decodes_per_sample
        Images decoded for each latent that ``bound`` draws, for those who budget memory.
    """

    phases: tuple[str, ...] = ("model",)
    is_density: bool = False
    decodes_per_sample: int = 1

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
        """Size d of the latent space that ``encode`` and ``decode`` speak of.

        The configuration's, but for quantised models, whose latents are a grid that follows from the image's size.
        """
        return self.config.latent_dim

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """The parameters that ``phase``'s optimizer steps."""
        return self.parameters()

    def prepare(self, batch: Batch, images: int) -> None:
        """See some training data once, before the first step (pseudo-inputs, codebooks, tables)."""

    @property
    def is_capturable(self) -> bool:
        """Whether a step can be captured as a CUDA graph: its operations do not depend on the images' values.

        What changes from step to step must be read from buffers that ``on_step_start`` writes. False unless a family
        says otherwise.
        """
        return False

    def on_step_start(self, state: StepState) -> None:
        """Write the schedules' values at ``state`` into their buffers; called before every step, outside a capture."""
        self.rate_schedule.update(state.epochs_done)

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The loss of one phase on one batch, with the schedules where ``on_step_start`` has set them."""
        raise NotImplementedError

    def discard_partial_step(self) -> None:
        """Forget what a step has left that was broken off before its end, and is taken again."""

    def on_step_end(self, state: StepState) -> None:
        """What follows the optimizers' steps (moving averages, annealing)."""

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The bound's terms with ``samples`` latents per image.

        ``log_likelihood − rate`` averaged over K estimates the ELBO; log-mean-exp over K of
        ``log_likelihood − log_ratio`` the log-likelihood.
        """
        raise NotImplementedError

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """What each dimension carries: KL(N(mean_i, std_i²) ‖ N(0, 1)) in nats, [B, d]; 0 for a point mass."""
        mean, std = self.encode(batch)
        return torch.where(std > 0, gaussian_kl(mean, torch.log(std.clamp_min(1e-30))), 0.0)

    def extra_metrics(self, batch: Batch) -> dict[str, Tensor]:
        """What only this kind of model can tell of images, by name, such as which were given a wrong class.

        One number for each image of which it can be told, [b ≤ B]; the evaluation reports their mean.
        """
        return {}

    def classify(self, batch: Batch) -> Tensor | None:
        """The class int64 [B] that the model itself takes each image for; ``None`` where it is no classifier."""
        return None

    def codebook_entries(self) -> list[Tensor]:
        """Entries [K, D] of each level's codebook, the coarse one first; none where latents are not quantised."""
        return []

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Posterior mean and standard deviation, float32 [B, d] each."""
        raise NotImplementedError

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Mean of p(x|z) for z [B, d]: float32 [B, C, H, W] in [0, 1]."""
        raise NotImplementedError

    def sample_prior(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Latents [count, d] drawn from the prior, on the model's device; ``generator`` is a CPU one."""
        raise NotImplementedError
