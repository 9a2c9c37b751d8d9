"""What the filmstrip's traversals go through, by kind of latent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentlab.config.layout import LatentLayout
from latentlab.engine.protocol.messages import FloatArray
from latentlab.utils.text import subscript

REACH = 2.5  # standard deviations of the points along a component

Rows = tuple[FloatArray, tuple[str, ...]]


def strongest(kl: FloatArray | None, among: Sequence[int], most: int) -> tuple[int, ...]:
    """The dimensions that carry most, strongest first; the first ones while nobody knows."""
    among = list(among)
    if kl is not None:
        among.sort(key=lambda dimension: -kl[dimension])
    return tuple(among[:most])


def per_variable(kl: FloatArray, layout: LatentLayout) -> FloatArray:
    """KL of each categorical latent, [variables], from its categories' parts [d]."""
    sums: FloatArray = np.asarray(kl).reshape(-1, layout.categories).sum(axis=1)
    return sums


def of_categories(z: FloatArray, layout: LatentLayout, kl: FloatArray | None, most: int) -> Rows:
    """Every category of the latents that carry most: latents [rows, categories, d] and the rows' names."""
    size = layout.categories
    variables = strongest(None if kl is None else per_variable(kl, layout), range(z.size // size), most)
    rows = np.repeat(np.tile(z, (len(variables), 1))[:, None], size, axis=1)
    for row, variable in enumerate(variables):
        rows[row, :, variable * size : (variable + 1) * size] = np.eye(size, dtype=np.float32)
    return rows, tuple(f"c{subscript(variable + 1)}" for variable in variables)


def along_components(z: FloatArray, points: FloatArray, components: FloatArray, steps: int) -> Rows:
    """Through ``z`` along each component as far as the points reach: latents [rows, steps, d] and names."""
    places = points @ components.T
    reach = np.linspace(-REACH, REACH, steps, dtype=np.float32)
    # From the points' own middle: the latent's place along the component is swept, its other places stay.
    targets = places.mean(axis=0)[:, None] + places.std(axis=0)[:, None] * reach
    offsets = targets - (components @ z)[:, None]
    rows = (z + offsets[..., None] * components[:, None]).astype(np.float32)
    return rows, tuple(f"PC {place + 1}" for place in range(len(components)))
