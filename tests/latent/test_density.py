"""Lengths of a cloud of points: its spread, and the radius of the posteriors around them."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.latent.density import posterior_radius, spread


@pytest.mark.parametrize("count", [500, 50_000])
def test_the_spread_is_that_of_one_dimension(count):
    points = np.random.default_rng(0).normal(5, (1, 2, 3), (count, 3))
    assert spread(points) == pytest.approx(np.sqrt(14 / 3), rel=0.05)


def test_the_radius_is_the_distance_of_samples_in_the_dimensions_that_are_used():
    random = np.random.default_rng(0)
    mean = np.concatenate([random.normal(size=(500, 2)), np.zeros((500, 3))], axis=1)
    std = np.concatenate([np.full((500, 2), 0.3), np.ones((500, 3))], axis=1)
    samples = mean + std * random.normal(size=mean.shape)
    distance = np.sqrt(np.square(samples - mean)[:, :2].sum(axis=1).mean())
    assert posterior_radius(mean, std) == pytest.approx(distance, rel=0.1)


def test_a_collapsed_posterior_covers_the_whole_prior():
    assert posterior_radius(np.zeros((9, 4)), np.ones((9, 4))) == pytest.approx(2)
