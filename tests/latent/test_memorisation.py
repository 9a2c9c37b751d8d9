"""Copies among decoded images, by their distances to real ones."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.latent import memorisation


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (300, 1, 6, 6), dtype=np.uint8)


def test_the_distances_are_those_of_all_pairs(images, monkeypatch):
    decoded = np.random.default_rng(1).random((7, 1, 6, 6)).astype(np.float32)
    differences = decoded[:, None].astype(np.float64) - images / 255
    expected = np.sqrt((differences**2).sum(axis=(2, 3, 4)))
    monkeypatch.setattr("latentlab.latent.copies._BLOCK_VALUES", 36 * 17)
    found = memorisation(decoded, images)
    np.testing.assert_array_equal(found.index, expected.argmin(axis=1))
    np.testing.assert_allclose(found.distance, expected.min(axis=1), rtol=1e-5)
    np.testing.assert_allclose(found.around, np.sort(expected, axis=1)[:, :50].mean(axis=1), rtol=1e-5)
    between = np.sqrt((((images[:, None] - images.astype(float)) / 255) ** 2).sum(axis=(2, 3, 4)))
    np.fill_diagonal(between, np.inf)
    assert found.typical == pytest.approx(np.median(between.min(axis=1)), rel=0.05), "of 64 images"
    np.testing.assert_allclose(found.ratio, found.distance / found.typical)
    np.testing.assert_allclose(memorisation(decoded, images / 255).distance, found.distance, rtol=1e-5)


def test_a_copy_is_told_from_a_new_image(images):
    new = np.random.default_rng(2).integers(0, 256, (1, 1, 6, 6), dtype=np.uint8)
    found = memorisation(np.concatenate([images[5:6], new]), images)
    assert found.is_copy.tolist() == [True, False]
    assert found.index[0] == 5
    assert found.ratio[0] == pytest.approx(0, abs=1e-6)
    assert 0.7 < found.ratio[1] < 1.5


def test_images_that_cannot_be_compared(images):
    with pytest.raises(InputError, match=r"images of one shape are compared, not \[1, 6, 6\] and \[1, 5, 6\]"):
        memorisation(images[:1], images[:, :, :5])
    with pytest.raises(InputError, match="no images to compare with"):
        memorisation(images[:1], images[:0])
    assert memorisation(images[:1], images[:1]).typical == float("inf")
