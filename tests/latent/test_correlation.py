"""Correlations against scipy, and against groups of known differences."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.latent.correlation import correlation_ratio, extreme_groups, groups_of, pearson

RANDOM = np.random.default_rng(0)


def test_pearson_is_scipys_over_the_finite_rows():
    stats = pytest.importorskip("scipy.stats")
    x = RANDOM.standard_normal(200)
    y = 0.4 * x + RANDOM.standard_normal(200) + 1e6
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    y[:3] = np.nan, np.inf, -np.inf
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x[3:], y[3:]).statistic, abs=1e-9)
    assert pearson(x, -3 * x) == -1.0


def test_what_has_no_correlation_has_none():
    x = RANDOM.standard_normal(10)
    assert pearson(x, np.full(10, 0.1)) is None
    assert pearson(x[:2], x[:2]) is None
    assert correlation_ratio(x, np.zeros(10, int)) is None
    assert correlation_ratio(x, np.arange(10)) is None, "every row is a group of its own"
    assert correlation_ratio(np.ones(10), np.arange(10) % 2) is None
    assert correlation_ratio(x, np.full(10, -1)) is None


def test_the_ratio_is_one_for_separate_groups_and_the_f_statistics_else():
    groups = np.arange(600) % 3
    assert correlation_ratio(groups * 5.0, groups) == 1.0
    stats = pytest.importorskip("scipy.stats")
    x = RANDOM.standard_normal(600) + 0.5 * groups
    f = stats.f_oneway(*(x[groups == k] for k in range(3))).statistic
    epsilon_squared = (f - 1) * 2 / (f * 2 + 597)  # Kelley's, in terms of F with (2, 597) degrees of freedom
    assert correlation_ratio(x, groups) == pytest.approx(np.sqrt(epsilon_squared))
    assert correlation_ratio(x, np.where(groups == 2, -1, groups)) < correlation_ratio(x, groups)


def test_many_random_groups_do_not_raise_it():
    ratios = [correlation_ratio(RANDOM.standard_normal(200), RANDOM.integers(0, 50, 200)) for _ in range(50)]
    assert np.median(ratios) < 0.15, "η would be 0.5"


def test_texts_are_groups_and_empty_ones_none():
    groups, names = groups_of(np.array(["b", "", "a", "b"]))
    assert names == ("", "a", "b")
    assert groups.tolist() == [groups[0], -1, groups[2], groups[0]]
    assert groups[0] != groups[2]


def test_the_groups_with_the_highest_and_lowest_means_are_never_the_same():
    groups = np.array([0, 0, 2, 2, 3, -1])
    assert extreme_groups([1, 3, 5, 7, -1, 99.0], groups) == (((2, 6.0),), ((3, -1.0),))
    assert extreme_groups([1, 3, 5, 7, -1, 99.0], np.zeros(6, int)) == ((), ())
    assert extreme_groups([np.nan, 3, 5, 7, -1, 99.0], groups, count=1)[0] == ((2, 6.0),)
