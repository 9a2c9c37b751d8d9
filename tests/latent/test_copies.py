"""Distances between images in pixels: equal to those of all pairs, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from latentlab.latent.copies import AROUND, PixelSearch, TypicalPixelDistance, is_copy


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).integers(0, 256, (90, 3, 5, 4), np.uint8)


@pytest.mark.parametrize("size", [1, 7, 90])
def test_the_nearest_image_is_that_of_all_pairs(images, size):
    target = np.random.default_rng(2).random((3, 5, 4))
    search = PixelSearch(target)
    for start in range(0, 90, size):
        search.add(images[start : start + size])
    distances = cdist(images.reshape(90, -1) / 255, target.reshape(1, -1))[:, 0]
    found = search.result()
    assert found.index == distances.argmin()
    assert found.distance == pytest.approx(distances.min(), rel=1e-5)
    assert found.around == pytest.approx(np.sort(distances)[:AROUND].mean(), rel=1e-5)


@pytest.mark.parametrize("size", [1, 7, 90])
def test_the_typical_distance_is_the_median_to_the_nearest_other_image(images, size):
    typical = TypicalPixelDistance(90)
    typical.set_sampled(images[typical.sampled])
    for start in range(0, 90, size):
        typical.add(start, images[start : start + size])
    pairs = cdist(images.reshape(90, -1) / 255, images.reshape(90, -1) / 255)
    np.fill_diagonal(pairs, np.inf)
    assert typical.result() == pytest.approx(np.median(pairs[typical.sampled].min(axis=1)), rel=1e-4)


def test_a_duplicate_is_its_own_nearest_neighbour_at_0():
    typical = TypicalPixelDistance(2)
    images = np.full((2, 1, 2, 2), 200, np.uint8)
    typical.set_sampled(images[typical.sampled])
    typical.add(0, images)
    assert typical.result() == pytest.approx(0, abs=1e-3)


def test_one_image_has_no_typical_distance():
    typical = TypicalPixelDistance(1)
    typical.set_sampled(np.zeros((1, 1, 2, 2), np.uint8))
    typical.add(0, np.zeros((1, 1, 2, 2), np.uint8))
    assert typical.result() == np.inf


@pytest.mark.parametrize(
    ("distance", "around", "copied"), [(1, 10, True), (4, 5, False), (8, 20, False), (6, 30, False)]
)
def test_a_copy_is_much_nearer_than_is_typical_and_than_those_around(distance, around, copied):
    assert is_copy(distance, 10, around) is copied
