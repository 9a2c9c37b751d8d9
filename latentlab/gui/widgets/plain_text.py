"""Text in widgets, always as plain text.

Qt takes a tooltip, a label or a message that looks like HTML for rich text, and reads the files that it names: a class
called ``<img src="/dev/zero">`` would stop the window. What shows text that may come from outside is made here, and a
test (``tests/gui/test_plain_text.py``) keeps the widgets that guess out of the rest of the window.
"""

from __future__ import annotations

import html
import textwrap
from typing import Protocol

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtGui import Qt as QtText
from PySide6.QtWidgets import QAbstractButton, QLabel, QMenu, QMessageBox, QPlainTextEdit, QWidget

from latentlab.utils.plain_text import LINE, TEXT, as_line, as_text

TOOL_TIP = 1000
"""Greatest length of a tooltip."""
WHATS_THIS = 2000
"""Greatest length of a text of *What's this?*."""
DETAILS = 100_000
"""Greatest length of the text in a `PlainTextView`."""
_TOOL_TIP_LINE = 60
_DETAILS_LINE = 5000
_WIDEST_WORD = 160  # px


class HasToolTip(Protocol):
    """A widget, an action or an item of a view."""

    def setToolTip(self, toolTip: str, /) -> None:
        """Set the tooltip."""


def set_tool_tip(target: HasToolTip, text: str, *, lines: bool = False) -> None:
    """Set a tooltip that Qt shows as plain text, whatever it contains; one with ``lines`` keeps its line breaks.

    Long lines are wrapped between words: Qt shows each line of a plain text in full, across the screen.
    """
    plain = as_text(text, TOOL_TIP) if lines else as_line(text, TOOL_TIP)
    target.setToolTip(not_rich(_wrapped(plain)))
    if plain and isinstance(target, QWidget) and not target.property("term"):
        set_whats_this(target, plain)


class HasWhatsThis(Protocol):
    """A widget or an action."""

    def setWhatsThis(self, whatsThis: str, /) -> None:
        """Set the text of What's this?."""


def set_whats_this(target: HasWhatsThis, text: str) -> None:
    """Set what *What's this?* (Shift+F1) says of a control, as plain text with its line breaks."""
    # Qt lays a plain text out on one line and a rich one in a box of readable width.
    escaped = html.escape(as_text(text, WHATS_THIS)).replace("\n", "<br>")
    target.setWhatsThis(f"<p>{escaped}</p>" if text else "")


def _wrapped(text: str) -> str:
    broken = (
        textwrap.wrap(line, _TOOL_TIP_LINE, break_long_words=False, break_on_hyphens=False) or [""]
        for line in text.split("\n")
    )
    return "\n".join(line for lines in broken for line in lines)


def not_rich(text: str) -> str:
    """The text for what shows either plain or rich text by its own guess: escaped if Qt would take it for rich text."""
    if not QtText.mightBeRichText(text):
        return text
    return f"<p style='white-space:pre-wrap'>{html.escape(text)}</p>"


def without_mnemonic(text: str) -> str:
    """The text for a menu, a tab or a button, in which ``&`` is an ampersand and not the mark of a shortcut."""
    return as_line(text).replace("&", "&&")


def add_action(menu: QMenu, text: str) -> QAction:
    """Add an action that is named from outside: no shortcut, and no rich text in its tooltip."""
    action = menu.addAction(without_mnemonic(text))
    set_tool_tip(action, text)  # else Qt takes the action's text
    return action


def set_literal_text(button: QAbstractButton, text: str) -> None:
    """Set the text of a button that paints it itself: an ``&`` in it makes no shortcut."""
    button.setText(text)
    button.setShortcut(QKeySequence())


def window_title(name: str) -> str:
    """A name for a window's title, in which ``[*]`` stands for itself and not for the mark of unsaved changes."""
    return as_line(name).replace("[*]", "[*][*]")


class PlainLabel(QLabel):
    """A label that shows plain text: hidden characters are visible, and a text of more than 4,000 letters is cut.

    Parameters
    ----------
    text
        What it shows first.
    lines
        Whether line breaks are kept, for a text whose names are visible lines already; else they are shown as escapes.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None, *, lines: bool = False) -> None:
        super().__init__(parent)
        self._has_lines = lines
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show this text."""
        super().setText(as_text(text) if self._has_lines else as_line(text, TEXT))

    def minimumSizeHint(self) -> QSize:
        """As narrow as its longest word, but a long name in a text of several lines makes no panel wider."""
        hint = super().minimumSizeHint()
        return hint.boundedTo(QSize(_WIDEST_WORD, hint.height())) if self.wordWrap() else hint


class PlainTextView(QPlainTextEdit):
    """A text that can be read and copied: hidden characters are visible, and a text of more than 100,000 is cut."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setPlainText(text)

    def setPlainText(self, text: str) -> None:
        """Show this text."""
        super().setPlainText(as_text(text, DETAILS, _DETAILS_LINE))

    def appendPlainText(self, text: str) -> None:
        """Add lines."""
        super().appendPlainText(as_text(text, DETAILS, _DETAILS_LINE))


def message_box(parent: QWidget, title: str, text: str, explanation: str) -> QMessageBox:
    """A question with an explanation below it, both as plain text; the caller adds the buttons."""
    box = QMessageBox(QMessageBox.Icon.Question, title, not_rich(as_line(text, LINE)), parent=parent)
    box.setInformativeText(not_rich(as_text(explanation)))
    return box
