"""The menu of recent sources: by kind, those that are missing greyed, and cleared."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QMenu

from latentlab.controllers.recent_files import RecentFilesController
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.state.window_settings import WindowSettings


@pytest.fixture
def window(qtbot):
    window = MainWindow(LatentMap())
    qtbot.addWidget(window)
    return window


@pytest.fixture
def settings(tmp_path):
    return WindowSettings(tmp_path / "window.ini")


@pytest.fixture
def opened():
    return []


@pytest.fixture
def recent(window, settings, opened):
    return RecentFilesController(window, settings, opened.append, window)


def menu(window) -> QMenu:
    return next(each for each in window.findChildren(QMenu) if each.title() == "Open re&cent")


def entries(window) -> list[tuple[str, bool]]:
    return [(action.text(), action.isEnabled()) for action in menu(window).actions() if action.text()]


def test_recent_sources_are_listed_by_kind_and_those_that_are_missing_are_greyed(
    recent, window, settings, opened, qtbot, tmp_path
):
    run = tmp_path / "run"
    run.mkdir()
    (run / "checkpoint.safetensors").touch()
    for source in (tmp_path / "gone.safetensors", run, tmp_path, "bundled:mnist-2d", "demo:shapes"):
        recent.add(str(source))
    assert settings.recent("run") == [str(run)]
    menu(window).aboutToShow.emit()
    qtbot.waitUntil(lambda: any(not on for text, on in entries(window) if text.endswith("gone.safetensors")))
    texts = [text for text, _ in entries(window)]
    assert texts == [
        "Models", str(tmp_path / "gone.safetensors"), "Runs", str(run), "Images", "demo:shapes", str(tmp_path),
        "Clear this list",
    ]  # fmt: skip
    by_text = {action.text(): action for action in menu(window).actions()}
    by_text[str(run)].trigger()
    assert opened == [str(run)]
    assert by_text["demo:shapes"].isEnabled()
    assert "is not there now" in by_text[str(tmp_path / "gone.safetensors")].toolTip()


def test_the_list_can_be_cleared(recent, window, settings):
    recent.add("demo:shapes")
    action = next(each for each in menu(window).actions() if each.objectName() == "actionClearRecent")
    action.trigger()
    assert settings.recent("dataset") == []
    assert not menu(window).isEnabled()


def test_what_another_window_opens_is_in_the_menu_when_it_is_shown(recent, window, tmp_path):
    other = WindowSettings(tmp_path / "window.ini")
    recent.add("demo:shapes")
    other.add_recent("dataset", "demo:colour")
    menu(window).aboutToShow.emit()
    assert [text for text, _ in entries(window)][:3] == ["Images", "demo:colour", "demo:shapes"]
