"""The magnification factor, on surfaces whose area is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.latent import magnification
from latentlab.models.inference import load_model


def test_of_a_sphere_it_is_the_cosine_of_the_latitude():
    longitude, latitude = np.random.default_rng(0).uniform(-1.5, 1.5, (2, 50))
    east = [-np.sin(longitude) * np.cos(latitude), np.cos(longitude) * np.cos(latitude), np.zeros(50)]
    north = [-np.cos(longitude) * np.sin(latitude), -np.sin(longitude) * np.sin(latitude), np.cos(latitude)]
    jacobian = np.moveaxis(np.array([east, north]), 2, 0)
    np.testing.assert_allclose(magnification(jacobian), np.cos(latitude), atol=1e-7)


def test_one_direction_has_a_length_and_three_a_volume():
    lengths = magnification(np.array([[[3.0, 4.0]]]))
    volumes = magnification(np.diag([1.0, 2.0, 3.0])[None])
    assert (lengths.tolist(), volumes.tolist()) == ([5.0], [pytest.approx(6.0)])


def test_dependent_directions_have_none():
    assert magnification([[[1.0, 2.0], [2.0, 4.0]]]).tolist() == [0.0]


def test_a_vector_is_refused():
    with pytest.raises(ValueError, match="a Jacobian is"):
        magnification([1.0, 2.0])


def test_of_a_decoder_it_is_the_numeric_determinant():
    model = load_model("bundled:mnist-2d", "cpu")
    z = np.array([[0.2, -0.4], [1.0, 0.7]])
    found = magnification(model.decoder_jacobian(z))
    decode, step = model.module.double().decode, 1e-6
    with torch.no_grad():
        ahead, behind = (
            torch.stack([decode(torch.from_numpy(z + sign * step * axis)) for axis in np.eye(2)], 1).flatten(2)
            for sign in (1, -1)
        )
    numeric = ((ahead - behind) / (2 * step)).numpy()
    expected = [np.sqrt(np.linalg.det(each @ each.T)) for each in numeric]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
