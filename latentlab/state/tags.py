"""Columns of the user's own: selections of the Board that have a tag (no Qt, no torch)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.engine.protocol.messages import PointsChanged, SnapshotRead
from latentlab.state.board import BoardItem
from latentlab.state.selection import Selection
from latentlab.utils.tag_columns import Tag, tag_columns


def tagged(items: Iterable[BoardItem]) -> tuple[BoardItem, ...]:
    """The items that are a value of a column: ``tag`` is the column, ``name`` the value."""
    return tuple(item for item in items if item.tag and isinstance(item.content, Selection))


def tags_of(items: Iterable[BoardItem], fingerprint: str) -> tuple[Tag, ...]:
    """The tags among the items that images of the dataset with this fingerprint have."""
    return tuple(
        Tag(item.tag, item.name, item.content.images)
        for item in tagged(items)
        if isinstance(item.content, Selection) and item.content.fingerprint == fingerprint
    )


def columns_of(points: PointsChanged | SnapshotRead, items: Iterable[BoardItem]) -> dict[str, NDArray[Any]]:
    """The columns of the points [N], the data's own and the user's."""
    tags = tags_of(items, points.fingerprint)
    images = np.arange(len(points.mean)) if points.index is None else points.index
    return {**tag_columns(tags, images), **points.columns}
