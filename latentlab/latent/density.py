"""The typical distance between neighbouring points: a scale for "near the data"."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

_MOST_COMPARED = 512
_MOST_POINTS = 20_000


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
    array = np.asarray(points, np.float32)
    if len(array) < 2:
        return float("inf")
    random = np.random.default_rng(seed)
    if len(array) > _MOST_POINTS:
        array = array[random.choice(len(array), _MOST_POINTS, replace=False)]
    chosen = random.permutation(len(array))[:_MOST_COMPARED]
    lengths = np.einsum("nd,nd->n", array, array)
    closest = np.empty(len(chosen))
    for number, index in enumerate(chosen):
        squared = lengths + lengths[index] - 2 * (array @ array[index])
        squared[index] = np.inf
        closest[number] = squared.min()
    return float(np.sqrt(np.quantile(np.maximum(closest, 0), quantile)))
