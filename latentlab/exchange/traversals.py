"""Traversals: each dimension swept with the others held, as latents in the order of a picture's cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentlab.errors import InputError
from latentlab.utils.array_types import FloatArray


def traversal_latents(z: FloatArray, dimensions: Sequence[int], values: FloatArray) -> FloatArray:
    """Latents [len(dimensions) · len(values), d]: a row of ``values`` for each dimension.

    Raises
    ------
    InputError
        For a dimension that the latent does not have, or nothing to sweep.

    Examples
    --------
    >>> traversal_latents(np.zeros(2, np.float32), [1], np.array([-1.0, 1.0], np.float32)).tolist()
    [[0.0, -1.0], [0.0, 1.0]]
    """
    if not len(dimensions) or not len(values):
        raise InputError("a traversal needs at least one dimension and one value")
    absent = [number for number in dimensions if not 0 <= number < len(z)]
    if absent:
        raise InputError(f"there is no dimension {absent[0] + 1}: the model has {len(z)}")
    latents = np.tile(np.asarray(z, np.float32), (len(dimensions), len(values), 1))
    for row, dimension in enumerate(dimensions):
        latents[row, :, dimension] = values
    return latents.reshape(-1, len(z))
