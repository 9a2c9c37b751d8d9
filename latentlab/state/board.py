"""The Board: what was found and kept (QtCore only): selections, directions, paths, latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.state.selection import Selection
from latentlab.utils.array_types import ByteArray, FloatArray


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction of a latent space.

    Attributes
    ----------
    vector
        float32 [d]. Its length is one unit of the direction's slider: from one group's mean to the other's, or one
        unit of the column.
    origin
        float32 [d], where the slider is 0.
    score, random_score, accuracy
        How well it separates what it was made of: Cohen's d on held-out points, the same for random pairs of groups,
        and held-out accuracy in [0, 1]; ``None`` where it is not known.
    """

    vector: FloatArray
    origin: FloatArray
    score: float | None = None
    random_score: float | None = None
    accuracy: float | None = None

    def coordinate(self, latent: FloatArray) -> float:
        """Where a latent [d] is along the direction, in units of its length."""
        return float((latent - self.origin) @ self.vector / max(float(self.vector @ self.vector), 1e-20))

    def moved(self, latent: FloatArray, coordinate: float) -> FloatArray:
        """The latent [d] moved along the direction to a coordinate."""
        step = coordinate - self.coordinate(latent)
        moved: FloatArray = (latent + step * self.vector).astype(np.float32)
        return moved


@dataclass(frozen=True, eq=False)
class Path:
    """Latents in order.

    Attributes
    ----------
    waypoints
        float32 [n, d].
    kind
        ``linear``, ``spherical`` or ``graph``.
    is_closed
        Whether the last waypoint is followed by the first.
    """

    waypoints: FloatArray
    kind: str = "linear"
    is_closed: bool = False


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
        uint8 [H, W] or [H, W, 3]; ``None`` until there is one.
    tag
        A column of the user's own that a selection belongs to; empty for none.
    """

    name: str
    content: Content
    provenance: str = ""
    model: str = ""
    latent_dim: int = 0
    thumbnail: ByteArray | None = None
    tag: str = ""
    id: str = field(default_factory=lambda: uuid4().hex[:12])

    @property
    def kind(self) -> str:
        """``selection``, ``direction``, ``path`` or ``latent``."""
        return KINDS[type(self.content)]

    def why_unusable(self, latent_dim: int, fingerprint: str) -> str:
        """Why it cannot be used with a model of d = ``latent_dim`` and the points' dataset; empty if it can."""
        if isinstance(self.content, Selection):
            return "" if self.content.fingerprint == fingerprint else "it selects images of another dataset"
        if self.latent_dim == latent_dim:
            return ""
        return f"it is of a latent space of {self.latent_dim} dimensions, and the model has {latent_dim}"


class Board(QObject):
    """What is kept. Every change replaces the whole tuple of items, so that undo restores the one before.

    Signals
    -------
    changed
        Items were added, removed, moved or replaced.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._items: tuple[BoardItem, ...] = ()

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
