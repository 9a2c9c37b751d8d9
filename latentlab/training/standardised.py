"""The model that a run saves: its best weights, with latents whose aggregate posterior has the prior's scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray

from latentlab.models.base import LatentModel
from latentlab.models.inference import CHUNK, weights_of
from latentlab.models.standardise import LatentMoments, can_standardise, standardise
from latentlab.training.batches import BatchLoader
from latentlab.training.checkpoint import BestModel
from latentlab.training.map_preview import some_of
from latentlab.training.seeding import MOMENTS, RandomStream, derived_seed


class Standardiser:
    """Standardises the latents of the model that is saved; checkpoints keep the weights as they are trained.

    Parameters
    ----------
    model
        The model in training.
    batches
        Holds the training images.
    training, validation
        int64, the images of each part in the dataset.
    seed
        The run's seed.
    """

    def __init__(
        self,
        model: LatentModel,
        batches: BatchLoader,
        training: NDArray[np.int64],
        validation: NDArray[np.int64],
        seed: int,
    ) -> None:
        self._model, self._batches, self._parts = model, batches, {"train": training, "validation": validation}
        self._stream = RandomStream(batches.device, derived_seed(seed, MOMENTS))

    def run(self, best: BestModel) -> Generator[None, None, BestModel]:
        """Standardise the model, which holds the weights of ``best``, a piece at a time.

        Returns
        -------
        BestModel
            The new weights, and the metrics that have changed: rates are lower, distortions are the same.
        """
        if not can_standardise(self._model):
            return best
        moments = {}
        for part, images in self._parts.items():
            moments[part] = yield from self._moments(images)
        standardise(self._model, moments["train"])
        metrics = dict(best.metrics)
        for part, own in moments.items():
            if own.count and f"{part}_rate" in metrics:
                change = own.rate_change(moments["train"])
                metrics[f"{part}_rate"] += change
                metrics[f"{part}_elbo"] -= change
        return dataclasses.replace(best, weights=weights_of(self._model), metrics=metrics)

    def _moments(self, images: NDArray[np.int64]) -> Generator[None, None, LatentMoments]:
        """Moments of the aggregate posterior of some images, or of as many of them as a map has."""
        chosen = torch.from_numpy(images[some_of(len(images), self._model.latent_dim)])
        moments = LatentMoments.zero(self._model.latent_dim)
        for start in range(0, len(chosen), CHUNK):
            indices = chosen[start : start + CHUNK]
            with self._stream, torch.no_grad():
                is_training = self._model.training
                mean, std = self._model.eval().encode(self._batches.load(indices, indices))
                self._model.train(is_training)
            moments.add(mean, std)
            yield
        return moments
