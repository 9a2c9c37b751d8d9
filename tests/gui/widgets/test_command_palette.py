"""The command palette is used by the keyboard alone."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QLabel, QLineEdit, QListView, QWidget

from latentlab.gui.commands import Command
from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets.command_palette import CommandPalette, ranked


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def palette(shown, themed, done):
    window = shown(QWidget(), 800, 600)
    commands = [
        Command("Train", "Train", lambda: done.append("train"), "Ctrl+T", about="Start a run"),
        Command("Continue", "Train", lambda: done.append("continue"), reason="There is no run to continue"),
        Command("Dark", "View · Theme", lambda: done.append("dark"), is_checked=False),
        Command("β-VAE · beta-vae", "Recipe", lambda: done.append("beta")),
        Command("<img src=x>" + "y" * 500, "Recent", lambda: done.append("recent")),
    ]
    made = CommandPalette(lambda: commands, window)
    made.open()
    yield made
    made.close()


def field(palette) -> QLineEdit:
    return palette.findChild(QLineEdit, "paletteField")


def about(palette) -> str:
    return palette.findChild(QLabel, "paletteAbout").text()


def test_letters_find_and_enter_does(qtbot, palette, done):
    assert palette.titles()[0] == "Train"
    qtbot.keyClicks(field(palette), "bv")
    assert palette.titles() == ["β-VAE · beta-vae"]
    qtbot.keyClick(field(palette), Qt.Key.Key_Return)
    assert done == ["beta"]
    assert not palette.isVisible()


def test_arrows_choose_and_a_greyed_command_says_why_and_does_nothing(qtbot, palette, done):
    qtbot.keyClick(field(palette), Qt.Key.Key_Down)
    assert about(palette) == "Not now: There is no run to continue"
    qtbot.keyClick(field(palette), Qt.Key.Key_Return)
    assert done == []
    assert palette.isVisible()
    qtbot.keyClick(field(palette), Qt.Key.Key_Up)
    assert about(palette) == "Start a run"
    qtbot.keyClick(field(palette), Qt.Key.Key_Return)
    assert done == ["train"]


def test_escape_closes_and_what_was_done_last_comes_first(qtbot, palette, done):
    qtbot.keyClicks(field(palette), "dark")
    qtbot.keyClick(field(palette), Qt.Key.Key_Return)
    palette.open()
    assert field(palette).text() == ""
    assert palette.titles()[0] == "Dark"
    qtbot.keyClick(palette, Qt.Key.Key_Escape)
    assert not palette.isVisible()


def test_kinds_are_searched_and_nothing_found_is_said(qtbot, palette):
    qtbot.keyClicks(field(palette), "theme")
    assert palette.titles() == ["Dark"]
    field(palette).setText("qqqq")
    assert palette.titles() == []
    assert about(palette) == "Nothing has this name"


def test_rows_are_heard_and_bounded(palette):
    view = palette.findChild(QListView)
    texts = [
        view.model().index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(view.model().rowCount())
    ]
    assert texts[0] == "Train, Train, Ctrl+T"
    assert texts[2] == "Dark, View · Theme, off"
    assert max(map(len, texts)) < 200
    assert QAccessible.queryAccessibleInterface(palette).text(QAccessible.Text.Name) == "command palette"
    palette.grab()  # paints every kind of row


def test_what_can_be_done_comes_before_what_cannot():
    commands = [Command("Undo", "Edit", print, reason="Nothing"), Command("Undo all", "Edit", print)]
    assert [command.title for command, _ in ranked("undo", commands)] == ["Undo all", "Undo"]


def test_ctrl_k_opens_it_over_the_window(qtbot, themed):
    window = MainWindow(QWidget())
    qtbot.addWidget(window)
    window.show()
    window.actions_.palette.trigger()
    palette = window.findChild(CommandPalette)
    assert palette.isVisible()
    assert "Keyboard shortcuts" in palette.titles()
    palette.close()
    window.allow_close()


@pytest.fixture
def main_window(qtbot, themed):
    map_ = QWidget()
    map_.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    window = MainWindow(map_)
    qtbot.addWidget(window)
    window.show()
    yield window
    window.allow_close()


def open_again(window) -> CommandPalette:
    window.actions_.palette.trigger()
    return window.findChild(CommandPalette)


def test_the_focus_goes_back_to_where_it_was_when_it_is_left_and_when_a_command_is_chosen(qtbot, main_window):
    before = main_window.training_panel.findChild(QWidget, "allSettings")
    main_window.show_panel("training")
    before.setFocus()
    for _ in range(2):  # asked for again while it is open
        palette = open_again(main_window)
    qtbot.keyClick(field(palette), Qt.Key.Key_Escape)
    assert main_window.focusWidget() is before
    open_again(main_window)
    field(palette).setText("dark theme")
    qtbot.keyClick(field(palette), Qt.Key.Key_Return)
    assert main_window.focusWidget() is before


def test_the_map_has_the_focus_when_what_had_it_is_hidden_or_greyed_meanwhile_or_nothing_had_it(qtbot, main_window):
    before = main_window.training_panel.findChild(QWidget, "allSettings")
    main_window.show_panel("training")
    for lose in (lambda: before.setEnabled(False), main_window.docks["training"].hide, lambda: None):
        before.setFocus()
        palette = open_again(main_window)
        lose()
        qtbot.keyClick(field(palette), Qt.Key.Key_Escape)
        assert main_window.focusWidget() is main_window.latent_map
        before.setEnabled(True)
        main_window.latent_map.clearFocus()


def test_a_click_beside_it_only_closes_it(qtbot, palette, done):
    qtbot.mouseClick(palette, Qt.MouseButton.LeftButton, pos=palette.rect().bottomLeft() + QPoint(5, -5))
    assert not palette.isVisible()
    assert done == []


def test_it_keeps_its_place_in_a_window_that_is_resized(qtbot, palette):
    window = palette.parentWidget()
    window.resize(500, 420)
    qtbot.waitUntil(lambda: palette.size() == window.size())
    assert palette.rect().contains(field(palette).parentWidget().geometry())
