"""Reads what somebody's own ``encode`` and ``decode`` return, whatever it looks like (does not import torch)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from latentlab.errors import InputError

Spread = Literal["log-variance", "std", "log-std", "none"]
"""What the second of two outputs of ``encode`` is; ``none`` leaves it out."""
SPREADS: tuple[str, ...] = get_args(Spread)
_MEAN_NAMES = ("embedding", "mean", "mu", "loc")
_SPREAD_NAMES: dict[str, Spread] = {
    "log_covariance": "log-variance", "logvar": "log-variance", "log_var": "log-variance", "std": "std", "scale": "std",
}  # fmt: skip
_IMAGE_NAMES = ("reconstruction", "sample", "image", "mean")


def require_spread(spread: str | None) -> None:
    """Refuse what is no kind of spread.

    Raises
    ------
    InputError
        Names those that there are.
    """
    if spread is not None and spread not in SPREADS:
        raise InputError(f"spread must be one of {', '.join(SPREADS)}, not {spread!r}")


def is_array(value: Any) -> bool:
    """Whether a value is an array of numpy, or a tensor."""
    return isinstance(value, np.ndarray) or (hasattr(value, "detach") and hasattr(value, "numpy"))


def posterior_parts(answer: Any, spread: Spread | None) -> tuple[Any, Any | None, Spread]:
    """Mean, second output and what it is, of what ``encode`` returns.

    That is a mean, a tuple of mean and spread, a distribution, or an object or mapping with such fields, as those of
    Pythae and diffusers.

    Raises
    ------
    InputError
        When no mean is found, or it is not clear what a second output is.
    """
    answer = getattr(answer, "latent_dist", answer)  # diffusers
    if is_array(answer):
        return answer, None, "none"
    if isinstance(answer, tuple | list):
        arrays = [each for each in answer if is_array(each)]
        if len(arrays) == 1:
            return arrays[0], None, "none"
        if len(arrays) >= 2 and spread is not None:
            return arrays[0], arrays[1], spread
        if len(arrays) >= 2:
            raise InputError(f"encode returns two tensors: say what the second one is (spread: {', '.join(SPREADS)})")
    mean = _field(answer, _MEAN_NAMES)
    if mean is not None:
        for name, kind in _SPREAD_NAMES.items():
            second = _field(answer, (name,))
            if second is not None:
                return mean, second, kind if spread is None else spread
        return mean, None, "none"
    raise InputError(f"encode returns {type(answer).__name__}, in which no mean is found")


def image_part(answer: Any) -> Any:
    """The images of what ``decode`` returns: an array, or an object or mapping that has them.

    Raises
    ------
    InputError
        When there are none.
    """
    image = answer if is_array(answer) else _field(answer, _IMAGE_NAMES)
    if image is None:
        raise InputError(f"decode returns {type(answer).__name__}, not a tensor or an array")
    return image


def _field(answer: Any, names: Sequence[str]) -> Any | None:
    for name in names:
        value = answer.get(name) if isinstance(answer, Mapping) else getattr(answer, name, None)
        if is_array(value):
            return value
    return None
