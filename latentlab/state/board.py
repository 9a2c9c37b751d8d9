"""The Board: what was found and kept (QtCore only): selections, directions, paths, latents."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from uuid import uuid4

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.engine.protocol.messages import ImageGroup, PointsChanged
from latentlab.state.selection import Selection
from latentlab.utils.array_types import ByteArray, FloatArray
from latentlab.utils.text import format_number


@dataclass(frozen=True, eq=False)
class DirectionQuery:
    """What a direction was found from, so that it can be found again: in another model, or by a command.

    Attributes
    ----------
    words
        How it is found, in a few words: ``from 3 to 8``.
    fingerprint, classes
        Of the images.
    a, b
        The direction leads from group ``b`` to group ``a``; or along the numbers of ``column``.
    against
        float32 [m, d], directions of the same model that it is orthogonal to; ``None`` for none.
    """

    words: str
    fingerprint: str
    classes: tuple[str, ...] = ()
    a: ImageGroup | None = None
    b: ImageGroup | None = None
    column: str = ""
    against: FloatArray | None = None

    def why_not_found_in(self, points: PointsChanged | None) -> str:
        """Why it cannot be found among these points; empty if they are of its images, or have its classes by name."""
        if self.against is not None:
            return "it depends on other directions of its model"
        if points is not None and points.fingerprint == self.fingerprint:
            return ""
        is_named = not any(group is not None and group.images is not None for group in (self.a, self.b))
        if points is None or not is_named or points.classes != self.classes:
            return "the images that it was found from are not encoded"
        return "" if not self.column or self.column in points.columns else f"the images have no column {self.column}"

    def flipped(self) -> DirectionQuery | None:
        """What the opposite direction is found from; ``None`` for a column, whose numbers rise in one direction."""
        return None if self.column else replace(self, a=self.b, b=self.a, words=f"{self.words}, flipped")


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction of a latent space.

    Attributes
    ----------
    vector
        float32 [d]. Its length is one unit of the direction's slider: from one group's mean to the other's, one
        standard deviation of a column, or one of the points along a principal component.
    origin
        float32 [d], where the slider is 0.
    reach
        The ends of the direction are this many units before and behind the origin: 0.5 for the means of two groups.
    score, random_score, random_spread, p_value
        How well it separates what it was made of: Cohen's d on held-out points, mean and standard deviation of the
        same for random groups, and the share of these that score as high; ``None`` where it is not known.
    accuracy
        Share of held-out points on the right side of the origin.
    r2
        For a column: share of its variance that is predicted on held-out points.
    explained
        For a principal component: its share of the variance.
    query
        What it was found from; ``None`` if that cannot be repeated.
    """

    vector: FloatArray
    origin: FloatArray
    reach: float = 0.5
    score: float | None = None
    random_score: float | None = None
    random_spread: float | None = None
    p_value: float | None = None
    accuracy: float | None = None
    r2: float | None = None
    explained: float | None = None
    query: DirectionQuery | None = None

    @property
    def span(self) -> float:
        """Units on each side of the origin that a slider covers."""
        return max(3.0, 2 * self.reach)

    def flipped(self) -> Direction:
        """The opposite direction, which separates as well."""
        return replace(self, vector=-self.vector, query=None if self.query is None else self.query.flipped())

    def coordinate(self, latent: FloatArray) -> float:
        """Where a latent [d] is along the direction, in units of its length."""
        return float((latent - self.origin) @ self.vector / max(float(self.vector @ self.vector), 1e-20))

    def moved(self, latent: FloatArray, coordinate: float) -> FloatArray:
        """The latent [d] moved along the direction to a coordinate."""
        step = coordinate - self.coordinate(latent)
        moved: FloatArray = (latent + step * self.vector).astype(np.float32)
        return moved

    @property
    def verdict(self) -> str:
        """How good the direction is, in words."""
        if self.explained is not None:
            return f"{self.explained:.0%} of the variance"
        if self.score is None:
            return "not scored"
        figures = f"d = {_number(self.score)}"
        if self.random_score is not None:
            figures += f", random {_number(self.random_score)}"
        if self.random_spread is not None:
            figures += f" ± {_number(self.random_spread)}"
        if self.r2 is not None:
            figures = f"r² = {_number(self.r2, '.2f')}, {figures}"
        elif self.accuracy is not None:
            figures += f", {self.accuracy:.0%} right"
        if self.is_chance:
            return f"no better than chance: {figures}"
        words = next(words for least, words in _VERDICTS if self.score >= least)
        return f"{words}: {figures}"

    @property
    def is_chance(self) -> bool:
        """Whether random groups separate as well: within two standard deviations of them, or too often."""
        if self.score is None:
            return False
        chance = (self.random_score or 0.0) + 2 * (self.random_spread or 0.0)
        return self.score <= max(chance, 0.0) or (self.p_value is not None and self.p_value > _CHANCE)


_CHANCE = 0.05
_VERDICTS = ((2.0, "separates well"), (0.8, "separates in part"), (float("-inf"), "separates weakly"))
"""Least Cohen's d for these words: 0.8 is Cohen's "large", and at 2 about 84 % are on the right side."""


def _number(value: float, form: str = ".1f") -> str:
    return "> 1,000" if value > 1000 else format_number(value, form)


@dataclass(frozen=True, eq=False)
class Path:
    """Latents in order.

    Attributes
    ----------
    waypoints
        float32 [n, d].
    kind
        ``linear``, ``spherical``, ``geodesic`` or ``graph``.
    is_closed
        Whether the last waypoint is followed by the first.
    is_even
        Whether the image, not the latent, changes at an even speed when it is played.
    """

    waypoints: FloatArray
    kind: str = "linear"
    is_closed: bool = False
    is_even: bool = False


@dataclass(frozen=True, eq=False)
class Latent:
    """One latent, float32 [d], and the class it is decoded for, if the model is conditional."""

    z: FloatArray
    label: int | None = None


Content = Selection | Direction | Path | Latent
KINDS = {Selection: "selection", Direction: "direction", Path: "path", Latent: "latent"}


@dataclass(frozen=True, eq=False)
class BoardItem:
    """Something kept on the Board.

    Attributes
    ----------
    name
        Chosen by the program, changed by the user.
    content
        What was kept.
    provenance
        How it was made, in one sentence.
    model, latent_dim
        Source of the model in whose latent space it is, and d; empty and 0 for a selection, which is of a dataset.
    thumbnail
        uint8 [H, W] or [H, W, 3]; ``None`` if the Board is to show the one that was drawn for it.
    tag
        A column of the user's own that a selection belongs to; empty for none.
    weights
        SHA-256 of the model's file when the item was kept; empty if its weights were in no file.
    has_slider
        Whether a direction has a slider in the Latent panel.
    epoch
        Of the active run in which it was kept, ``None`` if there was none; ``provenance`` has it too.
    """

    name: str
    content: Content
    provenance: str = ""
    model: str = ""
    latent_dim: int = 0
    thumbnail: ByteArray | None = None
    tag: str = ""
    has_slider: bool = False
    epoch: float | None = None
    weights: str = ""
    id: str = field(default_factory=lambda: uuid4().hex[:12])

    @property
    def kind(self) -> str:
        """``selection``, ``direction``, ``path`` or ``latent``."""
        return KINDS[type(self.content)]

    def is_of(self, source: str, weights: str = "") -> bool:
        """Whether it is of the model with this source or with these weights (SHA-256 of the model's file).

        A model that was moved or copied is the same one, and so is a run that has learned more since: ``is_outdated``
        tells these apart. What is of no model, or of one that is not known, is of any.
        """
        if self.weights and self.weights == weights:
            return True
        return not self.model or not source or _run_or_file(self.model) == _run_or_file(source)

    def is_outdated(self, source: str, weights: str) -> bool:
        """Whether the file of its model has other weights now than when it was kept."""
        is_known = bool(self.model and self.weights and weights)
        return is_known and self.weights != weights and self.is_of(source)

    @property
    def model_name(self) -> str:
        """The model's name, short."""
        return PurePath(_run_or_file(self.model)).name

    def why_unusable(self, latent_dim: int, fingerprint: str, source: str = "", weights: str = "") -> str:
        """Why it cannot be used with a model and the points' dataset; empty if it can.

        Parameters
        ----------
        latent_dim, source, weights
            Of the model. A direction is of one model only; latents and paths can be looked at with any of their size.
        fingerprint
            Of the points' dataset.
        """
        if isinstance(self.content, Selection):
            return "" if self.content.fingerprint == fingerprint else "it selects images of another dataset"
        if self.latent_dim == latent_dim:
            is_foreign = isinstance(self.content, Direction) and not self.is_of(source, weights)
            return f"it was found in {self.model_name}, not in the model on screen" if is_foreign else ""
        return f"it is of a latent space of {self.latent_dim} dimensions, and the model has {latent_dim}"


def _run_or_file(source: str) -> str:
    """A run's folder and the model in it are one model."""
    path = PurePath(os.path.abspath(source))
    return str(path.parent if path.name == "model.safetensors" else path)


class Board(QObject):
    """What is kept. Every change replaces the whole tuple of items, so that undo restores the one before.

    Signals
    -------
    changed
        Items were added, removed, moved or replaced.
    thumbnailChanged(id)
        An item has another picture.
    """

    changed = Signal()
    thumbnailChanged = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._items: tuple[BoardItem, ...] = ()
        self._thumbnails: dict[str, tuple[Content, ByteArray]] = {}  # beside the items: no step of undo loses them

    @property
    def items(self) -> tuple[BoardItem, ...]:
        """The items, in the order shown."""
        return self._items

    def set_items(self, items: Sequence[BoardItem]) -> None:
        """Replace the items."""
        items = tuple(items)
        if items != self._items:
            self._items = items
            self.changed.emit()

    def item(self, identity: str) -> BoardItem | None:
        """The item with this id, or ``None``."""
        return next((item for item in self._items if item.id == identity), None)

    def thumbnail(self, item: BoardItem) -> ByteArray | None:
        """The item's picture, uint8 [H, W] or [H, W, 3]; ``None`` if none was drawn of its present content."""
        if item.thumbnail is not None:
            return item.thumbnail
        content, image = self._thumbnails.get(item.id, (None, None))
        return image if content is item.content else None

    def set_thumbnail(self, item: BoardItem, image: ByteArray) -> None:
        """Set the picture that was drawn of an item's content."""
        self._thumbnails[item.id] = item.content, image
        self.thumbnailChanged.emit(item.id)

    def direction(self, axis: str) -> Direction | None:
        """The direction that an axis of the map is named after (``d:`` and its id), or ``None``."""
        item = self.item(axis[2:]) if axis.startswith("d:") else None
        return item.content if item is not None and isinstance(item.content, Direction) else None

    def of_kind(self, kind: str) -> tuple[BoardItem, ...]:
        """Items of one kind."""
        return tuple(item for item in self._items if item.kind == kind)

    def free_name(self, name: str) -> str:
        """The name, with a number behind it if an item has it already."""
        taken = {item.name for item in self._items}
        number, free = 2, name
        while free in taken:
            free, number = f"{name} {number}", number + 1
        return free

    # Each returns the items after a change, for ``ChangeBoard`` (controllers/commands.py).

    def with_added(self, *items: BoardItem) -> tuple[BoardItem, ...]:
        """The items with more at the end."""
        return (*self._items, *items)

    def with_removed(self, *identities: str) -> tuple[BoardItem, ...]:
        """The items without those with these ids."""
        return tuple(item for item in self._items if item.id not in identities)

    def with_replaced(self, identity: str, **changes: object) -> tuple[BoardItem, ...]:
        """The items, with attributes of one changed."""
        return tuple(
            replace(item, **changes) if item.id == identity else item  # type: ignore[arg-type]
            for item in self._items
        )
