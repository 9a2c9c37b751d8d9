"""The nearest encoded image, searched step by step so that images are decoded in between."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.engine.protocol.messages import DistanceMeasured, DistanceToData, Nearest, NearestFound
from latentlab.engine.worker.interactive import InteractiveRequests
from latentlab.engine.worker.workspace import Workspace
from latentlab.latent import typical_distance
from latentlab.storage import Points

MANY = 200_000


@pytest.fixture(scope="module")
def points():
    mean = np.random.default_rng(0).standard_normal((MANY, 2)).astype(np.float32)
    return Points(mean, np.full_like(mean, 0.01), np.zeros(MANY, np.int64), np.arange(MANY))


@pytest.fixture
def sent():
    return []


@pytest.fixture
def interactive(points, sent, monkeypatch):
    monkeypatch.setattr("latentlab.engine.worker.interactive._SEARCH_SLICE_SECONDS", 0.0)  # one step at a time
    workspace = Workspace(sent.append)
    workspace.points, workspace.points_version = points, 3
    return InteractiveRequests(workspace)


def pieces(interactive) -> int:
    """Answer everything; the number of pieces."""
    count = 0
    while interactive.working_on:
        interactive.advance()
        count += 1
    return count


def test_a_search_among_many_points_takes_several_pieces_and_is_exact(interactive, points, sent):
    z = np.array([0.3, -0.2], np.float32)
    interactive.answer(Nearest(5, z, 8))
    assert pieces(interactive) > 5
    (found,) = sent
    assert isinstance(found, NearestFound)
    distances = np.linalg.norm(points.mean.astype(float) - z, axis=1)
    assert (found.generation, found.model_version) == (5, 3)
    order = np.argsort(distances)[:8]
    assert found.rows.tolist() == found.numbers.tolist() == order.tolist()
    np.testing.assert_allclose(found.distance, distances[order], rtol=1e-4)
    np.testing.assert_array_equal(found.z, points.mean[order])
    assert typical_distance(points.mean) < found.typical == pytest.approx(points.mean.std() / 15, rel=0.02)


def test_the_distance_of_the_same_latent_needs_no_other_search(interactive, sent):
    z = np.array([0.3, -0.2], np.float32)
    interactive.answer(Nearest(1, z))
    pieces(interactive)
    interactive.answer(DistanceToData(2, z))
    assert pieces(interactive) == 1
    assert isinstance(sent[1], DistanceMeasured)
    assert sent[1].distance == sent[0].distance[0]


def test_a_search_is_finished_before_the_newest_of_its_kind_begins(interactive, sent):
    """Under a pointer that never rests the nearest image would otherwise never be found."""
    for generation in range(1, 4):
        interactive.answer(Nearest(generation, np.array([0.1 * generation, 0], np.float32)))
        interactive.advance()
    pieces(interactive)
    assert [found.generation for found in sent] == [1, 3]
