"""Principal components and typical distances of points."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.latent import nearest, principal_components, typical_distance
from latentlab.utils.defaults import FAR


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_principal_components_find_the_axes_that_made_the_points(random):
    axes = np.linalg.qr(random.normal(size=(5, 5)))[0]
    points = random.normal(size=(20_000, 5)) * [5, 3, 1, 0.5, 0.1] @ axes + 7
    components = principal_components(points, most=3)
    assert components.shape == (3, 5)
    np.testing.assert_allclose(components @ components.T, np.eye(3), atol=1e-5)
    np.testing.assert_allclose(np.abs((components * axes[:3]).sum(1)), 1, atol=1e-2)
    assert (components[np.arange(3), np.abs(components).argmax(1)] > 0).all()
    assert principal_components(points[:1]).shape == (0, 5)


def test_components_of_more_dimensions_than_points_are_the_same_axes(random):
    points = random.normal(size=(40, 1100)) * np.linspace(5, 1, 1100)
    components = principal_components(points, most=4)
    _, _, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs((components * axes[:4]).sum(1)), 1, atol=1e-5)
    assert len(principal_components(points[:3])) == 2, "three points span a plane"


def test_the_typical_distance_is_that_between_neighbours():
    lattice = np.stack(np.meshgrid(np.arange(30), np.arange(30)), -1).reshape(-1, 2) * 0.5
    assert typical_distance(lattice) == pytest.approx(0.5, rel=1e-3)
    assert typical_distance(lattice[:1]) == float("inf")
    many = np.random.default_rng(1).random((30_000, 2))
    assert typical_distance(many) == pytest.approx(typical_distance(many[:20_000]), rel=0.2)


@pytest.mark.parametrize("size", [2, 10])
def test_other_images_are_not_far_from_data_and_latents_between_clusters_are(random, size):
    centres = 5 * np.eye(size)[:2]
    points, held_out = (
        (centres[:, None] + 0.5 * random.normal(size=(2, count, size))).reshape(-1, size) for count in (2000, 150)
    )

    def share_far(latents: np.ndarray) -> float:
        far = FAR * typical_distance(points)
        return float(np.mean([nearest(points, latent, 1)[1][0] > far for latent in latents]))

    assert share_far(held_out) < 0.05
    assert share_far(centres.mean(axis=0) + 0.1 * random.normal(size=(50, size))) > 0.9
