"""The list of keys has every shortcut of the menus and of the map's tools, and changes them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItemIterator,
    QWidget,
)
from shiboken6 import isValid

from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets.shortcuts_dialog import ShortcutsDialog

NATIVE = QKeySequence.SequenceFormat.NativeText


@pytest.fixture
def window(qtbot, themed):
    made = MainWindow(QWidget())
    made.show()
    yield made
    made.allow_close()


@pytest.fixture
def dialog(window):
    window.actions_.shortcuts.trigger()
    made = window.findChild(ShortcutsDialog)
    yield made
    if isValid(made):
        made.accept()


def rows(dialog) -> dict[str, tuple[str, bool]]:
    iterator = QTreeWidgetItemIterator(dialog.findChild(QTreeWidget))
    found = {}
    while (item := iterator.value()) is not None:
        found[item.text(0)] = (item.text(1), item.isHidden())
        iterator += 1
    return found


def choose(dialog, text: str) -> None:
    tree = dialog.findChild(QTreeWidget)
    (item,) = tree.findItems(text, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive)
    tree.setCurrentItem(item)


def type_keys(qtbot, dialog, key: Qt.Key, modifier: Qt.KeyboardModifier) -> None:
    edit = dialog.findChild(QKeySequenceEdit)
    edit.clear()
    qtbot.keyClick(edit, key, modifier)
    edit.editingFinished.emit()  # else Qt waits for another key


def note(dialog) -> str:
    return dialog.findChild(QLabel, "shortcutNote").text()


def test_f1_lists_every_shortcut_of_the_window(window, dialog):
    found = rows(dialog)
    keys = {keys for keys, _ in found.values()}
    for action in window.actions_.findChildren(QAction):
        if action.isVisible() and not action.shortcut().isEmpty():
            assert action.shortcut().toString(NATIVE) in keys, action.text()
    assert {"Undo", "Open images folder", "Explore", "Latent", "Dark"} <= set(found)


def test_a_shortcut_is_changed_shown_and_told(qtbot, window, dialog):
    told = []
    window.help.shortcuts.changed.connect(told.append)
    choose(dialog, "Fit points")
    type_keys(qtbot, dialog, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    assert window.actions_.fit_view.shortcut() == QKeySequence("Ctrl+Alt+J")
    assert rows(dialog)["Fit points"][0] == QKeySequence("Ctrl+Alt+J").toString(NATIVE)
    assert QKeySequence("Ctrl+Alt+J").toString(NATIVE) in window.actions_.fit_view.toolTip()
    assert told == [{"actionFitPoints": "Ctrl+Alt+J"}]
    dialog.findChild(QPushButton, "resetShortcut").click()
    assert window.actions_.fit_view.shortcut() == QKeySequence("Ctrl+F")
    assert told[-1] == {}


@pytest.mark.parametrize(
    ("key", "modifier", "why"),
    [
        (Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier, "is the shortcut of Train"),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.NoModifier, "has its own meaning on the map"),
        (Qt.Key.Key_F, Qt.KeyboardModifier.AltModifier, "opens the menu File"),
    ],
)
def test_a_conflict_is_refused_in_a_sentence(qtbot, window, dialog, key, modifier, why):
    choose(dialog, "Fit points")
    type_keys(qtbot, dialog, key, modifier)
    assert why in note(dialog)
    assert window.actions_.fit_view.shortcut() == QKeySequence("Ctrl+F")


def test_a_shortcut_is_removed_and_all_are_reset(window, dialog):
    choose(dialog, "Undo")
    dialog.findChild(QPushButton, "removeShortcut").click()
    assert window.actions_.undo.shortcut().isEmpty()
    dialog.findChild(QPushButton, "resetShortcuts").click()
    assert window.actions_.undo.shortcut() == QKeySequence(QKeySequence.StandardKey.Undo)


def test_actions_are_found_by_name_and_by_key(qtbot, dialog):
    field = dialog.findChild(QLineEdit, "shortcutsField")
    qtbot.keyClicks(field, "redo")
    shown = {text for text, (_, hidden) in rows(dialog).items() if not hidden}
    assert "Redo" in shown
    assert "Train" not in shown


def test_keys_of_the_map_cannot_be_changed(dialog):
    choose(dialog, "Show all points")
    assert not dialog.findChild(QKeySequenceEdit).isEnabled()
    assert note(dialog) == "This key cannot be changed"


def test_saved_shortcuts_are_applied_and_what_they_cannot_be_is_left_out(window):
    shortcuts = window.help.shortcuts
    shortcuts.apply(
        {"actionTrain": "Ctrl+P", "actionPause": "Ctrl+T", "actionUndo": "Left", "gone": "Ctrl+Alt+J", "actionRedo": ""}
    )
    actions = window.actions_
    assert actions.train.shortcut() == QKeySequence("Ctrl+P")
    assert actions.pause.shortcut() == QKeySequence("Ctrl+T")
    assert actions.undo.shortcut() == QKeySequence(QKeySequence.StandardKey.Undo)
    assert actions.redo.shortcut().isEmpty()
    assert set(shortcuts.own()) == {"actionTrain", "actionPause", "actionRedo"}


def test_escape_leaves_the_dialog_from_the_field_of_keys(qtbot, window, dialog):
    choose(dialog, "Undo")
    edit = dialog.findChild(QKeySequenceEdit)
    edit.setFocus()
    qtbot.keyClick(edit.findChild(QLineEdit) or edit, Qt.Key.Key_Tab)
    assert dialog.focusWidget() is not edit
    edit.setFocus()
    qtbot.keyClick(edit, Qt.Key.Key_Escape)
    assert not isValid(dialog) or not dialog.isVisible()
    assert window.actions_.undo.shortcut() == QKeySequence(QKeySequence.StandardKey.Undo)
