"""Layouts in a process of their own: at once by components, then streamed, ended by the next request."""

from __future__ import annotations

import time

import numpy as np
import pytest

from latentlab.engine.protocol.messages import Embed, Embedded
from latentlab.engine.worker import embedding
from latentlab.engine.worker.embedding import EmbeddingProcess, EmbeddingRunner
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.latent.embedding import starting_layout
from latentlab.latent.terrain import Terrain
from latentlab.storage import Points

MEAN = np.random.default_rng(0).standard_normal((40, 5)).astype(np.float32)


class FakeProcess:
    """A process whose news a test gives."""

    made: list[FakeProcess] = []  # noqa: RUF012 - emptied by the fixture

    def __init__(self, points, method) -> None:
        self.points, self.method, self.news, self.closed = points, method, None, False
        self.is_over, self.failure = False, ""
        self.made.append(self)

    def take(self):
        news, self.news = self.news, None
        return news

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def sent():
    return []


@pytest.fixture
def workspace(sent):
    workspace = Workspace(sent.append)
    workspace.points = Points(MEAN, np.ones_like(MEAN), np.zeros(40, np.int64), np.arange(40))
    workspace.points_version = 3
    return workspace


@pytest.fixture
def runner(workspace, monkeypatch):
    FakeProcess.made.clear()
    monkeypatch.setattr(embedding, "EmbeddingProcess", FakeProcess)
    return EmbeddingRunner(workspace)


def test_a_layout_by_components_is_sent_before_the_process_has_started(runner, sent):
    assert runner.wait() is None
    runner.answer(Embed(5, "tsne"))
    (first,) = sent
    assert (first.generation, first.points_version, first.method, first.done) == (5, 3, "tsne", False)
    np.testing.assert_array_equal(first.positions, starting_layout(MEAN))
    assert runner.wait() is not None, "the loop looks for news, without spinning"


def test_news_are_sent_and_the_end_is_kept(runner, sent):
    runner.answer(Embed(1, "tsne"))
    (process,) = FakeProcess.made
    runner.check()
    assert len(sent) == 1, "no news"
    process.news = None, 0.5
    runner.check()
    assert (sent[-1].positions, sent[-1].fraction, sent[-1].done) == (None, 0.5, False)
    positions = np.ones((40, 2), np.float32)
    process.news = positions, 1.0
    runner.check()
    assert sent[-1].done
    assert process.closed
    assert runner.wait() is None
    runner.answer(Embed(2, "tsne"))
    assert len(FakeProcess.made) == 1, "the same points are not laid out again"
    assert sent[-1].positions is positions
    assert sent[-1].done


def test_the_next_request_ends_the_present_layout(runner, sent):
    runner.answer(Embed(1, "tsne"))
    runner.answer(Embed(2, "umap"))
    one, other = FakeProcess.made
    assert one.closed
    runner.answer(Embed(3, ""))
    assert other.closed
    assert (sent[-1].generation, sent[-1].done) == (3, True)


def test_a_failure_is_one_sentence_and_ends_it(runner):
    runner.answer(Embed(1, "tsne"))
    (process,) = FakeProcess.made
    process.is_over, process.failure = True, "a layout needs openTSNE"
    with pytest.raises(InputError, match="a layout needs openTSNE"):
        runner.check()
    assert process.closed
    assert runner.wait() is None


def test_without_enough_points_it_is_refused(runner):
    with pytest.raises(InputError, match="8 encoded images"):
        EmbeddingRunner(Workspace(lambda _: None)).answer(Embed(1, "tsne"))


def test_a_process_that_is_refused_says_why_and_one_that_is_closed_leaves_nothing():
    process = EmbeddingProcess(MEAN[:4], "tsne")
    while not process.is_over:
        time.sleep(0.02)
    assert process.failure == "a layout needs 8 points at least, of finite numbers"
    process.close()
    process = EmbeddingProcess(MEAN, "tsne")
    process.close()
    assert process.is_over


@pytest.mark.real
@pytest.mark.parametrize(("method", "module"), [("tsne", "openTSNE")])
def test_points_of_a_group_stay_together(method, module):
    pytest.importorskip(module)
    groups = np.arange(90) % 3
    centres = 8 * np.random.default_rng(1).standard_normal((3, 5))
    points = (centres[groups] + np.random.default_rng(0).standard_normal((90, 5))).astype(np.float32)
    process = EmbeddingProcess(points, method)
    fractions, positions = [], None
    while not process.is_over:
        news = process.take()
        if news is not None:
            fractions.append(news[1])
            positions = news[0] if news[0] is not None else positions
        time.sleep(0.02)
    news = process.take()
    positions = news[0] if news is not None and news[0] is not None else positions
    assert process.failure == ""
    process.close()
    assert fractions == sorted(fractions)
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=2) + 1e9 * np.eye(90)
    assert (groups[distances.argmin(axis=1)] == groups).all()


def test_the_worker_answers_by_its_loop(driver):
    driver.ask(Embed(7, "tsne"))
    first = driver.wait(Embedded)
    assert first.positions.shape == (50, 2)
    driver.ask(Embed(8, ""))
    driver.wait(Embedded, lambda result: result.generation == 8)


def test_a_layout_by_components_needs_no_process_and_is_a_terrain_at_once(runner, workspace, sent):
    runner.answer(Embed(4, "flat"))
    (only,) = sent
    assert only.done
    assert FakeProcess.made == []
    np.testing.assert_array_equal(only.positions, starting_layout(MEAN))
    generation, terrain = workspace.terrain
    assert generation == 4
    assert (only.error, only.spread) == tuple(terrain.assignment_error())
    z, _ = terrain.at(only.positions[:3])
    assert np.linalg.norm(z - MEAN[:3]) < np.linalg.norm(z)


def test_a_cancelled_layout_is_a_terrain_as_far_as_it_has_come(runner, workspace):
    runner.answer(Embed(1, "tsne"))
    positions = np.random.default_rng(1).standard_normal((40, 2)).astype(np.float32)
    FakeProcess.made[0].news = positions, 0.5
    runner.check()
    assert workspace.terrain is None
    runner.answer(Embed(2, ""))
    generation, terrain = workspace.terrain
    assert generation == 1
    np.testing.assert_allclose(terrain.at(positions[:1])[0], Terrain(MEAN, positions).at(positions[:1])[0])
