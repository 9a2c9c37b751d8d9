"""Runs: started on the open images, shown during training, continued."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton

from latentlab.config import RunConfig, TrainingConfig
from latentlab.config.events import Adjusted, Epoch, Finished, Progress, Started
from latentlab.config.recipes import RECIPES
from latentlab.controllers.data import DataController
from latentlab.controllers.opened_run import OpenedRunController
from latentlab.controllers.run_messages import duration, ending
from latentlab.controllers.training import TrainingController
from latentlab.engine.protocol.messages import (
    AdjustTraining,
    Failed,
    OpenDataset,
    RunFollowed,
    RunOpened,
    StopTraining,
    Train,
    TrainingEvent,
    TrainingState,
)
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.panels.data import DataPanel
from latentlab.gui.panels.training import TrainingPanel
from tests.controllers.test_autosave import dataset_info


class Curves(TrainingCurves):
    """Records the changes of settings that are marked."""

    def __init__(self):
        super().__init__()
        self.changes = []

    def add_change(self, epoch, text, key=None):
        self.changes.append((epoch, text))
        super().add_change(epoch, text, key)


@pytest.fixture
def curves(qtbot):
    curves = Curves()
    qtbot.addWidget(curves)
    return curves


@pytest.fixture
def parts(qtbot, session, engine, activity, status, curves):
    panel = TrainingPanel()
    qtbot.addWidget(panel)
    panel.set_recipes(list(RECIPES.values()))
    OpenedRunController(session, engine, panel, curves, activity, panel)
    return TrainingController(session, engine, panel, curves, activity), panel, status


def test_training_needs_open_images(parts, session, engine):
    controller, panel, _ = parts
    button = panel.findChild(object, "trainButton")
    assert not button.isEnabled()
    controller.start(RunConfig())
    assert engine.asked == []
    session.set_dataset(dataset_info())
    assert button.isEnabled()


def test_a_run_uses_the_open_images_and_a_new_folder(parts, session, engine, own_folders):
    controller, _, _ = parts
    session.set_dataset(dataset_info())
    controller.start(RunConfig(training=TrainingConfig(epochs=3)))
    request = engine.last(Train)
    assert request.config.data == session.dataset.config
    assert request.config.training.epochs == 3
    assert str(own_folders) in request.out
    assert session.run_state == "starting"
    controller.start(RunConfig())
    assert engine.count(Train) == 1, "one run at a time"


def test_events_update_panel_and_status_line(parts, session, engine, qtbot):
    controller, panel, status = parts
    session.set_dataset(dataset_info())
    controller.start(RunConfig())
    engine.trainingState.emit(TrainingState("running", session.run_folder))
    engine.trainingEvent.emit(TrainingEvent(Started("vae", 90, 10, "cpu", 1000, 2, (1, 8, 8), 0, 4, 10)))
    train = {"elbo": -10.0, "rate": 2.0, "distortion": 8.0}
    engine.trainingEvent.emit(TrainingEvent(Progress(20, 40, 3, 4, train, 12300.0, 5.0, 80.0)))
    assert panel.findChild(object, "progress").value() == 500
    assert "epoch 2 of 4" in status.message()
    assert "12,300 images/s" in status.message()
    assert "1 min 20 s left" in status.message()
    engine.trainingEvent.emit(TrainingEvent(Epoch(3, 4, train, train, 12300.0, 5.0)))
    engine.trainingState.emit(TrainingState("stopping"))
    engine.trainingEvent.emit(TrainingEvent(Progress(31, 40, 4, 4, train, 12300.0, 5.0, 80.0)))
    assert panel.findChild(object, "progressText").text().startswith("Stopping")
    with qtbot.waitSignal(controller.finished):
        engine.trainingEvent.emit(TrainingEvent(Finished("run", "run/model.safetensors", 4, 9.0)))
    engine.trainingState.emit(TrainingState("idle"))
    assert status.message() == "Ready"


def test_beta_can_be_changed_during_a_run(parts, engine):
    _, panel, _ = parts
    panel.adjusted.emit({"beta": 2.5})
    assert engine.last(AdjustTraining).beta == 2.5
    panel.stopRequested.emit()
    assert engine.count(StopTraining) == 1


def test_speed_memory_and_active_units_are_terms_of_the_curves(parts, engine, curves):
    train = {"elbo": -10.0, "rate": 2.0, "distortion": 8.0, "gradient_norm": 3.0}
    progress = Progress(20, 40, 3, 4, train, 12300.0, 5.0, 80.0, device_memory=3 * 2**20)
    engine.trainingEvent.emit(TrainingEvent(progress))
    engine.trainingEvent.emit(TrainingEvent(Epoch(3, 4, train, None, 1.0, 5.0, 30, (0.5, 0.001, 2.0))))
    value = curves.value
    assert (value("images_per_second"), value("device_memory"), value("gradient_norm")) == (12300.0, 3.0, 3.0)
    assert value("active_units", validation=True) == 2.0


def test_changed_settings_are_marked_on_the_curves(parts, engine, curves):
    _, panel, _ = parts
    panel.adjusted.emit({"learning_rate": 0.5})
    assert engine.last(AdjustTraining) == AdjustTraining(learning_rate=0.5)
    for epoch, rate in ((1.0, 0.1), (2.0, 0.3)):
        engine.trainingEvent.emit(TrainingEvent(Adjusted(1, epoch, learning_rate=rate)))
    assert curves.changes == [(1.0, "learning rate 0.1"), (2.0, "learning rate 0.3")]


def test_honest_the_runs_configuration_has_the_changed_settings(parts, engine, session):
    """Promise Honest: the command that repeats a run has the values that the run used last."""
    controller, *_ = parts
    session.set_dataset(dataset_info())
    controller.start(RunConfig())
    engine.trainingEvent.emit(TrainingEvent(Adjusted(1, 0.5, learning_rate=0.01, beta=4.0)))
    engine.trainingEvent.emit(TrainingEvent(Adjusted(2, 0.6, schedule="cosine", epochs=9)))
    assert session.run.config.model.beta == 4.0
    training = session.run.config.training
    assert (training.learning_rate, training.schedule, training.epochs) == (0.01, "cosine", 9)
    assert session.run.source == session.dataset.source


def test_yours_other_images_start_from_their_own_suggestion(parts, engine, session):
    """Promise Yours: epochs and rate changed for one dataset's run are not trained with on another."""
    controller, panel, _ = parts
    session.set_dataset(dataset_info("photos"))
    suggested = panel.config().training
    controller.start(panel.config())
    engine.trainingState.emit(TrainingState("running", session.run_folder))
    rate = panel.findChild(QLineEdit, "learningRate")
    rate.setText("0.0003")
    rate.editingFinished.emit()
    engine.trainingEvent.emit(TrainingEvent(Adjusted(1, 0.5, learning_rate=0.0003, epochs=143)))
    engine.trainingEvent.emit(TrainingEvent(Finished("run", "run/model.safetensors", 143, 9.0)))
    engine.trainingState.emit(TrainingState("idle"))
    session.set_dataset(dataset_info("photos"))
    assert panel.config().training.learning_rate == 0.0003, "the same images, read again"
    session.set_dataset(dataset_info("drawings"))
    assert panel.config().training == suggested


def test_yours_a_part_of_the_images_keeps_the_settings_of_the_run_before(parts, session):
    controller, panel, _ = parts
    session.set_dataset(dataset_info("photos"))
    panel.set_config(RunConfig(training=TrainingConfig(epochs=24)))
    controller.keep_settings_for("photos without 2 images")
    session.set_dataset(dataset_info("photos without 2 images"))
    assert panel.config().training.epochs == 24
    session.set_dataset(dataset_info("drawings"))
    assert panel.config().training.epochs != 24


def test_yours_an_opened_runs_settings_stay_when_its_images_are_opened(parts, engine, session):
    """Promise Yours: a run that is opened is resumed with its own settings."""
    _, panel, _ = parts
    session.set_dataset(dataset_info("photos"))
    config = RunConfig(data=dataset_info().config, training=TrainingConfig(epochs=77, learning_rate=0.002))
    engine.runOpened.emit(RunOpened("runs/mine", config, "drawings", "", 4, "stopped"))
    session.set_dataset(dataset_info("drawings"))
    assert panel.config().training == config.training


def test_the_length_of_a_run_can_be_changed_during_it(parts, engine, session, curves):
    controller, panel, _ = parts
    session.set_dataset(dataset_info())
    controller.start(RunConfig())
    panel.adjusted.emit({"epochs": 3})
    assert engine.last(AdjustTraining) == AdjustTraining(epochs=3)
    engine.trainingEvent.emit(TrainingEvent(Adjusted(1, 7.5, epochs=8, patience=2)))
    assert panel.config().training.epochs == 8, "the current epoch is completed"
    assert (session.run.config.training.epochs, session.run.config.training.patience) == (8, 2)
    assert curves.changes == [(7.5, "epochs 8"), (7.5, "patience 2")]


def test_the_curves_follow_an_opened_run_but_not_one_trained_here(parts, engine, session, curves):
    controller, _, status = parts
    first, second = (Epoch(n, 9, {"elbo": -float(n)}, {"elbo": -float(n)}, 1.0, 1.0) for n in (1, 2))
    engine.runFollowed.emit(RunFollowed("/runs/other", (first, Adjusted(3, 1.5, beta=2.0))))
    engine.runFollowed.emit(RunFollowed("/runs/other", (second,)))
    assert (curves.run_keys(), curves.value("elbo"), curves.changes) == (["/runs/other"], -2.0, [(1.5, "β 2")])
    assert "epoch 2 of 9" in status.message()
    session.set_dataset(dataset_info())
    controller.start(RunConfig())
    engine.trainingEvent.emit(TrainingEvent(Started("vae", 90, 10, "cpu", 1000, 2, (1, 8, 8), 0, 4, 10)))
    engine.runFollowed.emit(RunFollowed(session.run_folder, (first,)))
    assert curves.value("elbo") is None, "its curves are drawn by its events"


@pytest.mark.parametrize(
    ("reason", "done", "epochs"),
    [("done", 4, 7), ("patience", 2, 3), ("stopped", 2, 3), ("stopped", 3, 4), ("stopped", 4, 7)],
)
def test_the_last_run_continues_in_its_folder(parts, session, engine, reason, done, epochs):
    controller, panel, _ = parts
    session.set_dataset(dataset_info())
    controller.continue_run(RunConfig())
    assert engine.count(Train) == 0, "there is no last run"
    controller.start(RunConfig(model=RECIPES["vae"].config(latent_dim=5), training=TrainingConfig(epochs=4)))
    first = engine.last(Train)
    engine.trainingEvent.emit(TrainingEvent(Finished("run", "run/model.safetensors", done, 9.0, reason)))
    engine.trainingState.emit(TrainingState("idle"))
    assert not panel.findChild(object, "continueButton").isHidden()
    panel.continueRequested.emit(RunConfig(training=TrainingConfig(epochs=3, learning_rate=0.5, batch_size=7)))
    request = engine.last(Train)
    assert (request.out, request.resume) == (first.out, True)
    assert request.config.model == first.config.model
    assert request.config.training == first.config.training.model_copy(update={"epochs": epochs, "learning_rate": 0.5})
    engine.trainingState.emit(TrainingState("running", first.out))
    engine.trainingEvent.emit(TrainingEvent(Started("vae", 90, 10, "cpu", 1000, 2, (1, 8, 8), done, epochs, 10)))
    assert panel.config().training.epochs == epochs
    engine.trainingEvent.emit(TrainingEvent(Finished("run", "run/model.safetensors", epochs, 9.0)))
    engine.trainingState.emit(TrainingState("idle"))
    assert panel.config().training.epochs == 3, "the requested number; it does not grow with every continuation"


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Finished("run", "model", 1, 9.0, "stopped", 1), "Stopped after 1 epoch"),
        (Finished("run", "model", 9, 9.0, "done", 7), "Done after 9 epochs; the best epoch, 7, is kept"),
        (
            Finished("run", "model", 9, 9.0, "patience", 4),
            "Stopped early after 9 epochs, 5 without improvement; the best epoch, 4, is kept",
        ),
    ],
)
def test_the_text_of_the_end_says_which_epoch_is_kept(event, text):
    assert ending(event) == text


def test_an_opened_run_offers_its_settings_its_images_and_to_continue(parts, session, engine, qtbot):
    controller, panel, _ = parts
    run_data, continue_button = (panel.findChild(object, name) for name in ("openRunData", "continueButton"))
    config = RunConfig(
        model=RECIPES["beta-vae"].config(latent_dim=5),
        training=TrainingConfig(epochs=9),
        data=dataset_info().config,
    )
    engine.runOpened.emit(RunOpened("runs/mine", config, "photos", "", 4, "stopped"))
    assert panel.config().model == config.model
    assert (run_data.isHidden(), continue_button.isHidden()) == (False, True)
    with qtbot.waitSignal(controller.dataRequested) as wanted:
        run_data.click()
    assert wanted.args == ["photos", config.data]
    session.set_dataset(dataset_info("others"))
    assert not run_data.isHidden()
    assert continue_button.isHidden()
    assert panel.config().model == config.model, "what suits other images is only offered"
    session.set_dataset(dataset_info())
    assert (run_data.isHidden(), continue_button.isHidden()) == (True, False)
    continue_button.click()
    request = engine.last(Train)
    assert (request.out, request.resume, request.config) == ("runs/mine", True, config)


def test_a_run_trained_elsewhere_can_be_continued_once_it_has_ended_there(parts, session, engine):
    _, panel, status = parts
    session.set_dataset(dataset_info())
    config = RunConfig(data=dataset_info().config)
    engine.runOpened.emit(RunOpened("/runs/mine", config, "photos", "", 1, "stopped"))
    first, second = (Epoch(n, 9, {"elbo": -float(n)}, {"elbo": -float(n)}, 1.0, 1.0) for n in (1, 2))
    engine.runFollowed.emit(RunFollowed("/runs/mine", (first,)))
    assert not panel.findChild(object, "continueButton").isHidden()
    engine.runFollowed.emit(RunFollowed("/runs/mine", (second,), is_trained_elsewhere=True))
    assert panel.findChild(object, "continueButton").isHidden()
    assert status.message() == "mine: epoch 2 of 9, trained elsewhere"
    engine.runOpened.emit(RunOpened("/runs/mine", config, "photos", "", 2, "stopped"))
    assert not panel.findChild(object, "continueButton").isHidden(), "it has ended in the other process"


def test_after_a_lost_worker_its_own_run_is_offered_and_not_the_one_before(parts, session, engine):
    controller, panel, _ = parts
    continue_button = panel.findChild(object, "continueButton")
    session.set_dataset(dataset_info())
    for epochs in (4, 6):
        controller.start(RunConfig(training=TrainingConfig(epochs=epochs)))
        assert session.run_folder not in continue_button.accessibleName()
        engine.trainingEvent.emit(TrainingEvent(Started("vae", 90, 10, "cpu", 1000, 2, (1, 8, 8), 0, epochs, 10)))
        if epochs == 4:
            engine.trainingEvent.emit(TrainingEvent(Finished("run", "run/model.safetensors", 4, 9.0)))
        engine.trainingState.emit(TrainingState("idle", session.run_folder))
    assert not continue_button.isHidden()
    second = engine.last(Train)
    continue_button.click()
    again = engine.last(Train)
    assert (again.out, again.resume, again.config.training.epochs) == (second.out, True, 6)


def test_a_run_cannot_be_made_shorter_than_its_completed_epochs(parts, session, engine, qtbot):
    controller, panel, _ = parts
    session.set_dataset(dataset_info())
    controller.start(RunConfig(training=TrainingConfig(epochs=200)))
    engine.trainingEvent.emit(TrainingEvent(Epoch(63, 200, {"elbo": -1.0}, None, 1.0, 1.0)))
    with qtbot.waitSignal(controller.warned) as warned:
        panel.adjusted.emit({"epochs": 40})
    assert warned.args == ["63 epochs are done already: the run cannot have 40 in total; Stop ends it now."]
    assert engine.count(AdjustTraining) == 0
    assert panel.config().training.epochs == 200


def test_a_run_that_could_not_start_leaves_the_panel_ready(parts, session, engine):
    controller, panel, _ = parts
    session.set_dataset(dataset_info())
    controller.start(RunConfig())
    engine.failed.emit(Failed("Train", "the disk is full"))
    assert session.run_state == "idle"
    assert panel.findChild(object, "trainButton").isEnabled()


def test_continuing_can_be_tried_again_after_a_failure(parts, session, engine):
    _, panel, _ = parts
    continue_button = panel.findChild(object, "continueButton")
    session.set_dataset(dataset_info())
    config = RunConfig(data=dataset_info().config)
    engine.runOpened.emit(RunOpened("/runs/mine", config, "photos", "", 1, "stopped"))
    continue_button.click()
    assert continue_button.isHidden()
    engine.failed.emit(Failed("Train", "another run is being trained into /runs/mine; stop it first"))
    assert not continue_button.isHidden()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (80, "1 min 20 s"), (3900, "1 h 05 min")]
)
def test_durations_are_in_hours_minutes_and_seconds(seconds, text):
    assert duration(seconds) == text


def test_a_run_whose_worker_was_lost_stays_the_last_one_when_a_new_worker_opens_it(parts, session, engine):
    controller, panel, _ = parts
    session.set_dataset(dataset_info())
    controller.start(RunConfig(training=TrainingConfig(epochs=4)))
    run = session.run_folder
    engine.trainingState.emit(TrainingState("running", run))
    engine.trainingEvent.emit(TrainingEvent(Started("vae", 90, 10, "cpu", 1000, 2, (1, 8, 8), 0, 4, 10)))
    engine.trainingEvent.emit(TrainingEvent(Progress(15, 40, 2, 4, {"elbo": -1.0}, 1.0, 1.0, None)))
    engine.trainingState.emit(TrainingState("idle", run))
    engine.runOpened.emit(RunOpened(run, session.run.config, "photos", "", 1, "stopped"))
    assert panel.findChild(object, "progressText").text() == "Interrupted at epoch 1.5"
    assert "to epoch 4" in " ".join(panel.findChild(object, "continueButton").toolTip().split())


def test_an_unfinished_run_says_in_both_panels_that_its_images_are_needed(session, engine, activity, curves, qtbot):
    training, data = TrainingPanel(), DataPanel()
    qtbot.addWidget(training)
    qtbot.addWidget(data)
    opened_run = OpenedRunController(session, engine, training, curves, activity, training)
    TrainingController(session, engine, training, curves, activity, training)
    DataController(session, engine, data, activity, data)
    config = RunConfig(data=dataset_info().config)
    with qtbot.waitSignal(opened_run.unfinishedRunOpened):
        engine.runOpened.emit(RunOpened("/runs/mine", config, "photos", "", 1, "stopped"))
    for panel in (training, data):
        texts = [each.text() for each in panel.findChildren(QLabel) if not each.isHidden()]
        assert any("mine" in text and "images" in text for text in texts), texts
    button = data.findChild(QPushButton, "openRunDataInDataPanel")
    assert not button.isHidden()
    button.click()
    assert engine.last(OpenDataset) == OpenDataset("photos", config.data)
    session.set_dataset(dataset_info())
    assert button.isHidden()


def test_row_47_the_folder_is_created_with_the_request_and_removed_if_the_run_is_refused(parts, session, engine):
    controller, _, _ = parts
    session.set_dataset(dataset_info())
    controller.start(RunConfig())
    folder = Path(session.run_folder)
    assert folder.is_dir()
    engine.failed.emit(Failed("Train", "a reason"))
    assert not folder.exists()
