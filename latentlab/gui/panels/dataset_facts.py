"""What a dataset holds and what reading it otherwise would cost, in words for the Data panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from latentlab.config import DataConfig
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.config.info import DatasetInfo

Shape = tuple[int, int, int]

_NAMED = 4  # kinds of files that are named before the rest is only counted


def shape_text(shape: Shape) -> str:
    """``28 × 28 grey`` of (1, 28, 28)."""
    channels, height, width = shape
    return f"{width} × {height} {'grey' if channels == 1 else 'colour'}"


def misfit(images: Shape, model: Shape) -> str:
    """Why images of one shape do not fit a model of another, and what can be done; empty where they fit."""
    if images == model:
        return ""
    channels, height, width = model
    again = []
    if images[1:] != model[1:] and height == width:
        again.append(f"image size {height}")
    if images[0] != channels:
        again.append(pluralize(channels, "channel"))
    possible = images[1:] == model[1:] or height == width  # images are read as squares, or at their own size
    remedy = f", or read them again with {' and '.join(again)}" if possible else ""
    return (
        f"These images ({shape_text(images)}) do not fit the open model ({shape_text(model)}) and are not on the map:"
        f" train a model on them{remedy}."
    )


def details(info: DatasetInfo) -> str:
    """Shape, split and bytes of the open images in one line."""
    return (
        f"{shape_text(info.image_shape)} · {info.training_images:,} training, {info.validation_images:,} validation"
        f" · {size_text(info.bytes_in_memory)} in memory"
    )


def found(info: DatasetInfo, most: int = _NAMED) -> str:
    """Formats, modes and sizes of the files, the most frequent first; and the names of further columns."""
    lines = [
        f"{title}: {_listed(kinds, most, more)}"
        for title, kinds, more in (
            ("Files", info.formats, 0),
            ("Modes", info.modes, 0),
            ("Sizes", info.sizes, info.more_sizes),
        )
        if any(name for name, _ in kinds)
    ]
    if info.columns:
        lines.append(f"Columns: {', '.join(info.columns)}")
    if info.unlabelled and info.classes:
        lines.append(f"Without a class: {info.unlabelled:,}")
    return "\n".join(lines)


def cost(info: DatasetInfo, images: int, shape: Shape, at_most: bool = False) -> str:
    """What ``images`` of ``shape`` take in memory, and in time against those that are open where that differs.

    ``at_most`` when they may be fewer: files are drawn before it is known that they are broken.

    The time of an epoch goes with the number of values that are read, encoded and decoded; for a model of the same
    widths that is right to about a factor of two.
    """
    channels, height, width = shape
    size = images * channels * height * width
    text = f"{'up to ' if at_most else ''}{pluralize(images, 'image')} of {shape_text(shape)} pixels"
    text = f"{text[0].upper()}{text[1:]}: {size_text(size)} of memory"
    ratio = size / max(1, info.bytes_in_memory)
    if 0.95 < ratio < 1.05:
        return text
    factor = f"{_rounded(ratio)} times" if ratio > 1 else f"1/{_rounded(1 / max(ratio, 1e-9))} of"
    return f"{text}; a pass over them (an epoch) takes about {factor} the time it takes now"


def images_left(counts: Mapping[str, int], unlabelled: int, config: DataConfig) -> int:
    """How many images a configuration's classes, number per class and limit leave of those there are."""
    groups = [count for name, count in counts.items() if not config.classes or name in config.classes]
    if not config.classes:
        groups.append(unlabelled)
    if config.per_class is not None:
        groups = [min(count, config.per_class) for count in groups]
    return sum(groups) if config.limit is None else min(sum(groups), config.limit)


def size_text(size: int) -> str:
    """Bytes with their unit, three digits."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g}\u00a0{unit}"
        value /= 1000
    return f"{value:.3g}\u00a0TB"


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _listed(kinds: Sequence[tuple[str, int]], most: int, more: int) -> str:
    """The first ``most`` kinds with their counts, and how many others there are, ``more`` of them without a name."""
    if len(kinds) + more == 1:
        return kinds[0][0]
    shown = [f"{name} ({count:,})" for name, count in kinds[:most]]
    rest = len(kinds) + more - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")
