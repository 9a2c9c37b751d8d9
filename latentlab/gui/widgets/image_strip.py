"""Rows of images painted by one widget: without a widget per tile a strip can be updated at every mouse move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QContextMenuEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame

from latentlab.gui.accessibility import tell_description
from latentlab.gui.style.theme import SPACE, current_theme
from latentlab.gui.widgets.qimage import ByteArray, to_qimage
from latentlab.utils.plain_text import as_line

SMALLEST_TILE, TOO_SMALL_TILE, COMFORTABLE_TILE, LARGEST_TILE = 24, 32, 44, 192
GAP = 2
_NAME = 40  # letters of a row's name, which takes its room from the images
ROW_GAP = 4
Tile = tuple[int, int]  # row, column


class ImageStrip(QAbstractScrollArea):
    """Paints rows of images of equal size; tiles are chosen by mouse or keyboard.

    The wheel scrolls; with Ctrl it changes the tiles' size.

    Signals
    -------
    tileChosen(row, column)
        A tile was clicked, or chosen by Enter.
    menuRequested(row, column, position)
        A menu for a tile was asked for, by the right button or the Menu key; ``position`` is global.
    tileHovered(row, column)
        The pointer is over another tile; −1, −1 for none.
    """

    ACCESSIBLE_ROLE = QAccessible.Role.List

    tileChosen = Signal(int, int)
    menuRequested = Signal(int, int, QPoint)
    tileHovered = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self._sheet: QImage | None = None
        self._tile_source = QSize(1, 1)
        self._rows = self._columns = 0
        self._images: ByteArray | None = None
        self._names: tuple[str, ...] = ()
        self._heads: tuple[str, ...] = ()
        self._marked = -1
        self._zoom = 1.0
        self._hover: Tile | None = None
        self._current: Tile | None = None
        self._pickable = False
        self._from_end = False
        self._tile = QSize(SMALLEST_TILE, SMALLEST_TILE)
        self._content = QSize()
        self._name_width = self._top = self._head = 0
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.horizontalScrollBar().valueChanged.connect(self.viewport().update)
        self.verticalScrollBar().valueChanged.connect(self.viewport().update)

    def set_rows(
        self,
        images: ByteArray | None,
        names: Sequence[str],
        *,
        pickable: bool,
        from_end: bool = False,
        heads: Sequence[str] = (),
        marked: int = -1,
    ) -> None:
        """Show images [rows, columns, H, W] or [rows, columns, H, W, 3]; ``None`` for nothing.

        ``pickable`` tiles are outlined under the pointer; ``from_end`` scrolls to the last column. ``heads`` are texts
        above the columns; that of column ``marked`` is highlighted, with the tile of a single row.
        """
        self._from_end = from_end
        if images is None or images.size == 0:
            self._sheet, self._rows, self._columns, self._images = None, 0, 0, None
        else:
            self._images = images = np.asarray(images, dtype=np.uint8)
            self._rows, self._columns, height, width = images.shape[:4]
            sheet = np.swapaxes(images, 1, 2).reshape(self._rows * height, self._columns * width, *images.shape[4:])
            self._sheet = to_qimage(sheet)
            self._tile_source = QSize(width, height)
        self._names = tuple(as_line(name, _NAME) for name in names)
        self._heads, self._marked = tuple(as_line(head, _NAME) for head in heads), marked
        self._pickable = pickable
        self._keep_inside()
        self._measure()
        self._tell()
        self.viewport().update()

    def images(self) -> ByteArray | None:
        """The images that are shown; ``None`` for nothing."""
        return self._images

    def tile_image(self, row: int, column: int) -> QImage:
        """The image of a tile, at its own size."""
        size = self._tile_source
        place = QRect(column * size.width(), row * size.height(), size.width(), size.height())
        return QImage() if self._sheet is None else self._sheet.copy(place)

    def _tell(self) -> None:
        """Tell what keys would choose to those who cannot see it."""
        text = f"{self._rows} by {self._columns} images" if self._rows > 1 else f"{self._columns} images"
        if self._current is not None and self._rows:
            row, column = self._current
            name = self._names[row] if row < len(self._names) and self._names[row] else f"row {row + 1}"
            head = f", {self._heads[column]}" if column < len(self._heads) else ""
            text = f"image {column + 1} of {self._columns}, {name}{head}"
        tell_description(self, text if self._rows else "empty")

    def tile_rect(self, row: int, column: int) -> QRect:
        """The rectangle of a tile, in pixels of the viewport."""
        size = self._tile
        x = self._name_width + column * (size.width() + GAP) - self.horizontalScrollBar().value()
        y = self._head + row * (size.height() + ROW_GAP) - self.verticalScrollBar().value() + self._top
        return QRect(QPoint(x, y), size)

    # --- layout ---------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Compute the tiles' size: as high as fits all rows, within limits, times the user's zoom."""
        names = [self.fontMetrics().horizontalAdvance(name) for name in self._names if name]
        self._name_width = max(names) + SPACE if names else 0
        self._head = self.fontMetrics().height() + 2 if self._heads else 0
        # Not the viewport's size: it changes with the scroll bars, which would appear and disappear without end where
        # the tiles fit only beside a scroll bar.
        whole = self.maximumViewportSize()
        self._fit_tiles(whole)
        if self._content.height() > whole.height():
            self._fit_tiles(whole - QSize(self.verticalScrollBar().sizeHint().width(), 0))
        self._top = max(0, (self.viewport().height() - self._content.height()) // 2)
        self._update_scroll_bars()

    def _fit_tiles(self, room: QSize) -> None:
        """Compute the size of a tile, and of all of them, for a room."""
        self._tile = self._best_tile(room) if self._rows else QSize(SMALLEST_TILE, SMALLEST_TILE)
        self._content = QSize(
            self._name_width + self._columns * (self._tile.width() + GAP) - GAP,
            self._head + self._rows * (self._tile.height() + ROW_GAP) - ROW_GAP,
        )

    def _best_tile(self, whole: QSize) -> QSize:
        room = (whole.height() - self._head - ROW_GAP * (self._rows - 1)) / self._rows
        if room < TOO_SMALL_TILE:  # too many rows: scroll instead of shrinking the tiles further
            room = COMFORTABLE_TILE
        if not self._from_end:  # a traversal should be visible as a whole; visited latents scroll
            across = (whole.width() - self._name_width) / self._columns - GAP
            room = min(room, across * self._tile_source.height() / self._tile_source.width())
        height = max(SMALLEST_TILE, min(96.0, room)) * self._zoom
        height = max(SMALLEST_TILE, min(LARGEST_TILE, height))
        # Rounded down: rounding up makes the content a few pixels too large, and scroll bars appear.
        return QSize(int(height * self._tile_source.width() / self._tile_source.height()), int(height))

    def _update_scroll_bars(self) -> None:
        content, shown = self._content, self._shown_size()
        for bar, whole, part in (
            (self.horizontalScrollBar(), content.width(), shown.width()),
            (self.verticalScrollBar(), content.height(), shown.height()),
        ):
            bar.setPageStep(part)
            bar.setSingleStep(self._tile.height() // 2)
            bar.setRange(0, max(0, whole - part))
        if self._from_end:
            self.horizontalScrollBar().setValue(self.horizontalScrollBar().maximum())

    def _shown_size(self) -> QSize:
        """The viewport's size with the scroll bars that the content needs."""
        whole, content = self.maximumViewportSize(), self._content
        across, down = self.horizontalScrollBar().sizeHint().height(), self.verticalScrollBar().sizeHint().width()
        is_high = content.height() > whole.height()
        is_wide = content.width() > whole.width() - is_high * down
        is_high = content.height() > whole.height() - is_wide * across
        return whole - QSize(is_high * down, is_wide * across)

    def _tile_at(self, point: QPoint) -> Tile | None:
        size = self._tile
        x = point.x() - self._name_width + self.horizontalScrollBar().value()
        y = point.y() - self._top - self._head + self.verticalScrollBar().value()
        if point.y() < self._head:
            return None
        tile = (y // (size.height() + ROW_GAP), x // (size.width() + GAP))
        return tile if 0 <= tile[0] < self._rows and 0 <= tile[1] < self._columns else None

    def _keep_inside(self) -> None:
        for name in ("_hover", "_current"):
            tile = getattr(self, name)
            if tile is not None and not (tile[0] < self._rows and tile[1] < self._columns):
                setattr(self, name, None)

    # --- painting -------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the visible tiles."""
        with QPainter(self.viewport()) as painter:
            colours = current_theme()
            if self.hasFocus() and self._current is None:
                painter.setPen(QPen(colours.colour("accent"), 2))
                painter.drawRect(self.viewport().rect().adjusted(1, 1, -1, -1))
            if self._sheet is None:
                return
            source = self._tile_source
            for row in range(self._rows):
                for column in range(self._columns):
                    target = self.tile_rect(row, column)
                    if target.intersects(self.viewport().rect()):
                        from_ = QPoint(column * source.width(), row * source.height())
                        painter.drawImage(target, self._sheet, QRect(from_, source))
            self._paint_names(painter)
            self._paint_heads(painter)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            marked = (0, self._marked) if self._rows == 1 and 0 <= self._marked < self._columns else None
            focused = self._focused()
            for tile, width in ((marked, 2), (self._hover, 2), (focused, 3)):
                if tile is not None and (self._pickable or tile is focused):
                    painter.setPen(QPen(colours.colour("accent"), width))
                    painter.drawRect(self.tile_rect(*tile).adjusted(1, 1, -1, -1))

    def _focused(self) -> Tile | None:
        return self._current if self.hasFocus() else None

    def _paint_names(self, painter: QPainter) -> None:
        """Paint the rows' names, which stay visible while the tiles scroll below them."""
        colours = current_theme()
        width = self._name_width
        if width:
            painter.fillRect(QRect(0, 0, width, self.viewport().height()), colours.colour("surface"))
        painter.setPen(colours.colour("dim"))
        for row, name in enumerate(self._names[: self._rows]):
            rect = self.tile_rect(row, 0)
            rect.setX(0)
            rect.setWidth(width)
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), name)

    def _paint_heads(self, painter: QPainter) -> None:
        """Paint the columns' heads, which stay visible while the rows scroll below them."""
        if not self._heads:
            return
        colours = current_theme()
        top = self._top if not self.verticalScrollBar().maximum() else 0
        painter.fillRect(QRect(0, top, self.viewport().width(), self._head), colours.colour("surface"))
        free_from = 0  # x after the last head that was painted
        for column in sorted(range(len(self._heads)), key=lambda each: (each != self._marked, each)):
            tile = self.tile_rect(0, column)
            width = self._head_width(column)
            rect = QRect(tile.center().x() - width // 2, top, width + 1, self._head)
            # A longer head that explains the following ones ("epoch 1", "2", …) is not cut off at the left.
            if tile.left() >= self._name_width and width > self._head_width(column + 1):
                rect.moveLeft(max(rect.left(), self._name_width))
            if column != self._marked:
                if rect.left() < free_from or rect.intersects(self._marked_head(top)):
                    continue
                free_from = rect.right() + SPACE
            painter.setPen(colours.colour("accent_text" if column == self._marked else "dim"))
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), self._heads[column])

    def _head_width(self, column: int) -> int:
        """Width of a column's head in pixels; 0 if it has none."""
        return self.fontMetrics().horizontalAdvance(self._heads[column]) if column < len(self._heads) else 0

    def _marked_head(self, top: int) -> QRect:
        if not 0 <= self._marked < len(self._heads):
            return QRect()
        width = self.fontMetrics().horizontalAdvance(self._heads[self._marked]) + SPACE
        return QRect(self.tile_rect(0, self._marked).center().x() - width // 2, top, width, self._head)

    # --- mouse and keyboard ---------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the tile under the pointer."""
        tile = self._tile_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and tile is not None:
            self._current = tile
            self.viewport().update()
            self.tileChosen.emit(*tile)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Outline the tile under the pointer."""
        tile = self._tile_at(event.position().toPoint())
        can_pick = tile is not None and self._pickable
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if can_pick else Qt.CursorShape.ArrowCursor)
        self._set_hover(tile)

    def _set_hover(self, tile: Tile | None) -> None:
        if tile != self._hover:
            self._hover = tile
            self.viewport().update()
            self.tileHovered.emit(*(tile or (-1, -1)))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for a menu for the tile under the pointer, or for the one that keys would choose."""
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        tile = self._current if by_key else self._tile_at(event.pos())
        if tile is None:
            event.ignore()
            return
        self._current = tile
        self.viewport().update()
        position = self.viewport().mapToGlobal(self.tile_rect(*tile).center()) if by_key else event.globalPos()
        self.menuRequested.emit(*tile, position)

    def viewportEvent(self, event: QEvent) -> bool:
        """Remove the outline when the pointer leaves."""
        if event.type() == QEvent.Type.Leave:
            self._set_hover(None)
        return bool(super().viewportEvent(event))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll, horizontally if all rows fit; with Ctrl change the tiles' size."""
        notches = event.angleDelta().y() / 120.0
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom = max(0.5, min(4.0, self._zoom * 1.15**notches))
            self._measure()
            self.viewport().update()
            event.accept()
        elif self.verticalScrollBar().maximum() == 0 and self.horizontalScrollBar().maximum() == 0:
            event.ignore()  # what contains the strip may scroll
        elif self.verticalScrollBar().maximum() == 0 and notches:
            bar = self.horizontalScrollBar()
            self._from_end = False
            bar.setValue(round(bar.value() - notches * bar.singleStep()))
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move from tile to tile by arrow keys; Enter or Space chooses."""
        moves = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }
        key = Qt.Key(event.key())
        if key in moves and self._rows:
            row, column = self._current or (0, 0)
            if self._current is not None:
                row, column = row + moves[key][0], column + moves[key][1]
            self._current = (max(0, min(self._rows - 1, row)), max(0, min(self._columns - 1, column)))
            self._show_current()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._current is not None:
            self.tileChosen.emit(*self._current)
        else:
            super().keyPressEvent(event)

    def _show_current(self) -> None:
        self._tell()
        if self._current is not None:
            tile, shown = self.tile_rect(*self._current), self.viewport().rect()
            across, down = self.horizontalScrollBar(), self.verticalScrollBar()
            left = self._name_width
            across.setValue(across.value() + min(0, tile.left() - left) + max(0, tile.right() - shown.right()))
            down.setValue(down.value() + min(0, tile.top()) + max(0, tile.bottom() - shown.bottom()))
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Outline the tile that keys would choose."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Remove that outline."""
        super().focusOutEvent(event)
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the tiles to the new size."""
        super().resizeEvent(event)
        self._measure()

    def sizeHint(self) -> QSize:
        """Two small rows."""
        return QSize(400, 96)

    def minimumSizeHint(self) -> QSize:
        """One small row."""
        return QSize(120, 48)
