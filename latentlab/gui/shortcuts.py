"""The shortcuts of the window's actions, which the user can change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from PySide6.QtCore import QKeyCombination, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

from latentlab.gui.action_text import default_shortcut, plain_text_of, show_tip, tip_of

_MODIFIERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
_OF_WIDGETS = frozenset(
    {
        Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Plus, Qt.Key.Key_Minus,
        Qt.Key.Key_Equal, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Space,
        Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Backtab,
        Qt.Key.Key_Backspace, Qt.Key.Key_Delete, Qt.Key.Key_F2, Qt.Key.Key_X, Qt.Key.Key_Y, Qt.Key.Key_Menu,
    }
)  # fmt: skip
"""Keys that mean something in the map, in lists and in fields, without Ctrl, Alt or Meta."""


class Shortcuts(QObject):
    """Lists, changes and resets the shortcuts of the menus' and the tools' actions.

    Signals
    -------
    changed(shortcuts)
        The user has changed some: name and keys of every action whose shortcut is not the program's own, as portable
        text.
    """

    changed = Signal(object)

    def __init__(self, bar: QMenuBar, others: Mapping[str, QAction], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bar, self._others = bar, others

    def actions(self) -> dict[str, tuple[str, QAction]]:
        """Menu and action of each action that can have a shortcut, by the action's name."""
        found = {action.objectName(): (menu, action) for menu, action in self._of_menus() if action.objectName()}
        return found | {name: ("On the map", action) for name, action in self._others.items()}

    def own(self) -> dict[str, str]:
        """The shortcuts that differ from the program's, as portable text, by the action's name."""
        return {
            name: action.shortcut().toString()
            for name, (_, action) in self.actions().items()
            if action.shortcut() != default_shortcut(action)
        }

    def apply(self, saved: Mapping[str, str]) -> None:
        """Set saved shortcuts; those that are refused now, and those of unknown actions, are left out."""
        actions = self.actions()
        for name in saved:  # first free what others may take
            if name in actions:
                _set(actions[name][1], QKeySequence())
        for name, keys in saved.items():
            if name in actions and self.refused(name, QKeySequence(keys)):
                _set(actions[name][1], self._default_if_free(name))
            elif name in actions:
                _set(actions[name][1], QKeySequence(keys))

    def refused(self, name: str, keys: QKeySequence) -> str:
        """Why an action cannot have a shortcut, in a sentence; empty if it can."""
        if keys.isEmpty():
            return ""
        if keys.count() != 1:
            return "A shortcut is one key, with Ctrl, Alt or Shift"
        text = keys.toString(QKeySequence.SequenceFormat.NativeText)
        reason = _reserved(keys, text)
        if reason:
            return reason
        for other, (_, action) in self.actions().items():
            if other != name and action.shortcut() == keys:
                return f"{text} is the shortcut of {plain_text_of(action)}"
        menus = [plain_text_of(each) for each in self._bar.actions() if QKeySequence.mnemonic(each.text()) == keys]
        return f"{text} opens the menu {menus[0]}" if menus else ""

    def change(self, name: str, keys: QKeySequence) -> str:
        """Give an action a shortcut, or none; returns why it is refused, empty if it is not."""
        reason = self.refused(name, keys)
        if not reason:
            _set(self.actions()[name][1], keys)
            self.changed.emit(self.own())
        return reason

    def reset(self, name: str) -> str:
        """Give an action the program's shortcut again; returns why that is refused."""
        return self.change(name, default_shortcut(self.actions()[name][1]))

    def reset_all(self) -> None:
        """Give all actions the program's shortcuts again."""
        for _, action in self.actions().values():
            _set(action, default_shortcut(action))
        self.changed.emit(self.own())

    def _default_if_free(self, name: str) -> QKeySequence:
        keys = default_shortcut(self.actions()[name][1])
        return QKeySequence() if self.refused(name, keys) else keys

    def _of_menus(self) -> Iterator[tuple[str, QAction]]:
        for top in self._bar.actions():
            menu = top.menu()
            if isinstance(menu, QMenu):
                yield from ((plain_text_of(top), action) for action in _within(menu))


def _within(menu: QMenu) -> Iterator[QAction]:
    """The described actions of a menu and its submenus: not files and the like, which come and go."""
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            yield from _within(inner)
        elif tip_of(action) and not action.isSeparator():
            yield action


def _reserved(keys: QKeySequence, text: str) -> str:
    pressed: QKeyCombination = keys[0]  # type: ignore[index]
    has_modifier = bool(pressed.keyboardModifiers() & _MODIFIERS)
    if not has_modifier and pressed.key() in _OF_WIDGETS:
        return f"{text} has its own meaning on the map, in lists and in fields"
    return ""


def _set(action: QAction, keys: QKeySequence) -> None:
    action.setShortcut(keys)
    show_tip(action)
