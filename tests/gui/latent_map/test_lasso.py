"""Which points are inside an outline: the same as the even-odd rule, edge by edge and point by point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentlab.gui.latent_map.lasso import FEW, Outline, points_inside
from latentlab.gui.latent_map.layers.point_raster import PointTiles


def even_odd(corners: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """A ray to the right from each point [N, 2] crosses an odd number of edges."""
    x, y = xy.astype(np.float64).T
    odd = np.zeros(len(xy), bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 != y2:
            meets = (y >= min(y1, y2)) & (y < max(y1, y2))
            odd ^= meets & (x < x1 + (y - y1) * ((x2 - x1) / (y2 - y1)))
    return odd


def outline(kind: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """Corners of a random outline [count, 2] that may cross itself."""
    if kind == "scribble":
        return rng.normal(size=(count, 2))
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if kind == "ring":
        return circle * rng.uniform(0.7, 1.3, (count, 1))
    return np.round(circle * 2) / 2  # "steps": corners at the same heights, and level edges


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["scribble", "ring", "steps"]),
    corners=st.integers(3, 60),
    points=st.sampled_from([7, FEW, FEW + 1, 20_000]),
    scale=st.sampled_from([1e-7, 1e-5, 1.0, 1e4]),
    offset=st.sampled_from([0.0, 2.3, -700.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_points_inside_are_those_of_the_even_odd_rule(kind, corners, points, scale, offset, seed):
    rng = np.random.default_rng(seed)
    polygon = outline(kind, corners, rng) * scale + offset
    xy = rng.normal(size=(points, 2)) * scale + offset
    edge, along = rng.integers(0, corners, points // 2), rng.uniform(size=(points // 2, 1))
    on_edges = polygon[edge] + along * (np.roll(polygon, -1, axis=0)[edge] - polygon[edge])
    xy[: points // 2] = on_edges + rng.normal(size=on_edges.shape) * scale * rng.choice([1e-6, 1e-3])
    xy = xy.astype(np.float32)
    expected = even_odd(polygon, xy)
    tiles = PointTiles(xy, np.zeros(points, np.uint8))
    found = list(points_inside(tiles, polygon))
    positions = np.concatenate(found) if found else np.zeros(0, np.int64)
    if np.ptp(polygon, axis=0).min() > 0:
        np.testing.assert_array_equal(np.sort(tiles.order[positions]), np.flatnonzero(expected))
        np.testing.assert_array_equal(Outline(polygon).contains(*xy.T), expected)
    assert len(positions) == len(np.unique(positions))


@pytest.mark.parametrize(
    "corners", [[], [(0, 0)], [(0, 0), (1, 1)], [(0, 0), (1, 0), (2, 0)], [(0, 0), (np.nan, 1), (2, 0)]]
)
def test_an_outline_without_an_area_encloses_nothing(corners):
    assert not Outline(np.array(corners)).contains(np.zeros(3, np.float32), np.zeros(3, np.float32)).any()


def test_the_points_of_a_crowd_are_found_in_small_steps():
    xy = np.random.default_rng(0).normal(size=(300_000, 2)).astype(np.float32)
    steps = list(
        points_inside(PointTiles(xy, np.zeros(len(xy), np.uint8)), outline("ring", 300, np.random.default_rng(1)))
    )
    assert len(steps) > 3
    assert max(map(len, steps)) <= 1 << 16
