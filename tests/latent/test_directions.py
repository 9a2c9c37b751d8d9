"""Directions against planted ones, groups without a difference, and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.latent import (
    analogy,
    direction,
    direction_in_steps,
    orthogonalise,
    project,
    regression_direction,
)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def cosine(one, other):
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_a_planted_direction_is_found_with_its_score(random):
    axis = np.linalg.qr(random.normal(size=(10, 10)))[0][0]
    points = random.normal(size=(4000, 10)) + 3
    found = direction(points[:2000] + 2 * axis, points[2000:])
    assert cosine(found.vector, axis) > 0.99, "from b to a"
    assert found.length == pytest.approx(2, rel=0.05)
    assert found.cohens_d == pytest.approx(2, rel=0.05)
    assert found.accuracy == pytest.approx(0.841, abs=0.02), "Φ(1): one standard deviation from the threshold"
    assert abs(found.random_cohens_d) < 0.02
    assert found.p_value == pytest.approx(1 / 41)
    assert found.counts == (2000, 2000)
    np.testing.assert_allclose(found.vector, points[:2000].mean(0) + 2 * axis - points[2000:].mean(0))


@pytest.mark.parametrize(("count", "size"), [(500, 2), (15, 200), (40, 200)])
def test_groups_without_a_difference_are_not_flattered(random, count, size):
    """Along the difference of their own means, 15 random points in 200 dimensions are 5 standard deviations apart."""
    scores, accuracies, others = [], [], []
    for seed in range(20):
        points = random.normal(size=(2 * count, size))
        found = direction(points[:count], points[count:], permutations=5, seed=seed)
        scores.append(found.cohens_d)
        accuracies.append(found.accuracy)
        others.append(found.random_cohens_d)
    assert abs(np.mean(scores)) < 0.2
    assert abs(np.mean(others)) < 0.1
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.05)
    flattered = project(points, found)
    if size == 200:
        assert (flattered[:count].mean() - flattered[count:].mean()) / flattered[:count].std() > 1.5


def test_the_score_of_chance_has_its_spread(random):
    points = random.normal(size=(400, 5))
    found = direction(points[:200], points[200:], permutations=200)
    assert found.random_spread == pytest.approx(np.sqrt(2 / 200), rel=0.5), "the standard error of Cohen's d"
    assert abs(found.cohens_d) < 4 * found.random_spread
    assert found.p_value > 0.01


def test_steps_end_with_what_the_function_returns(random):
    a, b = random.normal(size=(30, 3)) + 1, random.normal(size=(50, 3))
    steps = list(direction_in_steps(a, b, permutations=4, seed=3))
    assert len(steps) == 2 + 4 + 1
    assert np.isnan(steps[0].cohens_d)
    assert np.isnan(steps[1].random_cohens_d)
    whole = direction(a, b, permutations=4, seed=3)
    assert steps[-1].scores == whole.scores
    assert set(whole.scores) == {"cohens_d", "random_cohens_d", "random_spread", "p_value", "accuracy"}


def test_groups_that_do_not_overlap_and_groups_of_one(random):
    apart = direction(np.ones((5, 2)), np.zeros((5, 2)), permutations=0)
    assert apart.cohens_d == float("inf")
    assert apart.accuracy == 1
    assert "cohens_d" not in apart.scores, "not a number that JSON has"
    single = direction([[1.0, 0.0]], random.normal(size=(9, 2)))
    assert single.scores == {}
    assert single.counts == (1, 9)


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ([[1.0, 2.0]], [[1.0, 2.0, 3.0]], "equally many dimensions, not 2 and 3"),
        (np.zeros((0, 2)), [[1.0, 2.0]], "at least 1 latent, not 0"),
        ([[1.0, 2.0]], [[1.0, 2.0]], "the same mean"),
        ([[np.nan, 2.0]], [[1.0, 2.0]], "not finite"),
        ([1.0, 2.0], [[1.0, 2.0]], r"latents \[n, d\], not an array \[2\]"),
        ([["x", "y"]], [[1.0, 2.0]], "an array of numbers"),
    ],
)
def test_groups_that_have_no_direction(a, b, why):
    with pytest.raises(InputError, match=why):
        direction(a, b)


def test_positions_are_distances_from_the_origin(random):
    found = direction([[3.0, 4.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]], permutations=0)
    np.testing.assert_allclose(project([[3.0, 4.0], [0.0, 0.0], [1.5, 2.0]], found), [2.5, -2.5, 0])
    np.testing.assert_allclose(project([1.0, 7.0], [0.0, 2.0]), 7)
    moved = found.apply([0.0, 0.0], [0.0, 0.5, 1.0])
    np.testing.assert_allclose(moved, [[0, 0], [1.5, 2], [3, 4]])
    assert found.apply(np.zeros((5, 2)), [0.0, 1.0]).shape == (5, 2, 2)
    assert found.apply(np.zeros((5, 2)), 1.0).shape == (5, 2)


def test_an_orthogonal_direction_leaves_the_others_alone(random):
    vector, *others = random.normal(size=(4, 20))
    rest = orthogonalise(vector, [*others, others[0] + others[1]])
    for each in others:
        assert abs(cosine(rest.vector, each)) < 1e-12
    expected = vector - np.linalg.lstsq(np.array(others).T, vector)[0] @ others
    np.testing.assert_allclose(rest.vector, expected, atol=1e-12)
    np.testing.assert_array_equal(orthogonalise(vector, []).vector, vector)
    with pytest.raises(InputError, match="lies within the others"):
        orthogonalise(others[0] - 2 * others[1], others)
    found = direction(random.normal(size=(9, 20)), random.normal(size=(9, 20)), permutations=0)
    changed = orthogonalise(found, [others[0]])
    np.testing.assert_array_equal(changed.origin, found.origin)
    assert changed.scores == {}


def test_an_analogy_moves_every_latent():
    np.testing.assert_array_equal(analogy([3.0, 1.0], [1.0, 1.0], [0.0, 5.0]), [2, 5])
    moved = analogy([[3.0, 1.0], [5.0, 1.0]], [[1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]])
    np.testing.assert_array_equal(moved, [[3, 0], [4, 1]])
    with pytest.raises(InputError, match="a and c must have equally many dimensions"):
        analogy([3.0, 1.0], [1.0, 1.0], [0.0, 5.0, 1.0])


# --- along a column -----------------------------------------------------------------------------------------


def test_a_planted_column_is_found(random):
    points = random.normal(size=(3000, 6)) + 1
    axis = np.array([1.0, -2, 0, 0, 2, 0]) / 3
    values = 5 * points @ axis + random.normal(size=3000) + 40
    found = regression_direction(points, values)
    assert cosine(found.vector, axis) > 0.995
    assert found.r2 == pytest.approx(25 / 26, abs=0.01)
    assert found.accuracy > 0.9
    assert found.cohens_d > 2
    assert abs(found.random_cohens_d) < 0.05
    step = 5 * (found.vector @ axis)
    assert step == pytest.approx(values.std(), rel=0.03), "a step is one standard deviation of the column"
    np.testing.assert_allclose(found.origin, points.mean(axis=0))


def test_a_column_of_noise_is_not_flattered(random):
    scores = []
    for seed in range(10):
        points, values = random.normal(size=(40, 200)), random.normal(size=40)
        found = regression_direction(points, values, permutations=5, seed=seed)
        scores.append((found.r2, found.cohens_d, found.accuracy))
    r2, cohens_d, accuracy = np.mean(scores, axis=0)
    assert r2 < 0.05
    assert abs(cohens_d) < 0.3
    assert accuracy == pytest.approx(0.5, abs=0.1)


def test_the_score_of_shuffled_values_is_0(random):
    found = regression_direction(random.normal(size=(300, 6)), random.normal(size=300), permutations=300)
    assert abs(found.random_cohens_d) < 0.04
    assert found.random_spread == pytest.approx(np.sqrt(2 / 150), rel=0.5), "the standard error of Cohen's d"


def test_ridge_equals_scikit_learn(random):
    linear_model = pytest.importorskip("sklearn.linear_model")
    points, values = random.normal(size=(60, 8)), random.normal(size=60)
    expected = linear_model.Ridge(alpha=3.0).fit(points, values).coef_
    found = regression_direction(points, values, ridge=3.0, permutations=0)
    np.testing.assert_allclose(found.vector, expected * values.std() / (expected @ expected), rtol=1e-9)


def test_unknown_values_and_values_of_two_kinds(random):
    points = random.normal(size=(90, 3))
    values = (points[:, 0] > -1).astype(float)
    known = regression_direction(points[10:], values[10:], permutations=3)
    values[:10] = np.nan
    found = regression_direction(points, values, permutations=3)
    np.testing.assert_array_equal(found.vector, known.vector)
    assert found.counts == (int(np.nansum(values)), 80 - int(np.nansum(values))), "mostly ones"
    for bad, why in ((np.ones(90), "the same value everywhere"), (np.ones(4), "one value for each of 90")):
        with pytest.raises(InputError, match=why):
            regression_direction(points, bad)
