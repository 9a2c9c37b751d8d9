"""The latents of the filmstrip's traversals, by kind of latent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentlab.config.layout import LatentLayout
from latentlab.engine.protocol.messages import FloatArray
from latentlab.utils.text import subscript

REACH = 2.5  # standard deviations of the points along a component

Rows = tuple[FloatArray, tuple[str, ...]]


def strongest(kl: FloatArray | None, among: Sequence[int], count: int) -> tuple[int, ...]:
    """The ``count`` dimensions with the highest KL, highest first; the first ones if there is no KL."""
    dimensions = list(among)
    if kl is not None:
        dimensions.sort(key=lambda dimension: -kl[dimension])
    return tuple(dimensions[:count])


def per_variable(kl: FloatArray, layout: LatentLayout) -> FloatArray:
    """KL of each categorical latent, [variables], from its categories' parts [d]."""
    sums: FloatArray = np.asarray(kl).reshape(-1, layout.categories).sum(axis=1)
    return sums


def of_categories(z: FloatArray, layout: LatentLayout, kl: FloatArray | None, count: int) -> Rows:
    """Every category of the variables with the highest KL: latents [rows, categories, d] and names of the rows."""
    size = layout.categories
    variables = strongest(None if kl is None else per_variable(kl, layout), range(z.size // size), count)
    rows = np.repeat(np.tile(z, (len(variables), 1))[:, None], size, axis=1)
    for row, variable in enumerate(variables):
        rows[row, :, variable * size : (variable + 1) * size] = np.eye(size, dtype=np.float32)
    return rows, tuple(f"c{subscript(variable + 1)}" for variable in variables)


def along_components(z: FloatArray, points: FloatArray, components: FloatArray, steps: int) -> Rows:
    """Through ``z`` along each component, as far as the points reach: latents [rows, steps, d] and the rows' names."""
    coordinates = points @ components.T
    reach = np.linspace(-REACH, REACH, steps, dtype=np.float32)
    # Centred on the points: the latent's coordinate along the component is swept, its other coordinates stay.
    targets = coordinates.mean(axis=0)[:, None] + coordinates.std(axis=0)[:, None] * reach
    offsets = targets - (components @ z)[:, None]
    rows = (z + offsets[..., None] * components[:, None]).astype(np.float32)
    return rows, tuple(f"PC {number}" for number in range(1, len(components) + 1))
