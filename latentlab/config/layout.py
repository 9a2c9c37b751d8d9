"""What the numbers of a latent stand for: plain dimensions, layers of them, categories, or grids of codes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from latentlab.config.model import ModelConfig

# Halvings of the image down to the fine grid of codes; the coarse one is another below it. Images whose larger side
# is less than ``SMALL`` are halved once less.
HALVINGS = 2
SMALL = 16

ACTIVE_KL = 0.01
"""Nats: a dimension whose mean KL is lower has collapsed to the prior (ε of Lucas et al. 2019)."""

Sizes = list[tuple[int, int]]


@dataclass(frozen=True)
class Level:
    """Some of the latent's numbers, side by side: ``start`` to ``start + size``.

    Attributes
    ----------
    name
        For the user; empty when there is one level only.
    start, size
        Which numbers.
    grid
        (h, w) of a grid of codes, whose entries lie in them as [D, h, w].
    """

    name: str
    start: int
    size: int
    grid: tuple[int, int] | None = None

    @property
    def place(self) -> slice:
        """Which numbers, to index a latent with."""
        return slice(self.start, self.start + self.size)


@dataclass(frozen=True)
class LatentLayout:
    """How a latent is to be read.

    Attributes
    ----------
    kind
        ``plain`` numbers; ``categories``: one-hot vectors side by side; ``codes``: entries of codebooks.
    levels
        The parts of a hierarchy, the top or coarse one first; a single one otherwise.
    categories
        Of each variable.
    codes
        Entries of each codebook.
    """

    kind: Literal["plain", "categories", "codes"]
    levels: tuple[Level, ...]
    categories: int = 0
    codes: int = 0

    @property
    def latent_dim(self) -> int:
        """Numbers in a latent."""
        return sum(level.size for level in self.levels)


def latent_layout(config: ModelConfig, image_shape: tuple[int, int, int]) -> LatentLayout:
    """The layout of the latents that a model of this configuration encodes to and decodes from."""
    if config.family == "vq":
        book = config.codebook
        grids = code_grids(image_shape, book.levels)
        sizes = [book.dimension * math.prod(grid) for grid in grids]
        names = ["coarse", "fine"] if len(grids) == 2 else [""]
        return LatentLayout("codes", _levels(names, sizes, grids), codes=book.size)
    if config.posterior.kind == "concrete":
        return LatentLayout("categories", _levels([""], [config.latent_dim]), config.posterior.categories)
    if config.family in ("ladder", "wake-sleep"):
        sizes = layer_sizes(config.latent_dim, config.hierarchy.layers)
        names = ["top", *(f"layer {number}" for number in range(2, len(sizes))), "bottom"]
        return LatentLayout("plain", _levels(names, sizes))
    return LatentLayout("plain", _levels([""], [config.latent_dim]))


def layer_sizes(latent_dim: int, layers: int) -> list[int]:
    """How ``latent_dim`` is shared among the layers, the top first: each about twice as wide as the one above.

    Every layer has at least one.
    """
    spare = latent_dim - layers
    parts = 2**layers - 1
    sizes = [1 + spare * 2**level // parts for level in range(layers)]
    sizes[-1] += latent_dim - sum(sizes)
    return sizes


def halvings(height: int, width: int, count: int) -> Sizes:
    """Sizes from the image's own through ``count`` halvings, rounded up, whatever is left."""
    sizes = [(height, width)]
    for _ in range(count):
        high, wide = sizes[-1]
        sizes.append((math.ceil(high / 2), math.ceil(wide / 2)))
    return sizes


def code_depth(image_shape: tuple[int, int, int]) -> int:
    """Halvings from the image down to the fine grid of codes."""
    return HALVINGS if max(image_shape[1:]) >= SMALL else HALVINGS - 1


def code_grids(image_shape: tuple[int, int, int], levels: int) -> Sizes:
    """(h, w) of each grid of codes, the coarse one first."""
    depth = code_depth(image_shape)
    sizes = halvings(*image_shape[1:], depth + levels - 1)
    return [sizes[-1], sizes[depth]] if levels == 2 else [sizes[depth]]


def _levels(names: list[str], sizes: list[int], grids: Sizes | None = None) -> tuple[Level, ...]:
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    of_level: list[tuple[int, int] | None] = [None] * len(sizes) if grids is None else [*grids]
    return tuple(Level(*parts) for parts in zip(names, starts, sizes, of_level, strict=True))
