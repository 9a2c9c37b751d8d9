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


@pytest.fixture
def few_iterations(monkeypatch):
    """Enough for three groups of points."""
    for name in ("_ITERATIONS", "_ITERATIONS_OF_MANY"):
        monkeypatch.setattr(f"latentlab.latent.embedding.{name}", ((50, 12.0, 0.5), (50, 1.0, 0.8)))


def near_of_their_own_group(positions) -> float:
    """The share of the points whose nearest point is of their own group."""
    distances = ((positions[:, None] - positions[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return float((GROUPS[distances.argmin(axis=1)] == GROUPS).mean())


@pytest.mark.parametrize(("method", "package"), [("tsne", "openTSNE"), ("umap", "umap")])
@pytest.mark.usefixtures("few_iterations")
def test_near_points_stay_near_and_progress_is_reported(method, package):
    """Not of the extra ``test``: numba, which UMAP needs, is large, and comes later than a new Python."""
    pytest.importorskip(package)
    reports = []
    positions = embed(POINTS, method, lambda _positions, fraction: reports.append(fraction))
    assert positions.shape == (90, 2)
    assert positions.dtype == np.float32
    assert near_of_their_own_group(positions) > 0.95
    assert reports == sorted(reports)
    assert reports[0] == 0
    assert reports[-1] > 0.9


@pytest.mark.usefixtures("few_iterations")
def test_of_many_points_the_neighbours_are_the_nearest_ones(monkeypatch):
    pytest.importorskip("openTSNE")
    monkeypatch.setattr("latentlab.latent.embedding._MANY", 50)
    layouts = []
    for most in (12, 2):  # dimensions for which a tree is searched, or all pairs
        monkeypatch.setattr("latentlab.latent.embedding._TREE_DIMENSIONS", most)
        layouts.append(embed(POINTS, "tsne"))
        assert near_of_their_own_group(layouts[-1]) > 0.95
    np.testing.assert_allclose(*layouts, atol=1e-3)
