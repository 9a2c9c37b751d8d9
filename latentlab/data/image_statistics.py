"""Measures a dataset's images for the choice of settings, a piece at a time."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from latentlab.config.image_statistics import ImageStatistics
from latentlab.data.dataset import Dataset
from latentlab.utils.pixels import shrink

_IMAGES = 512  # measured at most: their components take some 50 ms of the processor
_SIDE = 32  # px to which they are shrunk
_AT_ONCE = 32
_BLACK, _WHITE = 0.1, 0.9  # beyond these a value is nearly black or white


def measure_images(dataset: Dataset) -> Generator[None, None, ImageStatistics]:
    """Measure some training images, always the same; the generator returns the figures.

    Principal components are of the shrunk images; greys are those of the images themselves.
    """
    training, _ = dataset.split()
    if not len(training):
        return ImageStatistics(0, 0.0, 1, ())
    count = min(_IMAGES, len(training))
    chosen = np.sort(np.random.default_rng(0).choice(training, count, replace=False))
    rows, greys = [], 0.0
    for start in range(0, count, _AT_ONCE):
        images = dataset.images[chosen[start : start + _AT_ONCE]].astype(np.float32)
        images /= 255
        greys += float(((images > _BLACK) & (images < _WHITE)).mean()) * len(images)
        rows.append(shrink(images, _SIDE).reshape(len(images), -1))
        yield
    pixels = np.concatenate(rows)
    pixels -= pixels.mean(0)
    yield
    # The smaller of the two products has the same eigenvalues as the covariance.
    product = pixels @ pixels.T if len(pixels) < pixels.shape[1] else pixels.T @ pixels
    yield
    variances = np.linalg.eigvalsh(product.astype(np.float64))[::-1] / count
    found = tuple(float(each) for each in variances if each > 1e-9)
    return ImageStatistics(count, greys / count, pixels.shape[1], found)


def image_statistics(dataset: Dataset) -> ImageStatistics:
    """The figures of :func:`measure_images` at once."""
    measuring = measure_images(dataset)
    while True:
        try:
            next(measuring)
        except StopIteration as end:
            found: ImageStatistics = end.value
            return found
