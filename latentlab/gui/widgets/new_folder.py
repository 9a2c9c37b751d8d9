"""Asks for a folder that is written: a place and a name, so that a new folder is made, and says what will be."""

from __future__ import annotations

import os
from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QFormLayout, QLineEdit, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.controls import button, column, label, named, row
from latentlab.utils.plain_text import as_line


class NewFolderDialog(QDialog):
    """Asks for the place and the name of a new folder; file dialogs let only folders be chosen that exist.

    Parameters
    ----------
    parent
        The window that it belongs to.
    title
        Of the dialog.
    place, name
        What is suggested.
    why_not
        Says why a folder cannot be written; an empty text if it can.

    Signals
    -------
    chosen(path)
        The path of the folder, which need not exist.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget, title: str, place: str, name: str, why_not: Callable[[str], str]) -> None:
        super().__init__(parent)
        self.setObjectName("newFolderDialog")
        self.setWindowTitle(title)
        self.setMinimumWidth(520)
        self._why_not = why_not
        self._place, self._name = QLineEdit(place), QLineEdit(name)
        named(self._place, "newFolderPlace", "place", "The folder in which the new one is made")
        named(self._name, "newFolderName", "name of the new folder", "A name, or a whole path")
        browse = button("newFolderBrowse", "Browse…", "Choose the place", self._browse)
        self._says = label("", "dim", wrap=True)
        self._says.setObjectName("newFolderSays")
        self._accept = button("newFolderAccept", "Write", "Write the folder (Enter)", self.accept, primary=True)
        self._accept.setDefault(True)
        cancel = button("newFolderCancel", "Cancel", "Write nothing (Escape)", self.reject)
        form = QFormLayout()
        form.addRow("Place", row(self._place, browse))
        form.addRow("Name", self._name)
        layout = column(self, SPACE * 2)
        layout.addLayout(form)
        layout.addWidget(self._says)
        layout.addLayout(row(None, cancel, self._accept))
        for each in (self._place, self._name):
            each.textChanged.connect(self._show_reason)
        self._name.selectAll()
        self._name.setFocus()
        self._show_reason()

    def path(self) -> str:
        """The folder's path; empty while a part of it is missing."""
        place, name = (os.path.expanduser(each.text().strip()) for each in (self._place, self._name))
        return os.path.normpath(os.path.join(place, name)) if name and (place or os.path.isabs(name)) else ""

    def accept(self) -> None:
        """Write the folder, if it can be written."""
        self._show_reason()  # the disk may be another one by now
        if self._accept.isEnabled():
            super().accept()
            self.chosen.emit(self.path())

    def _browse(self) -> None:
        dialog = dialogs.choose_folder(self, "Choose the place of the new folder", self._place.setText)
        dialog.setDirectory(os.path.expanduser(self._place.text()))

    def _show_reason(self) -> None:
        path = self.path()
        reason = self._why_not(path) if path else "Give a place and a name"
        is_there = not reason and os.path.isdir(path)
        says = f"{reason}." if reason else f"Writes into the {'empty' if is_there else 'new'} folder {path}"
        self._says.setText(as_line(says, 400))
        self._says.setProperty("role", "warning" if reason else "dim")
        self._says.style().unpolish(self._says)
        self._says.style().polish(self._says)
        self._accept.setEnabled(not reason)


def choose_new_folder(
    parent: QWidget,
    title: str,
    suggested: tuple[str, str],
    why_not: Callable[[str], str],
    then: Callable[[str], object],
) -> NewFolderDialog:
    """Let the user name a folder to write; ``then`` is called with its path, and place and name are suggested."""
    dialog = NewFolderDialog(parent, title, *suggested, why_not)
    dialog.chosen.connect(then)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog
