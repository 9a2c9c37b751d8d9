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
