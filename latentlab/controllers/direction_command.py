"""The command that finds a direction of the Board again (no widgets)."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

import numpy as np

from latentlab.controllers.copied_commands import model_argument, table_path
from latentlab.engine.protocol.messages import ImageGroup, PointsChanged
from latentlab.state.board import BoardItem, Direction, DirectionQuery
from latentlab.state.selection import Selection
from latentlab.state.session import Session
from latentlab.utils.array_types import IntArray
from latentlab.utils.source_names import absolute_source

_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 40


@dataclass(frozen=True)
class DirectionCommand:
    """A command, and path and images of each table that it reads."""

    text: str
    tables: tuple[tuple[str, IntArray], ...] = ()


def why_no_command(session: Session, item: BoardItem) -> str:
    """Why no command finds a direction of the Board; empty if one does."""
    model, dataset, points = session.model, session.dataset, session.points
    query = item.content.query if isinstance(item.content, Direction) else None
    if query is None:
        return "the command line finds directions between groups of images and along columns, and this is neither"
    if query.against is not None:
        return "the command line does not make directions orthogonal to others"
    if model is None or session.run_is_active or not model.source:
        return "the model is being trained: its weights are in no file yet"
    if dataset is None or points is None or dataset.fingerprint != points.fingerprint:
        return "open the images that it was found from first"
    if query.column and not _covers(points, dataset.images):
        return "only some of the images are encoded, and the command line takes a column of all"
    return query.why_not_found_in(points)


def direction_command(session: Session, item: BoardItem) -> DirectionCommand:
    """The command that finds a direction, for which ``why_no_command`` is empty, as one line for a POSIX shell.

    Groups of chosen images, and the others of a group, become tables of their own.
    """
    model, dataset, points, content = session.model, session.dataset, session.points, item.content
    query = content.query if isinstance(content, Direction) else None
    assert model is not None
    assert dataset is not None
    assert points is not None
    assert query is not None
    words = ["latentlab", "direction", model_argument(model.source), absolute_source(dataset.source)]
    tables: tuple[tuple[str, IntArray], ...] = ()
    if query.column:
        words += ["--column", query.column]
    elif names := _class_names(query, points, dataset.images):
        words += ["--from", names[0], "--to", names[1]]
    else:
        chosen = [_images_of(group, points) for group in (query.b, query.a) if group is not None]
        tables = tuple((table_path(images, model.source), images) for images in chosen)
        words += ["--from-list", tables[0][0], "--to-list", tables[1][0]]
    if dataset.config.limit is not None:
        words += ["--limit", str(dataset.config.limit)]
    name = _UNSAFE.sub("-", item.name).strip("-.")[:_LONGEST_NAME] or "direction"
    return DirectionCommand(shlex.join([*words, "--out", f"{name}.npz"]), tables)


def _covers(points: PointsChanged, images: int) -> bool:
    """Whether every image of a dataset is encoded."""
    return len(points.mean) == images


def _class_names(query: DirectionQuery, points: PointsChanged, images: int) -> tuple[str, str] | None:
    """The classes that a direction leads from and to; ``None`` if it leads between other groups."""
    labels = [None if group is None or group.are_others else group.label for group in (query.b, query.a)]
    if not _covers(points, images):
        return None
    first, second = (points.classes[at] if at is not None and at < len(points.classes) else "" for at in labels)
    return (first, second) if first and second else None


def _images_of(group: ImageGroup, points: PointsChanged) -> IntArray:
    """Numbers of the encoded images of a group, ascending."""
    chosen = np.zeros(len(points.mean), bool)
    if group.label is not None:
        chosen = points.label == group.label
    elif group.images is not None:
        chosen[Selection(group.images, points.fingerprint).rows(points)] = True
    rows = np.flatnonzero(~chosen if group.are_others else chosen)
    return rows if points.index is None else np.sort(points.index[rows])
