"""Oscillations and recorded paths, against the sine and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.latent.oscillation import Oscillation, displacement, recorded_path

X, Y = np.array([2, 0], np.float32), np.array([0, 1], np.float32)


def test_it_is_the_sum_of_sines_along_the_vectors():
    slow, fast = Oscillation(X, 0.25, 1.5), Oscillation(Y, 2.0, 0.5, phase=0.25)
    for seconds in (0.0, 0.3, 7.1, 1000.0):
        expected = [
            2 * 1.5 * np.sin(2 * np.pi * 0.25 * seconds),
            0.5 * np.sin(2 * np.pi * (2 * seconds + 0.25)),
        ]
        np.testing.assert_allclose(displacement([slow, fast], seconds, 2), expected, atol=1e-4)
    assert displacement([], 1.0, 2).tolist() == [0, 0]


def test_a_triangle_has_constant_speed_and_the_sines_zeros_and_crests():
    triangle = Oscillation(X, 1.0, 3.0, shape="triangle")
    assert [triangle.value(at) for at in (0, 0.25, 0.5, 0.75, 1)] == pytest.approx([0, 3, 0, -3, 0])
    steps = np.diff([triangle.value(at) for at in np.linspace(0.25, 0.75, 50)])
    np.testing.assert_allclose(steps, steps[0])


def test_wandering_stays_within_its_depth_and_does_not_repeat():
    wander = Oscillation(X, 1.0, 2.0, shape="wander")
    values = np.array([wander.value(at) for at in np.linspace(0, 200, 4001)])
    assert np.abs(values).max() <= 2.0
    assert values.std() > 0.5
    period = values[:20]
    assert min(np.abs(values[start : start + 20] - period).max() for start in range(20, 3900)) > 0.02


def test_a_recording_has_waypoints_at_equal_times():
    times = [0.0, 1.0, 3.0]
    way = recorded_path(times, [[0, 0], [2, 0], [2, 4]], rate=2.0)
    assert way.tolist() == [[0, 0], [1, 0], [2, 0], [2, 1], [2, 2], [2, 3], [2, 4]]
    assert len(recorded_path(times, [[0, 0], [2, 0], [2, 4]], rate=1000.0, most=50)) == 50
    assert way.dtype == np.float32


@pytest.mark.parametrize(("times", "latents"), [([0.0], [[1, 2]]), ([0.0, 1.0], [[1, 2]]), ([0.0, 1.0], [1, 2])])
def test_too_little_is_no_path(times, latents):
    with pytest.raises(InputError, match="two latents"):
        recorded_path(times, latents)
