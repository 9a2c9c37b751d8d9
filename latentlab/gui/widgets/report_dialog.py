"""An uncaught fault of the program: one dialog with a report the user can copy."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label, named, row


class ReportDialog(QDialog):
    """Says that something went wrong in the program itself, and offers the report."""

    def __init__(self, message: str, report: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reportDialog")
        self.setWindowTitle("latentlab has a fault")
        self.resize(640, 420)
        self._report = QPlainTextEdit(report)
        self._report.setReadOnly(True)
        self._report.setProperty("role", "mono")
        named(self._report, "report", "report", "What to send with a bug report")
        layout = column(self, SPACE * 2)
        layout.addWidget(label("Something went wrong in the program", "title"))
        layout.addWidget(label(message, wrap=True))
        layout.addWidget(label("Your work is safe: it was saved just now, and you can go on.", "dim", wrap=True))
        layout.addWidget(self._report, 1)
        copy = button("copyReport", "Copy report", "Copy the report", self.copy, icon="copy", primary=True)
        close = button("closeReport", "Go on", "Close this dialog", self.accept)
        layout.addLayout(row(None, close, copy))

    def copy(self) -> None:
        """Put the report on the clipboard."""
        QGuiApplication.clipboard().setText(self._report.toPlainText())
