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


def test_the_result_says_in_one_sentence_how_many_are_copies(images):
    new = 1 - images[:1].astype(np.float32) / 255
    end = "the nearest to an image of the data is at 0 × the typical distance."
    assert str(memorisation(images[5:6], images)) == f"1 of 1 decoded image is a copy: {end}"
    assert str(memorisation(images[5:7], images)) == f"2 of 2 decoded images are copies: {end}"
    assert str(memorisation(new, images)).startswith("None of 1 decoded image is a copy: the nearest")
    assert str(memorisation(images[:0], images)) == "No decoded image was compared."
    assert "copies cannot be recognised" in str(memorisation(images[:1], images[:1]))
