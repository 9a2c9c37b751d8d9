"""The table of runs: sorting, copying and selection."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton, QTableWidget

from latentlab.gui.curves.runs_table import Column, RunsTable

COLUMNS = (Column("recipe"), Column("ELBO", "", ".1f"), Column("active units", "", "d"))
ROWS = (("a", ("vae", -110.25, 2)), ("b", ("ae", -9.0, None)), ("c", ("iwae", -100.0, 10)))


@pytest.fixture
def table(shown) -> RunsTable:
    made = RunsTable()
    made.set_rows(COLUMNS, ROWS)
    return shown(made, 400, 250)


def recipes(table):
    return [line.split("\t")[0] for line in table.as_text().splitlines()[1:]]


def test_a_click_on_a_title_sorts_by_number(qtbot, table):
    assert recipes(table) == ["vae", "ae", "iwae"], "in the given order"
    head = table.findChild(QTableWidget).horizontalHeader()
    position = head.viewport().rect().center()
    position.setX(head.sectionViewportPosition(1) + 8)
    qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=position)
    assert recipes(table) == ["vae", "iwae", "ae"]


def test_it_is_copied_as_text_and_as_markdown(qtbot, table):
    qtbot.mouseClick(table.findChild(QPushButton, "copyRuns"), Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == (
        "recipe\tELBO\tactive units\nvae\t-110.2\t2\nae\t-9.0\t\niwae\t-100.0\t10\n"
    )
    qtbot.mouseClick(table.findChild(QPushButton, "copyRunsMarkdown"), Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().splitlines()[:3] == [
        "| recipe | ELBO | active units |",
        "| --- | ---: | ---: |",
        "| vae | -110.2 | 2 |",
    ]


def test_a_copied_table_holds_no_formula_and_no_markup(table):
    table.set_rows((Column("run"), Column("ELBO", "", ".1f")), [("a", ("=1+1\t|<b>", -3.0)), ("b", ("-x\n`", 2.0))])
    assert table.as_text() == "run\tELBO\n'=1+1\\t|<b>\t-3.0\n'-x\\n`\t2.0\n"
    assert table.as_text(markdown=True).splitlines()[2:] == [r"| =1+1\\t\|\<b\> | -3.0 |", r"| -x\\n\` | 2.0 |"]


def test_only_the_selected_rows_are_copied_if_several_are_selected(qtbot, table):
    cells = table.findChild(QTableWidget)
    for line, key in ((0, Qt.KeyboardModifier.NoModifier), (2, Qt.KeyboardModifier.ControlModifier)):
        position = cells.visualItemRect(cells.item(line, 0)).center()
        qtbot.mouseClick(cells.viewport(), Qt.MouseButton.LeftButton, key, pos=position)
    assert [line.split("\t")[0] for line in table.as_text().splitlines()] == ["recipe", "vae", "iwae"]


def test_a_double_click_chooses_the_run(qtbot, table):
    cells = table.findChild(QTableWidget)
    position = cells.visualItemRect(cells.item(1, 1)).center()
    qtbot.mouseClick(cells.viewport(), Qt.MouseButton.LeftButton, pos=position)
    with qtbot.waitSignal(table.runChosen) as chosen:
        qtbot.mouseDClick(cells.viewport(), Qt.MouseButton.LeftButton, pos=position)
    assert chosen.args == ["b"]


def test_the_curves_of_selected_rows_are_requested(qtbot, table):
    cells, compare = table.findChild(QTableWidget), table.findChild(QPushButton, "compareRuns")
    assert not compare.isEnabled()
    for line, key in ((0, Qt.KeyboardModifier.NoModifier), (2, Qt.KeyboardModifier.ControlModifier)):
        position = cells.visualItemRect(cells.item(line, 0)).center()
        qtbot.mouseClick(cells.viewport(), Qt.MouseButton.LeftButton, key, pos=position)
    with qtbot.waitSignal(table.compareRequested) as requested:
        qtbot.mouseClick(compare, Qt.MouseButton.LeftButton)
    assert requested.args == [["a", "c"]]


def test_without_runs_the_table_is_hidden(table):
    table.set_rows((), ())
    assert not table.findChild(QTableWidget).isVisible()
    assert not table.findChild(QPushButton, "copyRuns").isEnabled()


def test_honest_the_highlight_stays_on_its_run_when_another_is_inserted_above(qtbot, table):
    """Promise Honest: the highlighted, drawn and copied run is the one that was selected."""
    cells, draw = table.findChild(QTableWidget), table.findChild(QPushButton, "compareRuns")

    def drawn():
        with qtbot.waitSignal(table.compareRequested) as requested:
            qtbot.mouseClick(draw, Qt.MouseButton.LeftButton)
        return requested.args[0]

    cells.selectRow(0)
    table.set_rows(COLUMNS, (("new", ("gaussian-vae", 1.0, 3)), *ROWS))
    assert {each.row() for each in cells.selectedIndexes()} == {1}
    assert drawn() == ["a"]
    cells.sortItems(1)
    table.set_rows(COLUMNS, (("newer", ("vae", 1.0, 3)), ("new", ("gaussian-vae", 1.0, 3)), *ROWS))
    assert drawn() == ["a"]
    table.set_rows(COLUMNS, ROWS[1:])
    assert not cells.selectedIndexes(), "the selected run is gone"
    assert not draw.isEnabled()
