"""``demo:shapes``: grey images generated from known factors, after dSprites (Matthey et al. 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentlab.data.sources.array_dataset import ArraySource

Floats = NDArray[np.float64]

SIDE = 64
SHAPES = ("square", "ellipse", "heart")
SCALES = (8.0, 10.0, 12.0, 14.0)
# A quarter turn, after which a square repeats: every image has unique factors.
ROTATIONS = tuple(np.pi / 2 * step / 8 for step in range(8))
POSITIONS = 10
SPACING = 3


def shapes() -> ArraySource:
    """All 3 shapes × 4 scales × 8 rotations × 10 × 10 positions: 9,600 images of 64 × 64, anti-aliased.

    ``factors``: ``shape`` (0 square, 1 ellipse, 2 heart; also the label), ``scale`` (half height in pixels),
    ``rotation`` (radians, in [0, π/2)), ``x`` and ``y`` (centre in pixels, y downwards).
    """
    travel = SPACING * (POSITIONS - 1)
    canvas = np.stack([
        coverage(shape, scale, rotation, SIDE + travel)
        for shape in SHAPES for scale in SCALES for rotation in ROTATIONS
    ])  # fmt: skip
    canvas = np.rint(canvas * 255).astype(np.uint8)
    images = np.empty((len(canvas), POSITIONS, POSITIONS, SIDE, SIDE), dtype=np.uint8)
    for column in range(POSITIONS):
        for row in range(POSITIONS):
            top, left = travel - SPACING * row, travel - SPACING * column
            images[:, column, row] = canvas[:, top : top + SIDE, left : left + SIDE]
    centres = (SIDE - 1) / 2 + SPACING * (np.arange(POSITIONS) - (POSITIONS - 1) / 2)
    axes = (np.arange(len(SHAPES)), np.array(SCALES), np.array(ROTATIONS), centres, centres)
    grids = [grid.reshape(-1) for grid in np.meshgrid(*axes, indexing="ij")]
    factors = dict(zip(("shape", "scale", "rotation", "x", "y"), grids, strict=True))
    labels = factors["shape"].astype(np.int64)
    return ArraySource(
        images.reshape(-1, SIDE, SIDE), labels, SHAPES, "shapes", "shapes", "demo:shapes", "generated", factors=factors
    )


def coverage(shape: str, scale: float, rotation: float, side: int) -> Floats:
    """Fraction of each pixel covered by a shape centred in a ``side`` × ``side`` image, in [0, 1]."""
    grid = np.arange(side) - (side - 1) / 2
    x, y = np.meshgrid(grid, grid)
    cosine, sine = np.cos(rotation), np.sin(rotation)
    rotated = (cosine * x + sine * y) / scale, (cosine * y - sine * x) / scale
    return np.clip(0.5 - _DISTANCES[shape](*rotated) * scale, 0.0, 1.0)


def _square(x: Floats, y: Floats) -> Floats:
    across, down = np.abs(x) - 0.85, np.abs(y) - 0.85
    outside = np.hypot(np.maximum(across, 0), np.maximum(down, 0))
    return outside + np.minimum(np.maximum(across, down), 0)


def _ellipse(x: Floats, y: Floats) -> Floats:
    """First-order distance: the implicit function divided by the norm of its gradient."""
    a, b = 0.55, 1.0
    value = np.maximum(np.hypot(x / a, y / b), 1e-9)
    return (value - 1) * value / np.maximum(np.hypot(x / a**2, y / b**2), 1e-9)


def _heart(x: Floats, y: Floats) -> Floats:
    """Exact distance: two circular arcs over a square standing on its corner (I. Quilez, "2D distance functions")."""
    across, up = np.abs(x) / 1.75, 0.55 - y / 1.75
    arc = np.hypot(across - 0.25, up - 0.75) - np.sqrt(2) / 4
    tip = np.hypot(across, up - 1)
    middle = 0.5 * np.maximum(across + up, 0)
    inner = np.minimum(tip, np.hypot(across - middle, up - middle)) * np.sign(across - up)
    return 1.75 * np.where(across + up > 1, arc, inner)


_DISTANCES = {"square": _square, "ellipse": _ellipse, "heart": _heart}
