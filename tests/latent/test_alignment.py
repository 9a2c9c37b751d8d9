"""Procrustes against scipy and a known rotation."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.latent import procrustes


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("count", "size"), [(40, 2), (300, 10), (5, 8)])
def test_procrustes_equals_scipy(random, count, size):
    spatial = pytest.importorskip("scipy.spatial")
    linalg = pytest.importorskip("scipy.linalg")
    a, b = random.normal(size=(count, size)) + 3, random.normal(size=(count, size)) * 5
    found = procrustes(a, b)
    _, standard_b, disparity = spatial.procrustes(a, b)
    assert found.disparity == pytest.approx(disparity, rel=1e-9)
    centred_a, centred_b = a - a.mean(0), b - b.mean(0)
    if count > size:  # else the rotation is not the only one
        expected, _ = linalg.orthogonal_procrustes(centred_b, centred_a)
        np.testing.assert_allclose(found.rotation, expected, atol=1e-9)
    length = np.linalg.norm(centred_a)
    np.testing.assert_allclose((found.aligned - a.mean(0)) / length, standard_b, atol=1e-9)
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(size), atol=1e-9)
    assert ((found.aligned / length - a / length) ** 2).sum() == pytest.approx(disparity, rel=1e-9)


def test_a_rotated_space_is_laid_back_and_forth(random):
    a = random.normal(size=(50, 6))
    turn = np.linalg.qr(random.normal(size=(6, 6)))[0]
    b = a @ turn.T * 0.5 - 4
    found = procrustes(a, b)
    assert found.disparity < 1e-12
    assert found.scale == pytest.approx(2)
    new = random.normal(size=(9, 6))
    np.testing.assert_allclose(found.apply(new @ turn.T * 0.5 - 4), new, atol=1e-5)
    np.testing.assert_allclose(found.inverse(found.apply(b)), b, atol=1e-5)
    np.testing.assert_allclose(found.apply(b[0]), a[0], atol=1e-5)


def test_spaces_of_different_dimensions_are_padded(random):
    a = random.normal(size=(80, 2))
    lifted = np.linalg.qr(random.normal(size=(5, 5)))[0][:, :2]
    b = a @ lifted.T + 1  # a plane in five dimensions
    for one, other in ((a, b), (b, a)):
        found = procrustes(one, other)
        assert found.disparity < 1e-12
        assert found.aligned.shape == one.shape
        np.testing.assert_allclose(found.aligned, one, atol=1e-9)
        np.testing.assert_allclose(found.apply(other), one, atol=1e-5)
        assert found.apply(other[:3]).shape == (3, one.shape[1])


def test_sets_that_have_nothing_in_common(random):
    a = np.array([[1.0, 0], [-1, 0], [0, 0], [0, 0]])
    b = np.array([[0.0, 0], [0, 0], [1, 0], [-1, 0]])
    found = procrustes(a, b)
    assert found.disparity == pytest.approx(1)
    assert np.isfinite(found.inverse(a)).all()


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        (np.ones((4, 2)), np.zeros((3, 2)), "a latent for each image, not 4 and 3"),
        (np.ones((4, 2)), np.arange(8.0).reshape(4, 2), "the same point"),
        (np.ones((1, 2)), np.ones((1, 2)), "at least 2 latents"),
        (np.full((4, 2), np.nan), np.ones((4, 2)), "not finite"),
    ],
)
def test_sets_that_cannot_be_aligned(a, b, why):
    with pytest.raises(InputError, match=why):
        procrustes(a, b)
    fine = procrustes(np.eye(3), np.eye(3))
    with pytest.raises(InputError, match=r"latents of 3 numbers are needed, not an array \[2\]"):
        fine.apply([1.0, 2.0])
