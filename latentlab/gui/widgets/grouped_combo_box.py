"""A list of choices in groups, which can be searched by typing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractItemModel, Qt, QTimer
from PySide6.QtGui import QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QComboBox, QCompleter

from latentlab.utils.fuzzy import fuzzy_match


class GroupedComboBox(QComboBox):
    """A combo box whose choices stand under headings; typing searches all of them, and Enter takes the best.

    ``activated`` is emitted for what the user chose, however it was chosen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setMaxVisibleItems(20)
        self.setEditable(True)
        line = self.lineEdit()
        assert line is not None
        self._line = line
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        completer = QCompleter(self.model(), self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setCompleter(completer)
        self._line.setPlaceholderText("Type to search")
        self._line.editingFinished.connect(self._on_editing_finished)
        # A long text is read from its beginning.
        self.currentIndexChanged.connect(lambda _row: QTimer.singleShot(0, self, self._show_start))

    def set_groups(self, groups: Mapping[str, Sequence[tuple[str, Any]]]) -> None:
        """Offer these choices, for each heading pairs of a text and its data; the first one is shown."""
        self.clear()
        for heading, choices in groups.items():
            self.addItem(heading, None)
            self._item(self.count() - 1).setEnabled(False)
            for text, data in choices:
                self.addItem(text, data)
        self.setCurrentIndex(1 if self.count() > 1 else -1)

    def setAccessibleName(self, name: str) -> None:
        """Name the field that is typed into too, as it is what has the focus."""
        super().setAccessibleName(name)
        self._line.setAccessibleName(name)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ignore the wheel, so that scrolling a panel changes nothing."""
        event.ignore()

    def _show_start(self) -> None:
        if self._line.text() == self.currentText() == self.itemText(self.currentIndex()):
            self._line.setCursorPosition(0)

    def _item(self, row: int) -> Any:
        model: QAbstractItemModel = self.model()
        assert isinstance(model, QStandardItemModel)
        return model.item(row)

    def _on_editing_finished(self) -> None:
        """Take what matches the typed text best, or show the choice before."""
        typed = self._line.text()
        before = self.currentIndex()
        if before >= 0 and typed == self.itemText(before):
            return
        found = [
            (match[0], -row)
            for row in range(self.count())
            if self.itemData(row) is not None and (match := fuzzy_match(typed, self.itemText(row)))
        ]
        row = -max(found)[1] if found and typed.strip() else before
        self.setCurrentIndex(row)
        self._line.setText(self.itemText(row))
        if row != before:
            self.activated.emit(row)
