"""The Preferences dialog: what is valid is applied at once, what is not is marked."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton, QSpinBox

from latentlab.config.preferences import Preferences
from latentlab.controllers.frame_rate import FrameRateController
from latentlab.controllers.preferences import PreferencesController
from latentlab.controllers.training import TrainingController
from latentlab.engine.protocol.messages import RestartWorker, WorkerReady
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.style import theme
from latentlab.gui.widgets.preferences_dialog import PreferencesDialog
from latentlab.paths import CACHE_SIZE_VARIABLE, CACHE_VARIABLE, cache_folder
from latentlab.state.preference_store import PreferenceStore
from latentlab.state.window_settings import WindowSettings
from latentlab.utils.palettes import choose_palette, class_colours
from tests.controllers.test_autosave import dataset_info


@pytest.fixture
def window(qtbot):
    window = MainWindow(LatentMap())
    qtbot.addWidget(window)
    return window


@pytest.fixture
def store(tmp_path):
    return PreferenceStore(WindowSettings(tmp_path / "window.ini"), tmp_path / "preferences.json")


@pytest.fixture
def controller(qtbot, session, engine, activity, window, store, monkeypatch):
    for variable in (CACHE_VARIABLE, CACHE_SIZE_VARIABLE):
        monkeypatch.setenv(variable, "")
    engine.set_device = engine.asked.append
    training = TrainingController(session, engine, window.training_panel, window.curves, activity)
    frame_rate = FrameRateController(engine, window, window)
    yield PreferencesController(session, engine, store, training, frame_rate, window, window)
    theme.set_scheme("system")
    choose_palette("Okabe-Ito")


@pytest.fixture
def dialog(controller, engine, window):
    engine.workerReady.emit(WorkerReady("cpu", ("cpu", "cuda:0"), {}, 1))
    window.actions_.preferences.trigger()
    dialog = window.findChild(PreferencesDialog)
    yield dialog
    dialog.close()


def choose(dialog, name: str, value: str) -> None:
    combo = dialog.findChild(QComboBox, name)
    combo.setCurrentIndex(combo.findData(value))
    combo.activated.emit(combo.currentIndex())


def test_theme_palette_and_frame_rate_are_applied_at_once(dialog, store, window, qtbot):
    before = class_colours(3)
    choose(dialog, "lookTheme", "dark")
    assert theme.scheme() == "dark"
    assert window.actions_.theme_dark.isChecked()
    choose(dialog, "lookPalette", "Tol bright")
    assert not np.array_equal(class_colours(3), before)
    dialog.findChild(QCheckBox, "lookFrameRate").setChecked(False)
    assert not store.value.look.frame_rate
    window.actions_.theme_light.trigger()
    assert store.value.look.theme == "light"
    assert dialog.findChild(QComboBox, "lookTheme").currentData() == "light"


def test_the_defaults_of_new_runs_are_those_of_the_training_panel(dialog, session, store, window):
    session.set_dataset(dataset_info())
    dialog.findChild(QSpinBox, "runsThreads").setValue(3)
    choose(dialog, "runsDevice", "cuda:0")
    assert (store.value.runs.threads, store.value.runs.device) == (3, "cuda:0")
    assert window.training_panel.config().training.threads == 3
    session.set_dataset(dataset_info("other photos"))
    assert window.training_panel.config().training.threads == 3, "whatever is suggested for other images"


def test_device_and_cache_are_the_next_workers_which_is_offered(dialog, engine, store, window, tmp_path):
    choose(dialog, "workerDevice", "cpu")
    assert engine.asked[-1] == "cpu"
    folder = dialog.findChild(QLineEdit, "cacheFolder")
    folder.setText(str(tmp_path))
    folder.editingFinished.emit()
    assert cache_folder() == tmp_path
    assert os.environ[CACHE_SIZE_VARIABLE] == "20"
    card = window.notifications.findChildren(QPushButton, "notificationAction0")[-1]
    card.click()
    assert engine.count(RestartWorker) == 1


def test_a_value_that_cannot_be_is_marked_and_not_kept(dialog, store):
    folder = dialog.findChild(QLineEdit, "cacheFolder")
    folder.setText("here")
    folder.editingFinished.emit()
    fault = dialog.findChild(QLabel, "preferencesFault")
    assert fault.text().startswith("cache.folder must be an absolute path")
    assert store.value == Preferences()
    folder.setText("")
    folder.editingFinished.emit()
    assert fault.isHidden()


def test_preferences_are_exported_imported_and_reset(controller, dialog, store, window, tmp_path):
    choose(dialog, "startOpens", "last session")
    controller.export(str(tmp_path / "mine.json"))
    dialog.findChild(QPushButton, "resetPreferences").click()
    assert store.value == Preferences()
    controller.import_(str(tmp_path / "mine.json"))
    assert store.value.start.opens == "last session"
    assert dialog.findChild(QComboBox, "startOpens").currentData() == "last session"
    (tmp_path / "bad.json").write_text("{}")
    controller.import_(str(tmp_path / "bad.json"))
    assert "not preferences of latentlab" in window.notifications.messages()[-1]
    assert store.value.start.opens == "last session"


def test_the_cache_is_measured_and_cleared(controller, window, qtbot):
    entry = cache_folder() / "datasets" / "entry"
    entry.mkdir(parents=True)
    (entry / "images.u8").write_bytes(b"a" * 3_000_000)
    window.actions_.preferences.trigger()
    dialog = window.findChildren(PreferencesDialog)[-1]
    size = dialog.findChild(QLabel, "cacheSize")
    qtbot.waitUntil(lambda: "of decoded images" in size.text())
    assert size.text().startswith("2.9 MB")
    dialog.findChild(QPushButton, "clearCache").click()
    qtbot.waitUntil(lambda: size.text() == "no decoded images")
    assert not entry.exists()
    dialog.close()


def test_every_preference_has_a_name_and_an_explanation(dialog):
    kinds = (QCheckBox, QComboBox, QLineEdit, QSpinBox)
    named = [each for kind in kinds for each in dialog.findChildren(kind) if each.objectName()[:3] != "qt_"]
    assert len(named) >= 11
    assert all(each.accessibleName() and each.toolTip() for each in named)
