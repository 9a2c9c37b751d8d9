"""Colours remain distinct under every kind of colour vision."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.gui.style.theme import DARK, LIGHT
from latentlab.utils.palettes import (
    EYES,
    as_seen,
    cividis,
    cividis_table,
    class_colours,
    oklab,
    oklch_to_rgb,
    palette,
)

GREYS = [[0, 0, 0], [128, 128, 128], [255, 255, 255]]


@pytest.mark.parametrize(("count", "apart"), [(3, 0.1), (8, 0.07), (10, 0.07), (20, 0.045)])
@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("eye", [None, *EYES])
def test_classes_remain_distinct_under_every_colour_vision(count, apart, dark, eye):
    colours = class_colours(count, dark)
    assert colours.shape == (count, 3)
    seen = oklab(as_seen(colours, eye))
    distance = np.linalg.norm(seen[:, None] - seen, axis=-1) + np.eye(count)
    assert distance.min() > apart


def test_a_class_keeps_its_colour_when_more_are_added():
    np.testing.assert_array_equal(class_colours(40)[:10], class_colours(10))
    np.testing.assert_array_equal(class_colours(10)[:7], class_colours(8)[:7])


def test_any_number_of_classes_has_colours():
    assert class_colours(0).shape == (0, 3)
    many = class_colours(1_000)
    assert many.shape == (1_000, 3)
    assert len(np.unique(many, axis=0)) == 100


def test_colour_conversions_agree_with_published_values():
    # Ottosson's own examples: white, and red's OKLab coordinates.
    np.testing.assert_allclose(oklab(np.array([1.0, 1.0, 1.0])), [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(oklab(np.array([1.0, 0.0, 0.0])), [0.62796, 0.22486, 0.12585], atol=1e-4)
    np.testing.assert_array_equal(oklch_to_rgb([0.0, 0.59987, 1.0], [0.0, 0.0, 0.0], [0, 90, 180]), GREYS)


def test_a_colour_outside_srgb_keeps_its_lightness_and_hue():
    lightness, a, b = oklab(as_seen(oklch_to_rgb([0.7], [0.4], [150.0]), None))[0]
    assert lightness == pytest.approx(0.7, abs=0.01)
    assert np.degrees(np.arctan2(b, a)) == pytest.approx(150, abs=2)
    assert np.hypot(a, b) > 0.15


def test_greys_stay_grey_under_every_colour_vision():
    grey = np.full((1, 3), 128, np.uint8)
    for eye in EYES:
        np.testing.assert_allclose(as_seen(grey, eye), as_seen(grey, None), atol=1e-3)


def test_cividis_rises_in_lightness_and_clips():
    lightness = oklab(as_seen(cividis_table(), None))[:, 0]
    assert (np.diff(lightness) > -1e-3).all()
    np.testing.assert_array_equal(cividis([-1.0, np.nan, 0.0]), np.repeat(cividis_table()[:1], 3, axis=0))
    np.testing.assert_array_equal(cividis([1.0, 7.0]), np.repeat(cividis_table()[-1:], 2, axis=0))


def luminance(colours) -> np.ndarray:
    return as_seen(np.asarray(colours, np.uint8), None) @ np.array([0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize(("dark", "contrast"), [(True, 3.0), (False, 2.0)])
def test_honest_every_step_of_a_value_can_be_seen_on_its_background(dark, contrast):
    """*Honest*: points are never dropped, neither by a colour that cannot be distinguished from what is behind it."""
    ground = (DARK if dark else LIGHT).map
    behind = luminance([[int(ground[at : at + 2], 16) for at in (1, 3, 5)]])
    steps = palette(12, dark, ordered=True)
    lighter, darker = np.maximum(luminance(steps), behind), np.minimum(luminance(steps), behind)
    assert ((lighter + 0.05) / (darker + 0.05)).min() >= contrast
    assert ((luminance(steps) + 0.05) / 0.05).min() > 2.0, "on a black image"
    assert (np.diff(oklab(as_seen(steps, None))[:, 0]) > 0.01).all(), "from dark to bright"
