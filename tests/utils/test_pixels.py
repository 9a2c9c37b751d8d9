"""Pixels as the window paints them."""

from __future__ import annotations

import numpy as np

from latentlab.utils.pixels import as_pixels, shrink, to_bytes


def test_levels_are_rounded_to_the_nearest():
    np.testing.assert_array_equal(to_bytes(np.array([0.0, 0.4 / 255, 0.6 / 255, 1.0])), [0, 0, 1, 255])


def test_colour_comes_last_and_grey_has_no_channel():
    colour = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    assert as_pixels(colour).shape == (2, 4, 5, 3)
    np.testing.assert_array_equal(as_pixels(colour)[1, 2, 3], colour[1, :, 2, 3])
    assert as_pixels(colour[:, :1]).shape == (2, 4, 5)


def test_shrinking_averages_areas():
    images = np.random.default_rng(0).random((2, 3, 7, 10), dtype=np.float32)
    small = shrink(images, 5)
    assert small.shape == (2, 3, 4, 5)
    np.testing.assert_allclose(small[:, :, 0, 0], images[:, :, :2, :2].mean(axis=(2, 3)), rtol=1e-5)
    np.testing.assert_allclose(small[:, :, 3, 4], images[:, :, 6:, 8:].mean(axis=(2, 3)), rtol=1e-5)
    assert shrink(images, 10) is images
