"""Menus of the right button and the Menu key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from latentlab.gui.action_text import describe
from latentlab.gui.widgets.plain_text import add_action


@dataclass(frozen=True)
class MenuEntry:
    """An entry of a menu.

    Attributes
    ----------
    text
        What it says; plain text, which may come from outside.
    do
        Called when it is chosen.
    reason
        Why it cannot be chosen now; empty if it can.
    is_checked
        Whether what it switches is on; ``None`` if it is no switch.
    """

    text: str
    do: Callable[[], object]
    reason: str = ""
    is_checked: bool | None = None


def context_menu(parent: QWidget, name: str, entries: Sequence[MenuEntry | QAction | None]) -> QMenu:
    """A menu of entries, and of actions of the window; ``None`` is a line between groups. It deletes itself."""
    menu = QMenu(parent)
    menu.setObjectName(name)
    menu.setToolTipsVisible(True)
    for entry in entries:
        if entry is None:
            menu.addSeparator()
        elif isinstance(entry, QAction):
            menu.addAction(entry)
        else:
            action = add_action(menu, entry.text)
            describe(action, entry.text, entry.reason)
            action.setEnabled(not entry.reason)
            if entry.is_checked is not None:
                action.setCheckable(True)
                action.setChecked(entry.is_checked)
            action.triggered.connect(lambda _checked=False, do=entry.do: do())
    menu.aboutToHide.connect(menu.deleteLater)
    return menu


def pop_up(parent: QWidget, name: str, entries: Sequence[MenuEntry | QAction | None], at: QPoint) -> QMenu:
    """Show a menu at a place of the screen."""
    menu = context_menu(parent, name, entries)
    menu.popup(at)
    return menu
