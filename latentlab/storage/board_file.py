"""The Board inside a session file: latents, directions, paths and selections as checked JSON (no Qt, no torch).

Arrays are texts of base64: float32, little endian; the images of a selection as bits or as gaps, whichever is shorter.
Everything is checked when the session is read; `floats` and `images` then only decode.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import AfterValidator, Discriminator, Field, model_validator

from latentlab.storage.validation import (
    LARGEST_METRIC,
    LONGEST_TEXT,
    MAX_CLASSES,
    Claim,
    any_text,
)
from latentlab.utils.array_rules import LARGEST_COORDINATE

MOST_ITEMS = 1000
MOST_IMAGES = 20_000_000
"""Images of all selections together, and one more than the greatest number of an image that is kept as a bit."""
MOST_TEXT = 10 << 20
"""Characters of all arrays together."""
LARGEST_LATENT = 2**17
"""Dimensions: a grid of codes has thousands."""

MOST_NAMED = 1000
"""Classes whose names are kept with a direction."""
_ARRAYS = ("z", "vector", "origin", "waypoints", "data", "order", "values", "against")

LongName = Annotated[str, any_text(1000)]
LongText = Annotated[str, any_text(LONGEST_TEXT)]
Base64 = Annotated[str, Field(max_length=MOST_TEXT)]
Score = Annotated[float, Field(ge=-LARGEST_METRIC, le=LARGEST_METRIC)] | None


class KeptLatent(Claim):
    """A latent, and the class it is decoded for."""

    kind: Literal["latent"] = "latent"
    z: Base64
    label: Annotated[int, Field(ge=0, lt=MAX_CLASSES)] | None = None


class KeptImages(Claim):
    """Numbers of images, ascending and distinct.

    As ``bits``, one for each image from 0 on (the lowest bit of a byte first), or as ``gaps``: int32, the first number
    and then the difference of each to the one before.
    """

    encoding: Literal["bits", "gaps"]
    count: Annotated[int, Field(ge=1, le=MOST_IMAGES)]
    data: Base64

    @model_validator(mode="after")
    def _check_count(self) -> KeptImages:
        found = images(self)
        if len(found) != self.count:
            raise ValueError(f"a selection of {self.count:,} images has {len(found):,}")
        return self


class KeptGroup(Claim):
    """Some images, by their numbers or of a class; or all others."""

    images: KeptImages | None = None
    label: Annotated[int, Field(ge=0, lt=MAX_CLASSES)] | None = None
    are_others: bool = False


class KeptQuery(Claim):
    """What a direction was found from; see :class:`latentlab.state.board.DirectionQuery`."""

    words: LongText = ""
    fingerprint: LongName = ""
    classes: Annotated[tuple[LongName, ...], Field(strict=False, max_length=MOST_NAMED, fail_fast=True)] = ()
    a: KeptGroup | None = None
    b: KeptGroup | None = None
    column: LongName = ""
    against: Base64 = ""


class KeptDirection(Claim):
    """A direction and its scores; their meanings are those of :class:`latentlab.state.board.Direction`."""

    kind: Literal["direction"] = "direction"
    vector: Base64
    origin: Base64
    reach: Annotated[float, Field(gt=0, le=1e6)] = 0.5
    score: Score = None
    random_score: Score = None
    random_spread: Score = None
    p_value: Score = None
    accuracy: Score = None
    r2: Score = None
    explained: Score = None
    query: KeptQuery | None = None


class KeptPath(Claim):
    """Waypoints [n, d] in one text."""

    kind: Literal["path"] = "path"
    waypoints: Base64
    interpolation: Literal["linear", "spherical", "geodesic", "graph"] = "linear"
    is_closed: bool = False
    is_even: bool = False


class KeptSelection(KeptImages):
    """Selected images. If they are of a ranking, ``order`` has images of it, int32, the most extreme first.

    ``values`` has the figure ``ranked_by`` of each of these.
    """

    kind: Literal["selection"] = "selection"
    fingerprint: LongName = ""
    description: LongText = ""
    ranked_by: Literal["", "distortion", "elbo", "distance"] = ""
    order: Base64 = ""
    values: Base64 = ""
    compared: Annotated[int, Field(ge=0, lt=2**31)] = 0

    @model_validator(mode="after")
    def _check_ranking(self) -> KeptSelection:
        if self.ranked_by:
            found, (order, values) = images(self), ranking(self)
            if len(order) != len(values) or len(np.unique(order)) != len(order) or not np.isin(found, order).all():
                raise ValueError("a ranking does not have its images once each")
        return self


class KeptItem(Claim):
    """An item of the Board; see :class:`latentlab.state.board.BoardItem`."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{1,32}$")]
    name: LongName
    provenance: LongText = ""
    model: LongText = ""
    weights: Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")] = ""
    latent_dim: Annotated[int, Field(ge=0, le=LARGEST_LATENT)] = 0
    tag: LongName = ""
    has_slider: bool = False
    content: Annotated[KeptLatent | KeptDirection | KeptPath | KeptSelection, Discriminator("kind")]

    @model_validator(mode="after")
    def _check_size(self) -> KeptItem:
        content, size = self.content, self.latent_dim
        if isinstance(content, KeptSelection):
            return self
        if size == 0:
            raise ValueError("it is of no latent space")
        match content:
            case KeptLatent():
                sizes = [len(floats(content.z))]
            case KeptDirection():
                vector = floats(content.vector)
                sizes = [len(vector), len(floats(content.origin))]
                if not vector.any():
                    raise ValueError("a direction has no length")
                against = len(floats(content.query.against)) if content.query is not None else 0
                sizes += [size if against % size == 0 else against]
            case KeptPath():
                count = len(floats(content.waypoints))
                sizes = [size if count and count % size == 0 else count]
        if any(each != size for each in sizes):
            raise ValueError(f"an array does not have {size} dimensions")
        return self


def _check_together(items: tuple[KeptItem, ...]) -> tuple[KeptItem, ...]:
    if len({item.id for item in items}) < len(items):
        raise ValueError("two items have the same id")
    if sum(image_count(item) for item in items) > MOST_IMAGES:
        raise ValueError(f"its selections have more than {MOST_IMAGES:,} images")
    return items


KeptBoard = Annotated[
    tuple[KeptItem, ...], Field(max_length=MOST_ITEMS, fail_fast=True), AfterValidator(_check_together)
]


# --- arrays ------------------------------------------------------------------------------------------------------


def pack_floats(values: ArrayLike) -> str:
    """Numbers of any shape as a text, in order; those beyond the range of the map are clipped."""
    array = np.asarray(values, np.float32).clip(-LARGEST_COORDINATE, LARGEST_COORDINATE)
    return _encoded(array.astype("<f4"))


def floats(text: str) -> NDArray[np.float32]:
    """The numbers of a text, float32 [n].

    Raises
    ------
    ValueError
        When it is not base64 of finite numbers within the range of the map.
    """
    array = _decoded(text, "<f4").astype(np.float32)
    if not np.isfinite(array).all() or np.abs(array).max(initial=0) > LARGEST_COORDINATE:
        raise ValueError("an array has a number that is not finite or too large")
    return array


def pack_images(numbers: NDArray[np.int64]) -> dict[str, Any]:
    """``encoding``, ``count`` and ``data`` of the numbers of some images, int64 [n], ascending and distinct."""
    last = int(numbers[-1]) if len(numbers) else 0
    if last < min(MOST_IMAGES, 32 * len(numbers)):  # a bit for each image takes less than 32 for each selected one
        chosen = np.zeros(last + 1, bool)
        chosen[numbers] = True
        return {"encoding": "bits", "count": len(numbers), "data": _encoded(np.packbits(chosen, bitorder="little"))}
    gaps = np.diff(numbers, prepend=0).astype("<i4")
    return {"encoding": "gaps", "count": len(numbers), "data": _encoded(gaps)}


def images(selection: KeptImages) -> NDArray[np.int64]:
    """The numbers of a selection's images, int64 [n], ascending and distinct.

    Raises
    ------
    ValueError
        When its data are not such numbers.
    """
    if selection.encoding == "bits":
        if len(selection.data) > MOST_IMAGES // 6 + 8:  # 6 bits a character
            raise ValueError(f"a selection has numbers beyond {MOST_IMAGES:,}")
        return np.flatnonzero(np.unpackbits(_decoded(selection.data, "u1"), bitorder="little")).astype(np.int64)
    gaps = _decoded(selection.data, "<i4")
    if len(gaps) and (gaps[0] < 0 or (gaps[1:] < 1).any()):
        raise ValueError("a selection's images are not ascending")
    numbers = np.cumsum(gaps, dtype=np.int64)
    if len(numbers) and numbers[-1] >= 2**31:
        raise ValueError("a selection has a number that is too large")
    return numbers


def ranking(selection: KeptSelection) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The images of a selection's ranking in order, int64 [k], and their values, float32 [k].

    Raises
    ------
    ValueError
        When its texts are not such numbers.
    """
    order = _decoded(selection.order, "<i4").astype(np.int64)
    if order.min(initial=0) < 0:
        raise ValueError("a ranking has a negative number of an image")
    return order, floats(selection.values)


def pack_ranking(order: NDArray[np.int64], values: NDArray[np.float32]) -> dict[str, str]:
    """``order`` and ``values`` of a ranking; the numbers of its images are below 2³¹."""
    return {"order": _encoded(order.astype("<i4")), "values": pack_floats(values)}


def image_count(item: KeptItem) -> int:
    """Number of images of a selection, or of the groups that a direction was found between."""
    if isinstance(item.content, KeptSelection):
        return item.content.count
    return sum(part.count for part in _parts(item.content) if isinstance(part, KeptImages))


def text_size(item: KeptItem) -> int:
    """Characters of an item's arrays."""
    parts = [item.content, *_parts(item.content)]
    return sum(len(getattr(part, name)) for part in parts for name in _ARRAYS if hasattr(part, name))


def _parts(content: Claim) -> Iterable[Claim]:
    """What a direction was found from, and the images of its groups."""
    query = content.query if isinstance(content, KeptDirection) else None
    if query is not None:
        yield query
        yield from (group.images for group in (query.a, query.b) if group is not None and group.images is not None)


def _encoded(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


def _decoded(text: str, kind: str) -> NDArray[Any]:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("an array is not base64") from None
    if len(data) % np.dtype(kind).itemsize:
        raise ValueError("an array ends within a number")
    return np.frombuffer(data, kind)
