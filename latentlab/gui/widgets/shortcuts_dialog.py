"""The list of keyboard shortcuts, where they can be changed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QKeySequenceEdit,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from latentlab.gui.action_text import default_shortcut, plain_text_of
from latentlab.gui.shortcuts import Shortcuts
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label, named, row
from latentlab.utils.fuzzy import fuzzy_match
from latentlab.utils.plain_text import as_line

ON_THE_MAP = (
    ("Move the latent along the axes", "arrow keys"),
    ("Move it ten times finer", "Shift+arrow keys"),
    ("Zoom in, out", "+, −"),
    ("Show all points", "Home"),
    ("Take the latent of a data point", "Ctrl+click"),
    ("Clear the path or the selection", "Esc"),
)
"""Keys of the map, which are no actions."""
_NAME = Qt.ItemDataRole.UserRole


class _KeysEdit(QKeySequenceEdit):
    """Takes the keys of a shortcut, but leaves Escape and Tab to the dialog: it is no trap for the keyboard."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take keys that can be a shortcut."""
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            event.ignore()
        else:
            super().keyPressEvent(event)


class ShortcutsDialog(QDialog):
    """Lists what each key does, by menu, and changes the shortcut of the chosen action.

    Parameters
    ----------
    shortcuts
        The window's.
    """

    def __init__(self, shortcuts: Shortcuts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcutsDialog")
        self.setWindowTitle("Keyboard shortcuts")
        self._shortcuts = shortcuts
        self._items: dict[str, QTreeWidgetItem] = {}
        self._build()
        self._list_all()
        self._show_chosen()
        self.resize(520, 600)

    def _build(self) -> None:
        self._field = QLineEdit()
        named(self._field, "shortcutsField", "find an action", "Part of what it does, or its keys")
        self._field.setPlaceholderText("Find an action or a key")
        self._field.textChanged.connect(self._filter)
        self._tree = QTreeWidget()
        named(self._tree, "shortcutsList", "actions and their shortcuts", "Choose the action whose shortcut to change")
        self._tree.setColumnCount(2)
        self._tree.setHeaderLabels(["Action", "Shortcut"])
        self._tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._tree.setRootIsDecorated(False)
        self._tree.currentItemChanged.connect(lambda _item, _before: self._show_chosen())
        self._keys = _KeysEdit()
        self._keys.setMaximumSequenceLength(1)
        named(self._keys, "shortcutKeys", "new shortcut", "Press the keys of the new shortcut here")
        self._keys.editingFinished.connect(self._on_typed)
        self._note = label("", "dim", wrap=True)
        self._note.setObjectName("shortcutNote")
        self._remove = button("removeShortcut", "Remove", "Leave the action without a shortcut", self._on_remove)
        self._reset = button("resetShortcut", "Reset", "Give the action its first shortcut again", self._on_reset)
        reset_all = button(
            "resetShortcuts", "Reset all", "Give all actions their first shortcuts again", self._on_reset_all
        )
        close = button("closeShortcuts", "Close", "Close", self.accept)
        layout = column(self, 2 * SPACE)
        layout.addWidget(self._field)
        layout.addWidget(self._tree, 1)
        edit = row(label("New shortcut"), self._keys, self._remove, self._reset)
        edit.setStretch(1, 1)
        layout.addLayout(edit)
        layout.addWidget(self._note)
        layout.addLayout(row(reset_all, None, close))

    def _list_all(self) -> None:
        menus: dict[str, QTreeWidgetItem] = {}
        for name, (menu, action) in self._shortcuts.actions().items():
            if menu not in menus:
                menus[menu] = self._heading(menu)
            item = QTreeWidgetItem(menus[menu], [as_line(plain_text_of(action)), ""])
            item.setData(0, _NAME, name)
            self._items[name] = item
        for text, keys in ON_THE_MAP:
            QTreeWidgetItem(menus.get("On the map") or self._heading("On the map"), [text, keys])
        self._tree.expandAll()
        self._tree.resizeColumnToContents(0)
        self._show_keys()

    def _heading(self, text: str) -> QTreeWidgetItem:
        heading = QTreeWidgetItem(self._tree, [text])
        heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
        font = heading.font(0)
        font.setBold(True)
        heading.setFont(0, font)
        return heading

    def _show_keys(self) -> None:
        for name, (_, action) in self._shortcuts.actions().items():
            keys = action.shortcut()
            item = self._items[name]
            item.setText(1, keys.toString(QKeySequence.SequenceFormat.NativeText))
            font = item.font(1)
            font.setItalic(keys != default_shortcut(action))  # the user's own
            item.setFont(1, font)

    def _filter(self, text: str) -> None:
        for index in range(self._tree.topLevelItemCount()):
            menu = self._tree.topLevelItem(index)
            assert menu is not None
            shown = 0
            for inner in range(menu.childCount()):
                item = menu.child(inner)
                assert item is not None
                is_hidden = bool(text.strip()) and not fuzzy_match(text, f"{item.text(0)} {item.text(1)}")
                item.setHidden(is_hidden)
                shown += not is_hidden
            menu.setHidden(not shown)

    def _chosen(self) -> str:
        """Name of the chosen action; empty for none, and for a key that cannot be changed."""
        item = self._tree.currentItem()
        return "" if item is None else item.data(0, _NAME) or ""

    def _show_chosen(self) -> None:
        name = self._chosen()
        for control in (self._keys, self._remove, self._reset):
            control.setEnabled(bool(name))
        action = self._shortcuts.actions()[name][1] if name else None
        self._keys.setKeySequence(QKeySequence() if action is None else action.shortcut())
        item = self._tree.currentItem()
        fixed = item is not None and item.parent() is not None and not name
        self._say("This key cannot be changed" if fixed else "" if name else "Choose an action to change its shortcut")

    def _on_typed(self) -> None:
        name = self._chosen()
        if name and self._keys.keySequence() != self._shortcuts.actions()[name][1].shortcut():
            self._changed(self._shortcuts.change(name, self._keys.keySequence()))

    def _on_remove(self) -> None:
        self._changed(self._shortcuts.change(self._chosen(), QKeySequence()))

    def _on_reset(self) -> None:
        self._changed(self._shortcuts.reset(self._chosen()))

    def _on_reset_all(self) -> None:
        self._shortcuts.reset_all()
        self._changed("")

    def _changed(self, reason: str) -> None:
        """Show the shortcuts as they are now, or why one is refused."""
        self._show_keys()
        self._show_chosen()
        if reason:
            self._say(reason, is_refusal=True)

    def _say(self, text: str, *, is_refusal: bool = False) -> None:
        self._note.setProperty("role", "warning" if is_refusal else "dim")
        self._note.style().unpolish(self._note)
        self._note.style().polish(self._note)
        self._note.setText(text)
