"""The distance of the map's plane from the encoded images, measured between decodings, coarse first."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.engine.protocol.messages import Axes, MeasurePlane, PlaneMeasured
from latentlab.engine.worker.interactive import InteractiveRequests
from latentlab.engine.worker.workspace import Workspace
from latentlab.latent import typical_distance
from latentlab.storage import Points

AXES = Axes(np.array([0, 0, 1], np.float32), *np.eye(3, dtype=np.float32)[:2])


def interactive_with(mean: np.ndarray, sent: list) -> InteractiveRequests:
    workspace = Workspace(sent.append)
    count = len(mean)
    workspace.points = Points(mean, np.full_like(mean, 0.01), np.zeros(count, np.int64), np.arange(count))
    workspace.points_version = 3
    return InteractiveRequests(workspace)


def answered(mean: np.ndarray, monkeypatch) -> tuple[list[PlaneMeasured], int]:
    """The results, and in how many pieces they were computed."""
    monkeypatch.setattr("latentlab.engine.worker.interactive._SEARCH_SLICE_SECONDS", 0.0)  # one step at a time
    sent: list[PlaneMeasured] = []
    interactive = interactive_with(mean.astype(np.float32), sent)
    interactive.answer(MeasurePlane(7, AXES, (-2.0, 2.0), (-1.0, 1.0)))
    pieces = 0
    while interactive.working_on:
        interactive.advance()
        pieces += 1
    return sent, pieces


def test_a_coarse_answer_comes_before_the_fine_one(monkeypatch):
    mean = np.random.default_rng(0).normal(size=(100_000, 3))
    results, pieces = answered(mean, monkeypatch)
    coarse, fine = results
    assert pieces > 20
    assert [each.done for each in results] == [False, True]
    assert coarse.cell == pytest.approx(4 * fine.cell)
    assert {(each.generation, each.model_version) for each in results} == {(7, 3)}
    assert fine.typical == pytest.approx(typical_distance(mean.astype(np.float32)), rel=1e-6)
    row, column = (int(-low / fine.cell) for low in (fine.y_range[0], fine.x_range[0]))
    nearest = np.linalg.norm(mean - [0, 0, 1], axis=1).min()
    assert fine.distance[row, column] == pytest.approx(nearest, abs=2 * fine.cell)


def test_dense_points_are_near_within_a_part_of_their_spread(monkeypatch):
    mean = np.random.default_rng(0).normal(scale=(1, 3, 0), size=(20_000, 3))
    results, _ = answered(mean, monkeypatch)
    assert typical_distance(mean.astype(np.float32)) < 0.1
    assert results[-1].typical == pytest.approx(np.sqrt(10 / 3) / 15, rel=0.02)


def test_equal_points_and_a_single_one_are_measured_too(monkeypatch):
    same, _ = answered(np.zeros((50, 3)), monkeypatch)
    assert same[-1].typical == pytest.approx(np.sqrt(3) * 0.01 / 1.5)
    assert same[-1].distance.max() > same[-1].cell
    single, _ = answered(np.zeros((1, 3)), monkeypatch)
    assert single[-1].typical == float("inf")


def test_without_points_nothing_is_answered():
    sent: list = []
    interactive = interactive_with(np.zeros((0, 3), np.float32), sent)
    interactive.answer(MeasurePlane(7, AXES, (-2.0, 2.0), (-1.0, 1.0)))
    interactive.advance()
    assert sent == []
