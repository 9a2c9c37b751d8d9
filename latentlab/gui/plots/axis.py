"""An axis in the window's theme: few, plain numbers, and the label in the corner where the axis ends."""

from __future__ import annotations

import html
import math

import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont, QPainter, QResizeEvent
from PySide6.QtWidgets import QGraphicsItem

from latentlab.gui.style.theme import Theme
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.utils.plain_text import NAME, as_line
from latentlab.utils.text import format_number

TICK_PX = 4
DENSITY = 1.6  # of pyqtgraph's default number of ticks
_PLAIN = (1e-3, 1e5)  # sizes of numbers that are written without an exponent
_MOST_BESIDE = 5  # letters of a label that has room beside the plot
REDRAW_MS = 33
"""Between two redraws of an axis while its range changes with every frame: each takes a third of a frame."""
_LABEL_MARGIN = 4  # px that a text document keeps free round its text


class Axis(pg.AxisItem):  # type: ignore[misc]
    """A left or bottom `pyqtgraph.AxisItem` that keeps its size, so that a longer number never moves the plot.

    Parameters
    ----------
    orientation
        ``"left"`` or ``"bottom"``.
    """

    _ground = ""  # colour behind a label that reaches into the plot
    _wanted = (0.0, 1.0)  # the range of the view
    _soon: Debouncer | None = None  # until pyqtgraph's constructor, which sets a range, has run

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation, maxTickLength=TICK_PX)
        self._soon = Debouncer(REDRAW_MS, self._show_wanted, self)
        self.enableAutoSIPrefix(False)  # it rewrites the label whenever the range changes
        self.setStyle(maxTickLevel=0, tickTextOffset=3, autoExpandTextSpace=False)
        self.setTickDensity(DENSITY)
        if orientation == "left":
            self.label.setRotation(0)
        for item in (self, self.label):
            # Marks that move over the plot may end at the axis: a kept picture of it costs them a copy.
            item.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)

    def set_theme(self, theme: Theme, font: QFont) -> None:
        """Draw in these colours and this font; the label is bold."""
        bold = QFont(font)
        bold.setBold(True)
        self.label.setFont(bold)
        self.setPen(QColor(theme.control))
        self.setTextPen(QColor(theme.dim))
        self.label.setDefaultTextColor(QColor(theme.text))
        self.setStyle(tickFont=font)
        self._ground = theme.map
        self._updateLabel()
        self.resizeEvent()

    @property
    def name(self) -> str:
        """The text of the label."""
        return str(self.labelText)

    def set_name(self, name: str) -> None:
        """Set the text of the label, which may be empty."""
        self.setLabel(as_line(name, NAME))
        self.showLabel(bool(name))
        self.resizeEvent()

    # --- what pyqtgraph asks of an axis -----------------------------------------------------------

    def setRange(self, mn: float, mx: float) -> None:
        """Show another range: at once, or soon after the last change if they follow each other closely."""
        self._wanted = mn, mx
        if self._soon is None:
            super().setRange(mn, mx)
        elif not self._soon.is_pending():
            self._show_wanted()
            self._soon.throttle()

    def _show_wanted(self) -> None:
        if self._wanted != tuple(self.range):
            super().setRange(*self._wanted)

    def labelString(self) -> str:
        """The label as plain text: `set_theme` sets its font and colour. A long one at the left has a background."""
        text = html.escape(self.labelText)
        reaches_into_plot = self.orientation == "left" and len(self.labelText) > _MOST_BESIDE
        if not reaches_into_plot or not self._ground:
            return text
        return f"<span style='background-color:{self._ground}'>&nbsp;{text}&nbsp;</span>"

    def resizeEvent(self, event: QResizeEvent | None = None) -> None:
        """Put the label at the far end of the axis."""
        if self.label is None:  # closed
            return
        size, label = self.size(), self.label.boundingRect()
        if self.orientation == "left":
            self.label.setPos(0, -_LABEL_MARGIN)
        else:
            self.label.setPos(size.width() - label.width() + _LABEL_MARGIN, TICK_PX - _LABEL_MARGIN + 2)
        self.picture = None

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float | None, list[float]]]:
        """One level of round numbers; pyqtgraph's own search for several levels takes most of its time."""
        low, high = sorted((minVal, maxVal))
        if self.logMode:
            return self.logTickValues(low, high, size, [])
        spacing = self.tickSpacing(low, high, size)[0][0]
        first, last = math.ceil(low / spacing - 1e-6), math.floor(high / spacing + 1e-6)
        return [(spacing, [number * spacing for number in range(first, last + 1)])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Numbers with as many decimals as distinguish the ticks, and with a true minus sign."""
        if self.logMode:
            return self.logTickStrings(values, scale, spacing)
        return tick_labels([value * scale for value in values], spacing * scale)

    def logTickValues(
        self, minVal: float, maxVal: float, size: float, stdTicks: object
    ) -> list[tuple[float | None, list[float]]]:
        """About three round numbers."""
        return [(None, log_ticks(minVal, maxVal))]

    def logTickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Plain numbers; pyqtgraph writes powers of ten over each other."""
        return [f"{10.0**value * scale:.4g}" for value in values]

    def generateDrawSpecs(self, painter: QPainter) -> tuple[object, list[object], list[object]] | None:
        """Leave out the numbers that would be under the label."""
        specs = super().generateDrawSpecs(painter)
        if specs is None or not self.label.isVisible():
            return specs  # type: ignore[no-any-return]
        line, ticks, texts = specs
        label: QRectF = self.label.mapRectToParent(self.label.boundingRect())
        return line, ticks, [text for text in texts if not label.intersects(text[0])]


def tick_labels(values: list[float], spacing: float) -> list[str]:
    """Write the numbers of ticks that are ``spacing`` apart.

    Examples
    --------
    >>> tick_labels([-1.0, -0.5, 0.0], 0.5)
    ['−1.0', '−0.5', '0.0']
    """
    largest = max((abs(value) for value in values), default=0.0)
    decimals = max(0, -math.floor(math.log10(spacing) + 1e-9))
    form = f".{decimals}f" if _PLAIN[0] <= spacing and largest < _PLAIN[1] else ".4g"
    return [format_number(value, form) for value in values]


def log_ticks(low: float, high: float) -> list[float]:
    """Return the logarithms of about three round numbers between 10^low and 10^high.

    Examples
    --------
    >>> log_ticks(0.0, 3.0)
    [0.0, 1.0, 2.0]
    """
    if high - low > 1.0:
        step = max(1, math.ceil((high - low) / 3))
        return [float(power) for power in range(math.ceil(low), math.ceil(high), step)]
    bottom, top = 10.0**low, 10.0**high
    least = (top - bottom) / 3
    size = 10.0 ** math.floor(math.log10(least))
    spacing = size * next(factor for factor in (1, 2, 5, 10) if factor * size >= least)
    first = math.ceil(bottom / spacing)
    return [math.log10(number * spacing) for number in range(max(1, first), math.ceil(top / spacing))]
