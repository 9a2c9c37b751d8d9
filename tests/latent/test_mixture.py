"""Mixtures of Gaussians against scipy's densities, scikit-learn's fits and planted components."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.latent import fit_mixture, fit_mixture_in_steps


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def three(random):
    """Points of three Gaussians of different weights and covariances, and the means."""
    means = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])
    shapes = [np.array([[1.0, 0.9], [0.0, 0.3]]), np.eye(2), np.array([[2.0, 0.0], [0.0, 0.2]])]
    counts = (1200, 600, 300)
    parts = [mean + random.normal(size=(n, 2)) @ shape for mean, shape, n in zip(means, shapes, counts, strict=True)]
    return np.concatenate(parts), means


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_the_density_is_that_of_scipy(random, covariance):
    stats = pytest.importorskip("scipy.stats")
    points = random.normal(size=(300, 3)) @ random.normal(size=(3, 3)) + 2
    mixture = fit_mixture(points, components=3, covariance=covariance)
    parts = zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    expected = sum(w * stats.multivariate_normal(m, c).pdf(points[:50]) for w, m, c in parts)
    np.testing.assert_allclose(mixture.log_density(points[:50]), np.log(expected), rtol=1e-9)
    if covariance == "diagonal":
        assert (mixture.covariances[:, ~np.eye(3, dtype=bool)] == 0).all()


def test_one_component_is_the_mean_and_covariance(random):
    points = random.normal(size=(500, 4)) @ random.normal(size=(4, 4)) + 7
    mixture = fit_mixture(points, components=1, covariance="full")
    np.testing.assert_allclose(mixture.means[0], points.mean(0))
    np.testing.assert_allclose(mixture.covariances[0], np.cov(points.T, bias=True), atol=1e-4)


def test_planted_components_are_found_and_their_number_too(three):
    points, means = three
    mixture = fit_mixture(points)
    assert mixture.is_full
    assert len(mixture.weights) == 3
    for mean in means:
        assert np.linalg.norm(mixture.means - mean, axis=1).min() < 0.3
    three_of_them = fit_mixture(points, components=3)
    order = np.argsort(-three_of_them.weights)
    np.testing.assert_allclose(three_of_them.weights[order], [4 / 7, 2 / 7, 1 / 7], atol=0.01)
    np.testing.assert_allclose(three_of_them.means[order], means, atol=0.2)


def test_the_fit_is_as_good_as_that_of_scikit_learn(three):
    sklearn = pytest.importorskip("sklearn.mixture")
    points, _ = three
    for covariance, name in (("full", "full"), ("diagonal", "diag")):
        expected = sklearn.GaussianMixture(3, covariance_type=name, random_state=0).fit(points).score(points)
        found = fit_mixture(points, components=3, covariance=covariance).log_density(points).mean()
        assert found > expected - 0.01


def test_components_that_overlap_are_fitted_as_well(random):
    sklearn = pytest.importorskip("sklearn.mixture")
    points = np.concatenate([random.normal(0, 1, (1000, 2)), random.normal(2, 0.7, (1000, 2))])
    for covariance, name in (("full", "full"), ("diagonal", "diag")):
        expected = sklearn.GaussianMixture(2, covariance_type=name, random_state=0, tol=1e-5, max_iter=500).fit(points)
        found = fit_mixture(points, components=2, covariance=covariance)
        assert found.log_density(points).mean() == pytest.approx(expected.score(points), abs=0.005)


def test_draws_have_the_density_that_was_fitted(three):
    points, _ = three
    mixture = fit_mixture(points, components=3)
    drawn = mixture.sample(4000, seed=1)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.mean(0), points.mean(0), atol=0.2)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(points.T), rtol=0.1, atol=0.5)
    np.testing.assert_array_equal(drawn, mixture.sample(4000, seed=1))
    assert mixture.log_density(mixture.sample(500, seed=1, temperature=0.5)).mean() > mixture.log_density(drawn).mean()
    middle = mixture.sample(50, temperature=0.0)
    assert all(np.linalg.norm(mixture.means - z, axis=1).min() < 1e-5 for z in middle)


def test_deviations_widen_the_mixture(random):
    means = np.zeros((4000, 2))
    mixture = fit_mixture(means, np.full((4000, 2), 0.5), components=1)
    np.testing.assert_allclose(mixture.covariances[0], 0.25 * np.eye(2), atol=0.02)
    with pytest.raises(InputError, match="must have the shape of the points"):
        fit_mixture(means, np.ones((4, 2)))


@pytest.mark.parametrize(("count", "size"), [(1, 3), (3, 2), (12, 50), (40, 5)])
def test_few_points_and_equal_points(random, count, size):
    points = random.normal(size=(count, size))
    assert np.isfinite(fit_mixture(points).log_density(points)).all()
    equal = fit_mixture(np.ones((count, size)))
    np.testing.assert_allclose(equal.sample(3), 1, atol=0.02)


def test_steps_end_with_the_mixture(three):
    steps = list(fit_mixture_in_steps(three[0], components=3, covariance="full", seed=2))
    assert len(steps) > 2
    assert not any(steps[:-1])
    np.testing.assert_array_equal(steps[-1].means, fit_mixture(three[0], components=3, covariance="full", seed=2).means)
    with pytest.raises(InputError, match="1 to 2100 components, not 3000"):
        fit_mixture(three[0], components=3000)
    with pytest.raises(InputError, match="at least 1 latent,"):
        fit_mixture(np.zeros((0, 2)))
