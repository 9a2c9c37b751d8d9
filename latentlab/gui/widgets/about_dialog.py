"""About: versions, device and paths, with a button that copies them."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFormLayout, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label, row
from latentlab.gui.widgets.elided_label import ElidedLabel


class AboutDialog(QDialog):
    """Shows facts about the program by section: ``{"Versions": {"torch": "2.15"}, "Paths": {…}}``."""

    def __init__(self, facts: Mapping[str, Mapping[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("aboutDialog")
        self.setWindowTitle("About latentlab")
        self.setMinimumWidth(480)
        self._facts = facts
        layout = column(self, SPACE * 2)
        layout.addWidget(label("latentlab", "title"))
        layout.addWidget(
            label("Train a variational autoencoder on your own images and touch what it learned.", "dim", wrap=True)
        )
        for section, values in facts.items():
            layout.addWidget(label(section, "section"))
            form = QFormLayout()
            for name, value in values.items():
                shown = ElidedLabel(value)
                shown.setToolTip(value)
                form.addRow(label(name, "dim"), shown)
            layout.addLayout(form)
        copy = button("copyAbout", "Copy", "Copy these lines", self.copy, icon="copy")
        close = button("closeAbout", "Close", "Close", self.accept)
        layout.addLayout(row(None, copy, close))

    def text(self) -> str:
        """The facts as lines."""
        lines = []
        for section, values in self._facts.items():
            lines += [section, *(f"  {name}: {value}" for name, value in values.items())]
        return "\n".join(lines)

    def copy(self) -> None:
        """Put the facts on the clipboard."""
        QGuiApplication.clipboard().setText(self.text())
