"""The hints of the first start: shown once, skipped by Escape, in nobody's way."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from latentlab.controllers.tour import TourController
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets.tour import Tour
from latentlab.state.window_settings import WindowSettings


@pytest.fixture
def window(qtbot, qapp):
    made = MainWindow(LatentMap())
    qtbot.addWidget(made)
    made.resize(1024, 700)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.allow_close()


@pytest.fixture
def settings(tmp_path):
    return WindowSettings(tmp_path / "settings.ini")


def shown(window) -> Tour | None:
    tour = window.findChild(Tour)
    return tour if tour is not None and tour.isVisible() else None


def press(window, name: str) -> None:
    window.findChild(QPushButton, name).click()


def test_five_hints_are_read_and_never_return(qtbot, window, settings, tmp_path):
    controller = TourController(window, settings, window)
    controller.offer()
    seen = []
    while (tour := shown(window)) is not None:
        assert window.rect().contains(tour.geometry())
        seen.append({label.text() for label in tour.findChildren(QLabel)})
        press(window, "tourNext")
    assert len(seen) == 5
    assert all(f"{number} of 5" in texts for number, texts in enumerate(seen, 1))
    settings.flush()
    again = TourController(window, WindowSettings(tmp_path / "settings.ini"), window)
    again.offer()
    assert shown(window) is None


def test_escape_skips_them_for_ever(qtbot, window, settings):
    controller = TourController(window, settings, window)
    controller.offer()
    assert shown(window)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert shown(window) is None
    controller.offer()
    assert shown(window) is None


def test_they_leave_the_map_free_and_take_no_focus(window, settings):
    window.latent_map.setFocus()
    TourController(window, settings, window).offer()
    tour = shown(window)
    over_the_map = window.latent_map.rect().translated(window.latent_map.mapTo(window, window.rect().topLeft()))
    assert tour.geometry().intersected(over_the_map).width() < over_the_map.width() / 4
    assert window.focusWidget() is window.latent_map


def test_the_help_menu_shows_them_again(window, settings):
    settings.set_tour_seen()
    TourController(window, settings, window)
    window.actions_.tour.trigger()
    assert shown(window)
    press(window, "tourSkip")
    assert shown(window) is None
