"""The list of keyboard shortcuts, made from the actions of the window's menus."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QMenu, QMenuBar, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label, row, scrolled

ON_THE_MAP = (
    ("Move the latent along the axes", "arrow keys"),
    ("Move it ten times finer", "Shift+arrow keys"),
    ("Zoom in, out", "+, −"),
    ("Show all points", "Home"),
    ("Take the latent of a data point", "Ctrl+click"),
    ("Clear the path or the selection", "Esc"),
)
"""Keys of the map, which are no actions."""

Sections = dict[str, list[tuple[str, str]]]


def shortcuts_of(bar: QMenuBar, tools: Iterable[QAction]) -> Sections:
    """What the shortcuts of the menus and the tools do: for each menu pairs of a text and its key."""
    own = bar.findChildren(QMenu, options=Qt.FindChildOption.FindDirectChildrenOnly)
    menus = {_plain(each.menuAction()): each.actions() for each in own}
    menus["On the map"] = list(tools)
    native = QKeySequence.SequenceFormat.NativeText
    sections = {
        title: [(_plain(each), each.shortcut().toString(native)) for each in actions if not each.shortcut().isEmpty()]
        for title, actions in menus.items()
    }
    sections["On the map"] += ON_THE_MAP
    return {title: found for title, found in sections.items() if found}


class ShortcutsDialog(QDialog):
    """Lists what each key does, by menu."""

    def __init__(self, sections: Sections, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcutsDialog")
        self.setWindowTitle("Keyboard shortcuts")
        body = QWidget()
        grid = QGridLayout(body)
        grid.setHorizontalSpacing(3 * SPACE)
        grid.setVerticalSpacing(SPACE // 2)
        line = 0
        for title, keys in sections.items():
            grid.addWidget(label(title, "section"), line, 0, 1, 2)
            line += 1
            for text, key in keys:
                grid.addWidget(label(text), line, 0)
                grid.addWidget(label(key, "dim"), line, 1)
                line += 1
        grid.setRowStretch(line, 1)
        layout = column(self, 2 * SPACE)
        layout.addWidget(scrolled(body), 1)
        layout.addLayout(row(None, button("closeShortcuts", "Close", "Close", self.accept)))
        self.resize(420, 560)


def _plain(action: QAction) -> str:
    return action.text().replace("&", "").rstrip("…")
