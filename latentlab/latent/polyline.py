"""Polylines: paths given by latents in order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.latent.arrays import FloatArray


def step_lengths(values: ArrayLike, loop: bool = False) -> FloatArray:
    """Euclidean distances [n − 1] between consecutive rows [n, …]; with ``loop`` also from the last to the first."""
    array = np.asarray(values)
    if array.ndim < 2:
        raise InputError(f"a path must be an array [n, …], not {list(array.shape)}")
    rows = array.reshape(len(array), -1)
    order = np.arange(len(rows) + loop) % max(1, len(rows))
    # One at a time: images of a long path would not fit in memory twice.
    differences = (rows[j].astype(np.float64) - rows[i] for i, j in pairwise(order.tolist()))
    return np.array([np.linalg.norm(each) for each in differences])


def along(corners: FloatArray, lengths: FloatArray, fractions: ArrayLike) -> FloatArray:
    """Points [n, d] of a polyline [m, d] at fractions of its length, where its sides have the given lengths [m − 1]."""
    where = np.asarray(fractions, np.float64)
    total = lengths.sum()
    ends = np.concatenate([[0], np.cumsum(lengths)]) / total if total > 0 else np.linspace(0, 1, len(corners))
    ends[-1] = 1
    side = np.clip(np.searchsorted(ends, where, side="right") - 1, 0, len(corners) - 2)
    width = ends[side + 1] - ends[side]
    t = np.where(width > 0, (where - ends[side]) / np.where(width > 0, width, 1), 0)[:, None]
    position: FloatArray = corners[side] * (1 - t) + corners[side + 1] * t
    return position


def at_positions(corners: FloatArray, position: NDArray[np.float64]) -> FloatArray:
    """Points [n, d] of a polyline [m, d] at positions [n] from 0 to m − 1: whole numbers are its corners."""
    side = np.minimum(position.astype(int), len(corners) - 2)
    t = (position - side)[:, None]
    points: FloatArray = (1 - t) * corners[side] + t * corners[side + 1]
    return points


def finer(corners: FloatArray, times: int) -> FloatArray:
    """The same polyline [m, d] with ``times`` as many sides."""
    return at_positions(corners, np.linspace(0, len(corners) - 1, (len(corners) - 1) * times + 1))
