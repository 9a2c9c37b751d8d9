"""Checks of what the functions of this package take."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.utils.text import pluralize

FloatArray = NDArray[np.float64]


def as_latents(values: ArrayLike, name: str, least: int = 1) -> FloatArray:
    """Latents as float64 [n, d], without a copy if they are that already.

    Raises
    ------
    InputError
        For another shape, fewer than ``least`` rows, or a value that is not finite.
    """
    array = _as_numbers(values, name)
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(f"{name} must be latents [n, d], not an array {list(array.shape)}")
    if len(array) < least:
        raise InputError(f"{name} must have at least {pluralize(least, 'latent')}, not {len(array)}")
    return _finite(array, name)


def as_vector(values: ArrayLike, name: str) -> FloatArray:
    """A vector as float64 [d].

    Raises
    ------
    InputError
        For another shape, or a value that is not finite.
    """
    array = _as_numbers(values, name)
    if array.ndim != 1 or not len(array):
        raise InputError(f"{name} must be one vector [d], not an array {list(array.shape)}")
    return _finite(array, name)


def same_dimensions(one: NDArray[np.floating], other: NDArray[np.floating], names: str) -> None:
    """Refuse latents of different dimensions.

    Raises
    ------
    InputError
        Names both numbers.
    """
    if one.shape[-1] != other.shape[-1]:
        raise InputError(f"{names} must have equally many dimensions, not {one.shape[-1]} and {other.shape[-1]}")


def _as_numbers(values: ArrayLike, name: str) -> FloatArray:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be an array of numbers") from None


def _finite(array: FloatArray, name: str) -> FloatArray:
    if not np.isfinite(array).all():
        raise InputError(f"a value of {name} is not finite")
    return array
