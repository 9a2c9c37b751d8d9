"""How often values occur in a dataset, and which of them are shown black and white (imports pyqtgraph)."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QDoubleValidator, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from latentlab.gui.plots.plot import Plot
from latentlab.gui.style.theme import SPACE, current_theme
from latentlab.gui.widgets.controls import label, named, row

_HEIGHT = 76  # px
_AXIS_HEIGHT = 18  # px
_KEY_STEP = 0.01  # of the shown span
_MARGIN = 0.02
_DIGITS = 6
_TIP = (
    "How often values occur, on a logarithmic scale; the left edge of the window is black, the right edge white.\n"
    "Drag the window or its edges. With the keyboard: ←→ move the white edge, Shift with ←→ the black edge."
)


class ValueHistogram(QWidget):
    """A histogram of values with logarithmic counts, and the window of values from black to white in it.

    Signals
    -------
    windowMoved(low, high)
        The window is being dragged.
    windowChosen(low, high)
        It was released, moved with the keyboard, or typed.
    """

    windowMoved = Signal(float, float)
    windowChosen = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._span = (0.0, 1.0)  # of the values that occur
        self._view = _View()
        named(self._view, "valueHistogram", "value histogram", _TIP)
        self._plot = Plot()
        self._plot.hideAxis("left")
        self._plot.x_axis.setHeight(_AXIS_HEIGHT)
        self._plot.getViewBox().setMouseEnabled(x=False, y=False)
        self._plot.getViewBox().setDefaultPadding(0.0)
        self._view.setCentralItem(self._plot)
        self._curve = pg.PlotCurveItem(fillLevel=0.0, skipFiniteCheck=True)
        self._region = pg.LinearRegionItem(swapMode="block")
        self._plot.addItem(self._curve)
        self._plot.addItem(self._region)
        self._low, self._high = QLineEdit(), QLineEdit()
        named(self._low, "valueLow", "value shown black", "Values up to this one are black")
        named(self._high, "valueHigh", "value shown white", "Values from this one on are white")
        for edge in (self._low, self._high):
            edge.setValidator(QDoubleValidator(edge))
            edge.editingFinished.connect(self._on_typed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        layout.addWidget(self._view)
        layout.addLayout(row(label("Black", "dim"), self._low, label("White", "dim"), self._high))
        self._region.sigRegionChanged.connect(self._on_moved)
        self._region.sigRegionChangeFinished.connect(self._on_released)
        self._view.nudged.connect(self._on_nudged)
        self._set_theme()

    def set_histogram(self, counts: NDArray[np.int64], low: float, high: float) -> None:
        """Show counts [bins] of bins of equal width from ``low`` to ``high``."""
        self._span = low, high
        self._curve.setData(np.linspace(low, high, len(counts) + 1), np.log10(1.0 + counts), stepMode="center")
        self._plot.getViewBox().setYRange(0.0, 1.05 * max(0.1, float(np.log10(1.0 + counts.max(initial=0)))))
        self._fit()

    def set_window(self, low: float, high: float) -> None:
        """Show the window without a signal."""
        with QSignalBlocker(self._region):
            self._region.setRegion((low, high))
        self._show_edges()
        self._fit()

    def window_range(self) -> tuple[float, float]:
        """The values shown black and white."""
        low, high = self._region.getRegion()
        return float(low), float(high)

    def changeEvent(self, event: QEvent) -> None:
        """Draw in the colours of a new scheme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._set_theme()
        super().changeEvent(event)

    def _set_theme(self) -> None:
        theme = current_theme()
        self._view.setBackground(theme.window)
        self._plot.set_theme(theme, self.font())
        self._curve.setPen(pg.mkPen(theme.colour("dim")))
        self._curve.setBrush(theme.colour("dim", 110))
        self._region.setBrush(theme.colour("accent", 40))
        self._region.setHoverBrush(theme.colour("accent", 70))
        for line in self._region.lines:
            line.setPen(pg.mkPen(theme.colour("accent"), width=2))
            line.setHoverPen(pg.mkPen(theme.colour("accent_hover"), width=3))

    def _fit(self) -> None:
        """Show all values and the whole window."""
        low, high = self.window_range()
        left, right = min(low, self._span[0]), max(high, self._span[1])
        margin = _MARGIN * (right - left)
        self._plot.getViewBox().setXRange(left - margin, right + margin)

    def _show_edges(self) -> None:
        low, high = self.window_range()
        self._low.setText(f"{low:.{_DIGITS}g}")
        self._high.setText(f"{high:.{_DIGITS}g}")

    def _on_moved(self) -> None:
        low, high = self.window_range()
        if high > low:
            self._show_edges()
            self.windowMoved.emit(low, high)

    def _on_released(self) -> None:
        low, high = self.window_range()
        if high > low:
            self.windowChosen.emit(low, high)

    def _on_nudged(self, direction: int, black: bool) -> None:
        """Move an edge by a hundredth of what is shown; the edges do not pass each other."""
        left, right = self._plot.getViewBox().viewRange()[0]
        step = direction * _KEY_STEP * (right - left)
        low, high = self.window_range()
        low, high = (low + step, high) if black else (low, high + step)
        if high > low:
            self._choose(low, high)

    def _on_typed(self) -> None:
        try:
            low, high = float(self._low.text()), float(self._high.text())
        except ValueError:
            low = high = 0.0
        if (f"{low:.{_DIGITS}g}", f"{high:.{_DIGITS}g}") == tuple(
            f"{edge:.{_DIGITS}g}" for edge in self.window_range()
        ):
            return
        if high > low:
            self._choose(low, high)
        else:
            self._show_edges()

    def _choose(self, low: float, high: float) -> None:
        self.set_window(low, high)
        self.windowChosen.emit(low, high)


class _View(pg.GraphicsView):  # type: ignore[misc]
    """The plot's view, which can have the keyboard's focus.

    Signals
    -------
    nudged(direction, black)
        An arrow key: −1 or 1, and whether the black edge is meant.
    """

    nudged = Signal(int, bool)

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        direction = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if not direction:
            super().keyPressEvent(event)
            return
        self.nudged.emit(direction, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        event.accept()
