"""A terrain: latents smoothly assigned to the places of a layout, with the error of the assignment."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.latent.embedding import starting_layout
from latentlab.latent.terrain import Terrain
from latentlab.models.inference import load_model

RANDOM = np.random.default_rng(0)


def test_of_latents_on_a_plane_it_is_the_plane():
    positions = RANDOM.uniform(-1, 1, (4000, 2)).astype(np.float32)
    lift = RANDOM.standard_normal((2, 7)).astype(np.float32)
    terrain = Terrain(positions @ lift, positions)
    places = RANDOM.uniform(-0.8, 0.8, (50, 2))
    z, error = terrain.at(places)
    spread = np.linalg.norm(lift)
    np.testing.assert_allclose(z, places @ lift, atol=0.05 * spread)
    assert error.max() < 0.1 * spread
    median, whole = terrain.assignment_error()
    assert median < 0.02 * whole


def test_latents_that_have_nothing_to_do_with_their_places_have_an_error_as_large_as_their_spread():
    terrain = Terrain(RANDOM.standard_normal((2000, 6)), RANDOM.uniform(-1, 1, (2000, 2)))
    median, spread = terrain.assignment_error()
    assert spread == pytest.approx(np.sqrt(6), rel=0.05)
    assert median > 0.85 * spread


def test_it_is_continuous_where_the_nearest_points_change():
    terrain = Terrain(RANDOM.standard_normal((60, 3)), RANDOM.uniform(-1, 1, (60, 2)))
    fine = np.column_stack([np.linspace(-1, 1, 4001), np.zeros(4001)])
    z, _ = terrain.at(fine)
    step = np.linalg.norm(np.diff(z, axis=0), axis=1)
    assert step.max() < 0.05


def test_a_cell_decodes_to_what_its_nearest_data_look_like():
    model = load_model("bundled:mnist-10d", "cpu")
    mean, label = model.points.mean, model.points.label
    positions = starting_layout(mean)
    terrain = Terrain(mean, positions)
    places = positions[RANDOM.integers(len(mean), size=60)] + RANDOM.normal(0, 0.01, (60, 2)).astype(np.float32)
    z, error = terrain.at(places)
    images = model.decode(z).reshape(60, -1)
    near, far = [], []
    for place, image in zip(places, images, strict=True):
        order = np.argsort(((positions - place) ** 2).sum(axis=1))
        around = model.decode(mean[order[:12]]).reshape(12, -1).mean(axis=0)
        elsewhere = model.decode(mean[RANDOM.integers(len(mean), size=12)]).reshape(12, -1).mean(axis=0)
        near.append(np.linalg.norm(image - around))
        far.append(np.linalg.norm(image - elsewhere))
    assert np.median(near) < 0.7 * np.median(far)
    assert len(np.unique(label)) == 10
    # The error that is stated is that of the points around.
    order = np.argsort(((positions - places[0]) ** 2).sum(axis=1))[:12]
    assert error[0] <= np.linalg.norm(mean[order] - z[0], axis=1).max()


def test_points_at_one_place_have_their_mean():
    z, error = Terrain([[0.0], [2.0], [4.0]], np.zeros((3, 2))).at([[0.0, 0.0]])
    assert z.tolist() == [[pytest.approx(2.0)]]
    assert error[0] == pytest.approx(np.sqrt(8 / 3))


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(InputError, match="a position"):
        Terrain(np.zeros((4, 3)), np.zeros((3, 2)))
