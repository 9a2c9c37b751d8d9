"""Names of an array's factors: those of 3D Shapes, whose file has no names for its six factors.

Burgess & Kim (2018), github.com/google-deepmind/3d-shapes. The images are uint8 [N, 64, 64, 3], the labels float64
[N, 6], and each factor has a few known values: another array of this shape is not taken for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.sources.columns import LABEL_NAMES

_HUES = np.arange(10) / 10
_VALUES = {
    "floor_hue": _HUES,
    "wall_hue": _HUES,
    "object_hue": _HUES,
    "scale": np.linspace(0.75, 1.25, 8),
    "shape": np.arange(4.0),
    "orientation": np.linspace(-30.0, 30.0, 15),
}


def names_of_factors(
    title: str, values: NDArray[np.float64], image_shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Sequence[str]:
    """Names of the columns of an array of factors: those of 3D Shapes, else numbered after the array.

    Parameters
    ----------
    title
        Name of the array.
    values
        float64 [N, K].
    image_shape, dtype
        (H, W, C) and type of the images.
    """
    base = title.rpartition("/")[2]
    are_like_it = base.lower() in LABEL_NAMES and image_shape == (64, 64, 3) and dtype == np.uint8
    if are_like_it and values.shape[1] == len(_VALUES) and all(map(_are_among, values.T, _VALUES.values())):
        return list(_VALUES)
    return [f"{base} {number}" for number in range(values.shape[1])]


def _are_among(values: NDArray[np.float64], known: NDArray[np.float64]) -> bool:
    return bool(np.isclose(np.unique(values)[:, None], known).any(axis=1).all())
