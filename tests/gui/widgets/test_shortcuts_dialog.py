"""The list of keys has every shortcut of the menus and of the map's tools."""

from __future__ import annotations

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QLabel, QWidget

from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets.shortcuts_dialog import ShortcutsDialog


def test_f1_lists_every_shortcut_of_the_window(qtbot, themed):
    window = MainWindow(QWidget())
    qtbot.addWidget(window)
    window.show()
    window.actions_.shortcuts.trigger()
    dialog = window.findChild(ShortcutsDialog)
    texts = [each.text() for each in dialog.findChildren(QLabel)]
    native = QKeySequence.SequenceFormat.NativeText
    for action in window.actions_.findChildren(QAction):
        if action.isVisible() and not action.shortcut().isEmpty():
            assert action.shortcut().toString(native) in texts, action.text()
    assert {"Undo", "Open images folder", "Explore", "F1"} <= set(texts)
    dialog.accept()
    qtbot.waitUntil(lambda: window.findChild(ShortcutsDialog) is None)
    window.allow_close()
