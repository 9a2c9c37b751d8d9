"""Honest: the status line shows the current activity, and nothing that is outdated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from latentlab.config import RunConfig, TrainingConfig
from latentlab.config.events import Epoch, Finished, Progress, Started
from latentlab.controllers.data import DataController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.latent_map import MapController
from latentlab.controllers.model import ModelController
from latentlab.controllers.model_opening import ModelOpeningController
from latentlab.controllers.opened_run import OpenedRunController
from latentlab.controllers.selection import SelectionController
from latentlab.controllers.training import TrainingController
from latentlab.engine.protocol.messages import (
    CancelLoading,
    DatasetCancelled,
    DatasetProgress,
    Failed,
    ModelChanged,
    RunFollowed,
    RunOpened,
    StopTraining,
    TrainingEvent,
    TrainingState,
    WorkBegun,
    WorkerLost,
)
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.data import DataPanel
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.panels.model import ModelPanel
from latentlab.gui.panels.training import TrainingPanel
from latentlab.gui.widgets.activity_list import ActivityList
from tests.controllers.conftest import model_info, some_points
from tests.controllers.test_autosave import dataset_info


@pytest.fixture
def data(qtbot, session, engine, activity, status):
    panel = DataPanel()
    qtbot.addWidget(panel)
    return DataController(session, engine, panel, activity, panel)


@pytest.fixture
def training(qtbot, session, engine, activity, status):
    panel, curves = TrainingPanel(), TrainingCurves()
    for widget in (panel, curves):
        qtbot.addWidget(widget)
    session.set_dataset(dataset_info())
    OpenedRunController(session, engine, panel, curves, activity, panel)
    return TrainingController(session, engine, panel, curves, activity, panel)


@pytest.fixture
def latent_map(qtbot, session, undo, engine, activity, status):
    latent_map, sliders = LatentMap(), LatentSliders()
    for widget in (latent_map, sliders):
        qtbot.addWidget(widget)
    ExploreController(session, undo, latent_map, sliders, latent_map)
    MapController(session, engine, latent_map, latent_map)
    SelectionController(session, undo, latent_map, activity, latent_map)
    session.set_model(model_info(), 1, is_new_model=True)
    session.set_points(some_points())
    return latent_map


def run_to_epoch(engine, session, training, epoch: float, epochs: int = 20) -> None:
    """Start a run of 10 steps an epoch, and let it come this far."""
    training.start(RunConfig(training=TrainingConfig(epochs=epochs)))
    engine.trainingState.emit(TrainingState("running", session.run_folder))
    engine.trainingEvent.emit(TrainingEvent(Started("vae", 9, 1, "cpu", 1, 2, (1, 8, 8), 0, epochs, 10)))
    steps = round(10 * epoch)
    engine.trainingEvent.emit(TrainingEvent(Progress(steps, 10 * epochs, 1, epochs, {}, 1.0, 1.0, 80.0)))


def test_honest_a_paused_run_is_never_called_ready(data, training, engine, session, status):
    run_to_epoch(engine, session, training, 3.0)
    engine.trainingState.emit(TrainingState("paused", session.run_folder))
    assert status.message() == "Paused at epoch 3 of 20"
    data.open("photos")
    engine.datasetCancelled.emit(DatasetCancelled())
    assert status.message() == "Paused at epoch 3 of 20"
    engine.trainingState.emit(TrainingState("idle", session.run_folder))
    assert status.message() == "Ready"


def test_honest_opening_images_during_a_run_does_not_end_the_message_about_it(data, training, engine, session, status):
    run_to_epoch(engine, session, training, 3.0)
    data.open("photos")
    engine.datasetProgress.emit(DatasetProgress("Reading images", 5, 10))
    assert status.message() == "Reading images"
    engine.failed.emit(Failed("OpenDataset", "there are no images in photos"))
    assert status.message() == "Training: epoch 3 of 20 · 1 images/s · 1 min 20 s left"


def test_honest_the_end_of_a_run_removes_its_progress_from_the_status_line(training, engine, session, status):
    run_to_epoch(engine, session, training, 3.0)
    engine.trainingEvent.emit(TrainingEvent(Finished("run", "run/model.safetensors", 20, 9.0)))
    engine.trainingState.emit(TrainingState("idle", session.run_folder))
    engine.trainingEvent.emit(TrainingEvent(Progress(31, 200, 4, 20, {}, 1.0, 1.0, 80.0)))
    assert status.message() == "Ready"


def test_honest_the_message_about_an_opened_run_ends_with_its_model(training, engine, session, status):
    session.set_model(model_info(source="/runs/mine"), 1, is_new_model=True)
    engine.runOpened.emit(RunOpened("/runs/mine", RunConfig(), "photos", "", 113, "stopped"))
    engine.runFollowed.emit(
        RunFollowed("/runs/mine", (Epoch(113, 143, {}, None, 1.0, 1.0),), is_trained_elsewhere=True)
    )
    assert status.message() == "mine: epoch 113 of 143, trained elsewhere"
    session.set_model(model_info(source="/runs/mine"), 2, is_new_model=False)
    assert status.message() == "mine: epoch 113 of 143, trained elsewhere"
    session.set_model(model_info(source="bundled:mnist-2d"), 3, is_new_model=True)
    assert status.message() == "Ready"


def test_honest_a_run_without_a_checkpoint_is_not_reported_as_trained_elsewhere(training, engine, session, status):
    for _ in range(2):
        engine.runOpened.emit(RunOpened("/runs/mine", RunConfig(), "photos", ""))
        assert status.message() == "Ready"
        engine.runFollowed.emit(RunFollowed("/runs/mine", ()))
    assert not session.run.is_trained_elsewhere


def test_honest_the_reason_of_a_failed_run_stays_in_the_panel(training, engine, session):
    run_to_epoch(engine, session, training, 3.0)
    engine.failed.emit(Failed("Train", "the loss is not finite"))
    engine.trainingState.emit(TrainingState("idle", session.run_folder))
    assert training.parent().findChild(object, "progressText").text() == "the loss is not finite"
    assert (session.run.end_reason, session.run.is_active) == ("interrupted", False)


def test_honest_a_run_that_could_not_start_does_not_change_the_last_one(training, engine, session):
    run_to_epoch(engine, session, training, 3.0)
    engine.trainingEvent.emit(TrainingEvent(Finished("run", "run/model.safetensors", 20, 9.0)))
    engine.trainingState.emit(TrainingState("idle", session.run_folder))
    last = session.run
    training.start(RunConfig(), "runs/next")
    assert session.run.folder == "runs/next"
    engine.failed.emit(Failed("Train", "the disk is full"))
    assert (session.run.folder, session.run.config, session.run.end_reason) == (last.folder, last.config, "done")


def test_honest_a_started_run_replaces_the_message_about_an_opened_one(training, engine, session, status):
    engine.runOpened.emit(RunOpened("/runs/mine", RunConfig(), "photos", "", 113, "stopped"))
    engine.runFollowed.emit(RunFollowed("/runs/mine", (Epoch(113, 143, {}, None, 1.0, 1.0),)))
    assert status.message() == "mine: epoch 113 of 143"
    training.start(RunConfig())
    assert status.message() == "Training: preparing the images and the first step"
    engine.failed.emit(Failed("Train", "the disk is full"))
    assert status.message() == "Ready"


def test_one_selected_point_is_not_called_points(latent_map, status):
    latent_map.pointsSelected.emit(np.arange(1), "replace", "lasso")
    assert status.message() == "1 image selected"


@pytest.mark.parametrize("end", ["escape", "points", "undo"])
def test_honest_the_message_about_a_selection_lasts_no_longer_than_it(latent_map, session, undo, qtbot, status, end):
    latent_map.pointsSelected.emit(np.arange(7), "replace", "lasso")
    assert status.message() == "7 images selected"
    match end:
        case "escape":
            latent_map.set_mode("select")
            qtbot.keyClick(latent_map, Qt.Key.Key_Escape)
        case "points":
            session.set_points(replace(some_points(version=2), fingerprint="others"))
        case "undo":
            undo.undo()
    assert status.message() == "Ready"


@pytest.mark.parametrize("end", ["points", "failure", "another model", "lost worker"])
def test_honest_the_message_about_encoding_ends_with_it(data, engine, session, status, end):
    session.set_model(model_info(), 1, is_new_model=True)
    engine.datasetProgress.emit(DatasetProgress("Encoding images", 5, 10))
    assert status.message() == "Encoding images"
    match end:
        case "points":
            engine.pointsChanged.emit(some_points())
        case "failure":
            engine.failed.emit(Failed("EncodeDataset", "there is too little memory for this"))
        case "another model":
            session.set_model(model_info(source="other"), 2, is_new_model=True)
        case "lost worker":
            engine.workerLost.emit(WorkerLost(-9, "The worker was ended by SIGKILL.", "", ""))
    assert status.message() == "Ready"


def test_several_activities_are_counted_and_each_can_be_cancelled(data, training, engine, session, activity, status):
    run_to_epoch(engine, session, training, 3.0)
    others = status.findChild(QPushButton, "statusOthers")
    assert others.isHidden()
    data.open("photos")
    assert (others.isHidden(), others.text()) == (False, "and 1 more")
    shown = status.findChild(ActivityList)
    assert [row.identity for row in shown.rows()] == ["loading", "run"]
    shown.cancelRequested.emit("loading")
    assert engine.count(CancelLoading) == 1
    engine.datasetCancelled.emit(DatasetCancelled())
    assert others.isHidden()
    others.click()
    assert [row.text for row in shown.rows()] == ["Training: epoch 3 of 20 · 1 images/s · 1 min 20 s left"]
    shown.close()


@pytest.fixture
def opening(qtbot, session, engine, undo, activity, status):
    panel = ModelPanel()
    qtbot.addWidget(panel)
    model = ModelController(session, engine, undo, panel, panel)
    ModelOpeningController(engine, model, activity, panel)
    return model


def test_honest_a_model_that_takes_long_to_open_is_named_until_it_is_there(opening, engine, status, qtbot):
    opening.open("/models/large package")
    assert status.message() == "Ready", "most models are open at once"
    qtbot.waitUntil(lambda: status.message() == "Opening large package …")
    engine.modelChanged.emit(ModelChanged(1, model_info(source="/models/large package"), is_new_model=True))
    assert status.message() == "Ready"
    engine.workBegun.emit(WorkBegun("OpenModel"))
    qtbot.waitUntil(lambda: status.message() == "Opening the model …")
    engine.failed.emit(Failed("OpenModel", "its test does not hold"))
    assert status.message() == "Ready"


def test_a_run_can_be_stopped_from_the_status_line(training, engine, session, activity, status):
    run_to_epoch(engine, session, training, 3.0)
    button = status.findChild(QPushButton, "statusCancel")
    assert button.text() == "Stop"
    button.click()
    assert engine.count(StopTraining) == 1
