"""The typical distance between neighbouring points: a scale for "near the data"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MAX_COMPARED = 512
_MAX_POINTS = 20_000
_ACTIVE_VARIANCE = 0.01
_BLOCK = 16  # points compared at a time: a few milliseconds, and the distances fit the processor's cache


def typical_distance(points: ArrayLike, quantile: float = 0.95, seed: int = 0) -> float:
    """A quantile of the distances from each point to its nearest neighbour.

    A latent much farther than this from every point lies where there is no data.

    Parameters
    ----------
    points
        [N, d].
    quantile
        In [0, 1].
    seed
        Selects 512 points that are compared with all others, and 20,000 points when there are more: the distance is
        then overestimated, as it is larger between fewer points.

    Returns
    -------
    float
        Euclidean distance; infinite for fewer than two points.
    """
    return typical_of(neighbour_distances(points, seed), quantile)


def typical_of(distances: Iterable[NDArray[np.float32]], quantile: float = 0.95) -> float:
    """The quantile of blocks of distances, as from :func:`neighbour_distances`; infinite if there are none."""
    blocks = list(distances)
    return float(np.quantile(np.concatenate(blocks), quantile)) if blocks else float("inf")


def posterior_radius(mean: ArrayLike, std: ArrayLike, seed: int = 0) -> float:
    """How far samples of a posterior lie from its mean: the root of the mean squared distance over all posteriors.

    A place within it of a point's mean decodes as that point's samples do. Dimensions that the posteriors' means do not
    use (variance below .01, Burda et al. 2016, arXiv:1509.00519) say nothing of a place and are left out, unless no
    other is there.

    Parameters
    ----------
    mean, std
        [N, d].
    seed
        Selects 20,000 posteriors when there are more.
    """
    means, stds = np.asarray(mean), np.asarray(std)
    if len(means) > _MAX_POINTS:
        chosen = np.random.default_rng(seed).choice(len(means), _MAX_POINTS, replace=False)
        means, stds = means[chosen], stds[chosen]
    squares = np.square(stds, dtype=np.float64).mean(axis=0)
    active = means.astype(np.float64).var(axis=0) > _ACTIVE_VARIANCE
    return float(np.sqrt(squares[active].sum() if active.any() else squares.sum()))


def spread(points: ArrayLike, seed: int = 0) -> float:
    """How far points lie from their mean in one dimension: the root of the mean of their variances.

    Parameters
    ----------
    points
        [N, d].
    seed
        Selects 20,000 points when there are more.
    """
    array = np.asarray(points)
    if len(array) > _MAX_POINTS:
        array = array[np.random.default_rng(seed).choice(len(array), _MAX_POINTS, replace=False)]
    return float(np.sqrt(array.astype(np.float64).var(axis=0).mean()))


def neighbour_distances(points: ArrayLike, seed: int = 0) -> Iterator[NDArray[np.float32]]:
    """Distances from sampled points to their nearest neighbours, block by block (see :func:`typical_distance`)."""
    array = np.asarray(points, np.float32)
    if len(array) < 2:
        return
    random = np.random.default_rng(seed)
    if len(array) > _MAX_POINTS:
        array = array[random.choice(len(array), _MAX_POINTS, replace=False)]
    chosen = random.permutation(len(array))[:_MAX_COMPARED]
    lengths = np.einsum("nd,nd->n", array, array)
    for start in range(0, len(chosen), _BLOCK):
        index = chosen[start : start + _BLOCK]
        squared = lengths - 2 * (array[index] @ array.T)
        squared[np.arange(len(index)), index] = np.inf
        yield np.sqrt(np.maximum(squared.min(axis=1) + lengths[index], 0))
