"""The command palette: everything the window can do, found by a few letters and done by Enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QFrame, QLineEdit, QListView, QStyledItemDelegate, QStyleOptionViewItem, QWidget
from shiboken6 import isValid

from latentlab.gui.commands import Command
from latentlab.gui.style.theme import SPACE, current_theme
from latentlab.gui.widgets.controls import column, label, named
from latentlab.utils.fuzzy import fuzzy_match
from latentlab.utils.plain_text import as_line

WIDTH, SHOWN_ROWS = 560, 12
MAX_SHOWN = 200
_TITLE = 120  # letters
_ROW = Qt.ItemDataRole.UserRole
_MARKS = Qt.ItemDataRole.UserRole + 1
_LIST_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


def ranked(
    query: str, commands: Sequence[Command], recent: Sequence[str] = ()
) -> list[tuple[Command, tuple[int, ...]]]:
    """The commands that match, best first, each with the positions of the matched letters in its title.

    Parameters
    ----------
    query
        What was typed; the kind is searched too.
    commands
        What is searched.
    recent
        Titles that were chosen before, newest first: without a query they come first, else they win between equals.
    """
    rank = {title: len(recent) - index for index, title in enumerate(recent)}
    if not query.strip():
        return [(each, ()) for each in sorted(commands, key=lambda each: -rank.get(each.title, 0))]
    found = []
    for command in commands:
        title = as_line(command.title, _TITLE)
        own, whole = fuzzy_match(query, title), fuzzy_match(query, f"{title} {command.kind}")
        if whole is None:
            continue
        score = max(whole[0], own[0] if own else whole[0]) + rank.get(command.title, 0) - (2.0 if command.reason else 0)
        marks = own[1] if own is not None else tuple(at for at in whole[1] if at < len(title))
        found.append((score, command, marks))
    found.sort(key=lambda each: -each[0])
    return [(command, marks) for _, command, marks in found]


class CommandPalette(QWidget):
    """A field and the list of what matches it, over the window; Enter does the chosen command, Escape closes it.

    Parameters
    ----------
    commands
        Returns what is offered; called whenever it opens.
    parent
        The window.
    resting_place
        Returns the widget that gets the focus when the one that had it cannot have it any more.
    """

    def __init__(
        self,
        commands: Callable[[], Sequence[Command]],
        parent: QWidget,
        resting_place: Callable[[], QWidget] | None = None,
    ) -> None:
        super().__init__(parent)  # as large as the window: a click beside the card closes it, and acts on nothing else
        self.setObjectName("commandPalette")
        self.setAccessibleName("command palette")
        self.hide()
        self._card = QFrame(self)
        self._card.setProperty("role", "palette")
        self._window = parent
        self._resting_place = resting_place or (lambda: parent)
        self._commands_of, self._commands = commands, list[Command]()
        self._recent: list[str] = []
        self._before: QWidget | None = None
        self._field = QLineEdit()
        named(self._field, "paletteField", "find a command", "A few letters of what you want to do")
        self._field.setPlaceholderText("What do you want to do?")
        self._field.textChanged.connect(self._fill)
        self._field.installEventFilter(self)
        self._model = QStandardItemModel(self)
        self._list = QListView()
        named(self._list, "paletteList", "commands", "")
        self._list.setModel(self._model)
        self._list.setItemDelegate(_RowPainter(self._list))
        self._list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self._list.setUniformItemSizes(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.clicked.connect(self._do)
        self._list.selectionModel().currentChanged.connect(self._show_about)
        self._about = label("", "dim")
        self._about.setObjectName("paletteAbout")
        layout = column(self._card, SPACE)
        layout.addWidget(self._field)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._about)

    def open(self) -> None:
        """Show it in the upper middle of the window, with an empty field."""
        window = self._window
        if not self.isVisible():  # else it is asked for again, and its own field has the focus
            self._before = window.focusWidget()
        self._commands = list(self._commands_of())
        self._field.clear()
        self._fill("")
        self._place()
        window.installEventFilter(self)
        self.show()
        self.raise_()
        self._field.setFocus(Qt.FocusReason.PopupFocusReason)

    def close(self) -> bool:
        """Hide it, and give the focus back to what had it."""
        if not self.isHidden():
            self._window.removeEventFilter(self)
            # Before it is hidden: Qt would give the focus to whatever is next in the window.
            self._focus(self._before)
            self.hide()
            self._before = None
        return True

    def titles(self) -> list[str]:
        """What is listed now, best first."""
        return [self._model.item(row).data(_ROW).title for row in range(self._model.rowCount())]

    # --- internal -------------------------------------------------------------------------------

    def _focus(self, widget: QWidget | None) -> None:
        """Give the focus to a widget, or to the resting place when it is gone, hidden or greyed."""
        target = widget if widget is not None and _can_have_focus(widget) else self._resting_place()
        target.setFocus(Qt.FocusReason.PopupFocusReason)

    def _place(self) -> None:
        """Put the card into the upper middle of the window."""
        window = self._window
        rows = min(SHOWN_ROWS, max(6, window.height() // 60))
        height = rows * _row_height(self._list) + self._field.sizeHint().height() + self._about.sizeHint().height()
        width = min(WIDTH, window.width() - 4 * SPACE)
        self.setGeometry(window.rect())
        self._card.setGeometry((window.width() - width) // 2, window.height() // 10, width, height + 5 * SPACE)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Close when the click is beside the card."""
        if not self._card.geometry().contains(event.position().toPoint()):
            self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            event.accept()  # the window has keys that act on the map

    def _fill(self, query: str) -> None:
        self._model.clear()
        for command, marks in ranked(query, self._commands, self._recent)[:MAX_SHOWN]:
            item = QStandardItem(as_line(command.title, _TITLE))
            item.setData(command, _ROW)
            item.setData(marks, _MARKS)
            item.setData(_as_heard(command), Qt.ItemDataRole.AccessibleTextRole)
            item.setEditable(False)
            self._model.appendRow(item)
        if self._model.rowCount():
            self._list.setCurrentIndex(self._model.index(0, 0))
        else:
            self._about.setText("Nothing has this name")

    def _show_about(self, index: QModelIndex | QPersistentModelIndex) -> None:
        command = index.data(_ROW) if index.isValid() else None
        if not isinstance(command, Command):
            self._about.setText("")
            return
        text = f"Not now: {command.reason}" if command.reason else command.about
        self._about.setText(text)
        self._field.setAccessibleDescription(f"{_as_heard(command)}. {text}")

    def _do(self, index: QModelIndex | QPersistentModelIndex) -> None:
        command = index.data(_ROW) if index.isValid() else None
        if not isinstance(command, Command) or command.reason:
            return
        self._recent = [command.title, *(each for each in self._recent if each != command.title)][:20]
        self.close()
        command.run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Give the keys that choose from the list to it while the field has the focus, and follow the window's size."""
        if watched is self._window:
            if event.type() == QEvent.Type.Resize:
                self._place()
            return False
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._do(self._list.currentIndex())
                return True
            if event.key() in _LIST_KEYS:
                self._list.keyPressEvent(event)
                return True
        return super().eventFilter(watched, event)


def _can_have_focus(widget: QWidget) -> bool:
    return isValid(widget) and widget.isVisible() and widget.isEnabled()


class _RowPainter(QStyledItemDelegate):
    """Paints a command: what it is, the letters that matched, where it belongs and its shortcut."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """One line."""
        return QSize(100, _row_height(self.parent()))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint the row of a command."""
        command, marks = index.data(_ROW), index.data(_MARKS) or ()
        if not isinstance(command, Command):
            return
        rect: QRect = option.rect
        theme = current_theme()
        view = self.parent()
        is_current = isinstance(view, QListView) and view.currentIndex() == index
        painter.save()
        if is_current:
            painter.fillRect(rect, theme.colour("accent_soft"))
        inner = rect.adjusted(SPACE, 0, -SPACE, 0)
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        painter.setPen(theme.colour("dim"))
        notes = "   ".join(part for part in (command.kind, command.keys) if part)
        painter.drawText(inner, right, notes)
        room = inner.width() - painter.fontMetrics().horizontalAdvance(notes) - 2 * SPACE
        tick = {True: "✓ ", False: "", None: ""}[command.is_checked]
        text = painter.fontMetrics().elidedText(tick + index.data(), Qt.TextElideMode.ElideMiddle, max(40, room))
        marks = {at + len(tick) for at in marks} if text == tick + index.data() else set()
        _draw_marked(painter, inner, text, marks, "faint" if command.reason else "text")
        painter.restore()


def _draw_marked(painter: QPainter, rect: QRect, text: str, marks: set[int], colour: str) -> None:
    """Draw a line of text with some letters bold and in the accent colour."""
    theme, plain = current_theme(), painter.font()
    bold = painter.font()
    bold.setBold(True)
    x = rect.left()
    for at, letter in enumerate(text):
        is_marked = at in marks
        painter.setFont(bold if is_marked else plain)
        painter.setPen(theme.colour("accent_text" if is_marked and colour == "text" else colour))
        painter.drawText(x, rect.top(), rect.width(), rect.height(), int(Qt.AlignmentFlag.AlignVCenter), letter)
        x += painter.fontMetrics().horizontalAdvance(letter)


def _row_height(view: object) -> int:
    return (view.fontMetrics().height() if isinstance(view, QListView) else 16) + SPACE


def _as_heard(command: Command) -> str:
    state = {True: "on", False: "off", None: ""}[command.is_checked]
    return ", ".join(part for part in (as_line(command.title, _TITLE), command.kind, state, command.keys) if part)
