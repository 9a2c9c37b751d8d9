"""The cursor and the preview, as seen in the map's pixels."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gui.latent_map.conftest import RANGE, at


@pytest.mark.parametrize("grey", [0, 255])
def test_the_cursor_shows_on_dark_and_on_light(latent_map, pixels_of, grey):
    latent_map.set_manifold(np.full((4, 4), grey, np.uint8), RANGE, RANGE)
    before = pixels_of(latent_map).astype(int)
    latent_map.set_cursor((0.5, 0.5))
    after = pixels_of(latent_map).astype(int)
    pixel = at(latent_map, (0.5, 0.5))
    around = (slice(pixel.y() - 12, pixel.y() + 12), slice(pixel.x() - 12, pixel.x() + 12))
    assert (np.abs(after - before)[around].max(axis=-1) > 100).sum() > 40
    latent_map.set_cursor(None)
    np.testing.assert_array_equal(pixels_of(latent_map), before)


def test_preview_path_and_posterior_are_drawn_and_removed(latent_map, pixels_of):
    empty = pixels_of(latent_map)
    for show, hide in (
        (lambda: latent_map.set_preview((1, 1)), lambda: latent_map.set_preview(None)),
        (lambda: latent_map.set_path([(-1, -1), (1, 1)]), lambda: latent_map.set_path(None)),
        (lambda: latent_map.set_posterior((0, 1), np.diag([0.04, 0.25])), lambda: latent_map.set_posterior(None)),
    ):
        show()
        assert (pixels_of(latent_map) != empty).any()
        hide()
        np.testing.assert_array_equal(pixels_of(latent_map), empty)
