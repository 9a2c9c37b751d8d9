"""All pairs of a few dimensions as small pictures of the points: a click shows that pair on the map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDialog, QToolTip, QWidget

from latentlab.gui.latent_map.pictures import wrap_image
from latentlab.gui.style.theme import current_theme
from latentlab.gui.widgets.controls import column, label
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.plain_text import not_rich
from latentlab.utils.plain_text import NAME, as_line

CELL_PX, GAP_PX = 92, 4
REACH = 3.2
"""Half the side of a picture, in standard deviations of the prior, at least."""
Pair = tuple[int, int]  # column and row: numbers of the dimensions along x and y


class PairGrid(QWidget):
    """The pictures below the diagonal, and the names on it; one picture is drawn in each turn of the event loop.

    Signals
    -------
    pairChosen(x, y)
        The picture of these two was clicked, or chosen by Enter; their places among the given dimensions.
    """

    pairChosen = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("pairGrid")
        self.setAccessibleName("Pairs of dimensions")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._names: tuple[str, ...] = ()
        self._points: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._colours: NDArray[np.uint32] = np.zeros(0, np.uint32)
        self._shown: Pair | None = None
        self._marked: Pair | None = None
        self._pictures: dict[Pair, tuple[NDArray[np.uint32], QImage]] = {}
        self._draw_next = Debouncer(0, self._on_draw_next, self)

    def set_points(
        self, points: NDArray[np.float32], names: Sequence[str], colours: NDArray[np.uint32], shown: Pair | None
    ) -> None:
        """Show these points.

        Parameters
        ----------
        points
            [N, k], each column a dimension.
        names
            Of the dimensions, [k].
        colours
            Of the points, opaque ARGB [N].
        shown
            The pair that the map shows, if it is among them.
        """
        self._points, self._colours = points, colours
        self._names = tuple(as_line(name, NAME) for name in names)
        self._shown, self._pictures = shown, {}
        self.setFixedSize(self.sizeHint())
        self._draw_next.throttle()
        self.update()

    def set_shown(self, shown: Pair | None) -> None:
        """Outline the pair that the map shows."""
        self._shown = shown
        self.update()

    def pairs(self) -> list[Pair]:
        """Every pair, in reading order."""
        return [(x, y) for y in range(len(self._names)) for x in range(y)]

    def cell(self, pair: Pair) -> QRect:
        """Where a pair's picture is, in pixels of the widget."""
        x, y = pair
        pitch = CELL_PX + GAP_PX
        return QRect(x * pitch, y * pitch, CELL_PX, CELL_PX)

    def _on_draw_next(self) -> None:
        missing = next((pair for pair in self.pairs() if pair not in self._pictures), None)
        if missing is None:
            return
        x, y = missing
        pixels = scatter(
            self._points[:, x], self._points[:, y], self._colours, round(CELL_PX * self.devicePixelRatioF())
        )
        self._pictures[missing] = pixels, wrap_image(pixels)
        self.update(self.cell(missing))
        self._draw_next.throttle()

    def _pair_at(self, point: QPoint) -> Pair | None:
        return next((pair for pair in self.pairs() if self.cell(pair).contains(point)), None)

    # --- painting, mouse and keyboard -----------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """As large as all pictures."""
        side = max(1, len(self._names)) * (CELL_PX + GAP_PX) - GAP_PX
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the pictures that there are, the names and the outlines."""
        theme = current_theme()
        with QPainter(self) as painter:
            for number, name in enumerate(self._names):
                painter.setPen(theme.colour("text"))
                area = self.cell((number, number))
                text = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, CELL_PX)
                painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), text)
            for pair in self.pairs():
                area = self.cell(pair)
                painter.fillRect(area, QColor(theme.map))
                if pair in self._pictures:
                    painter.drawImage(area, self._pictures[pair][1])
                if pair in (self._shown, self._marked):
                    painter.setPen(QPen(theme.colour("accent"), 2 if pair == self._shown else 1))
                    painter.drawRect(area.adjusted(0, 0, -1, -1))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Outline the picture under the pointer."""
        self._mark(self._pair_at(event.position().toPoint()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the picture under the pointer."""
        pair = self._pair_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and pair is not None:
            self._mark(pair)
            self.pairChosen.emit(*pair)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go from picture to picture by arrow keys; Enter or Space chooses."""
        moves = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        key, pairs = Qt.Key(event.key()), self.pairs()
        if key in moves and pairs:
            x, y = self._marked or self._shown or pairs[0]
            moved = (x + moves[key][0], y + moves[key][1])
            self._mark(moved if moved in pairs else (x, y))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._marked is not None:
            self.pairChosen.emit(*self._marked)
        else:
            super().keyPressEvent(event)

    def _mark(self, pair: Pair | None) -> None:
        if pair != self._marked:
            self._marked = pair
            self.setCursor(Qt.CursorShape.ArrowCursor if pair is None else Qt.CursorShape.PointingHandCursor)
            self.update()

    def event(self, event: object) -> bool:
        """Name the pair under the pointer in its tooltip."""
        if isinstance(event, QHelpEvent):
            pair = self._pair_at(event.pos())
            text = "" if pair is None else f"{self._names[pair[1]]} over {self._names[pair[0]]}"
            QToolTip.showText(event.globalPos(), not_rich(text), self)
            return True
        return bool(super().event(event))  # type: ignore[arg-type]


class PairPlot(QDialog):
    """All pairs of the strongest dimensions, beside the window.

    Attributes
    ----------
    grid : PairGrid
        The pictures.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("pairPlot")
        self.setWindowTitle("All pairs")
        self.grid = PairGrid()
        layout = column(self)
        layout.addWidget(
            label("A click shows the pair on the map. The dimensions with the highest KL come first.", "dim")
        )
        layout.addWidget(self.grid)
        layout.addStretch(1)


def scatter(
    x: NDArray[np.float32], y: NDArray[np.float32], colours: NDArray[np.uint32], side: int
) -> NDArray[np.uint32]:
    """Points as single pixels, ARGB [side, side], transparent between them; both axes reach as far as the points.

    Parameters
    ----------
    x, y
        Coordinates, [N] each; y rises upwards. Points that are not finite are left out.
    colours
        Opaque ARGB, [N]; where points overlap the last one is seen.
    side
        Of the picture, in pixels.
    """
    pixels = np.zeros((side, side), np.uint32)
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.any():
        return pixels
    if not finite.all():
        x, y, colours = x[finite], y[finite], colours[finite]
    reach = max(REACH, float(np.abs(x).max()), float(np.abs(y).max()))
    scale = np.float32((side - 1) / (2 * reach))
    columns = ((x + np.float32(reach)) * scale + np.float32(0.5)).astype(np.intp)
    rows = ((np.float32(reach) - y) * scale + np.float32(0.5)).astype(np.intp)
    pixels.reshape(-1)[rows * side + columns] = colours
    return pixels
