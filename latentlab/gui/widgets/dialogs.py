"""Choosing files and folders, and the question before leaving: all without stopping the event loop."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget


def choose_folder(parent: QWidget, title: str, then: Callable[[str], object]) -> QFileDialog:
    """Let the user choose a folder; ``then`` gets its path."""
    dialog = _dialog(parent, title, then)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
    dialog.open()
    return dialog


def choose_file(parent: QWidget, title: str, kinds: str, then: Callable[[str], object]) -> QFileDialog:
    """Let the user choose a file that exists; ``kinds`` is a Qt name filter such as ``Models (*.safetensors)``."""
    dialog = _dialog(parent, title, then)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter(kinds)
    dialog.open()
    return dialog


def choose_target(parent: QWidget, title: str, name: str, kinds: str, then: Callable[[str], object]) -> QFileDialog:
    """Let the user name a file to write; ``name`` is proposed, and its suffix added where none is given."""
    dialog = _dialog(parent, title, then)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    dialog.setNameFilter(kinds)
    dialog.setDefaultSuffix(name.rpartition(".")[2])
    dialog.selectFile(name)
    dialog.open()
    return dialog


def ask(
    parent: QWidget, question: str, explanation: str, yes: str, then: Callable[[], object], no: str = ""
) -> QMessageBox:
    """Ask once; ``then`` is called when the user presses ``yes``.

    With words of its own for it, ``no`` is what Enter means: ``yes`` then loses something.
    """
    box = QMessageBox(QMessageBox.Icon.Question, "latentlab", question, parent=parent)
    box.setObjectName("question")
    box.setInformativeText(explanation)
    accept = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    refuse = box.addButton(QMessageBox.StandardButton.Cancel)
    if no:
        refuse.setText(no)
    box.setDefaultButton(refuse if no else accept)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.buttonClicked.connect(lambda pressed: then() if pressed is accept else None)
    box.open()
    return box


def _dialog(parent: QWidget, title: str, then: Callable[[str], object]) -> QFileDialog:
    dialog = QFileDialog(parent, title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(then)
    return dialog
