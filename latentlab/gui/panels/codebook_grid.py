"""A grid of codebook entries to paint on, and a palette to choose the painted code from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAccessible, QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentlab.gui.style.theme import SPACE, current_theme
from latentlab.gui.widgets.controls import column, label, named
from latentlab.gui.widgets.gesture_id import next_gesture

_MAX_CELL = 24.0  # px: small enough that the palette is visible below the grid
_SWATCH = 14.0  # px: a cell of the palette
_MIN_NUMBERED = 22.0  # px: cells of at least this size show their code's number
_FONT_HEIGHT = 10  # px: of these numbers
_MOVES = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class _Cells(QWidget):
    """Coloured cells in rows, chosen by mouse or keyboard."""

    ACCESSIBLE_ROLE = QAccessible.Role.Table

    pressed = Signal(int, int, int)  # row, column, gesture
    picked = Signal(int, int)  # row, column: with the right button

    def __init__(self, largest: float) -> None:
        super().__init__()
        self._largest = largest
        self.codes: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self.colours: NDArray[np.uint8] = np.zeros((0, 3), np.uint8)
        self.current: tuple[int, int] = (0, 0)
        self.marked = False  # whether the current cell is outlined even without the keyboard focus
        self._gesture: int | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def side(self) -> float:
        """Width and height of a cell in px."""
        columns = max(1, self.codes.shape[1])
        room: float = self.width() / columns
        return min(self._largest, room)

    def rect_of(self, row: int, column: int) -> QRectF:
        """The rectangle of a cell."""
        side = self.side()
        return QRectF(column * side, row * side, side, side)

    def cell_at(self, position: QPointF) -> tuple[int, int] | None:
        """The cell at a point; ``None`` if there is none."""
        side = self.side()
        row, column = int(position.y() // side), int(position.x() // side)
        rows, columns = self.codes.shape
        exists = 0 <= row < rows and 0 <= column < columns and self.codes[row, column] >= 0
        return (row, column) if exists else None

    def sizeHint(self) -> QSize:
        """As high as its rows at the current width."""
        rows, columns = self.codes.shape
        return QSize(round(columns * self._largest), math.ceil(rows * self.side()) + 1)

    def minimumSizeHint(self) -> QSize:
        """Any width, with all rows."""
        return QSize(40, self.sizeHint().height())

    def resizeEvent(self, _event: object) -> None:
        """Follow the new width with the height."""
        self.setMinimumHeight(self.sizeHint().height())
        self.updateGeometry()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke, or pick a code with the right button."""
        cell = self.cell_at(event.position())
        if cell is None:
            return
        self.current = cell
        if event.button() == Qt.MouseButton.RightButton:
            self.picked.emit(*cell)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._gesture = next_gesture()
            self.pressed.emit(*cell, self._gesture)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Continue the stroke."""
        cell = self.cell_at(event.position())
        if self._gesture is not None and cell is not None and cell != self.current:
            self.current = cell
            self.pressed.emit(*cell, self._gesture)
            self.update()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """End the stroke."""
        self._gesture = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrow keys, press with Space or Enter."""
        key = Qt.Key(event.key())
        if key in _MOVES:
            down, right = _MOVES[key]
            row, column = self.current[0] + down, self.current[1] + right
            rows, columns = self.codes.shape
            if 0 <= row < rows and 0 <= column < columns and self.codes[row, column] >= 0:
                self.current = (row, column)
                self.update()
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.pressed.emit(*self.current, next_gesture())
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the cells, their numbers if they fit, and the outline of the current cell."""
        with QPainter(self) as painter:
            font = self.font()
            font.setPixelSize(_FONT_HEIGHT)
            painter.setFont(font)
            side = self.side()
            for cell, code in np.ndenumerate(self.codes):
                if not 0 <= code < len(self.colours):
                    continue
                rect, colour = self.rect_of(*cell), QColor(*(int(part) for part in self.colours[code]))
                painter.fillRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), colour)
                if side >= _MIN_NUMBERED:
                    painter.setPen(QColor("black" if colour.lightness() > 128 else "white"))
                    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, str(code))
            if self.codes.size and (self.marked or self.hasFocus()):
                painter.setPen(QPen(current_theme().colour("text"), 2.0))
                painter.drawRect(self.rect_of(*self.current).adjusted(1, 1, -1, -1))


class CodebookGrid(QWidget):
    """The codes of a quantised latent as cells, and a palette of all codes.

    Click or drag over cells to paint them with the chosen code; the right button chooses a cell's code.

    Signals
    -------
    painted(row, column, code, gesture)
        A cell was painted with another code; all cells of one stroke have the same gesture id.
    """

    painted = Signal(int, int, int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("codeGrid")
        self._cells, self._palette = _Cells(_MAX_CELL), _Cells(_SWATCH)
        self._palette.marked = True
        named(self._cells, "codeCells", "code grid", "Paint with the chosen code; right-click chooses a cell's code")
        named(self._palette, "codePalette", "palette of codes", "Choose the code to paint; similar codes look alike")
        self._chosen_text = label("", "dim")
        self._chosen_text.setObjectName("chosenCode")
        layout = column(self, 0)
        layout.addWidget(self._cells)
        layout.addWidget(self._chosen_text)
        layout.addWidget(self._palette)
        self._chosen = 0
        self._cells.pressed.connect(self._on_cell_pressed)
        self._cells.picked.connect(self._on_cell_picked)
        self._palette.pressed.connect(self._on_swatch_pressed)
        self.set_palette(np.zeros((0, 3), np.uint8))

    # --- what is shown --------------------------------------------------------------------------

    def set_palette(self, colours: Any) -> None:
        """Set the colour of each code, uint8 [K, 3]."""
        colours = np.asarray(colours, np.uint8)
        self._cells.colours = self._palette.colours = colours
        self._lay_out_palette()
        self.choose(min(self._chosen, max(0, len(colours) - 1)))

    def set_codes(self, codes: Any) -> None:
        """Show a grid of codes, int [h, w], without emitting ``painted``."""
        codes = np.asarray(codes, np.int64)
        if codes.shape != self._cells.codes.shape:
            self._cells.current = (0, 0)
        self._cells.codes = codes
        self._cells.setMinimumHeight(self._cells.sizeHint().height())
        self._cells.updateGeometry()
        self._cells.update()

    def codes(self) -> NDArray[np.int64]:
        """The codes shown, int [h, w]."""
        return self._cells.codes.copy()

    def chosen(self) -> int:
        """The code to paint with."""
        return self._chosen

    def choose(self, code: int) -> None:
        """Choose the code to paint with."""
        self._chosen = code
        columns = max(1, self._palette.codes.shape[1])
        self._palette.current = divmod(code, columns)
        self._chosen_text.setText(f"Code {code} of {len(self._palette.colours)}")
        self._palette.update()

    def cell_centre(self, row: int, column: int) -> QPointF:
        """The centre of a cell in the widget named ``codeCells``."""
        return self._cells.rect_of(row, column).center()

    def swatch_centre(self, code: int) -> QPointF:
        """The centre of a code's swatch in the widget named ``codePalette``."""
        return self._palette.rect_of(*divmod(code, max(1, self._palette.codes.shape[1]))).center()

    # --- internal -------------------------------------------------------------------------------

    def resizeEvent(self, _event: object) -> None:
        """Fit the palette's columns to the new width."""
        self._lay_out_palette()

    def _lay_out_palette(self) -> None:
        count = len(self._palette.colours)
        columns = max(1, min(count, int((self.width() - SPACE // 2) // _SWATCH)))
        rows = math.ceil(count / columns)
        codes = np.full(rows * columns, -1, np.int64)
        codes[:count] = np.arange(count)
        self._palette.codes = codes.reshape(rows, columns)
        self._palette.current = divmod(self._chosen, columns)
        self._palette.setMinimumHeight(self._palette.sizeHint().height())
        self._palette.update()

    def _on_cell_pressed(self, row: int, column: int, gesture: int) -> None:
        if self._cells.codes[row, column] != self._chosen:
            self.painted.emit(row, column, self._chosen, gesture)

    def _on_cell_picked(self, row: int, column: int) -> None:
        self.choose(int(self._cells.codes[row, column]))

    def _on_swatch_pressed(self, row: int, column: int, _gesture: int) -> None:
        self.choose(int(self._palette.codes[row, column]))
