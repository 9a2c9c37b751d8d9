"""The commands of the menus: all of them, as they are now."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from latentlab.gui.commands import Command, commands_of_menus
from latentlab.gui.main_window import MainWindow, RecentGroup


@pytest.fixture
def window(qtbot, themed):
    made = MainWindow(QWidget())
    qtbot.addWidget(made)
    yield made
    made.allow_close()


def by_title(window) -> dict[str, Command]:
    return {command.title: command for command in window.commands.commands()}


def test_every_action_can_be_found(window):
    window.set_layers([("density", "Density of points", True)])
    window.set_recent([RecentGroup("Folders", ("/home/ada/photos", "/gone"), frozenset({"/gone"}))])
    found = by_title(window)
    texts = {each.text().replace("&", "") for each in window.actions_.findChildren(QAction)}
    texts |= {each.text().replace("&", "") for each in window.findChildren(QAction, "actionTrain")}
    assert texts - {""} <= set(found)
    assert {"Density of points", "/home/ada/photos", "Latent", "Dark", "Explore"} <= set(found)
    assert found["/gone"].reason == "/gone is not there now"
    assert found["Density of points"].is_checked is True
    assert found["Density of points"].kind == "View · Layers"


def test_a_greyed_command_says_why_and_one_with_a_shortcut_has_it(window):
    found = by_title(window)
    assert found["Undo"].reason == "Nothing can be undone"
    assert found["Train"].keys == QKeySequence("Ctrl+T").toString(QKeySequence.SequenceFormat.NativeText)
    assert not found["Open model…"].reason
    window.set_layers([("density", "Density of points", True)])
    window.show_layer("density", False, "No images are encoded")
    assert by_title(window)["Density of points"].reason == "No images are encoded"


def test_no_action_is_greyed_without_a_reason(window):
    window.set_layers([("density", "Density of points", True)])
    without = [command.title for command in window.commands.commands() if command.reason == "Not now"]
    assert without == []


def test_a_menu_that_is_filled_when_it_opens_is_filled(window):
    menu = window.compare_menu
    menu.aboutToShow.connect(lambda: menu.addAction("Run folder…") if not menu.actions() else None)
    assert "Run folder…" in by_title(window)


def test_other_parts_add_their_own(window):
    done = []
    window.commands.add(lambda: [Command("Rate and distortion", "Lesson", lambda: done.append(1))])
    by_title(window)["Rate and distortion"].run()
    assert done == [1]


def test_submenus_of_a_disabled_menu_are_refused(qtbot, window):
    menu = QMenu("&Outer", window)
    window.menuBar().addMenu(menu)
    inner = menu.addMenu("Inner")
    inner.addAction("Deep")
    inner.setEnabled(False)
    command = next(each for each in commands_of_menus(window.menuBar()) if each.title == "Deep")
    assert command.reason
    assert command.kind == "Outer · Inner"


def test_a_panel_behind_another_is_brought_to_the_front(qtbot, window):
    window.show()
    command = by_title(window)["Runs"]
    assert command.kind == "Panel"
    command.run()
    qtbot.waitUntil(lambda: not window.docks["runs"].visibleRegion().isEmpty())


def test_f6_goes_round_the_panels_and_back(qtbot, window):
    window.show()
    window.latent_map.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    window.latent_map.setFocus()
    seen = []
    shown = [dock for dock in window.docks.values() if not dock.visibleRegion().isEmpty()]
    for _ in shown:
        window.actions_.next_panel.trigger()
        seen.append(next(dock for dock in shown if dock.isAncestorOf(window.focusWidget())))
    assert seen == shown
    window.actions_.next_panel.trigger()
    assert window.focusWidget() is window.latent_map
    window.actions_.previous_panel.trigger()
    assert shown[-1].isAncestorOf(window.focusWidget())
