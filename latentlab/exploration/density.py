"""Where the data is: density over the map, and how far from a point is still near it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MOST_COMPARED = 512
_SMALLEST_BANDWIDTH = 1e-6


@dataclass(frozen=True)
class Density:
    """A density over a rectangle of the map.

    Attributes
    ----------
    values
        float32 [rows, columns], points per unit of area, divided by the number of points; row 0 is lowest.
    x_range, y_range
        Edges of the rectangle.
    """

    values: NDArray[np.float32]
    x_range: tuple[float, float]
    y_range: tuple[float, float]


def density_on(
    points: ArrayLike,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    columns: int = 128,
    rows: int = 128,
    bandwidth: float | None = None,
) -> Density:
    """Gaussian kernel density of map points, by counting them into bins and blurring the counts.

    Parameters
    ----------
    points
        [N, 2]. Points outside the rectangle count where their kernel reaches into it.
    x_range, y_range
        Edges of the rectangle.
    columns, rows
        Bins along x and y.
    bandwidth
        Standard deviation of the kernel in units of z; ``None`` for Scott's rule in two dimensions,
        N^(−1/6) times the points' mean standard deviation (Scott 1992).
    """
    array = np.asarray(points, np.float64).reshape(-1, 2)
    width, height = (x_range[1] - x_range[0]) / columns, (y_range[1] - y_range[0]) / rows
    if len(array) == 0:
        return Density(np.zeros((rows, columns), np.float32), x_range, y_range)
    if bandwidth is None:
        bandwidth = float(array.std(axis=0).mean()) * len(array) ** (-1 / 6)
    bandwidth = max(bandwidth, _SMALLEST_BANDWIDTH)
    across, along = _kernel(bandwidth / width, columns), _kernel(bandwidth / height, rows)
    # A margin as wide as the kernel, for points outside.
    margin_x, margin_y = len(across) // 2, len(along) // 2
    wide, high = columns + 2 * margin_x, rows + 2 * margin_y
    column = np.floor((array[:, 0] - x_range[0]) / width).astype(np.int64) + margin_x
    row = np.floor((array[:, 1] - y_range[0]) / height).astype(np.int64) + margin_y
    inside = (column >= 0) & (column < wide) & (row >= 0) & (row < high)
    counts = np.bincount(row[inside] * wide + column[inside], minlength=wide * high).reshape(high, wide)
    blurred = _blur(_blur(counts.astype(np.float64), across).T, along).T
    return Density((blurred / (len(array) * width * height)).astype(np.float32), x_range, y_range)


def typical_distance(points: ArrayLike, quantile: float = 0.95, seed: int = 0) -> float:
    """How far a point of the data is from its nearest neighbour, at a quantile.

    A latent much farther than this from every point stands where no data is.

    Parameters
    ----------
    points
        [N, d].
    quantile
        In [0, 1].
    seed
        Of the choice of points that are compared with all others, when there are many.

    Returns
    -------
    float
        Euclidean distance; infinite for fewer than two points.
    """
    array = np.asarray(points, np.float32)
    if len(array) < 2:
        return float("inf")
    chosen = np.arange(len(array))
    if len(chosen) > _MOST_COMPARED:
        chosen = np.random.default_rng(seed).choice(len(array), _MOST_COMPARED, replace=False)
    lengths = np.einsum("nd,nd->n", array, array)
    closest = np.empty(len(chosen))
    for place, index in enumerate(chosen):
        squared = lengths + lengths[index] - 2 * (array @ array[index])
        squared[index] = np.inf
        closest[place] = squared.min()
    return float(np.sqrt(np.quantile(np.maximum(closest, 0), quantile)))


def _kernel(sigma: float, bins: int) -> NDArray[np.float64]:
    """Gaussian weights that sum to 1, odd in number, three σ to each side, but no wider than the map."""
    reach = int(min(max(1, np.ceil(3 * sigma)), bins))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    normed: NDArray[np.float64] = weights / weights.sum()
    return normed


def _blur(counts: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convolve along the last axis, without the margin."""
    windows = np.lib.stride_tricks.sliding_window_view(counts, len(kernel), axis=1)
    blurred: NDArray[np.float64] = windows @ kernel
    return blurred
