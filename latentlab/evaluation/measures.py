"""Single figures of a model on a dataset, by name, for the lessons: each in a second or two."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from latentlab.data import Dataset
from latentlab.errors import InputError
from latentlab.evaluation.factor_scores import score_factors
from latentlab.evaluation.report import Evaluation, evaluate
from latentlab.models.inference import InferenceModel

Floats: TypeAlias = NDArray[np.float64]

HELD_OUT = 500
"""Images that a bound is measured on, at most: of those held out for validation, evenly spaced."""
COMPARED = 3000
"""Images that others are compared with, at most."""
SAMPLES = 300
"""Latents drawn."""
HARDLY = 0.01
"""A share of samples that is hardly any."""
GRID, GRID_END = 12, 3.0
"""Cells a side of the grids over the first two dimensions, and where the even one ends."""


def measure(
    model: InferenceModel, dataset: Dataset, names: Sequence[str], seed: int = 0
) -> Iterator[tuple[str, float]]:
    """Measure figures, one after the other.

    Parameters
    ----------
    model, dataset
        The images must be of the model's shape.
    names
        Keys of ``MEASURES``.
    seed
        Of all sampling: the same seed gives the same figures.

    Yields
    ------
    (str, float)
        Name and value, in the order of ``names``: nats per image for bounds; Euclidean over the pixels, in [0, 1]
        each, for distances between images; shares from 0 to 1.

    Raises
    ------
    InputError
        For a name that does not exist, images of another shape, or a figure that this model does not have.
    """
    if dataset.image_shape != model.image_shape:
        raise InputError(f"the model is for images of shape {model.image_shape}, not {dataset.image_shape}")
    subject = _Subject(model, dataset, seed)
    for name in names:
        if name not in MEASURES:
            raise InputError(f"there is no figure {name!r}")
        yield name, float(MEASURES[name](subject))


class _Subject:
    """A model with a dataset, and what several figures need of them."""

    def __init__(self, model: InferenceModel, dataset: Dataset, seed: int) -> None:
        self.model, self.dataset, self.seed = model, dataset, seed
        training, held_out = dataset.split()
        self.training = some_of(training, COMPARED)
        self.held_out = some_of(held_out if len(held_out) else training, HELD_OUT)

    def images(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        pixels: NDArray[np.uint8] = np.asarray(self.dataset.images[index])
        return pixels

    def labels(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.model.labels_of(self.dataset).labels[index]

    @cached_property
    def evaluation(self) -> Evaluation:
        """The bound on held-out images; one sample for each is enough for means over some hundred."""
        binarise = self.model.header.training.get("binarise", "none")
        index = self.held_out
        return evaluate(self.model.module, self.images(index), self.labels(index), 1, binarise=binarise, seed=self.seed)

    @cached_property
    def posteriors(self) -> tuple[Floats, Floats]:
        """Means and standard deviations of the training images."""
        mean, std = self.model.encode(self.images(self.training), self.labels(self.training))
        return mean.astype(np.float64), std.astype(np.float64)

    def prior(self, count: int) -> Floats:
        return self.model.sample_prior(count, self.seed).astype(np.float64)

    def decoded(self, z: Floats) -> Floats:
        images = self.model.decode(z.astype(np.float32), self.model.classes_of_samples(len(z)))
        return images.reshape(len(z), -1).astype(np.float64)

    def pixels(self, index: NDArray[np.int64]) -> Floats:
        return self.images(index).reshape(len(index), -1) / 255.0


def some_of(index: NDArray[Any], count: int) -> NDArray[np.int64]:
    """At most so many of the indices, evenly spaced."""
    if len(index) <= count:
        return np.asarray(index, np.int64)
    return np.asarray(index, np.int64)[np.linspace(0, len(index) - 1, count).astype(np.int64)]


def nearest_distances(points: Floats, others: Floats, *, skip_same: bool = False) -> Floats:
    """Distance of each point [n, d] to the nearest of the others [m, d]; with ``skip_same`` not to that of its row."""
    squares = (points**2).sum(1)[:, None] + (others**2).sum(1) - 2 * points @ others.T
    if skip_same:
        np.fill_diagonal(squares, np.inf)
    nearest: Floats = np.sqrt(squares.min(1).clip(min=0.0))
    return nearest


# --- the figures --------------------------------------------------------------------------------------------------


def _outside_prior(subject: _Subject) -> float:
    """Share of images whose latent is farther from the origin than all but a hundredth of the prior's samples."""
    radius = np.quantile(np.linalg.norm(subject.prior(20_000), axis=1), 1 - HARDLY)
    return float((np.linalg.norm(subject.posteriors[0], axis=1) > radius).mean())


def _samples_off_data(subject: _Subject) -> float:
    """Share of the prior's samples that are farther from all images' means than a hundredth of the posteriors' own."""
    mean, std = subject.posteriors
    own = mean + std * np.random.default_rng(subject.seed).standard_normal(mean.shape)
    far = np.quantile(nearest_distances(own, mean, skip_same=True), 1 - HARDLY)
    return float((nearest_distances(subject.prior(2000), mean) > far).mean())


def _sample_distance(subject: _Subject) -> float:
    samples = subject.decoded(subject.prior(SAMPLES))
    return float(nearest_distances(samples, subject.pixels(subject.training)).mean())


def _image_distance(subject: _Subject) -> float:
    index = some_of(subject.held_out, SAMPLES)
    return float(nearest_distances(subject.pixels(index), subject.pixels(subject.training)).mean())


def _reconstruction_distance(subject: _Subject) -> float:
    index = some_of(subject.held_out, SAMPLES)
    labels = subject.labels(index)
    mean, _ = subject.model.encode(subject.images(index), labels)
    reconstructed = subject.model.decode(mean, labels if subject.model.header.model.conditional else None)
    return float(np.linalg.norm(reconstructed.reshape(len(index), -1) - subject.pixels(index), axis=1).mean())


def _cells(subject: _Subject, is_quantile: bool) -> float:
    """Share of the cells of a grid over the first two dimensions in which the latent of an image lies."""
    z = subject.posteriors[0][:, :2]
    if is_quantile:
        where = np.vectorize(lambda value: 0.5 * (1 + math.erf(value / math.sqrt(2))))(z)
    else:
        where = (z + GRID_END) / (2 * GRID_END)
    inside = where[((where >= 0) & (where < 1)).all(1)]
    cells = np.unique((inside * GRID).astype(np.int64) @ (1, GRID))
    return len(cells) / GRID**2


def _mutual_information_gap(subject: _Subject) -> float:
    return _factor_scores(subject)[0]


def _factor_vae_score(subject: _Subject) -> float:
    return _factor_scores(subject)[1]


def _factor_scores(subject: _Subject) -> tuple[float, float]:
    index = subject.training
    factors = {name: values[index] for name, values in (subject.dataset.factors or {}).items()}
    scores = score_factors(subject.model, subject.images(index), subject.labels(index), factors, subject.seed).scores
    return scores.mig, scores.factor_vae_score


def _perplexity(subject: _Subject) -> float:
    figures = subject.evaluation.figures
    if "perplexity" not in figures:
        raise InputError("the model has no codes")
    return figures["perplexity"]


MEASURES: dict[str, Callable[[_Subject], float]] = {
    "elbo": lambda subject: subject.evaluation.elbo,
    "rate": lambda subject: subject.evaluation.rate,
    "distortion": lambda subject: subject.evaluation.distortion,
    "active-units": lambda subject: subject.evaluation.active_units,
    "outside-prior": _outside_prior,
    "samples-off-data": _samples_off_data,
    "sample-distance": _sample_distance,
    "image-distance": _image_distance,
    "reconstruction-distance": _reconstruction_distance,
    "grid-cells-even": lambda subject: _cells(subject, is_quantile=False),
    "grid-cells-quantile": lambda subject: _cells(subject, is_quantile=True),
    "mig": _mutual_information_gap,
    "factor-vae-score": _factor_vae_score,
    "perplexity": _perplexity,
}
"""What computes each of `latentlab.config.lessons.MEASURES`."""
