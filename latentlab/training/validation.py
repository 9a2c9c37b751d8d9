"""What the images held out say of a model as it learns."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from latentlab.config import TrainingConfig
from latentlab.evaluation import Binarise, quick_bound
from latentlab.models.base import LatentModel
from latentlab.training.batches import BatchLoader
from latentlab.training.distributed import ProcessGroup
from latentlab.training.metrics import RunClock
from latentlab.training.seeding import VALIDATION, derived_seed

Means = dict[str, float]


class Validated(NamedTuple):
    """Means over the images held out, both ``None`` when none are.

    Attributes
    ----------
    means
        ``elbo``, ``rate`` and ``distortion``, nats per image.
    kl_per_dimension
        The rate's parts, nats per image.
    """

    means: Means | None
    kl_per_dimension: tuple[float, ...] | None


_TIMES = 4
_MOST_NUMBERS = 2**22
"""How many times the images of a training step are evaluated at once on a GPU, and the most pixels of them all."""


class Validation:
    """Evaluates a model on the images held out.

    Parameters
    ----------
    model, config
        What is trained, and how.
    feed
        Where its images come from.
    index
        int64, which of the dataset's images are held out; there may be none.
    clock
        Counts the time.
    group
        The processes that share the work.
    """

    def __init__(
        self,
        model: LatentModel,
        config: TrainingConfig,
        feed: BatchLoader,
        index: NDArray[np.int64],
        clock: RunClock,
        group: ProcessGroup | None,
    ) -> None:
        self._model, self._feed, self._index, self._clock, self._group = model, feed, index, clock, group
        self._config = config
        self._seed = derived_seed(config.seed, VALIDATION)
        # A static draw is in the feed's images already.
        self._draw: Binarise = "dynamic" if config.binarise == "dynamic" else "none"

    def run(self, size: int) -> Generator[None, None, Validated]:
        """Evaluate ``size`` images or a few times as many with each step; all of a group get the means over all."""
        count, group, size = len(self._index), self._group, self._at_once(size)
        if not count:
            return Validated(None, None)
        totals = np.zeros(3 + self._model.latent_dim)
        first, stride = (0, size) if group is None else (group.rank * size, group.size * size)
        for start in range(first, count, stride):
            self._clock.resume()
            index = self._index[start : start + size]
            images, labels = self._feed.gather(index)
            # The noise depends on the place alone, so that an epoch is compared with the one before it.
            bound = quick_bound(self._model, images, labels, size, self._draw, (self._seed + start) % 2**63)
            totals += len(index) * np.array([bound.elbo, bound.rate, bound.distortion, *bound.kl_per_dimension])
            self._clock.tick()
            yield None
        if group is not None:
            totals = group.sum(torch.from_numpy(totals)).numpy()
        elbo, rate, distortion, *per_dimension = (totals / count).tolist()
        return Validated({"elbo": elbo, "rate": rate, "distortion": distortion}, tuple(per_dimension))

    def _at_once(self, size: int) -> int:
        """How many images to evaluate at once, of which so many can be trained on at once.

        More on a GPU, where a small model's kernels take as long to launch for few as for many, and nothing is kept
        for gradients; not where each image's q is searched for by them, or memory was too short for a whole batch.
        """
        short = size < min(self._config.batch_size, len(self._feed))
        if self._feed.device.type != "cuda" or short or self._model.config.posterior.refine:
            return size
        return max(size, min(_TIMES * size, _MOST_NUMBERS // math.prod(self._model.image_shape)))
