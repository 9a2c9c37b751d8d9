"""Whether an image is typical of a dataset, by the rank of its ELBO among those of some of its images."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data import Dataset
from latentlab.evaluation.per_image import image_bounds
from latentlab.models.inference import InferenceModel

COMPARED = 1000
"""Training images that an image is compared with, at most."""
_PIECE = 4
"""Images at once: as many as a network of convolutions takes about a frame for."""
UNLIKE, UNUSUAL, SIMPLE = 0.01, 0.05, 0.99
"""Shares of the compared images with a lower ELBO: below the first unlike them, above the last simpler."""


def compared_images(model: InferenceModel, dataset: Dataset, count: int = COMPARED) -> NDArray[np.int64]:
    """Indices of at most ``count`` images, drawn without replacement; always the same, in order.

    They are drawn from the images that the model was trained on, if this is its dataset, else from all: how the open
    images are split makes no difference.
    """
    training = np.arange(len(dataset))
    if _is_trained_on(model, dataset):
        training = np.asarray(replace(dataset, config=model.header.data_config()).split()[0])
    if len(training) > count:
        training = np.random.default_rng(0).choice(training, count, replace=False)
    index: NDArray[np.int64] = np.sort(training).astype(np.int64)
    return index


def measuring_elbos(
    model: InferenceModel, dataset: Dataset, index: NDArray[np.int64]
) -> Generator[None, None, NDArray[np.float32]]:
    """Measure the ELBO of each of these images, with one latent each; returns float32 [n].

    The pieces have the same size and noise wherever it is done: the window and the command give the same numbers.
    """
    parts = [np.zeros(0, np.float32)]
    for start in range(0, len(index), _PIECE):
        rows = index[start : start + _PIECE]
        pixels = np.asarray(dataset.images[rows])
        labels = model.classes_of_images(pixels, model.labels_of(dataset).labels[rows])
        parts.append(image_bounds(model.module, pixels, labels, seed=start).elbo)
        yield
    return np.concatenate(parts)


def elbos_of(model: InferenceModel, dataset: Dataset, index: NDArray[np.int64]) -> NDArray[np.float32]:
    """The ELBO of each of these images, [n], with one latent each."""
    steps = measuring_elbos(model, dataset, index)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            elbos: NDArray[np.float32] = end.value
            return elbos


def share_below(elbo: float, others: NDArray[Any]) -> float:
    """The share of other images with a lower ELBO, from 0 to 1; equal ones count half."""
    return float(((others < elbo).sum() + 0.5 * (others == elbo).sum()) / max(1, len(others)))


def typical_sentence(share: float, count: int, of_what: str = "images") -> str:
    """Whether an image is typical of others, in words.

    A likelihood is not only low for images of another kind: it can be higher for images that are simpler than all of
    the data (Nalisnick et al. 2019, arXiv:1810.09136), so that a share near 1 is no praise.
    """
    rank = f"its ELBO is higher than that of {100 * share:.0f} % of {count:,} {of_what}"
    if share < UNLIKE:
        return f"Not typical of the data: its ELBO is lower than that of nearly all of {count:,} {of_what}"
    if share < UNUSUAL:
        return f"Unusual: its ELBO is higher than that of only {100 * share:.0f} % of {count:,} {of_what}"
    if share > SIMPLE:
        return f"Simpler than the data: {rank}, as that of an almost empty image can be"
    return f"Typical of the data: {rank}"


def typical_of_dataset(model: InferenceModel, dataset: Dataset, elbo: float, others: NDArray[Any]) -> str:
    """Whether an image is typical of a dataset by its ELBO and those of ``others``, and which images these are.

    They are called training images only if the model is known to be trained on this dataset.
    """
    trained_on = model.header.data.get("fingerprint", "")
    kind = "training" if _is_trained_on(model, dataset) else "open"
    sentence = typical_sentence(share_below(elbo, others), len(others), f"{kind} images of {dataset.name}")
    is_of_others = trained_on and trained_on != dataset.fingerprint
    return f"{sentence}. The model was trained on other images" if is_of_others else sentence


def _is_trained_on(model: InferenceModel, dataset: Dataset) -> bool:
    return bool(model.header.data.get("fingerprint", "") == dataset.fingerprint)
