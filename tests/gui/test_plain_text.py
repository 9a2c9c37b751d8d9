"""Only ``plain_text`` makes what guesses whether a text is rich text; the rest of the window uses it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6.QtGui import QAction, QKeySequence, Qt
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget

import latentlab
from latentlab.gui.widgets.plain_text import (
    PlainLabel,
    PlainTextView,
    message_box,
    set_tool_tip,
    window_title,
    without_mnemonic,
)

PACKAGE = Path(latentlab.__file__).parent
HELPER = PACKAGE / "gui" / "widgets" / "plain_text.py"
FILES = sorted(path for room in ("gui", "controllers", "app", "state") for path in (PACKAGE / room).rglob("*.py"))
CLASSES = {
    "QLabel", "QMessageBox", "QErrorMessage", "QProgressDialog", "QInputDialog", "QTextEdit", "QTextBrowser",
    "QPlainTextEdit", "QTextDocument", "QGraphicsTextItem", "QStaticText", "TextItem", "LabelItem",
}  # fmt: skip
METHODS = {"setToolTip", "setWhatsThis", "setStatusTip", "setHtml", "appendHtml", "insertHtml", "setMarkdown"}
TAG = '<img src="/dev/zero">'


def guessing_calls(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and name of every call or base class that shows text as Qt guesses it."""
    found = []
    for node in ast.walk(tree):
        uses = [node.func] if isinstance(node, ast.Call) else node.bases if isinstance(node, ast.ClassDef) else []
        for use in uses:
            name = use.attr if isinstance(use, ast.Attribute) else use.id if isinstance(use, ast.Name) else ""
            if name in CLASSES or name in METHODS:
                found.append((node.lineno, name))
    return found


def test_no_other_module_shows_text_that_qt_may_take_for_rich_text():
    found = {
        f"{path.relative_to(PACKAGE)}:{line}: {name}"
        for path in FILES
        if path != HELPER
        for line, name in guessing_calls(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert not found, "use latentlab.gui.widgets.plain_text, or label() and named() of controls"


def test_a_guessing_call_is_found():
    tree = ast.parse("class A(QLabel): pass\nwidget.setToolTip(name)\npg.TextItem(name)")
    assert sorted(guessing_calls(tree)) == [(1, "QLabel"), (2, "setToolTip"), (3, "TextItem")]


@pytest.mark.parametrize("text", [TAG, "&lt;b&gt;", "<b>x</b>", "a < b", "?<?xml?>", "plain"])
def test_a_tooltip_is_plain_text(qapp, text):
    action = QAction()
    set_tool_tip(action, text)
    assert TAG not in action.toolTip()
    shown = action.toolTip()
    assert shown == text or (Qt.mightBeRichText(shown) and shown.count("<") == 2)


def test_line_breaks_are_kept_where_they_are_meant(qapp):
    action = QAction()
    set_tool_tip(action, "a name\nof two lines")
    assert action.toolTip() == "a name\\nof two lines"
    set_tool_tip(action, "two\nlines", lines=True)
    assert action.toolTip() == "two\nlines"


def test_a_long_tooltip_is_wrapped_between_words(qapp):
    action = QAction()
    text = "a word " * 40
    set_tool_tip(action, f"{text}\n\n{'x' * 80}", lines=True)
    *lines, empty, path = action.toolTip().split("\n")
    assert max(map(len, lines)) <= 60
    assert " ".join(lines) == text.strip()
    assert (empty, path) == ("", "x" * 80)


def test_a_label_shows_plain_text_and_cuts_it(qtbot):
    label = PlainLabel(TAG)
    qtbot.addWidget(label)
    assert label.textFormat() == label.textFormat().PlainText
    label.setText("\x1b" + "x" * 1_000_000)
    assert label.text().startswith("\\x1bx")
    assert len(label.text()) == 4000


def test_a_text_view_bounds_text_and_lines(qtbot):
    view = PlainTextView("x" * 1_000_000)
    qtbot.addWidget(view)
    assert len(view.toPlainText()) == 5000
    view.setPlainText("a\x07\n" * 100_000)
    assert len(view.toPlainText()) == 100_000
    assert view.toPlainText().startswith("a\\x07\na")


def test_a_question_is_plain_text(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    box = message_box(parent, "latentlab", TAG, f"{TAG}\nlost")
    assert isinstance(box, QMessageBox)
    assert not any(TAG in label.text() for label in box.findChildren(QLabel))
    assert box.text().count("&lt;img") == box.informativeText().count("&lt;img") == 1


def test_names_make_no_shortcuts_and_no_mark_of_unsaved_changes(qtbot):
    assert QKeySequence.mnemonic(without_mnemonic("cats & &dogs")).isEmpty()
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.setWindowTitle(f"{window_title('a[*]')}[*]")
    widget.setWindowModified(True)
    assert widget.windowTitle() == "a[*][*][*]"
