"""The value range of a dataset: which values are shown black and white, decided once for all of its images.

The rule looks at the numbers and not at how they are stored, so that the same numbers give the same images whether
they are uint8, int64 or float32. With ``levels="auto"`` the range is the first of these that the values fit:

=====================================  ==============================================================================
values                                 black and white
=====================================  ==============================================================================
booleans                               False and True
bits that a file declares (10, 12, …)  0 and 2ᵇⁱᵗˢ − 1
whole numbers from 0 up                0 and the first of 1, 255, 1,023, 4,095, 16,383, 65,535
larger ones                            0 and 2²⁴ − 1 or 2³² − 1 if a quarter of it is used, else minimum and maximum
whole numbers below 0                  −1 and 1, −128 and 127, or −32,768 and 32,767 if a quarter of it is used, else
                                       minimum and maximum
fractions                              0 and 1 (for −0.5 to 1.5), −1 and 1 (for −1.5 to 1.5), 0 and 255 (for a maximum
                                       of 25.5 to 256), else minimum and maximum
=====================================  ==============================================================================

Values fit if all of them do, or all but a few stray ones: fewer than 1 in 10,000 values and than 1 in 100 of those that
are not 0. Values beyond the range are shown black or white; a warning says so if they are more than 1 in 100.

Another warning says when the values use less than a tenth of the range.

A model keeps the ranges of its training images, and other images that it reads get the same (`decide` with ``known``):
the same numbers are then the same images as in its training, whatever else the dataset holds. Only where images are
scaled by another convention (0 to 1, −1 to 1 or 0 to 255) than those of the training, their own range is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from latentlab.data.images.image_types import Pair, Ranges

Origin = Literal["type", "data", "window", "model"]

_LARGEST = 1e30  # values beyond it are black or white: the range of larger ones is not finite
_STRAY = 1e-4  # fraction of all values below which those beyond a range do not count
_STRAY_OF_NONZERO = 0.01
_CLIPPED = 0.01
_LITTLE_USED = 0.1
_WELL_USED = 0.25
_CONVENTIONS = {(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)}  # images are scaled to either, and mean the same
_FEW = 16  # distinct values of a mask
_DEPTHS = (1.0, 255.0, 1023.0, 4095.0, 16383.0, 65535.0)
_WIDE_DEPTHS = (2.0**24 - 1, 2.0**32 - 1)
_SOURCES: dict[Origin, str] = {
    "type": "",
    "data": ", the data's own minimum and maximum",
    "window": ", as set",
    "model": ", as in the model's training images",
}
_SAMPLED = 1 << 17  # values kept of a scan
_OF_CHUNK = 1 << 15  # values kept of one chunk


@dataclass(frozen=True, slots=True)
class ValueRange:
    """Which values are shown black and white.

    Attributes
    ----------
    low, high
        The values shown black and white.
    origin
        ``"type"``: the range of the type or bit depth; ``"data"``: minimum and maximum of the data; ``"window"``: set
        by the user; ``"model"``: that of a model's training images.
    sentence
        The decision in words.
    used
        Fraction of the range that the values span, 0 to 1.
    warning
        What is wrong with it, and the remedy; empty if nothing is.
    """

    low: float
    high: float
    origin: Origin
    sentence: str
    used: float = 1.0
    warning: str = ""

    @property
    def remark(self) -> str:
        """What a reader of a model's numbers should know of the range: its warning, and that it is the model's."""
        sentence = self.sentence if self.origin == "model" and (self.low, self.high) != (0.0, 255.0) else ""
        text = "; ".join(each for each in (sentence, self.warning) if each)
        return f"value range: {text}" if text else ""


EIGHT_BITS = ValueRange(0.0, 255.0, "type", "8 bits: 0 is black and 255 white")
"""The range of 8-bit images."""


@dataclass(frozen=True)
class ValueFacts:
    """What a scan found out about the values of some images.

    Attributes
    ----------
    dtype
        Type of the values.
    bits
        Bits that are used of an integer type, if a file says so.
    minimum, maximum
        Of the finite values scanned; both 0 if there is none.
    sample
        Up to 2¹⁷ evenly spaced values, ascending; all of them if they are fewer.
    is_finite
        Whether any value is finite.
    scanned, total
        Number of images scanned, and of all.
    """

    dtype: np.dtype[Any]
    minimum: float
    maximum: float
    sample: NDArray[Any]
    bits: int | None = None
    is_finite: bool = True
    scanned: int = 0
    total: int = 0

    @property
    def group(self) -> str:
        """The field of `latentlab.data.images.image_types.Ranges` for such values; empty for booleans."""
        kind = self.dtype.kind
        return "" if kind == "b" else "real" if kind == "f" else "eight" if self.dtype == np.uint8 else "whole"

    def outside(self, low: float, high: float) -> float:
        """Fraction of the values below ``low`` or above ``high``."""
        below, above = self._beyond(low, high)
        return (below + above) / max(1, len(self.sample))

    def fits(self, low: float, high: float) -> bool:
        """Whether all values are from ``low`` to ``high``, but for a few stray ones."""
        if low <= self.minimum and self.maximum <= high:
            return True
        stray = sum(self._beyond(low, high))
        return stray < min(_STRAY * len(self.sample), _STRAY_OF_NONZERO * int(np.count_nonzero(self.sample)))

    def bulk(self) -> Pair:
        """Minimum and maximum without stray large values."""
        count = len(self.sample)
        if count:
            top = float(self.sample[min(count - 1, int(np.ceil((1 - _STRAY) * count)))])
            if top < self.maximum and self.fits(self.minimum, top):
                return self.minimum, top
        return self.minimum, self.maximum

    def is_whole(self) -> bool:
        """Whether all values are whole numbers."""
        return self.dtype.kind in "biu" or bool((self.sample == np.rint(self.sample)).all())

    def distinct(self) -> NDArray[Any] | None:
        """The values that occur, if they are whole and few; else ``None``."""
        values = np.unique(self.sample[:: max(1, len(self.sample) // _OF_CHUNK)])
        if len(values) > _FEW or not self.is_whole():
            return None
        values = np.unique(self.sample)
        return values if len(values) <= _FEW else None

    def histogram(self, bins: int = 256) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Counts int64 [bins] of the values, and the bins' edges float64 [bins + 1] from minimum to maximum."""
        low, high = self.minimum, self.maximum
        counts, edges = np.histogram(self.sample, bins=bins, range=(low, high if high > low else low + 1.0))
        return counts.astype(np.int64), edges.astype(np.float64)

    def _beyond(self, low: float, high: float) -> tuple[int, int]:
        count = len(self.sample)
        below, above = np.searchsorted(self.sample, low, "left"), np.searchsorted(self.sample, high, "right")
        return int(below), count - int(above)


@dataclass
class ValueScan:
    """Collects the `ValueFacts` of images that are read one after the other."""

    dtype: np.dtype[Any]
    bits: int | None = None
    total: int = 0
    scanned: int = 0
    _lowest: float = np.inf
    _highest: float = -np.inf
    _parts: list[NDArray[Any]] = field(default_factory=list)
    _kept: int = 0
    _every: int = 1  # one of so many values of a full part is kept

    def add(self, values: NDArray[Any], images: int = 1) -> None:
        """Add the values of some images, of any shape."""
        self.scanned += images
        flat = values.reshape(-1)
        if flat.dtype.kind == "f":
            flat = flat[np.isfinite(flat)]
        if not flat.size:
            return
        self.dtype = np.promote_types(self.dtype, values.dtype)
        self._lowest = min(self._lowest, float(flat.min()))
        self._highest = max(self._highest, float(flat.max()))
        part = flat[:: max(1, flat.size // _OF_CHUNK) * self._every].copy()
        self._parts.append(part)
        self._kept += part.size
        if self._kept > _SAMPLED:
            self._parts = [np.concatenate(self._parts)[::2]]
            self._kept = self._parts[0].size
            self._every *= 2

    def needs_no_more(self) -> bool:
        """Whether more 8-bit images would not change an automatic decision: they use a tenth of 0 to 255."""
        return self.dtype == np.uint8 and self._highest - self._lowest >= _LITTLE_USED * 255.0

    def facts(self) -> ValueFacts:
        """What was found."""
        if not self._parts:
            return ValueFacts(self.dtype, 0.0, 0.0, np.empty(0), self.bits, not self.scanned, self.scanned, self.total)
        sample = np.sort(np.concatenate(self._parts))
        return ValueFacts(self.dtype, self._lowest, self._highest, sample, self.bits, True, self.scanned, self.total)


def choose_range(facts: ValueFacts, levels: str = "auto") -> ValueRange:
    """Decide which values are shown black and white.

    Parameters
    ----------
    facts
        Of all images of the dataset, or of a sample of them.
    levels
        As in ``DataConfig``: ``"auto"``, ``"type"``, ``"window"``, ``"full"`` or two numbers ``"a,b"``.
    """
    low, high, origin = _decide(facts, levels)
    low, high = (max(-_LARGEST, min(each, _LARGEST)) for each in (low, high))
    if not high > low:
        high = low + max(1.0, 1e-6 * abs(low))  # 1 is lost in a large number
    bottom, top = facts.bulk()
    used = max(0.0, min(top, high) - max(bottom, low)) / (high - low)
    return ValueRange(low, high, origin, _sentence(facts, low, high, origin), used, _warning(facts, low, high, used))


def to_uint8(values: NDArray[Any], value_range: Pair) -> NDArray[np.uint8]:
    """Map ``value_range`` to 0…255, rounded; beyond it clipped. The same array when there is nothing to do.

    Values that are not finite become 0.
    """
    low, high = value_range
    if values.dtype == np.uint8 and value_range == (0.0, 255.0):
        return values
    if high <= low:
        return np.zeros(values.shape, dtype=np.uint8)
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype in (np.uint16, np.uint8):
        every = np.arange(np.iinfo(values.dtype).max + 1, dtype=np.float64)
        table = np.rint((every.clip(low, high) - low) * (255.0 / (high - low))).astype(np.uint8)
        return np.take(table, values)
    single = values.dtype.kind == "f" and values.dtype.itemsize <= 4
    wide: NDArray[Any] = values.astype(np.float32 if single else np.float64)
    wide[~np.isfinite(wide)] = low
    np.clip(wide, low, high, out=wide)
    np.subtract(wide, low, out=wide)
    np.multiply(wide, 255.0 / (high - low), out=wide)
    rounded: NDArray[np.uint8] = np.rint(wide, out=wide).astype(np.uint8)
    return rounded


def decide(all_facts: Sequence[ValueFacts], levels: str, known: Ranges | None = None) -> tuple[Ranges, ValueRange]:
    """The ranges of a dataset's image types, and the one that stands for the dataset: its most frequent type's.

    Parameters
    ----------
    all_facts
        Of each type, the most frequent first; booleans have no range.
    levels
        As in ``DataConfig``.
    known
        Ranges of a model's training images, for images that the model reads. They are used instead of ``levels`` for
        the types that they hold; fractions are also read as whole numbers were, and the reverse, if 99 in 100 values
        are within that range and they use a tenth of it.
    """
    chosen = [(facts.group, _known_or_chosen(facts, levels, known)) for facts in all_facts]
    window = window_of(levels)
    ranges = Ranges() if window is None else Ranges(window, window, window)
    if known is not None:
        ranges = Ranges(*(new or old for new, old in zip(known, ranges, strict=True)))
    ranges = ranges._replace(**{group: (each.low, each.high) for group, each in chosen if group})
    if not chosen:
        return ranges, EIGHT_BITS
    first = chosen[0][1]
    sentence = "; ".join(each.sentence for _, each in chosen)
    warning = "; ".join(each.warning for _, each in chosen if each.warning)
    return ranges, replace(first, sentence=sentence, warning=warning)


def seen_ranges(all_facts: Sequence[ValueFacts], levels: str, known: Ranges | None = None) -> Ranges:
    """The ranges of the types that a dataset has, for a model that is trained on it; ``None`` for the other types."""
    ranges, _ = decide(all_facts, levels, known)
    if window_of(levels) is not None and known is None:
        return ranges
    groups = {facts.group for facts in all_facts}
    return Ranges(*(each if name in groups else None for name, each in zip(Ranges._fields, ranges, strict=True)))


def _known_or_chosen(facts: ValueFacts, levels: str, known: Ranges | None) -> ValueRange:
    """The range of a model's training images where it has one for these values, else the decision by ``levels``."""
    own = choose_range(facts, levels)
    found = None if known is None else _known(facts, known)
    if found is None:
        return own
    low, high = found
    bottom, top = facts.bulk()
    used = max(0.0, min(top, high) - max(bottom, low)) / (high - low)
    if {found, (own.low, own.high)} <= _CONVENTIONS and (used < _LITTLE_USED or facts.outside(low, high) > _CLIPPED):
        return replace(
            own, sentence=f"{own.sentence} (in the model's training images {_number(low)} and {_number(high)})"
        )
    sentence = _sentence(facts, low, high, "model")
    if (own.low, own.high) != found:
        sentence += f" (by themselves these images would have {_number(own.low)} and {_number(own.high)})"
    return ValueRange(low, high, "model", sentence, used, _warning(facts, low, high, used, of_model=True))


def _known(facts: ValueFacts, known: Ranges) -> Pair | None:
    own: Pair | None = getattr(known, facts.group) if facts.group else None
    if own is not None or facts.group in ("", "eight"):
        return own
    bottom, top = facts.bulk()
    for low, high in filter(None, (known.whole, known.real, known.eight)):
        if facts.outside(low, high) <= _CLIPPED and top - bottom >= _LITTLE_USED * (high - low):
            return low, high
    return None


def window_of(levels: str) -> Pair | None:
    """The two numbers of ``levels="a,b"``, else ``None``."""
    low, comma, high = levels.partition(",")
    return (float(low), float(high)) if comma else None


def _decide(facts: ValueFacts, levels: str) -> tuple[float, float, Origin]:
    window = window_of(levels)
    if window is not None:
        return *window, "window"
    if facts.dtype.kind == "b":
        return 0.0, 1.0, "type"
    if levels == "window":
        return facts.minimum, facts.maximum, "data"
    if levels == "full":
        return _before_value_ranges(facts)
    if levels == "type" or facts.bits is not None:
        return *_of_type(facts), "type"
    return (_of_whole_numbers if facts.is_whole() else _of_fractions)(facts)


def _of_type(facts: ValueFacts) -> Pair:
    if facts.dtype.kind == "f":
        return 0.0, 1.0
    bits = facts.bits or 8 * facts.dtype.itemsize
    if facts.dtype.kind == "u":
        return 0.0, 2.0**bits - 1
    return -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1


def _of_whole_numbers(facts: ValueFacts) -> tuple[float, float, Origin]:
    low, high = facts.minimum, facts.maximum
    if low >= 0:
        for depth in _DEPTHS:
            if facts.fits(0.0, depth):
                return 0.0, depth, "type"
        for depth in _WIDE_DEPTHS:
            if facts.fits(0.0, depth) and high >= _WELL_USED * depth:
                return 0.0, depth, "type"
        return low, high, "data"
    for bottom, top in ((-1.0, 1.0), (-128.0, 127.0)):
        if facts.fits(bottom, top):
            return bottom, top, "type"
    if facts.fits(-32768.0, 32767.0) and high - low >= _WELL_USED * 65535.0:
        return -32768.0, 32767.0, "type"
    return low, high, "data"


def _of_fractions(facts: ValueFacts) -> tuple[float, float, Origin]:
    if facts.fits(-0.5, 1.5):
        return 0.0, 1.0, "type"
    if facts.fits(-1.5, 1.5):
        return -1.0, 1.0, "type"
    if facts.fits(-1.0, 256.0) and facts.bulk()[1] >= _LITTLE_USED * 255.0:
        return 0.0, 255.0, "type"
    return facts.minimum, facts.maximum, "data"


def _before_value_ranges(facts: ValueFacts) -> tuple[float, float, Origin]:
    """The rule of version 0.1, so that its runs and models read images as they did."""
    low, high, dtype = facts.minimum, facts.maximum, facts.dtype
    if dtype == np.uint8:
        return 0.0, 1.0 if high <= 1 else 255.0, "type"
    if dtype == np.uint16:
        return 0.0, 2.0 ** (facts.bits or 16) - 1, "type"
    for bottom, top in ((0, 1), (0, 255), (-1, 1)) if dtype.kind == "f" else ((0, 255), (0, 65535)):
        if bottom <= low and high <= top:
            return float(bottom), float(top), "type"
    return low, high, "data"


def _sentence(facts: ValueFacts, low: float, high: float, origin: Origin) -> str:
    source = _SOURCES[origin]
    text = f"{facts.dtype.name} values from {_number(facts.minimum)} to {_number(facts.maximum)}"
    if facts.scanned < facts.total:
        text += f" in {facts.scanned:,} of {facts.total:,} images"
    return f"{text}: {_number(low)} is black and {_number(high)} white{source}"


def _warning(facts: ValueFacts, low: float, high: float, used: float, of_model: bool = False) -> str:
    """What is wrong with a range; of a model's, every value beyond it, as its training had none."""
    if not len(facts.sample):
        return ""
    outside = facts.outside(low, high)
    is_beyond = of_model and (facts.minimum < low or facts.maximum > high)
    if outside > _CLIPPED or is_beyond:
        share = f"{outside:.0%}" if outside >= _CLIPPED else f"{100 * outside:.2g} %" if outside else "a few"
        return (
            f"{share} of the values are outside the range from {_number(low)} to {_number(high)} and become "
            f"black or white; levels=window uses {_number(facts.minimum)} to {_number(facts.maximum)}"
        )
    if used >= _LITTLE_USED:
        return ""
    bottom, top = facts.bulk()
    few = facts.distinct()
    values = f"the values are {_number(bottom)} to {_number(top)}"
    if few is not None and len(few) > 1:
        values = f"the only values are {', '.join(map(_number, few.tolist()))}, as in masks"
    look = "black" if (top - low) < 0.5 * (high - low) else "white" if (bottom - low) > 0.5 * (high - low) else "grey"
    remedy = f"levels=window uses {_number(bottom)} to {_number(top)}" if top > bottom else "all values are equal"
    return f"nearly {look}: {values} in a range from {_number(low)} to {_number(high)}; {remedy}"


def limits_text(value_range: ValueRange) -> str:
    """Which values are black and white, as part of a sentence."""
    return f"{_number(value_range.low)} as black and {_number(value_range.high)} as white"


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")
