"""Layouts of points: where they start, how they are scaled, and that near points stay near."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.latent.embedding import embed, scaled, starting_layout

CENTRES = 6 * np.random.default_rng(1).standard_normal((3, 8))
GROUPS = np.arange(90) % 3
POINTS = (CENTRES[GROUPS] + np.random.default_rng(0).standard_normal((90, 8))).astype(np.float32)


def test_it_starts_from_the_first_two_principal_components():
    start = starting_layout(POINTS)
    centred = POINTS - POINTS.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    expected = scaled(centred @ directions[:2].T)
    for column in range(2):
        assert abs(np.corrcoef(start[:, column], expected[:, column])[0, 1]) == pytest.approx(1, abs=1e-4)
    assert starting_layout(POINTS[:, :1]).shape == (90, 2)


def test_positions_are_centred_at_one_size_and_constant_ones_stay_finite():
    positions = scaled(7 + 100 * POINTS[:, :2])
    np.testing.assert_allclose(positions.mean(axis=0), 0, atol=1e-5)
    assert (positions**2).sum(axis=1).mean() == pytest.approx(4, rel=1e-5)
    assert not scaled(np.ones((9, 2))).any()


@pytest.mark.parametrize("points", [np.zeros((7, 2)), np.full((9, 2), np.nan), np.zeros(9)])
def test_too_few_points_or_not_finite_ones_are_refused(points):
    with pytest.raises(InputError, match="8 points at least"):
        embed(points, "tsne")


def test_the_first_report_is_at_once_and_may_stop_it():
    reports = []

    def stop(positions, fraction):
        reports.append(fraction)
        return True

    np.testing.assert_array_equal(embed(POINTS, "tsne", stop), starting_layout(POINTS))
    assert reports == [0.0]


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openTSNE", None)
    with pytest.raises(InputError, match=r'openTSNE: pip install "latentlab\[embed\]"'):
        embed(POINTS, "tsne")
