"""Dialogs for files, folders, questions, About and error reports; none of them blocks the event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFileDialog, QFormLayout, QMessageBox, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label, named, row
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.plain_text import PlainTextView, message_box
from latentlab.utils.plain_text import as_line


def choose_folder(parent: QWidget, title: str, then: Callable[[str], object]) -> QFileDialog:
    """Let the user choose a folder; ``then`` is called with its path."""
    dialog = _dialog(parent, title, then)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
    dialog.open()
    return dialog


def choose_file(parent: QWidget, title: str, kinds: str, then: Callable[[str], object]) -> QFileDialog:
    """Let the user choose an existing file; ``kinds`` is a Qt name filter such as ``Models (*.safetensors)``."""
    dialog = _dialog(parent, title, then)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter(kinds)
    dialog.open()
    return dialog


def choose_target(parent: QWidget, title: str, name: str, kinds: str, then: Callable[[str], object]) -> QFileDialog:
    """Let the user name a file to write; ``name`` is suggested, and its suffix is added if none is typed."""
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
    """Ask a question; ``then`` is called when the user presses the button ``yes``.

    ``no`` renames the Cancel button and makes it the default, for answers that lose something.
    """
    box = message_box(parent, "latentlab", question, explanation)
    box.setObjectName("question")
    accept = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    refuse = box.addButton(QMessageBox.StandardButton.Cancel)
    if no:
        refuse.setText(no)
    box.setDefaultButton(refuse if no else accept)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.buttonClicked.connect(lambda pressed: then() if pressed is accept else None)
    box.open()
    return box


def ask_for_missing(
    parent: QWidget, statement: str, explanation: str, find: Callable[[], object], skip: Callable[[], object]
) -> QMessageBox:
    """Ask what to do about something that is not there: find it, go on without it, or do nothing."""
    box = message_box(parent, "latentlab", statement, explanation)
    box.setObjectName("missing")
    finds = box.addButton("Find it…", QMessageBox.ButtonRole.AcceptRole)
    skips = box.addButton("Open without it", QMessageBox.ButtonRole.DestructiveRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(finds)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    answers = {finds: find, skips: skip}
    box.buttonClicked.connect(lambda pressed: answers.get(pressed, lambda: None)())
    box.open()
    return box


def _dialog(parent: QWidget, title: str, then: Callable[[str], object]) -> QFileDialog:
    dialog = QFileDialog(parent, title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(then)
    return dialog


class AboutDialog(QDialog):
    """Shows facts about the program in sections: ``{"Versions": {"torch": "2.15"}, "Paths": {…}}``."""

    def __init__(self, facts: Mapping[str, Mapping[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("aboutDialog")
        self.setWindowTitle("About latentlab")
        self.setMinimumWidth(480)
        self._facts = facts
        layout = column(self, SPACE * 2)
        layout.addWidget(label("latentlab", "title"))
        layout.addWidget(
            label("Train a variational autoencoder on your own images and explore its latent space.", "dim", wrap=True)
        )
        for section, values in facts.items():
            layout.addWidget(label(section, "section"))
            form = QFormLayout()
            for name, value in values.items():
                value_label = ElidedLabel()
                value_label.setText(value)
                form.addRow(label(name, "dim"), value_label)
            layout.addLayout(form)
        copy = button("copyAbout", "Copy", "Copy these lines", self.copy, icon="copy")
        close = button("closeAbout", "Close", "Close", self.accept)
        layout.addLayout(row(None, copy, close))

    def text(self) -> str:
        """The facts as lines of text."""
        lines = []
        for section, values in self._facts.items():
            lines += [section, *(f"  {name}: {value}" for name, value in values.items())]
        return "\n".join(lines)

    def copy(self) -> None:
        """Put the facts on the clipboard."""
        QGuiApplication.clipboard().setText(self.text())


class ReportDialog(QDialog):
    """Reports an uncaught exception, with details to copy."""

    def __init__(self, message: str, report: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reportDialog")
        self.setWindowTitle("Error in latentlab")
        self.resize(640, 420)
        self._report = PlainTextView(report)
        self._report.setProperty("role", "mono")
        named(self._report, "report", "report", "Please send this with a bug report")
        layout = column(self, SPACE * 2)
        layout.addWidget(label("latentlab has encountered an error", "title"))
        layout.addWidget(label(as_line(message), wrap=True))
        layout.addWidget(label("Your work was saved just now, and you can continue.", "dim", wrap=True))
        layout.addWidget(self._report, 1)
        copy = button("copyReport", "Copy report", "Copy the report", self.copy, icon="copy", primary=True)
        close = button("closeReport", "Continue", "Close this dialog", self.accept)
        layout.addLayout(row(None, close, copy))

    def copy(self) -> None:
        """Put the report on the clipboard."""
        QGuiApplication.clipboard().setText(self._report.toPlainText())
