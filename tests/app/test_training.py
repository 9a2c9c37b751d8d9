"""A run in the real window: a folder, Train, Pause, Stop, the map moves, the model is saved and opened again."""

from __future__ import annotations

import shlex
import threading

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton

from latentlab import app
from latentlab.cli.parser import build_parser
from latentlab.cli.train import run_config
from latentlab.data.images.to_array import decode_item
from latentlab.engine.protocol.messages import ModelSaved
from latentlab.paths import cache_folder
from latentlab.storage import RunFolder
from latentlab.training.step.optimizer_step import OptimizerStep
from tests.app.conftest import SECONDS, find, shown


def open_folder(application, qtbot, folder):
    with qtbot.waitSignal(application.engine.datasetOpened, timeout=SECONDS):
        application.window.pathsDropped.emit([str(folder)])
    assert application.session.dataset.images == 40
    assert application.session.dataset.classes == ("dark", "light")


def press(application, qtbot, name):
    qtbot.mouseClick(find(application, name), Qt.MouseButton.LeftButton)


def test_train_pause_stop_save_and_open_again(application, qtbot, folder, tmp_path):
    open_folder(application, qtbot, folder)
    find(application, "epochs").setValue(10_000)
    versions = []
    application.engine.modelChanged.connect(lambda result: versions.append(result.model_version))
    press(application, qtbot, "trainButton")
    qtbot.waitUntil(lambda: application.session.run_state == "running" and len(versions) >= 2, timeout=SECONDS)
    assert application.session.model.image_shape == (1, 16, 16)

    before = shown(application)
    find(application, "latentSlider0").setValue(2.0)
    qtbot.waitUntil(lambda: not np.array_equal(before, shown(application)), timeout=SECONDS)

    press(application, qtbot, "pauseButton")
    qtbot.waitUntil(lambda: application.session.run_state == "paused", timeout=SECONDS)
    press(application, qtbot, "pauseButton")
    qtbot.waitUntil(lambda: application.session.run_state == "running", timeout=SECONDS)
    press(application, qtbot, "stopButton")
    qtbot.waitUntil(lambda: application.session.run_state == "idle", timeout=SECONDS)

    saved = tmp_path / "mine.safetensors"
    with qtbot.waitSignal(application.engine.modelSaved, timeout=SECONDS) as signal:
        application.model.save(str(saved))
    assert isinstance(signal.args[0], ModelSaved)
    assert saved.is_file()
    application.open("bundled:mnist-2d")
    qtbot.waitUntil(lambda: application.session.model.name == "mnist-2d", timeout=SECONDS)
    application.open(str(saved))
    qtbot.waitUntil(lambda: application.session.model.image_shape == (1, 16, 16), timeout=SECONDS)
    qtbot.waitUntil(lambda: shown(application).shape == (16, 16), timeout=SECONDS)


@pytest.mark.logs("is not a latentlab model")
def test_a_file_that_is_not_a_model_does_not_replace_the_current_one(application, qtbot, tmp_path):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\xff" * 100)
    with qtbot.waitSignal(application.engine.failed, timeout=SECONDS):
        application.window.pathsDropped.emit([str(bad)])
    assert any("bad.safetensors" in message for message in application.window.notifications.messages())
    assert application.session.model.name == "mnist-2d"
    before = shown(application)
    find(application, "latentSlider0").setValue(1.0)
    qtbot.waitUntil(lambda: not np.array_equal(before, shown(application)), timeout=SECONDS)


def test_several_dropped_folders_are_one_dataset_with_a_class_each(application, qtbot, folder):
    with qtbot.waitSignal(application.engine.datasetOpened, timeout=SECONDS):
        application.window.pathsDropped.emit([str(folder / "light"), str(folder / "dark")])
    assert application.session.dataset.classes == ("light", "dark")
    assert application.session.dataset.class_counts == (20, 20)
    assert find(application, "datasetPath").text() == f"{folder / 'light'}|{folder / 'dark'}"


@pytest.mark.logs("there are no images in")
def test_a_folder_without_images_is_reported_in_one_sentence(application, qtbot, tmp_path):
    (tmp_path / "empty").mkdir()
    with qtbot.waitSignal(application.engine.failed, timeout=SECONDS) as signal:
        application.window.pathsDropped.emit([str(tmp_path / "empty")])
    assert signal.args[0].expected
    assert "\n" not in signal.args[0].message
    assert application.session.dataset is None


def train_without_end(application, qtbot, folder):
    open_folder(application, qtbot, folder)
    find(application, "epochs").setValue(10_000)
    press(application, qtbot, "trainButton")
    qtbot.waitUntil(lambda: application.session.run_state == "running", timeout=SECONDS)


def checkpoint_of(application):
    return RunFolder(application.session.run_folder).read_checkpoint()


def answer_and_close(application, qtbot):
    assert application.window.isVisible(), "it asks first"
    with qtbot.waitSignal(application.closed, timeout=SECONDS):
        qtbot.mouseClick(find(application, "question").defaultButton(), Qt.MouseButton.LeftButton)


def test_row_21_closing_while_training_asks_and_checkpoints(application, qtbot, folder):
    train_without_end(application, qtbot, folder)
    application.window.close()
    answer_and_close(application, qtbot)
    assert checkpoint_of(application) is not None


def test_row_21_closing_in_the_first_epoch_checkpoints_too(application, qtbot, folder, monkeypatch):
    run = OptimizerStep.run

    def slow(*arguments):
        threading.Event().wait(0.2)
        return run(*arguments)

    monkeypatch.setattr(OptimizerStep, "run", slow)
    find(application, "batchSize").setValue(2)
    train_without_end(application, qtbot, folder)
    application.window.close()
    answer_and_close(application, qtbot)
    assert checkpoint_of(application).position["position"]["epochs_done"] == 0


def test_row_21_quitting_the_program_asks_as_closing_the_window_does(application, qtbot, folder):
    """As the menu of macOS quits it."""
    train_without_end(application, qtbot, folder)
    QCoreApplication.sendEvent(QApplication.instance(), QEvent(QEvent.Type.Quit))
    qtbot.waitUntil(lambda: application.window.findChild(QObject, "question") is not None, timeout=SECONDS)
    answer_and_close(application, qtbot)
    assert checkpoint_of(application) is not None


def test_row_23_the_end_of_the_users_session_checkpoints_without_a_question(application, qtbot, folder):
    train_without_end(application, qtbot, folder)
    with qtbot.waitSignal(application.closed, timeout=SECONDS):
        QGuiApplication.instance().commitDataRequest.emit(None)
    assert application.window.findChild(QObject, "question") is None
    assert checkpoint_of(application) is not None


def test_row_21_closing_while_a_dataset_opens_cancels_it(application, qtbot, folder, monkeypatch):
    """Nothing is asked, and nothing of the opening is left in the cache."""
    decoded = []

    def slow(*arguments):
        decoded.append(1)
        threading.Event().wait(0.1)
        return decode_item(*arguments)

    monkeypatch.setattr("latentlab.data.sources.items.decode_item", slow)
    application.window.pathsDropped.emit([str(folder)])
    qtbot.waitUntil(lambda: bool(decoded), timeout=SECONDS)
    with qtbot.waitSignal(application.closed, timeout=SECONDS):
        application.window.close()
    assert application.session.dataset is None
    assert len(decoded) < 40
    assert not list(cache_folder().glob("datasets/*"))


def test_yours_the_copied_command_is_of_the_model_on_screen(application, qtbot, folder):
    """Promise Yours: it has the β of the active run, and another model's command once that one is open."""

    def copied():
        application.window.actions_.copy_command.trigger()
        program, *options = shlex.split(QGuiApplication.clipboard().text())
        assert program == "latentlab"
        arguments = build_parser().parse_args(options)
        return arguments.data, arguments.out, run_config(arguments, RunFolder(arguments.out))

    open_folder(application, qtbot, folder)
    find(application, "epochs").setValue(10_000)
    press(application, qtbot, "trainButton")
    qtbot.waitUntil(lambda: application.session.run_state == "running", timeout=SECONDS)
    qtbot.waitUntil(lambda: application.session.model.source == application.session.run_folder, timeout=SECONDS)
    find(application, "betaSlider").setValue(250)
    qtbot.waitUntil(lambda: copied()[2].model.beta == 2.5, timeout=SECONDS)
    source, out, config = copied()
    assert (source, config.training.epochs) == (str(folder), 10_000)
    assert out != application.session.run_folder
    press(application, qtbot, "stopButton")
    qtbot.waitUntil(lambda: application.session.run_state == "idle", timeout=SECONDS)
    application.window.pathsDropped.emit(["bundled:shapes-6d"])
    qtbot.waitUntil(lambda: application.session.model.name == "shapes-6d", timeout=SECONDS)
    source, _, config = copied()
    assert (source, config.model.latent_dim, config.training.batch_size) == ("demo:shapes", 6, 64)
    command = QGuiApplication.clipboard().text()
    QGuiApplication.clipboard().clear()
    copy_buttons = application.window.notifications.findChildren(QPushButton, "copyDetails")
    cards = [each for each in copy_buttons if each.parentWidget().message.startswith("Copied the command")]
    cards[-1].click()  # those of the commands before are still visible
    assert QGuiApplication.clipboard().text() == command


def test_a_run_that_was_closed_can_be_continued_from_its_folder(application, qtbot, folder, own_folders):
    open_folder(application, qtbot, folder)
    find(application, "epochs").setValue(10_000)
    press(application, qtbot, "trainButton")
    qtbot.waitUntil(lambda: application.session.run.completed_epochs > 0, timeout=SECONDS)
    run = application.session.run_folder
    application.close()
    again = app.build(["--engine", "thread", "--device", "cpu", run])
    try:
        again.window.show()
        again.window.show_panel("data")
        qtbot.waitUntil(lambda: find(again, "openRunData").isVisible(), timeout=SECONDS)
        assert not again.window.actions_.continue_run.isEnabled()
        assert str(folder) in again.window.actions_.continue_run.toolTip()
        press(again, qtbot, "openRunData")
        qtbot.waitUntil(lambda: find(again, "continueButton").isVisible(), timeout=SECONDS)
        press(again, qtbot, "continueButton")
        qtbot.waitUntil(lambda: again.session.run_state == "running", timeout=SECONDS)
        assert again.session.run_folder == run
    finally:
        again.close()
