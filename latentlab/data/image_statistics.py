"""Measures a dataset's images for the choice of settings, a piece at a time."""

from __future__ import annotations

import math
from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from latentlab.config.image_statistics import MEASURED_SIDE, ImageStatistics
from latentlab.data.dataset import Dataset
from latentlab.utils.pixels import shrink

_IMAGES = 512  # measured at most: their components take some 50 ms of the processor
_AT_ONCE = 32
_FEWEST = 50  # images from which their symmetry is measured
_AXES = 32  # components that it is measured with, at most
_NO_ERROR = 1e-6  # of an image, summed over pixels: components that leave less show everything
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
    shrunk: list[NDArray[np.float32]] = []
    greys = 0.0
    for start in range(0, count, _AT_ONCE):
        images = dataset.images[chosen[start : start + _AT_ONCE]].astype(np.float32)
        images /= 255
        greys += float(((images > _BLACK) & (images < _WHITE)).mean()) * len(images)
        shrunk.append(shrink(images, MEASURED_SIDE))
        yield
    pixels = np.concatenate(shrunk).reshape(count, -1)
    pixels -= pixels.mean(0)
    yield
    # The smaller of the two products has the same eigenvalues as the covariance.
    product = pixels @ pixels.T if len(pixels) < pixels.shape[1] else pixels.T @ pixels
    yield
    variances = np.linalg.eigvalsh(product.astype(np.float64))[::-1] / count
    found = tuple(float(each) for each in variances if each > 1e-9)
    yield
    symmetry = _symmetry(np.concatenate(shrunk)) if count >= _FEWEST and found else ()
    return ImageStatistics(count, greys / count, pixels.shape[1], found, *symmetry)


def _symmetry(images: NDArray[np.float32]) -> tuple[int, float, float, float]:
    """What `ImageStatistics` holds from ``fitted`` on, of shrunk images [N, C, h, w] in any order."""
    held_out, fitted = np.split(np.random.default_rng(0).permutation(images), [len(images) // 5])
    rows = fitted.reshape(len(fitted), -1)
    mean = rows.mean(0)
    # The smaller of the two products has the same left singular vectors, or the right ones.
    centred = rows - mean
    if len(rows) < rows.shape[1]:
        values, vectors = np.linalg.eigh(centred @ centred.T)
        axes = (centred.T @ vectors[:, ::-1][:, :_AXES]) / np.sqrt(np.maximum(values[::-1][:_AXES], 1e-12))
    else:
        axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :_AXES]

    def error(varied: NDArray[np.float32]) -> float:
        off = varied.reshape(len(varied), -1) - mean
        return float(np.square(off).sum() - np.square(off @ axes).sum()) / len(varied)

    seen, unseen = error(fitted), error(held_out)
    if seen <= _NO_ERROR or unseen <= _NO_ERROR:
        return 0, 1.0, math.inf, math.inf
    moved = np.mean([error(_moved(held_out, axis, by)) for axis in (2, 3) for by in (-1, 1)])
    return len(fitted), unseen / seen, error(held_out[..., ::-1]) / unseen, float(moved) / unseen


def _moved(images: NDArray[np.float32], axis: int, by: int) -> NDArray[np.float32]:
    """Images moved by a pixel along an axis; the border is continued."""
    size = images.shape[axis]
    return images.take(np.clip(np.arange(size) + by, 0, size - 1), axis)


def image_statistics(dataset: Dataset) -> ImageStatistics:
    """The figures of :func:`measure_images` at once."""
    measuring = measure_images(dataset)
    while True:
        try:
            next(measuring)
        except StopIteration as end:
            found: ImageStatistics = end.value
            return found
