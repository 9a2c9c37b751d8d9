"""The Board panel by mouse and keyboard."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QListWidget, QPushButton

from latentlab.gui.panels.board import EMPTY, BoardPanel, BoardRow

PICTURE = np.full((8, 8), 200, np.uint8)
STRIP = np.full((8, 56, 3), 90, np.uint8)


def rows() -> list[BoardRow]:
    return [
        BoardRow("1", "one", "latent", "in m", "tip", picture=PICTURE),
        BoardRow("2", "two", "direction", "separates well", picture=STRIP, is_strip=True),
        BoardRow("3", "three", "selection", reason="it is of another dataset"),
    ]


@pytest.fixture
def panel(shown, themed):
    made = BoardPanel()
    made.set_rows(rows())
    return shown(made, 300, 400)


def board_of(panel) -> QListWidget:
    return panel.findChild(QListWidget, "board")


def press(qtbot, panel, key, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(board_of(panel), key, modifier)


def test_an_empty_board_says_what_would_fill_it(shown):
    panel = shown(BoardPanel(), 300, 400)
    shown_lines = [label.text() for label in panel.findChildren(QLabel) if label.isVisible()]
    assert shown_lines == list(EMPTY)
    assert not board_of(panel).isVisible()
    panel.set_rows(rows())
    assert board_of(panel).isVisible()
    assert not any(label.isVisible() for label in panel.findChildren(QLabel))


def test_select_all_is_of_the_board_while_it_has_the_focus(panel, qtbot):
    of_window = QAction(panel)
    of_window.setShortcut(QKeySequence.StandardKey.SelectAll)
    panel.addAction(of_window)
    board_of(panel).setFocus()
    with qtbot.assertNotEmitted(of_window.triggered):
        press(qtbot, panel, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert panel.selected() == ["1", "2", "3"]
    panel.findChild(QPushButton, "keepLatent").setFocus()
    with qtbot.waitSignal(of_window.triggered):
        qtbot.keyClick(panel.findChild(QPushButton, "keepLatent"), Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)


def test_the_keyboard_chooses_moves_and_removes(panel, qtbot):
    panel.select(["2"])
    with qtbot.waitSignal(panel.activated) as chosen:
        press(qtbot, panel, Qt.Key.Key_Return)
    assert chosen.args == ["2"]
    with qtbot.waitSignal(panel.moved) as moved:
        press(qtbot, panel, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert moved.args == [["2", "1", "3"]]
    with qtbot.waitSignal(panel.deleteRequested) as removed:
        press(qtbot, panel, Qt.Key.Key_Delete)
    assert removed.args == [["2"]]


def test_a_name_is_edited_in_place_and_an_empty_one_is_refused(panel, qtbot):
    panel.select(["1"])
    board_of(panel).setFocus()
    press(qtbot, panel, Qt.Key.Key_F2)
    editor = panel.findChild(QLineEdit, "boardName")
    editor.setText("  smile\n ")
    with qtbot.waitSignal(panel.renamed) as renamed:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert renamed.args == ["1", "smile"]
    panel.set_rows(rows())
    panel.edit_name("1")
    editor = board_of(panel).findChildren(QLineEdit, "boardName")[-1]
    editor.clear()
    with qtbot.assertNotEmitted(panel.renamed):
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert board_of(panel).item(0).text() == "one"


def test_a_double_click_chooses(panel, qtbot):
    board = board_of(panel)
    at = board.visualItemRect(board.item(1)).center()
    qtbot.mouseClick(board.viewport(), Qt.MouseButton.LeftButton, pos=at)
    with qtbot.waitSignal(panel.activated) as chosen:
        qtbot.mouseDClick(board.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert chosen.args == ["2"]


def test_the_menu_is_of_the_selected_items_the_current_one_first(panel, qtbot):
    panel.select(["1", "3"])
    board = board_of(panel)
    with qtbot.waitSignal(panel.menuRequested) as asked:
        event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint())
        QApplication.sendEvent(board.viewport(), event)
    assert asked.args[0] == ["1", "3"]
    assert asked.args[1] == board.viewport().mapToGlobal(board.visualItemRect(board.item(0)).bottomLeft())


def test_the_selection_stays_when_the_rows_change(panel):
    panel.select(["3"])
    panel.set_rows(rows()[::-1])
    assert panel.selected() == ["3"]
    assert panel.current() == "3"


def test_a_strip_has_a_line_of_its_own_and_what_cannot_be_used_is_fainter(panel):
    board = board_of(panel)
    heights = [board.visualItemRect(board.item(index)).height() for index in range(3)]
    assert heights[1] > heights[0] + 30
    image = board.viewport().grab().toImage()
    strip = board.visualItemRect(board.item(1))
    assert image.pixelColor(strip.left() + 20, strip.bottom() - 10).red() == 90
    tip = board.item(0).toolTip()
    assert tip == "tip"


def test_names_are_plain_text(panel):
    panel.set_rows([BoardRow("1", "<img src='/dev/zero'>\x1b", "latent", tip="<b>x</b>")])
    item = board_of(panel).item(0)
    assert "\x1b" not in item.text()
    assert "&lt;b&gt;" in item.toolTip()


def test_the_buttons_ask_to_keep_and_to_find(panel, qtbot):
    for name, signal in (("keepLatent", panel.keepLatentRequested), ("newDirection", panel.newDirectionRequested)):
        with qtbot.waitSignal(signal):
            panel.findChild(QPushButton, name).click()
    panel.set_can_keep(True, False)
    assert panel.findChild(QPushButton, "keepLatent").isEnabled()
    assert not panel.findChild(QPushButton, "newDirection").isEnabled()
