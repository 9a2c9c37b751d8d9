"""The map stored in a model file beside the weights: the dataset as points, and a picture of the manifold."""

from __future__ import annotations

import math
from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from latentlab.data import Dataset
from latentlab.latent.grids import linear_grid, plane_through
from latentlab.models.inference import CHUNK, InferenceModel
from latentlab.storage import Points

MAX_POINTS = 20_000
MAX_VALUES = 4 * 2**20
"""Of the points' means, so that 32 MB hold means and standard deviations: a grid of codes has hundreds per image."""

PREVIEW_RANGE = 3.0
_PREVIEW_PIXELS = 448


def encode_points(
    model: InferenceModel, dataset: Dataset, most: int = MAX_POINTS, seed: int = 0
) -> Generator[None, None, Points]:
    """Encode a dataset a chunk at a time; the generator returns its ``Points``.

    Parameters
    ----------
    model, dataset
        The encoder and the images.
    most
        The number of points; of a larger dataset, a subset is drawn with ``seed``, in the dataset's order.
    seed
        For the subset.
    """
    index = some_of(len(dataset.images), model.latent_dim, most, seed)
    means, stds = [], []
    for start in range(0, len(index), CHUNK):
        chosen = index[start : start + CHUNK]
        mean, std = model.encode(np.asarray(dataset.images[chosen]), dataset.labels[chosen])
        means.append(mean)
        stds.append(std)
        yield
    return Points(np.concatenate(means), np.concatenate(stds), dataset.labels[index], index)


def some_of(count: int, latent_dim: int, most: int = MAX_POINTS, seed: int = 0) -> NDArray[np.int64]:
    """Sorted indices of those of ``count`` images that a file holds as points; a subset is drawn with ``seed``."""
    most = max(1, min(most, MAX_VALUES // latent_dim))
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def manifold_preview(
    model: InferenceModel, reach: float = PREVIEW_RANGE
) -> Generator[None, None, tuple[NDArray[np.uint8], tuple[float, float, float, float]]]:
    """Decode the plane of the first two dimensions through 0 on an even grid, a chunk at a time.

    The grid is even in z, unlike that of Kingma & Welling's figure 4, so that the picture fits a map of z.

    Returns
    -------
    picture
        uint8 [H, W] or [H, W, 3]; z₁ to the right, z₂ upwards.
    extent
        (left, right, bottom, top) of the picture in z.
    """
    _, height, width = model.image_shape
    cells = max(4, min(20, _PREVIEW_PIXELS // max(height, width)))
    grid = linear_grid(cells, cells, (-reach, reach), (-reach, reach))
    z = from_the_top(plane_through(grid[0, :, 0], grid[:, 0, 1], model.latent_dim))
    images = []
    for start in range(0, len(z), CHUNK):
        images.append(model.decode(z[start : start + CHUNK], 0))  # of the first class, which the window shows first
        yield
    return tile(np.concatenate(images), cells), (-reach, reach, -reach, reach)


def from_the_top(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Latents [rows, columns, d], lowest row first, in the order of a picture's cells: [rows · columns, d]."""
    return grid[::-1].reshape(-1, grid.shape[-1])


def tile(images: NDArray[np.float32], columns: int) -> NDArray[np.uint8]:
    """Lay images float32 [N, C, H, W] in [0, 1] left to right, then down: uint8 [H', W'] or [H', W', 3]."""
    count, channels, height, width = images.shape
    rows = math.ceil(count / columns)
    cells = np.zeros((rows * columns, channels, height, width), np.uint8)
    cells[:count] = np.rint(images * 255)
    sheet = cells.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    sheet = sheet.reshape(rows * height, columns * width, channels)
    return sheet[:, :, 0] if channels == 1 else sheet
