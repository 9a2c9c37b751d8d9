"""A table of runs that can be sorted and copied: the results of each recipe side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QGuiApplication, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from latentlab.config.glossary import term_of
from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.containers import EmptyState
from latentlab.gui.widgets.context_menu import MenuEntry, pop_up
from latentlab.gui.widgets.controls import button, column, named, row
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.term_card import set_terms
from latentlab.utils.plain_text import NAME, as_line, quote_cell
from latentlab.utils.text import MINUS, format_number


@dataclass(frozen=True)
class Column:
    """A column: its title, its tooltip, and the format of its numbers; text is shown unchanged."""

    title: str
    tip: str = ""
    number_format: str = ""


Value = str | float | int | None
_MARKUP = re.compile(r"[\\|<>&`*\[\]~]")


class _Cell(QTableWidgetItem):
    """A cell that sorts by its value."""

    def __init__(self, value: Value, text: str) -> None:
        super().__init__(text)
        self.value = value
        if not isinstance(value, str):
            self.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        mine, theirs = self.value, getattr(other, "value", None)
        if isinstance(mine, str) or isinstance(theirs, str):
            return str(mine) < str(theirs)
        return (float("-inf") if mine is None else mine) < (float("-inf") if theirs is None else theirs)


class RunsTable(QWidget):
    """A row for each run; a click on a column's title sorts by that column.

    Signals
    -------
    shown
        The table became visible and may be out of date (also behind another panel's tab, which it cannot know).
    runChosen(name)
        A row was double-clicked: the run's name as given to ``set_rows``.
    compareRequested(names)
        The curves of these runs should be drawn together: a list of str.
    """

    shown = Signal()
    runChosen = Signal(str)
    compareRequested = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runsPanel")
        self._columns: Sequence[Column] = ()
        self._table = QTableWidget(0, 0)
        named(self._table, "runsTable", "runs", "Double-click opens a run's model")
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.verticalHeader().hide()
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self._table.setFont(tabular(self._table.font()))
        self._table.setShowGrid(False)
        set_terms(self._table.horizontalHeader().viewport(), self._term_at)
        self._table.setWordWrap(False)
        self._table.cellDoubleClicked.connect(self._on_cell_double_clicked)
        self._empty = EmptyState("Train two recipes on the same images to compare their results here.")
        self._compare = button(
            "compareRuns", "Draw curves", "Draw the curves of the selected runs beside the others", self._on_compare
        )
        self._compare.setEnabled(False)
        self._table.itemSelectionChanged.connect(self._on_selection_changed)
        self._copy = (
            button("copyRuns", "Copy", "Copy the rows as text for a spreadsheet", self._on_copy),
            button("copyRunsMarkdown", "Markdown", "Copy the rows as a Markdown table", self._on_markdown),
        )
        layout = column(self, SPACE)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._table, 1)
        layout.addLayout(row(self._compare, None, *self._copy, space=SPACE // 2))
        self.set_rows((), ())

    def set_rows(self, columns: Sequence[Column], rows: Sequence[tuple[str, Sequence[Value]]]) -> None:
        """Show these rows: a run's name and its value for each column. Selected runs stay selected."""
        selected = set(self._selected())
        self._columns = columns
        self._table.setSortingEnabled(False)
        self._table.setColumnCount(len(columns))
        self._table.setRowCount(len(rows))
        for column_index, each in enumerate(columns):
            header = QTableWidgetItem(as_line(each.title, NAME))
            set_tool_tip(header, each.tip)
            self._table.setHorizontalHeaderItem(column_index, header)
        for row_index, (name, values) in enumerate(rows):
            for column_index, (each, value) in enumerate(zip(columns, values, strict=True)):
                cell = _Cell(value, _formatted(each, value))
                cell.setData(Qt.ItemDataRole.UserRole, name)
                set_tool_tip(cell, name)
                self._table.setItem(row_index, column_index, cell)
        # Not sorted until a title is clicked: the rows come newest first.
        self._table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self._table.setSortingEnabled(True)
        self._select(selected)
        self._table.setVisible(bool(rows))
        self._empty.setVisible(not rows)
        for each_button in self._copy:
            each_button.setEnabled(bool(rows))

    def as_text(self, markdown: bool = False) -> str:
        """The selected rows, or all if fewer than two are selected, below the titles: tab-separated or as Markdown.

        A spreadsheet takes no text of the tab-separated table for a formula, and Markdown takes none for markup.
        """
        as_cell = _markdown_cell if markdown else quote_cell
        selected = sorted({index.row() for index in self._table.selectedIndexes()})
        rows = selected if len(selected) > 1 else range(self._table.rowCount())
        cells = [[each.title for each in self._columns]]
        cells += [[self._text(row, column, as_cell) for column in range(len(self._columns))] for row in rows]
        if not markdown:
            return "".join("\t".join(line) + "\n" for line in cells)
        cells.insert(1, ["---:" if each.number_format else "---" for each in self._columns])
        return "".join(f"| {' | '.join(line)} |\n" for line in cells)

    def showEvent(self, event: QShowEvent) -> None:
        """Emit ``shown``."""
        super().showEvent(event)
        self.shown.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what is done with the runs, by a right click or the Menu key."""
        if self._table.isVisible():
            pop_up(self, "runsMenu", self.entries(), event.globalPos())

    def entries(self) -> list[MenuEntry | QAction | None]:
        """What can be done with the selected runs."""
        chosen = self._selected()
        none, many = "" if chosen else "No run is selected", "Several runs are selected" if len(chosen) > 1 else ""
        return [
            MenuEntry("Open its model", lambda: self.runChosen.emit(chosen[0]), none or many),
            MenuEntry("Draw curves", self._on_compare, none),
            None,
            MenuEntry("Copy rows", self._on_copy),
            MenuEntry("Copy rows as Markdown", self._on_markdown),
        ]

    def _term_at(self, at: QPoint) -> tuple[str, QRect]:
        """The term whose column's title is at a position, for its card."""
        header = self._table.horizontalHeader()
        column_index = header.logicalIndexAt(at)
        if not 0 <= column_index < len(self._columns):
            return "", QRect()
        left, width = header.sectionViewportPosition(column_index), header.sectionSize(column_index)
        return term_of(self._columns[column_index].title), QRect(left, 0, width, header.height())

    def _text(self, row: int, column: int, as_cell: Callable[[str], str]) -> str:
        item = self._table.item(row, column)
        text = "" if item is None else item.text()
        return text.replace(MINUS, "-") if self._columns[column].number_format else as_cell(text)

    def _on_selection_changed(self) -> None:
        self._compare.setEnabled(bool(self._selected()))

    def _on_compare(self) -> None:
        self.compareRequested.emit(self._selected())

    def _selected(self) -> list[str]:
        """Names of the runs whose rows are selected."""
        items = (self._table.item(row, 0) for row in sorted({each.row() for each in self._table.selectedIndexes()}))
        return [item.data(Qt.ItemDataRole.UserRole) for item in items if item is not None]

    def _select(self, names: set[str]) -> None:
        """Select the rows of these runs and no others."""
        model, selection = self._table.model(), QItemSelection()
        for row_index in range(self._table.rowCount()):
            item = self._table.item(row_index, 0)
            if item is not None and item.data(Qt.ItemDataRole.UserRole) in names:
                index = model.index(row_index, 0)
                selection.select(index, index)
                self._table.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
        flags = QItemSelectionModel.SelectionFlag
        self._table.selectionModel().select(selection, flags.ClearAndSelect | flags.Rows)

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.as_text())

    def _on_markdown(self) -> None:
        QGuiApplication.clipboard().setText(self.as_text(markdown=True))

    def _on_cell_double_clicked(self, row: int, _column: int) -> None:
        item = self._table.item(row, 0)
        if item is not None:
            self.runChosen.emit(item.data(Qt.ItemDataRole.UserRole))


def _formatted(column: Column, value: Value) -> str:
    if value is None:
        return ""
    return as_line(value, NAME) if isinstance(value, str) else format_number(value, column.number_format)


def _markdown_cell(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)
