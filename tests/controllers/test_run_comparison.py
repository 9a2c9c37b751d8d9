"""Comparing runs: their curves are drawn until they are removed."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel

from latentlab.config import RunConfig
from latentlab.config.events import Adjusted, Epoch
from latentlab.config.recipes import RECIPES
from latentlab.controllers.run_comparison import RunComparisonController
from latentlab.engine.protocol.messages import CompareRuns, RunFollowed, WorkerReady
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.curves.runs_table import RunsTable
from latentlab.storage.run_folder import RunFolder, RunRecord


@pytest.fixture
def curves(qtbot):
    curves = TrainingCurves()
    qtbot.addWidget(curves)
    return curves


@pytest.fixture
def table(qtbot):
    table = RunsTable()
    qtbot.addWidget(table)
    return table


@pytest.fixture
def folders(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    return [str(tmp_path / name) for name in ("one", "two")]


class Notifications:
    """Records messages instead of showing them."""

    def __init__(self):
        self.messages = []

    def notify(self, _level, message):
        self.messages.append(message)


@pytest.fixture
def notifications():
    return Notifications()


@pytest.fixture
def comparing(engine, curves, table, folders, notifications):
    return RunComparisonController(engine, curves, table, lambda then: then(folders[1]), notifications)


def epoch(number):
    return Epoch(number, 9, {"elbo": -float(number)}, {"elbo": -float(number)}, 1.0, 1.0, 10, (0.5, 0.0))


def test_chosen_runs_are_requested_and_drawn_beside_the_current_one(comparing, engine, curves, table, folders):
    one, two = folders
    curves.start_run("mine", "/runs/mine")
    table.compareRequested.emit([one, one])
    curves.addRunRequested.emit()
    assert engine.last(CompareRuns) == CompareRuns((one, two))
    engine.runFollowed.emit(RunFollowed(two, (epoch(1), Adjusted(3, 1.5, beta=2.0), epoch(2)), compared=True))
    assert curves.run_keys() == [one, two, "/runs/mine"]
    assert curves.value("elbo") is None
    assert curves.curve("elbo", two, validation=True)[1].tolist() == [-1.0, -2.0]
    assert curves.changes(two) == [(1.5, "β 2")]
    curves.runRemoved.emit(one)
    assert engine.last(CompareRuns) == CompareRuns((two,))
    engine.workerReady.emit(WorkerReady("cpu", ("cpu",), {}, 1))
    assert engine.count(CompareRuns) == 4, "the request is repeated for another worker"


def test_a_compared_run_that_is_opened_is_drawn_once(comparing, engine, curves, folders):
    comparing.compare(folders[:1])
    curves.start_run("one", folders[0])
    engine.runFollowed.emit(RunFollowed(folders[0], (epoch(1),), compared=True))
    assert curves.value("elbo") is None


def test_a_folder_that_is_not_a_run_is_refused_in_one_sentence(comparing, engine, curves, notifications, tmp_path):
    comparing.compare([str(tmp_path)])
    assert "is not a run folder" in notifications.messages[0]
    assert curves.run_keys() == []


def test_honest_runs_of_different_pixels_are_said_not_to_be_on_one_scale(comparing, engine, curves, tmp_path):
    folders = []
    for recipe in ("vae", "gaussian-vae"):
        config = RunConfig(model=RECIPES[recipe].config())
        RunFolder(tmp_path / recipe).create(RunRecord(config, {}))
        folders.append(str(tmp_path / recipe))
    scales = curves.findChild(QLabel, "curveScales")
    comparing.compare(folders[:1])
    assert scales.isHidden()
    comparing.compare(folders[1:])
    assert not scales.isHidden()
    assert scales.text().startswith("Bernoulli and gaussian pixels: ELBO and distortion")
    curves.remove_run(folders[0])
    assert scales.isHidden()
