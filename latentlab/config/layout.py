"""The structure of a latent: plain dimensions, layers of them, categories, or grids of codes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from latentlab.config.model import ModelConfig

# Halvings of the image down to the fine grid of codes; the coarse grid is halved once more. Images whose larger side
# is less than ``SMALL`` are halved once less.
HALVINGS = 2
SMALL = 16
MIN_SIDE = 4  # pixels: the sides of maps are halved down to this

ACTIVE_KL = 0.01
"""Nats: a dimension whose mean KL is lower has collapsed to the prior (ε of Lucas et al. 2019)."""

Sizes = list[tuple[int, int]]


@dataclass(frozen=True)
class Level:
    """A contiguous part of a latent: ``start`` to ``start + size``.

    Attributes
    ----------
    name
        For the user; empty if there is only one level.
    start, size
        First index and number of dimensions.
    grid
        (h, w) of a grid of codes or of cells; the part is then [D, h, w].
    """

    name: str
    start: int
    size: int
    grid: tuple[int, int] | None = None

    @property
    def indices(self) -> slice:
        """Indexes the part of a latent [d]."""
        return slice(self.start, self.start + self.size)


@dataclass(frozen=True)
class LatentLayout:
    """The structure of a latent.

    Attributes
    ----------
    kind
        ``plain`` numbers; ``categories``: concatenated one-hot vectors; ``codes``: entries of codebooks.
    levels
        The levels of a hierarchy, the top or coarse one first; otherwise a single one.
    categories
        Number of categories of each variable.
    codes
        Number of entries of each codebook.
    is_sphere
        Whether latents lie on the unit sphere: only their direction from 0 is decoded.
    """

    kind: Literal["plain", "categories", "codes"]
    levels: tuple[Level, ...]
    categories: int = 0
    codes: int = 0
    is_sphere: bool = False

    @property
    def is_spatial(self) -> bool:
        """Whether latents are plain numbers on a grid of cells, a single one of which says little."""
        return self.kind == "plain" and self.levels[0].grid is not None

    @property
    def latent_dim(self) -> int:
        """Number of dimensions."""
        return sum(level.size for level in self.levels)


def category_count(config: ModelConfig) -> int:
    """Categories of each variable where latents are categories (two where they are binary); else 0."""
    if config.family == "evolved":
        return 2
    return config.posterior.categories if config.posterior.kind == "concrete" else 0


def latent_layout(config: ModelConfig, image_shape: tuple[int, int, int]) -> LatentLayout:
    """The layout of the latents of a model with this configuration."""
    if config.family == "vq":
        book = config.codebook
        grids = code_grids(image_shape, book.levels)
        names = ["coarse", "fine"] if len(grids) == 2 else [""]
        if book.kind == "residual":
            grids, names = grids * book.depth, [f"codebook {number + 1}" for number in range(book.depth)]
        sizes = [book.dimension * math.prod(grid) for grid in grids]
        return LatentLayout("codes", _levels(names, sizes, grids), codes=book.entries)
    if categories := category_count(config):
        return LatentLayout("categories", _levels([""], [config.latent_dim]), categories)
    if config.latent_shape is not None:
        grid = config.latent_shape[1:]
        return LatentLayout("plain", _levels([""], [math.prod(config.latent_shape)], [grid]))
    if config.family in ("ladder", "wake-sleep"):
        sizes = layer_sizes(config.latent_dim, config.hierarchy.layers)
        names = ["top", *(f"layer {number}" for number in range(2, len(sizes))), "bottom"]
        return LatentLayout("plain", _levels(names, sizes))
    if config.family == "hierarchical":
        maps = latent_map_sizes(image_shape, config.hierarchy.layers - 1)
        shapes = [f"{height} × {width}" for height, width in maps]
        names = ["top", *(f"layer {number} ({shape})" for number, shape in enumerate(shapes[:-1], start=2))]
        sizes = [config.latent_dim, *(config.hierarchy.channels * math.prod(size) for size in maps)]
        return LatentLayout("plain", _levels([*names, f"bottom ({shapes[-1]})"], sizes))
    is_sphere = config.posterior.kind == "von-mises-fisher"
    return LatentLayout("plain", _levels([""], [config.latent_dim]), is_sphere=is_sphere)


def why_no_path(path: str, latents: str) -> str:
    """Why latents of a kind have no path of a kind; empty if they have.

    Parameters
    ----------
    path
        ``linear``, ``spherical``, ``geodesic`` or ``graph``.
    latents
        As ``LatentLayout.kind``.
    """
    if latents == "plain" or path in ("linear", "graph"):
        return ""
    if latents == "codes":
        return "its latents are codes: what lies between two of them is decoded as one of them"
    return "its latents are categories, between which no distance or direction is defined"


def encodes_to_points(config: ModelConfig) -> bool:
    """Whether the model encodes an image to a point without a density, so that points need not follow the prior."""
    return config.family == "vae" and config.posterior.kind == "delta"


def layer_sizes(latent_dim: int, layers: int) -> list[int]:
    """Dimensions of each layer, the top first: each about twice as many as the layer above, at least one."""
    spare = latent_dim - layers
    parts = 2**layers - 1
    sizes = [1 + spare * 2**level // parts for level in range(layers)]
    sizes[-1] += latent_dim - sum(sizes)
    return sizes


def pyramid(height: int, width: int) -> Sizes:
    """Sizes from (height, width) down to sides of at most 4, halved and rounded up at each level.

    A side that has reached 4 stays while the other is halved further, so that a long image keeps its short side.

    Examples
    --------
    >>> pyramid(28, 9)
    [(28, 9), (14, 5), (7, 3), (4, 3)]
    """
    sizes = [(height, width)]
    while max(sizes[-1]) > MIN_SIDE:
        height, width = sizes[-1]
        sizes.append((_halved(height), _halved(width)))
    return sizes


def _halved(side: int) -> int:
    return math.ceil(side / 2) if side > MIN_SIDE else side


def latent_map_sizes(image_shape: tuple[int, int, int], maps: int) -> Sizes:
    """(h, w) of a hierarchy's maps of latents, the smallest first: the smallest sizes of the image's pyramid.

    Where there are fewer sizes than maps, several maps have the smallest one.

    Examples
    --------
    >>> latent_map_sizes((1, 28, 28), 2)
    [(4, 4), (7, 7)]
    >>> latent_map_sizes((1, 8, 8), 2)
    [(4, 4), (4, 4)]
    """
    sizes = pyramid(*image_shape[1:])
    below = sizes[1:][::-1] or sizes
    return [below[0]] * max(0, maps - len(below)) + below[:maps]


def halvings(height: int, width: int, count: int) -> Sizes:
    """(h, w) of the image and after each of ``count`` halvings, rounded up."""
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
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    level_grids: list[tuple[int, int] | None] = [None] * len(sizes) if grids is None else [*grids]
    return tuple(Level(*values) for values in zip(names, starts, sizes, level_grids, strict=True))
