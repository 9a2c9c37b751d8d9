"""Grids on a plane of latent space, and a coarse-to-fine order to decode them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


def quantile_grid(cells: int, latent_dim: int = 2) -> FloatArray:
    """Latents at evenly spaced quantiles of the standard normal prior (Kingma & Welling 2014, figure 4).

    Parameters
    ----------
    cells
        Number of cells along each of the first two dimensions, at least 1.
    latent_dim
        d; dimensions after the first two are 0.

    Returns
    -------
    ndarray
        float32 [cells, cells, d]: row 0 is the lowest z₂, column 0 the lowest z₁.
    """
    normal = NormalDist()
    quantiles = np.array([normal.inv_cdf((cell + 0.5) / cells) for cell in range(cells)])
    return plane_through(quantiles, quantiles, latent_dim)


def linear_grid(
    columns: int, rows: int, x_range: tuple[float, float], y_range: tuple[float, float]
) -> NDArray[np.float64]:
    """Centres of equal cells that fill a rectangle of the map: float64 [rows, columns, 2], row 0 lowest.

    Parameters
    ----------
    columns, rows
        Number of cells along x and y.
    x_range, y_range
        Edges of the rectangle, in units of z.
    """
    u = x_range[0] + (np.arange(columns) + 0.5) * ((x_range[1] - x_range[0]) / columns)
    v = y_range[0] + (np.arange(rows) + 0.5) * ((y_range[1] - y_range[0]) / rows)
    return np.stack(np.meshgrid(u, v), axis=-1)


def plane_through(x: ArrayLike, y: ArrayLike, latent_dim: int) -> FloatArray:
    """Latents [len(y), len(x), d] of all pairs of values of the first two dimensions, with the others 0."""
    x, y = np.asarray(x), np.asarray(y)
    z = np.zeros((len(y), len(x), latent_dim), np.float32)
    z[..., 0] = x
    if latent_dim > 1:
        z[..., 1] = y[:, None]
    return z


@dataclass(frozen=True)
class Pass:
    """One pass over a grid, in square tiles.

    Attributes
    ----------
    span
        Cells along a tile's side.
    cells
        int64 [n, 2] (column, row): lower left cell of each tile, from the centre outwards.
    sources
        int64 [n, 2]: the cell near the tile's middle whose image is shown for the whole tile.
    """

    span: int
    cells: IntArray
    sources: IntArray


def coarse_to_fine(columns: int, rows: int, spans: tuple[int, ...] = (4, 2, 1)) -> Iterator[Pass]:
    """Cover a grid in passes, coarse tiles first, each pass from the centre outwards.

    Sources are cells of the grid, so that an image decoded for a coarse tile is reused for its cell later.
    """
    for span in spans:
        column, row = np.meshgrid(np.arange(0, columns, span), np.arange(0, rows, span))
        cells = np.stack([column.ravel(), row.ravel()], axis=1)
        sources = np.minimum(cells + span // 2, [columns - 1, rows - 1])
        distance = np.hypot(*(sources + 0.5 - np.array([columns, rows]) / 2).T)
        order = np.argsort(distance, kind="stable")
        yield Pass(span, cells[order].astype(np.int64), sources[order].astype(np.int64))
