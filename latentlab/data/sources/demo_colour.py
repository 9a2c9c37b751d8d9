"""``demo:colour``: colour images generated from known factors, after 3D Shapes (Burgess & Kim 2018)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentlab.data.sources.array_dataset import ArraySource
from latentlab.data.sources.demo_shapes import SHAPES, SIDE, coverage

HUES = 8
SCALES = (9.0, 12.0, 15.0)
POSITIONS = 6
SPACING = 5
GROUNDS = 4


def colour() -> ArraySource:
    """All 3 shapes × 8 hues × 4 ground hues × 3 scales × 6 × 6 positions: 10,368 images of 64 × 64, RGB.

    ``factors``: ``shape`` (0 square, 1 ellipse, 2 heart; also the label), ``hue`` and ``ground`` (as a fraction of
    the colour wheel, in [0, 1)), ``scale`` (half height in pixels), ``x`` and ``y`` (centre in pixels, y downwards).
    """
    travel = SPACING * (POSITIONS - 1)
    cover = np.stack([coverage(shape, scale, 0.0, SIDE + travel) for shape in SHAPES for scale in SCALES])
    inks = [hue_to_rgb(number / HUES, 1.0) for number in range(HUES)]
    grounds = [hue_to_rgb(number / GROUNDS, 0.45) for number in range(GROUNDS)]
    # Order of the axes: shape and scale, hue, ground, x, y; each canvas is cropped at every position.
    images = np.empty((len(cover), HUES, GROUNDS, POSITIONS, POSITIONS, 3, SIDE, SIDE), dtype=np.uint8)
    for i, ink in enumerate(inks):
        for j, ground in enumerate(grounds):
            painted = np.rint(ground[:, None, None] + cover[:, None] * (ink - ground)[:, None, None]).astype(np.uint8)
            for column in range(POSITIONS):
                for row in range(POSITIONS):
                    top, left = travel - SPACING * row, travel - SPACING * column
                    images[:, i, j, column, row] = painted[..., top : top + SIDE, left : left + SIDE]
    centres = (SIDE - 1) / 2 + SPACING * (np.arange(POSITIONS) - (POSITIONS - 1) / 2)
    axes = {
        "shape": np.arange(len(SHAPES)),
        "scale": np.array(SCALES),
        "hue": np.arange(HUES) / HUES,
        "ground": np.arange(GROUNDS) / GROUNDS,
        "x": centres,
        "y": centres,
    }
    grids = np.meshgrid(*axes.values(), indexing="ij")
    factors = {name: grid.reshape(-1) for name, grid in zip(axes, grids, strict=True)}
    labels = factors["shape"].astype(np.int64)
    last = np.moveaxis(images.reshape(-1, 3, SIDE, SIDE), 1, 3)
    return ArraySource(last, labels, SHAPES, "colour", "colour", "demo:colour", "generated", factors=factors)


def hue_to_rgb(hue: float, value: float) -> NDArray[np.float64]:
    """A fully saturated colour, as RGB in [0, 255]."""
    wheel: NDArray[np.float64] = np.abs((hue + np.array([0, 2 / 3, 1 / 3])) % 1.0 * 6 - 3) - 1
    return wheel.clip(0, 1) * (255 * value)
