"""Texts for the Data panel: what a dataset contains, and what changed settings would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from latentlab.config import DataConfig
from latentlab.utils.plain_text import NAME, as_line
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.config.info import DatasetInfo

Shape = tuple[int, int, int]

_MAX_NAMED = 4  # kinds of files that are named; the rest is counted


def shape_text(shape: Shape) -> str:
    """``28 × 28 grey`` for (1, 28, 28)."""
    channels, height, width = shape
    return f"{width} × {height} {'grey' if channels == 1 else 'colour'}"


def misfit(images: Shape, model: Shape) -> str:
    """Why images of one shape do not fit a model of another, and what to do; empty if they fit."""
    if images == model:
        return ""
    channels, height, width = model
    again = []
    if images[1:] != model[1:]:
        again.append(f"image size {width}" if height == width else f"image size {width} and image height {height}")
    if images[0] != channels:
        again.append(pluralize(channels, "channel"))
    return (
        f"These images ({shape_text(images)}) do not fit the open model ({shape_text(model)}) and are not on the map:"
        f" train a model on them, or read them again with {' and '.join(again)}."
    )


def details(info: DatasetInfo) -> str:
    """Shape, split and memory of the open images in one line."""
    return (
        f"{shape_text(info.image_shape)} · {info.training_images:,} training, {info.validation_images:,} validation"
        f" · {size_text(info.bytes_in_memory)} in memory"
    )


def file_summary(info: DatasetInfo, max_named: int = _MAX_NAMED) -> str:
    """Formats, modes, sizes and values of the files, most frequent first, and the names of further columns."""
    named = [
        (title, kinds, more)
        for title, kinds, more in (
            ("Files", info.formats, 0),
            ("Modes", info.modes, 0),
            ("Sizes", info.sizes, info.more_sizes),
        )
        if any(name for name, _ in kinds)
    ]
    lines = [f"{title}: {_listed(kinds, max_named, more)}" for title, kinds, more in named]
    if all(len(kinds) + more == 1 for _, kinds, more in named):
        lines = [" · ".join(lines)] if lines else []
    if info.range_sentence:
        lines.append(f"Values: {info.range_sentence}")
    if info.columns:
        lines.append(f"Columns: {', '.join(as_line(name, NAME) for name in info.columns)}")
    if info.splits:
        splits = ", ".join(f"{count:,} {as_line(name, NAME)}" for name, count in info.splits)
        lines.append(f"Splits of the data: {splits}")
    if info.unlabelled and info.classes:
        lines.append(f"Without a class: {info.unlabelled:,}")
    lines += [as_line(note) for note in info.notes]
    return "\n".join(lines)


def cost(info: DatasetInfo, images: int, shape: Shape, at_most: bool = False) -> str:
    """The memory that ``images`` of ``shape`` need and, if it differs, the time of an epoch relative to the open ones.

    ``at_most`` if they may be fewer: files are chosen before it is known which of them cannot be read.

    The time of an epoch is taken as proportional to the number of values that are read, encoded and decoded; for a
    model of the same widths this is right within about a factor of two.
    """
    channels, height, width = shape
    size = images * channels * height * width
    text = f"{'up to ' if at_most else ''}{pluralize(images, 'image')} of {shape_text(shape)} pixels"
    text = f"{text[0].upper()}{text[1:]}: {size_text(size)} of memory"
    ratio = size / max(1, info.bytes_in_memory)
    if 0.95 < ratio < 1.05:
        return text
    factor = f"{_rounded(ratio)} times" if ratio > 1 else f"1/{_rounded(1 / max(ratio, 1e-9))} of"
    return f"{text}; an epoch takes about {factor} the present time"


def images_left(counts: Mapping[str, int], unlabelled: int, config: DataConfig) -> int:
    """How many images remain with a configuration's classes, number per class and limit."""
    groups = [count for name, count in counts.items() if not config.classes or name in config.classes]
    if not config.classes:
        groups.append(unlabelled)
    if config.per_class is not None:
        groups = [min(count, config.per_class) for count in groups]
    return sum(groups) if config.limit is None else min(sum(groups), config.limit)


def size_text(size: int) -> str:
    """A number of bytes with a unit, to three digits."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g}\u00a0{unit}"
        value /= 1000
    return f"{value:.3g}\u00a0TB"


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _listed(kinds: Sequence[tuple[str, int]], max_named: int, more: int) -> str:
    """The first kinds with their counts, and the number of others; ``more`` is the number of kinds not in the list."""
    if len(kinds) + more == 1:
        return as_line(kinds[0][0], NAME)
    shown = [f"{as_line(name, NAME)} ({count:,})" for name, count in kinds[:max_named]]
    rest = len(kinds) + more - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")
