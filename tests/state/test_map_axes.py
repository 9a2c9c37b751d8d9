"""The map's two directions: the first of a latent space, those with the highest KL, or the user's own."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.config.layout import LatentLayout, Level
from latentlab.state.map_axes import AxesChoice, MapAxes, level_components

TOP, BOTTOM = Level("top", 0, 1), Level("bottom", 1, 3)
LADDER = LatentLayout("plain", (TOP, BOTTOM))
KL = np.array([9.0, 0.1, 3.0, 2.0], np.float32)


@pytest.fixture
def axes():
    axes = MapAxes()
    axes.reset(LADDER)
    axes.expect_first_points()
    return axes


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (LADDER, AxesChoice("z1", "z2")),
        (LatentLayout("plain", (TOP,)), AxesChoice("z1", "z1")),
        (LatentLayout("categories", (BOTTOM,), categories=3), AxesChoice("pc1", "pc2")),
    ],
)
def test_a_latent_space_starts_with_its_first_directions(axes, layout, expected):
    axes.choose(AxesChoice("z3", "z4"))
    axes.reset(layout)
    assert axes.choice == expected


def test_the_first_points_choose_within_the_level_and_the_next_do_not(axes):
    assert axes.choose_strongest(KL, LADDER, BOTTOM)
    assert axes.choice == AxesChoice("z3", "z4")
    assert not axes.choose_strongest(KL[::-1], LADDER, BOTTOM)
    axes.expect_first_points()
    assert not axes.choose_strongest(KL, LADDER, BOTTOM), "chosen again, and the same"


@pytest.mark.parametrize(
    "prepare", [MapAxes.ignore_first_points, lambda axes: axes.choose(AxesChoice())], ids=["explored", "chosen"]
)
def test_directions_in_use_stay(axes, prepare):
    prepare(axes)
    assert not axes.choose_strongest(KL, LADDER, BOTTOM)
    assert axes.choice == AxesChoice()


@pytest.mark.parametrize("kl", [None, np.array([1, np.nan, 2, 3], np.float32)])
def test_an_unknown_kl_chooses_nothing(axes, kl):
    assert not axes.choose_strongest(kl, LADDER, BOTTOM)
    assert axes.choice == AxesChoice()


def test_components_are_of_the_level_and_stand_for_dimensions_when_there_are_none(axes):
    components = np.array([[1, 0, 0, 0], [0, 0.6, 0.8, 0]], np.float32)
    of_level = level_components(components, BOTTOM)
    assert of_level.tolist() == components[1:].tolist()
    axes.choose(AxesChoice("pc1", "pc2"))
    plane = axes.plane(np.array([1, 2, 3, 4], np.float32), of_level)
    np.testing.assert_array_equal(plane.x, components[1])
    assert plane.y.tolist() == [0, 1, 0, 0]


def directions(**vectors: list[float]):
    """Vectors of directions by the name of their axis."""
    return lambda name: np.array(vectors[name[2:]], np.float32) if name[2:] in vectors else None


@pytest.mark.parametrize(
    ("choice", "vectors"),
    [
        (AxesChoice("d:a", "d:b"), {"a": [3, 0, 0, 0], "b": [2, 2, 0, 0]}),
        (AxesChoice("d:a", "z2"), {"a": [1, 1, 1, 0]}),
        (AxesChoice("pc1", "d:a"), {"a": [0.5, 0, 0, 0.1]}),
        (AxesChoice("d:a", "d:b"), {"a": [1, 2, 0, 0], "b": [-2, -4, 0, 0]}),  # parallel
        (AxesChoice("d:a", "d:b"), {"a": [1, 2, 0, 0]}),  # the second one is gone
    ],
)
def test_the_plane_of_any_directions_is_orthonormal_and_a_point_of_it_is_what_is_projected_there(choice, vectors):
    axes = MapAxes()
    axes.choose(choice)
    random = np.random.default_rng(0)
    components = np.eye(4, dtype=np.float32)[::-1].copy()
    latent = random.standard_normal(4).astype(np.float32)
    plane = axes.plane(latent, components, directions(**vectors))
    both = np.stack([plane.x, plane.y]).astype(float)
    np.testing.assert_allclose(both @ both.T, np.eye(2), atol=1e-6)
    uv = random.standard_normal((50, 2)).astype(np.float32)
    np.testing.assert_allclose(plane.project(plane.lift(uv)), uv, atol=1e-5)
    np.testing.assert_allclose(plane.lift(plane.project(latent[None]))[0], latent, atol=1e-5)
    if choice.x == "d:a":
        unit = np.array(vectors["a"]) / np.linalg.norm(vectors["a"])
        np.testing.assert_allclose(plane.x, unit, atol=1e-6)


def test_the_second_axis_lies_in_the_plane_of_both_directions():
    axes = MapAxes()
    axes.choose(AxesChoice("d:a", "d:b"))
    vector_of = directions(a=[1, 0, 0], b=[1, 1, 0])
    plane = axes.plane(np.zeros(3, np.float32), np.zeros((0, 3), np.float32), vector_of)
    np.testing.assert_allclose(plane.y, [0, 1, 0], atol=1e-6)
    assert axes.choice.directions == ("a", "b")


def test_a_direction_of_another_latent_space_falls_back_to_the_first_dimension():
    axes = MapAxes()
    axes.choose(AxesChoice("d:a", "z2"))
    plane = axes.plane(np.zeros(2, np.float32), np.zeros((0, 2), np.float32), directions(a=[1, 0, 0]))
    assert (plane.x.tolist(), plane.y.tolist()) == ([1, 0], [0, 1])
