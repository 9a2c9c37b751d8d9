"""What an array that was read from a file may be (no pydantic: the first paint uses these rules)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

LARGEST_COORDINATE = 1e9
"""Of a latent and of everything drawn on the map. A trained model's are below 1000; squares of much larger ones leave
the range of float32."""

LARGEST_SIDE = 16_384
"""Of a stored picture, in pixels."""

Extent: TypeAlias = tuple[float, float, float, float]
Shape: TypeAlias = tuple[int | str | range, ...]


@dataclass(frozen=True)
class ArrayRule:
    """What an array may be; its floating-point values are finite in any case.

    Attributes
    ----------
    kinds
        Allowed types: kinds of numpy's (``f``, ``i``, ``u``, ``b``), or whole names (``uint8``).
    shapes
        Allowed shapes; empty for any. A number is a size, a range the sizes allowed, and a name a size that other
        arrays of the same file share.
    least, most
        Range of the values, both included.
    """

    kinds: tuple[str, ...]
    shapes: tuple[Shape, ...] = ()
    least: float = -math.inf
    most: float = math.inf

    def fault(self, array: NDArray[Any], sizes: dict[str, int]) -> str | None:
        """What is wrong with an array, such as ``is float32 [5, 3] instead of [N, 2]``; ``None`` if nothing is.

        Parameters
        ----------
        array
            The array.
        sizes
            Sizes by name; those of this array are added.
        """
        if array.dtype.kind not in self.kinds and array.dtype.name not in self.kinds:
            return f"is {array.dtype}, which is not allowed"
        if self.shapes and not any(_fits(array.shape, shape, sizes) for shape in self.shapes):
            allowed = " or ".join(_text(shape, sizes) for shape in self.shapes)
            return f"is {array.dtype} {list(array.shape)} instead of {allowed}"
        if not array.size:
            return None
        # As Python's numbers: a bound has no place in the range of float16.
        least, most = array.min().item(), array.max().item()
        if array.dtype.kind == "f" and not (math.isfinite(least) and math.isfinite(most)):
            return "holds values that are not finite"
        if least < self.least:
            return f"holds {least:g}, less than {self.least:g}"
        return f"holds {most:g}, more than {self.most:g}" if most > self.most else None


def first_fault(
    arrays: Mapping[str, NDArray[Any]], rules: Mapping[str, ArrayRule], sizes: Mapping[str, int] | None = None
) -> str | None:
    """The first fault among named arrays, with the array's name; ``None`` if each follows its rule.

    Parameters
    ----------
    arrays, rules
        By name; arrays without a rule are not looked at, and rules without an array neither.
    sizes
        Sizes by name that are known already.
    """
    known = dict(sizes or {})
    for name, rule in rules.items():
        if name in arrays and (fault := rule.fault(arrays[name], known)) is not None:
            return f"{name} {fault}"
    return None


_SIDES = range(1, LARGEST_SIDE + 1)
PICTURE = ArrayRule(("uint8",), ((_SIDES, _SIDES), (_SIDES, _SIDES, 3)))
"""A picture, grey or RGB."""


def extent_fault(extent: Extent) -> str | None:
    """What is wrong with the (left, right, bottom, top) of a picture on the map; ``None`` if nothing is."""
    left, right, bottom, top = extent
    reach = max(abs(edge) for edge in extent)
    if not reach <= LARGEST_COORDINATE:  # also for NaN
        return f"has an edge at {max(extent, key=abs):g}, beyond ±{LARGEST_COORDINATE:g}"
    # Thinner than this the difference of its edges has no digits left.
    if not (right - left > 1e-6 * max(reach, 1e-3) and top - bottom > 1e-6 * max(reach, 1e-3)):
        return "is empty"
    return None


def _fits(actual: tuple[int, ...], shape: Shape, sizes: dict[str, int]) -> bool:
    if len(actual) != len(shape):
        return False
    found = dict(sizes)
    for size, allowed in zip(actual, shape, strict=True):
        if isinstance(allowed, str):
            allowed = found.setdefault(allowed, size)  # noqa: PLW2901
        if size not in allowed if isinstance(allowed, range) else size != allowed:
            return False
    sizes.update(found)
    return True


def _text(shape: Shape, sizes: dict[str, int]) -> str:
    parts = [f"{a.start} to {a.stop - 1}" if isinstance(a, range) else str(sizes.get(str(a), a)) for a in shape]
    return f"[{', '.join(parts)}]"
