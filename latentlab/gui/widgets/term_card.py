"""Hover cards: what a term means, in two sentences with its formula, where the term is shown."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QCursor, QHelpEvent, QHideEvent
from PySide6.QtWidgets import QFrame, QWidget

from latentlab.config.glossary import Term, glossary, term_of
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label
from latentlab.gui.widgets.plain_text import set_whats_this

WIDTH = 320  # px
LEAVE_MS = 250  # a pointer on its way from the term to the card's link
TermAt = Callable[[QPoint], tuple[str, QRect]]
"""The key of the term at a position of a widget, empty for none, and the rectangle in which it is shown."""


def set_term(widget: QWidget, key: str) -> None:
    """Let a widget that shows a term explain it: by a card when the pointer rests on it, and by *What's this?*."""
    widget.setProperty("term", key)
    set_whats_this(widget, as_help(glossary()[key]))
    if widget.findChild(_TermFilter, options=Qt.FindChildOption.FindDirectChildrenOnly) is None:
        _TermFilter(widget, lambda _at: (str(widget.property("term") or ""), widget.rect()))


def explain(widget: QWidget, text: str) -> None:
    """As ``set_term``, for the term that a text stands for, if there is one."""
    key = term_of(text)
    if key:
        set_term(widget, key)


def set_terms(widget: QWidget, term_at: TermAt, tip_at: Callable[[QPoint], str] | None = None) -> None:
    """Let a widget explain the several terms that it paints, such as the titles of plots or of columns.

    ``tip_at`` returns what the card has below the term, for a position; without it that is the widget's tooltip.
    """
    _TermFilter(widget, term_at, tip_at)


def as_help(term: Term) -> str:
    """A term in lines of plain text."""
    return f"{term.title[:1].upper()}{term.title[1:]}\n{term.formula}\n{term.card}"


class _TermFilter(QObject):
    """Shows the card of the term at the pointer instead of a widget's tooltip."""

    def __init__(self, widget: QWidget, term_at: TermAt, tip_at: Callable[[QPoint], str] | None = None) -> None:
        super().__init__(widget)
        self._widget, self._term_at, self._tip_at = widget, term_at, tip_at
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle the events that ask for a tooltip."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            key, inside = self._term_at(event.pos())
            if key:
                card_of(self._widget).show_term(glossary()[key], self._widget, inside, self._own_text(event.pos()))
                return True
        return False

    def _own_text(self, at: QPoint) -> str:
        """The widget's own tooltip, which the card has below."""
        return self._widget.toolTip() if self._tip_at is None else self._tip_at(at)


def card_of(widget: QWidget) -> TermCard:
    """The card of the window that a widget is in; there is one for each window."""
    window = widget.window()
    found = window.findChild(TermCard, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return TermCard(window) if found is None else found


class TermCard(QFrame):
    """The term's title, formula, two sentences, and a link into the glossary; it goes when the pointer has left."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("termCard")
        self.setProperty("role", "card")
        self.hide()
        self._window, self._key = window, ""
        self._over = QRect()  # on the screen: the term
        self._title = label("", "heading", wrap=True)
        self._formula = label("", "mono", wrap=True, selectable=True)
        self._text = label("", wrap=True, selectable=True)
        self._own = label("", "dim", wrap=True, lines=True)
        link = button("openGlossary", "In the glossary", "Open the glossary at this term", self._on_link, link=True)
        self._layout = layout = column(self, SPACE + SPACE // 2, SPACE // 2)
        for part in (self._title, self._formula, self._text, self._own, link):
            layout.addWidget(part)
        self._watch = QTimer(self)
        self._watch.setInterval(LEAVE_MS)
        self._watch.timeout.connect(self._hide_if_left)

    def show_term(self, term: Term, widget: QWidget, inside: QRect, own: str = "") -> None:
        """Show a term beside a rectangle of a widget, with what the widget says of itself below."""
        self._key = term.key
        self._title.setText(f"{term.title[:1].upper()}{term.title[1:]}")
        self._formula.setText(term.formula)
        self._text.setText(term.card)
        self._own.setText(own)
        self._own.setVisible(bool(own))
        self.setAccessibleName(as_help(term).replace("\n", ". "))
        self._over = QRect(widget.mapToGlobal(inside.topLeft()), inside.size())
        width = min(WIDTH, self._window.width() - 2 * SPACE)
        self.resize(width, self._layout.totalHeightForWidth(width))
        self.move(self._beside(self._over))
        self.show()
        self.raise_()
        self._watch.start()

    def _beside(self, over: QRect) -> QPoint:
        """Below the term, or above where there is no room; inside the window."""
        corner = self._window.mapFromGlobal(over.bottomLeft())
        x = max(SPACE, min(corner.x(), self._window.width() - self.width() - SPACE))
        y = corner.y() + SPACE // 2
        if y + self.height() > self._window.height() - SPACE:
            y = max(SPACE, corner.y() - over.height() - self.height() - SPACE // 2)
        return QPoint(x, y)

    def _hide_if_left(self) -> None:
        at = QCursor.pos()
        near = self._over.adjusted(-SPACE, -SPACE, SPACE, SPACE)
        own = QRect(self.mapToGlobal(QPoint(0, 0)), self.size()).adjusted(-SPACE, -SPACE, SPACE, SPACE)
        if not near.contains(at) and not own.contains(at):
            self.hide()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop watching the pointer."""
        self._watch.stop()
        super().hideEvent(event)

    def _on_link(self) -> None:
        from latentlab.gui.widgets.glossary_dialog import GlossaryDialog

        self.hide()
        GlossaryDialog.open_at(self._window, self._key)
