"""The table of runs: earlier ones are listed at the start, and new ones when the table becomes visible."""

from __future__ import annotations

import json

import pytest
from PySide6.QtWidgets import QTableWidget

from latentlab import paths
from latentlab.config import RunConfig
from latentlab.controllers.model import ModelController
from latentlab.controllers.runs import RunsController
from latentlab.controllers.training import TrainingController
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.curves.runs_table import RunsTable
from latentlab.gui.panels.model import ModelPanel
from latentlab.gui.panels.training import TrainingPanel
from latentlab.storage import RunFolder, RunRecord


def an_earlier_run(name: str, elbo: float) -> None:
    run = RunFolder(paths.runs_folder() / name)
    run.create(RunRecord(RunConfig(), {"name": "photos"}))
    means = {"elbo": elbo, "rate": 1.0, "distortion": -elbo - 1.0}
    run.metrics.write_text(json.dumps({"event": "epoch", "epoch": 1, "train": means, "validation": means}) + "\n")


@pytest.fixture
def parts(qtbot, session, engine, undo, activity):
    table, panel, curves, model = RunsTable(), TrainingPanel(), TrainingCurves(), ModelPanel()
    for widget in (table, panel, curves, model):
        qtbot.addWidget(widget)
    an_earlier_run("first", -10.0)
    training = TrainingController(session, engine, panel, curves, activity)
    runs = RunsController(session, training, ModelController(session, engine, undo, model), table)
    yield runs, table
    runs.close()


def test_runs_of_other_sessions_are_listed_at_the_start_and_new_ones_after_a_refresh(parts, qtbot):
    runs, table = parts
    qtbot.waitUntil(lambda: table.as_text().count("\n") == 2)
    assert "-10.0" in table.as_text(), "a spreadsheet reads no other minus sign"
    assert table.findChild(QTableWidget, "runsTable").item(0, 2).text() == "−10.0"
    an_earlier_run("second", -9.0)
    runs.refresh()
    runs.refresh()
    qtbot.waitUntil(lambda: table.as_text().count("\n") == 3)


def test_runs_of_the_same_recipe_have_different_names(parts, qtbot):
    runs, table = parts
    an_earlier_run("2026-11-21-070832-vae-photos", -9.0)
    runs.refresh()
    qtbot.waitUntil(lambda: table.as_text().count("\n") == 3)
    assert {line.split("\t")[1] for line in table.as_text().splitlines()[1:]} == {"first", "11-21 07:08:32"}
