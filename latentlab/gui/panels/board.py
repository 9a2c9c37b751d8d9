"""The Board panel: a list of what was kept, with pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSignalBlocker,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QDropEvent, QImage, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from latentlab.gui.style.theme import SPACE, current_theme
from latentlab.gui.widgets.controls import button, column, label, named, row, scrolled
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.qimage import to_qimage
from latentlab.utils.plain_text import NAME, as_line

EMPTY = (
    "What you keep is listed here.",
    "Latent: Ctrl+B keeps the one that is shown.",
    "Selection: select points on the map, then Tools → Keep selection.",
    "Direction: Tools → New direction finds one between two groups of images.",
    "Path: draw one with the Path tool, then Tools → Keep path.",
)
"""What would fill the Board, a line each."""
PICTURE = 36  # px: height of a picture
_GAP = SPACE // 2
_ROW = Qt.ItemDataRole.UserRole

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, eq=False)
class BoardRow:
    """A row of the panel.

    Attributes
    ----------
    identity
        Id of the item.
    name, kind, detail
        Its name; below it what it is and how it was made or how good it is.
    tip
        The tooltip.
    reason
        Why it cannot be used now; empty if it can.
    picture
        uint8 [H, W] or [H, W, 3], or ``None``.
    is_strip
        Whether the picture is a strip of images, which has a line of its own.
    """

    identity: str
    name: str
    kind: str
    detail: str = ""
    tip: str = ""
    reason: str = ""
    picture: NDArray[np.uint8] | None = None
    is_strip: bool = False


class BoardPanel(QWidget):
    """Lists what was kept; it can be renamed, moved and chosen by mouse and keyboard.

    Signals
    -------
    renamed(id, name)
        A name was edited in place.
    moved(ids)
        Items were dragged, or moved by Alt and an arrow: all ids in their new order, a list of str.
    deleteRequested(ids)
        Delete was pressed with these items selected.
    activated(id)
        Enter or a double-click: what an item of its kind is kept for.
    axisRequested(id, axis)
        X or Y was pressed on the current item: ``"x"`` or ``"y"``.
    menuRequested(ids, position)
        The menu of the selected items was asked for, the current one first, at a position on the screen (QPoint).
    keepLatentRequested, newDirectionRequested
        The buttons.
    """

    renamed = Signal(str, str)
    moved = Signal(list)
    deleteRequested = Signal(list)
    activated = Signal(str)
    axisRequested = Signal(str, str)
    menuRequested = Signal(list, QPoint)
    keepLatentRequested = Signal()
    newDirectionRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("boardPanel")
        self._list = _BoardList()
        tip = "Enter: use · F2: rename · Delete: remove · Alt+↑↓: move · Ctrl+A: all · right-click: more"
        named(self._list, "board", "Board", tip)
        self._empty = _empty_state()
        keep = button(
            "keepLatent", "Keep latent", "Keep the latent that is shown (Ctrl+B)", self.keepLatentRequested.emit
        )
        direction = button(
            "newDirection",
            "New direction…",
            "Find a direction between two groups of images, or along a column",
            self.newDirectionRequested.emit,
        )
        self._buttons = (keep, direction)
        layout = column(self, SPACE)
        layout.addLayout(row(keep, direction, None, space=SPACE // 2))
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._list, 1)
        self._list.itemChanged.connect(self._on_item_changed)
        self._list.itemDoubleClicked.connect(lambda item: self.activated.emit(_row_of(item).identity))
        self._list.chosen.connect(lambda item: self.activated.emit(_row_of(item).identity))
        self._list.axisPressed.connect(lambda item, axis: self.axisRequested.emit(_row_of(item).identity, axis))
        self._list.deletePressed.connect(lambda: self.deleteRequested.emit(self.selected()))
        self._list.orderChanged.connect(self._on_order_changed)
        self._list.menuWanted.connect(lambda at: self.menuRequested.emit(self._selected_from_current(), at))
        self.set_rows(())

    def set_rows(self, rows: Sequence[BoardRow]) -> None:
        """Show these rows; those that were selected stay selected, and the current one current."""
        selected, current = set(self.selected()), self.current()
        with QSignalBlocker(self._list):
            self._list.clear()
            for each in rows:
                item = QListWidgetItem(as_line(each.name, NAME))
                item.setData(_ROW, each)
                item.setFlags(_FLAGS)
                set_tool_tip(item, each.tip, lines=True)
                item.setData(Qt.ItemDataRole.AccessibleTextRole, as_line(f"{each.name}, {each.kind}"))
                self._list.addItem(item)
                if each.identity == current:
                    self._list.setCurrentItem(item, QItemSelectionModel.SelectionFlag.NoUpdate)
                item.setSelected(each.identity in selected)
        self._empty.setVisible(not rows)
        self._list.setVisible(bool(rows))

    def set_can_keep(self, can_keep: bool, can_find: bool) -> None:
        """Enable the buttons: whether there is a latent to keep, and whether there are images to find directions of."""
        for each, enabled in zip(self._buttons, (can_keep, can_find), strict=True):
            each.setEnabled(enabled)

    def rows(self) -> list[BoardRow]:
        """The rows as shown."""
        return [_row_of(self._list.item(index)) for index in range(self._list.count())]

    def selected(self) -> list[str]:
        """Ids of the selected items, in the order shown."""
        items = (self._list.item(index) for index in range(self._list.count()))
        return [_row_of(item).identity for item in items if item.isSelected()]

    def current(self) -> str:
        """Id of the current item; empty for none."""
        item = self._list.currentItem()
        return "" if item is None else _row_of(item).identity

    def select(self, identities: Sequence[str]) -> None:
        """Select these items and make the first one current, in view."""
        for index in range(self._list.count()):
            item = self._list.item(index)
            item.setSelected(_row_of(item).identity in identities)
            if identities and _row_of(item).identity == identities[0]:
                self._list.setCurrentItem(item, QItemSelectionModel.SelectionFlag.NoUpdate)
                self._list.scrollToItem(item)

    def edit_name(self, identity: str) -> None:
        """Let the name of an item be edited in place."""
        for index in range(self._list.count()):
            if _row_of(self._list.item(index)).identity == identity:
                self._list.editItem(self._list.item(index))

    def _selected_from_current(self) -> list[str]:
        current, selected = self.current(), self.selected()
        return [current, *(each for each in selected if each != current)] if current in selected else selected

    def _on_item_changed(self, item: QListWidgetItem) -> None:
        before = _row_of(item)
        name = as_line(item.text().strip(), NAME)
        if name and name != as_line(before.name, NAME):
            self.renamed.emit(before.identity, name)
            return
        with QSignalBlocker(self._list):
            item.setText(as_line(before.name, NAME))

    def _on_order_changed(self) -> None:
        self.moved.emit([each.identity for each in self.rows()])


def _empty_state() -> QWidget:
    widget = QWidget()
    layout = column(widget, SPACE)
    for line in EMPTY:
        layout.addWidget(label(line, "dim", wrap=True))
    layout.addStretch(1)
    return scrolled(widget)  # in a low panel its lines would be cut


_FLAGS = (
    Qt.ItemFlag.ItemIsSelectable
    | Qt.ItemFlag.ItemIsEnabled
    | Qt.ItemFlag.ItemIsEditable
    | Qt.ItemFlag.ItemIsDragEnabled  # not a drop target: what is dropped goes between the items
)


def _row_of(item: QListWidgetItem) -> BoardRow:
    return cast(BoardRow, item.data(_ROW))


class _BoardList(QListWidget):
    """The list.

    Signals
    -------
    chosen(item)
        Enter was pressed.
    axisPressed(item, axis)
        X or Y was pressed.
    deletePressed, orderChanged
        Delete was pressed; items were moved.
    menuWanted(position)
        The menu was asked for at a position on the screen.
    """

    chosen = Signal(object)
    axisPressed = Signal(object, str)
    deletePressed = Signal()
    orderChanged = Signal()
    menuWanted = Signal(QPoint)

    def __init__(self) -> None:
        super().__init__()
        self.setItemDelegate(_BoardDelegate(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.SelectedClicked
        )
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setUniformItemSizes(False)

    def event(self, event: QEvent) -> bool:
        """Ctrl+A is the list's own while it has the focus, not the window's, which selects the map's points."""
        is_asked = event.type() == QEvent.Type.ShortcutOverride  # a key that the window would take
        if is_asked and isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.SelectAll):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter chooses, Delete removes, Alt and an arrow moves; the rest is the list's own."""
        key, item = event.key(), self.currentItem()
        is_editing = self.state() == QAbstractItemView.State.EditingState
        if is_editing or item is None:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(item)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.deletePressed.emit()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self._move_current(-1 if key == Qt.Key.Key_Up else 1)
        elif key in (Qt.Key.Key_X, Qt.Key.Key_Y) and not event.modifiers():
            self.axisPressed.emit(item, "x" if key == Qt.Key.Key_X else "y")
        else:
            super().keyPressEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Report the new order."""
        before = [_row_of(self.item(index)).identity for index in range(self.count())]
        super().dropEvent(event)
        if [_row_of(self.item(index)).identity for index in range(self.count())] != before:
            self.orderChanged.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the selected items, at the current one if it was asked for by a key."""
        item = self.currentItem()
        if item is None or not self.selectedItems():
            return
        at = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            at = self.viewport().mapToGlobal(self.visualItemRect(item).bottomLeft())
        self.menuWanted.emit(at)

    def _move_current(self, step: int) -> None:
        row_index = self.currentRow()
        target = row_index + step
        if 0 <= target < self.count():
            with QSignalBlocker(self):
                item = self.takeItem(row_index)
                self.insertItem(target, item)
            self.setCurrentItem(item)
            self.orderChanged.emit()


class _BoardDelegate(QStyledItemDelegate):
    """Paints a row: picture, name, and a dim second line; below them a strip of images if it has one."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Two lines of text, as high as a picture at least, and a line for a strip."""
        text = 2 * option.fontMetrics.height()
        shown = _shown(index)
        height = text + PICTURE + _GAP if _has_strip(shown) else max(text, PICTURE)
        return QSize(120, height + 2 * _GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint the row."""
        shown, theme = _shown(index), current_theme()
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        is_hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        if is_selected or is_hovered:
            painter.fillRect(option.rect, theme.colour("accent_soft" if is_selected else "hover"))
        area = option.rect.adjusted(SPACE // 2, _GAP, -SPACE // 2, -_GAP)
        text = _text_rect(area, shown, option.fontMetrics.height())
        if shown.picture is not None:
            painter.setOpacity(0.45 if shown.reason else 1.0)
            self._paint_picture(painter, area, shown, to_qimage(shown.picture), option.fontMetrics.height())
            painter.setOpacity(1.0)
        metrics, line = option.fontMetrics, QRect(text.topLeft(), QSize(text.width(), text.height() // 2))
        painter.setPen(theme.colour("faint" if shown.reason else "text"))
        name = as_line(shown.name, NAME)
        painter.drawText(line, _LEFT, metrics.elidedText(name, Qt.TextElideMode.ElideRight, line.width()))
        painter.setPen(theme.colour("faint" if shown.reason else "dim"))
        detail = as_line(" · ".join(part for part in (shown.kind, shown.reason or shown.detail) if part))
        line.translate(0, line.height())
        painter.drawText(line, _LEFT, metrics.elidedText(detail, Qt.TextElideMode.ElideRight, line.width()))
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.colour("accent"))
            painter.drawRect(option.rect.adjusted(0, 0, -1, -1))
        painter.restore()

    def _paint_picture(self, painter: QPainter, area: QRect, shown: BoardRow, image: QImage, line: int) -> None:
        if shown.is_strip:
            # Its ends are what it is about: of one that is too wide the images become smaller.
            scale = min(PICTURE / image.height(), area.width() / image.width())
            size = QSize(round(image.width() * scale), round(image.height() * scale))
            painter.drawImage(QRect(QPoint(area.left(), area.top() + 2 * line + _GAP), size), image)
            return
        scale = PICTURE / max(image.height(), image.width())
        size = QSize(round(image.width() * scale), round(image.height() * scale))
        painter.drawImage(QRect(area.topLeft(), size), image)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        """Edit the name in a line of bounded length."""
        editor = QLineEdit(parent)
        named(editor, "boardName", "name", "Enter: keep this name · Escape: keep the one before")
        editor.setMaxLength(NAME)
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        """Put the editor where the name is."""
        area = option.rect.adjusted(SPACE // 2, _GAP, -SPACE // 2, -_GAP)
        text = _text_rect(area, _shown(index), option.fontMetrics.height())
        editor.setGeometry(text.left() - 2, text.top() - 2, text.width() + 2, max(editor.sizeHint().height(), 22))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        """Take the edited name."""
        assert isinstance(editor, QLineEdit)
        model.setData(cast(Any, index), editor.text(), Qt.ItemDataRole.EditRole)


_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


def _shown(index: Index) -> BoardRow:
    return cast(BoardRow, index.data(_ROW))


def _has_strip(shown: BoardRow) -> bool:
    return shown.is_strip and shown.picture is not None


def _text_rect(area: QRect, shown: BoardRow, line: int) -> QRect:
    """Where the two lines of text are."""
    left = 0 if shown.is_strip else PICTURE + SPACE
    height = 2 * line
    top = area.top() if shown.is_strip else area.top() + max(0, (PICTURE - height) // 2)
    return QRect(area.left() + left, top, area.width() - left, height)
