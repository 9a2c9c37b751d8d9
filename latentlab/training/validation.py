"""Evaluation of a model on the validation images during training."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from latentlab.config import TrainingConfig
from latentlab.config.events import IMPORTANCE_BOUND
from latentlab.evaluation import Binarise, quick_bound
from latentlab.models.base import LatentModel
from latentlab.training.batches import BatchLoader
from latentlab.training.distributed import ProcessGroup
from latentlab.training.seeding import VALIDATION, derived_seed
from latentlab.training.timing import RunClock


class ValidationMeans(NamedTuple):
    """Means over the validation images; both ``None`` if there are none.

    Attributes
    ----------
    means
        ``elbo``, ``rate`` and ``distortion``, nats per image; of a model that is trained by the importance-weighted
        bound also that bound, with as many samples as in training.
    kl_per_dimension
        KL of each latent dimension to the prior's marginal, nats per image: the parts of the rate under N(0, I).
    """

    means: dict[str, float] | None
    kl_per_dimension: tuple[float, ...] | None


_TIMES = 4
_MAX_VALUES = 2**22
"""A GPU evaluates ``_TIMES`` as many images at once as it trains on, but not more than ``_MAX_VALUES`` pixels."""


class Validation:
    """Evaluates a model on the validation images.

    Parameters
    ----------
    model, config
        The model, and how it is trained.
    batches
        Holds the images.
    indices
        int64, the validation images in the dataset; may be empty.
    clock
        The run's clock.
    group
        The processes that share the work.
    """

    def __init__(
        self,
        model: LatentModel,
        config: TrainingConfig,
        batches: BatchLoader,
        indices: NDArray[np.int64],
        clock: RunClock,
        group: ProcessGroup | None,
    ) -> None:
        self._model, self._batches, self._indices, self._clock, self._group = model, batches, indices, clock, group
        self._seed = derived_seed(config.seed, VALIDATION)
        # With a static draw the images are binary already.
        self._binarise: Binarise = "dynamic" if config.binarise == "dynamic" else "none"

    def run(self, micro_batch: int) -> Generator[None, None, ValidationMeans]:
        """Evaluate ``micro_batch`` images per step, or more on a GPU; a group's processes all get the overall means."""
        count, group, size = len(self._indices), self._group, self._batch_size(micro_batch)
        if not count:
            return ValidationMeans(None, None)
        config, totals = self._model.config, np.zeros(4 + self._model.latent_dim)
        samples = config.samples if config.bound == "importance" else 0
        first, stride = (0, size) if group is None else (group.rank * size, group.size * size)
        for start in range(first, count, stride):
            self._clock.resume()
            indices = self._indices[start : start + size]
            images, labels = self._batches.gather(indices)
            # The noise depends only on the position, so that epochs can be compared.
            seed = (self._seed + start) % 2**63
            found = quick_bound(self._model, images, labels, size, self._binarise, seed, samples)
            bounds = [found.elbo, found.rate, found.distortion, found.importance_bound or 0.0]
            totals += len(indices) * np.array([*bounds, *found.kl_per_dimension])
            self._clock.tick()
            yield None
        if group is not None:
            totals = group.sum(torch.from_numpy(totals)).numpy()
        elbo, rate, distortion, bound, *per_dimension = (totals / count).tolist()
        means = {"elbo": elbo, "rate": rate, "distortion": distortion}
        return ValidationMeans(means | ({IMPORTANCE_BOUND: bound} if samples else {}), tuple(per_dimension))

    def _batch_size(self, micro_batch: int) -> int:
        """How many images to evaluate at once, when ``micro_batch`` images can be trained on at once.

        More on a GPU, where the kernels of a small model take as long to launch for few images as for many, and no
        activations are kept for gradients. Not more if q is refined by gradients for each image, or if memory was too
        short for a whole batch.
        """
        batches = self._batches
        out_of_memory = micro_batch < batches.batch_size
        if batches.device.type != "cuda" or out_of_memory or self._model.config.posterior.refine:
            return micro_batch
        return max(micro_batch, min(_TIMES * micro_batch, _MAX_VALUES // math.prod(self._model.image_shape)))
