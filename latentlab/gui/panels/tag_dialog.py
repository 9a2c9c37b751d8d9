"""The dialog that gives selected images a tag."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFormLayout, QLineEdit, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, combo_box, label, named, row

LONGEST = 60
"""Characters of a column's name and of a value."""
_WIDTH = 380  # px


class TagDialog(QDialog):
    """Asks for a column and a value that the selected images are to have in it.

    Parameters
    ----------
    columns
        Columns of the user's own that exist already.
    reason
        Returns why a column and a value cannot be used; empty if they can.
    then
        Called with the column and the value.
    """

    def __init__(
        self,
        columns: Sequence[str],
        reason: Callable[[str, str], str],
        then: Callable[[str, str], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("tagDialog")
        self.setWindowTitle("Tag the selected images")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._reason, self._then = reason, then
        self._column, self._value = combo_box(), QLineEdit()
        self._column.setEditable(True)
        self._column.addItems(list(columns) or ["tag"])
        named(self._column, "tagColumn", "column", "A column of your own: it can be searched and colour the points")
        named(self._value, "tagValue", "value", "What these images have in the column, such as: blurred")
        typed = self._column.lineEdit()
        assert typed is not None
        for line in (typed, self._value):
            line.setMaxLength(LONGEST)
            line.textChanged.connect(self._check)
        self._why = label("", "warning", wrap=True)
        self._why.setObjectName("tagReason")
        self._accept = button("tagAccept", "Tag", "Tag the selected images", self._on_accepted, primary=True)
        self._accept.setDefault(True)
        form = QFormLayout()
        form.addRow("Column", self._column)
        form.addRow("Value", self._value)
        layout = column(self, SPACE * 2)
        layout.addLayout(form)
        layout.addWidget(self._why)
        layout.addLayout(row(None, button("tagCancel", "Cancel", "Do nothing", self.reject), self._accept))
        # Room for the window's title beside its buttons.
        self.setMinimumWidth(_WIDTH)
        self._value.setFocus()
        self._check()

    def _texts(self) -> tuple[str, str]:
        return self._column.currentText().strip(), self._value.text().strip()

    def _check(self) -> None:
        column_name, value = self._texts()
        why = self._reason(column_name, value) if column_name and value else ""
        self._why.setText(why)
        self._accept.setEnabled(bool(column_name and value) and not why)

    def _on_accepted(self) -> None:
        self._then(*self._texts())
        self.accept()
