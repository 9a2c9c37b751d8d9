"""The Board's items as they are written into a session file, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from pydantic import ValidationError

from latentlab.engine.protocol.messages import ImageGroup, Ranking
from latentlab.state.board import BoardItem, Content, Direction, DirectionQuery, Latent, Path
from latentlab.state.selection import Selection
from latentlab.storage.board_file import (
    LARGEST_LATENT,
    MOST_IMAGES,
    MOST_ITEMS,
    MOST_NAMED,
    MOST_TEXT,
    KeptDirection,
    KeptGroup,
    KeptImages,
    KeptItem,
    KeptLatent,
    KeptPath,
    KeptQuery,
    KeptSelection,
    floats,
    image_count,
    images,
    pack_floats,
    pack_images,
    pack_ranking,
    ranking,
    text_size,
)
from latentlab.storage.validation import LARGEST_METRIC, LONGEST_TEXT

_SCORES = ("score", "random_score", "random_spread", "p_value", "accuracy", "r2", "explained")

_MOST_RANKED = 100_000
"""Images of a ranking that is kept with a selection: a megabyte in the file. Of a longer one only the selected are."""

_written: WeakKeyDictionary[BoardItem, KeptItem | None] = WeakKeyDictionary()
"""Items do not change: each is encoded once, however often the session is saved."""


def entries_of(items: Iterable[BoardItem]) -> tuple[tuple[KeptItem, ...], tuple[str, ...]]:
    """Items for a session file.

    Returns
    -------
    entries, left_out
        The items that can be kept, and one sentence for each of the others.
    """
    entries: list[KeptItem] = []
    left_out: list[str] = []
    lost_orders = []
    number_of_images = characters = 0
    for item in items:
        entry = _entry(item)
        number_of_images += 0 if entry is None else image_count(entry)
        characters += 0 if entry is None else text_size(entry)
        if entry is None or number_of_images > MOST_IMAGES or characters > MOST_TEXT or len(entries) == MOST_ITEMS:
            left_out.append(f"{item.name} of the Board cannot be kept: it is too large")
            number_of_images -= 0 if entry is None else image_count(entry)
            characters -= 0 if entry is None else text_size(entry)
        else:
            entries.append(entry)
            if isinstance(item.content, Selection) and isinstance(entry.content, KeptSelection):
                lost_orders.append(order_fault(item.content, entry.content, f"{item.name} of the Board"))
    return tuple(entries), (*left_out, *filter(None, lost_orders))


def order_fault(selection: Selection, entry: KeptSelection, name: str = "the selection") -> str:
    """Why the entry of selected images has not the order of their ranking; empty if it has, or they have none."""
    if selection.ranking is None or entry.ranked_by:
        return ""
    return f"the order of {name} cannot be kept: it ranks more than {_MOST_RANKED:,} images"


def entry_of_selection(selection: Selection) -> KeptSelection | None:
    """Selected images for a session file; ``None`` if they are too many."""
    if len(selection) > MOST_IMAGES:
        return None
    # Not checked once more: what the session holds is right, and decoding a large selection again takes long.
    kept = KeptSelection.model_construct(
        **pack_images(selection.images),
        fingerprint=selection.fingerprint[:1000],
        description=selection.description[:LONGEST_TEXT],
        **_ranking_entry(selection),
    )
    return kept if len(kept.data) <= MOST_TEXT else None


def selection_of(entry: KeptSelection) -> Selection:
    """The selected images of a session file, which was checked when it was read."""
    kept = Ranking(entry.ranked_by, *ranking(entry), entry.compared) if entry.ranked_by else None
    return Selection(images(entry), entry.fingerprint, entry.description, kept)


def _ranking_entry(selection: Selection) -> dict[str, Any]:
    """The fields of a ranking; none if it is too long to keep, or has a number that files may not have.

    Of a long ranking only the selected images are kept.
    """
    ranked = selection.ranking
    if ranked is None or min(len(ranked.images), len(selection)) > _MOST_RANKED:
        return {}
    order, values = ranked.images, ranked.values
    if len(order) > _MOST_RANKED:
        places = np.sort(ranked.places_of(selection.images))
        order, values = order[places], values[places]
        if places[0] < 0:
            return {}
    if not np.isfinite(values).all():
        return {}
    return {"ranked_by": ranked.by, "compared": ranked.compared, **pack_ranking(order, values)}


def items_of(entries: Iterable[KeptItem]) -> tuple[BoardItem, ...]:
    """The items of a session file, which was checked when it was read."""
    return tuple(
        BoardItem(
            entry.name,
            _content(entry),
            entry.provenance,
            entry.model,
            entry.latent_dim,
            tag=entry.tag,
            has_slider=entry.has_slider,
            weights=entry.weights,
            id=entry.id,
        )
        for entry in entries
    )


def _entry(item: BoardItem) -> KeptItem | None:
    """An item as it is written; ``None`` if it is too large."""
    if item not in _written:
        try:
            _written[item] = _encode(item)
        except ValidationError:
            _written[item] = None
    return _written[item]


def _encode(item: BoardItem) -> KeptItem | None:
    content: KeptSelection | KeptDirection | KeptPath | KeptLatent
    match item.content:
        case Selection() as selection:
            kept = entry_of_selection(selection)
            if kept is None:
                return None
            content = kept
        case Direction() as direction:
            if direction.vector.size > LARGEST_LATENT:
                return None
            vector, origin = pack_floats(direction.vector), pack_floats(direction.origin)
            content = KeptDirection.model_validate(
                {"vector": vector, "origin": origin, "reach": direction.reach, **_scores(direction)}
            ).model_copy(update={"query": _query_entry(direction.query)})
        case Path() as path:
            if 6 * path.waypoints.size > MOST_TEXT:
                return None
            waypoints = pack_floats(path.waypoints)
            content = KeptPath.model_validate(
                {
                    "waypoints": waypoints,
                    "interpolation": path.kind,
                    "is_closed": path.is_closed,
                    "is_even": path.is_even,
                }
            )
        case Latent() as latent:
            content = KeptLatent(z=pack_floats(latent.z), label=latent.label)
    # Not checked once more: what the session holds is right, and decoding a large selection again takes long.
    return KeptItem.model_construct(
        id=item.id,
        name=item.name[:1000],
        provenance=item.provenance[:LONGEST_TEXT],
        model=item.model[:LONGEST_TEXT],
        weights=item.weights,
        latent_dim=item.latent_dim,
        tag=item.tag[:1000],
        has_slider=item.has_slider,
        content=content,
    )


def _query_entry(query: DirectionQuery | None) -> KeptQuery | None:
    """What a direction was found from; ``None`` if it is too large to keep: it cannot be found again then."""
    if query is None:
        return None
    against = "" if query.against is None else pack_floats(query.against)
    if len(against) > MOST_TEXT or len(query.classes) > MOST_NAMED:
        return None
    return KeptQuery.model_construct(
        words=query.words[:LONGEST_TEXT],
        fingerprint=query.fingerprint[:1000],
        classes=tuple(name[:1000] for name in query.classes),
        a=_group_entry(query.a),
        b=_group_entry(query.b),
        column=query.column[:1000],
        against=against,
    )


def _group_entry(group: ImageGroup | None) -> KeptGroup | None:
    if group is None:
        return None
    packed = None
    if group.images is not None and len(group.images):
        packed = KeptImages.model_construct(**pack_images(group.images))
    return KeptGroup.model_construct(images=packed, label=group.label, are_others=group.are_others)


def _query_of(entry: KeptQuery, latent_dim: int) -> DirectionQuery:
    against = floats(entry.against).reshape(-1, latent_dim) if entry.against else None
    return DirectionQuery(
        entry.words, entry.fingerprint, entry.classes, _group_of(entry.a), _group_of(entry.b), entry.column, against
    )


def _group_of(entry: KeptGroup | None) -> ImageGroup | None:
    if entry is None:
        return None
    chosen = None if entry.images is None else images(entry.images)
    return ImageGroup(chosen, entry.label, entry.are_others)


def _scores(direction: Direction) -> dict[str, float]:
    """The scores that are numbers; an infinite one is kept as a very large one."""
    scores = {name: getattr(direction, name) for name in _SCORES}
    return {
        name: min(max(float(value), -LARGEST_METRIC), LARGEST_METRIC)
        for name, value in scores.items()
        if value is not None and not np.isnan(value)
    }


def _content(entry: KeptItem) -> Content:
    match entry.content:
        case KeptSelection() as selection:
            return selection_of(selection)
        case KeptDirection() as direction:
            scores = {name: getattr(direction, name) for name in _SCORES}
            query = None if direction.query is None else _query_of(direction.query, entry.latent_dim)
            vector, origin = floats(direction.vector), floats(direction.origin)
            return Direction(vector, origin, direction.reach, query=query, **scores)
        case KeptPath() as path:
            waypoints = floats(path.waypoints).reshape(-1, entry.latent_dim)
            return Path(waypoints, path.interpolation, path.is_closed, path.is_even)
        case KeptLatent() as latent:
            return Latent(floats(latent.z), latent.label)
