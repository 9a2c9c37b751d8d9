"""An axis of the map: a line along the box, ticks at round numbers, and its name at the far end."""

from __future__ import annotations

import math

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QGraphicsItem, QGraphicsObject, QStyleOptionGraphicsItem, QWidget

from latentlab.gui.colours import DARK, Theme
from latentlab.gui.latent_map.view_box import MapViewBox

TICK = 4
GAP = 3
SPACING_PX = 78
"""At least so many pixels lie between two ticks."""
_PLAIN = (1e-3, 1e5)  # sizes of numbers that are written without an exponent


class MapAxis(QGraphicsObject):
    """The left (upright) or the lower axis; it leaves out the labels that would stand under its name."""

    def __init__(self, box: MapViewBox, upright: bool) -> None:
        super().__init__()
        self._box, self._upright = box, upright
        self._area = QRectF(0, 0, 1, 1)
        self._theme: Theme = DARK
        self._font = QFont()
        self._name = ""
        # Hairlines end at the axes: without a picture of them each move would write their numbers again.
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        box.rangeChanged.connect(self._on_range_changed)

    @property
    def name(self) -> str:
        """What the axis is called."""
        return self._name

    def set_name(self, name: str) -> None:
        """Call the axis so."""
        self._name = name
        self.update()

    def set_look(self, theme: Theme, font: QFont) -> None:
        """Draw in this theme and font; the name is bold."""
        self._theme, self._font = theme, QFont(font)
        self.update()

    def place(self, area: QRectF) -> None:
        """Lay the axis into the scene."""
        self.prepareGeometryChange()
        self._area = QRectF(0, 0, area.width(), area.height())
        self.setPos(area.topLeft())

    def boundingRect(self) -> QRectF:
        """The axis' whole area."""
        return self._area

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Paint line, ticks, labels and name."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QColor(self._theme.faint))
        painter.setFont(self._font)
        name = self._name_area()
        for value, label in ticks(*self._range()):
            place = self._place_of(value)
            painter.drawLine(self._tick(place))
            area = self._label_area(place, label)
            if not area.intersects(name):
                painter.drawText(area, Qt.AlignmentFlag.AlignCenter, label)
        area = self._area
        edge = area.right() - 1 if self._upright else area.top()
        painter.drawLine(
            QLineF(edge, area.top(), edge, area.bottom())
            if self._upright
            else QLineF(area.left(), edge, area.right(), edge)
        )
        painter.setPen(QColor(self._theme.text))
        painter.setFont(self._bold())
        painter.drawText(name, Qt.AlignmentFlag.AlignCenter, self._name)

    def _on_range_changed(self) -> None:
        self.update()

    def _range(self) -> tuple[float, float, int]:
        view = self._box.view()
        return (*view.y_range, view.height_px) if self._upright else (*view.x_range, view.width_px)

    def _place_of(self, value: float) -> float:
        low, high, pixels = self._range()
        along = (value - low) / (high - low) * pixels
        return pixels - along if self._upright else along

    def _tick(self, place: float) -> QLineF:
        if self._upright:
            return QLineF(self._area.right() - TICK, place, self._area.right(), place)
        return QLineF(place, 0, place, TICK)

    def _label_area(self, place: float, label: str) -> QRectF:
        metrics = QFontMetricsF(self._font)
        width, height = metrics.horizontalAdvance(label), metrics.height()
        if self._upright:
            return QRectF(self._area.right() - TICK - GAP - width, place - height / 2, width, height)
        return QRectF(place - width / 2, TICK + GAP - 2, width, height)

    def _name_area(self) -> QRectF:
        metrics = QFontMetricsF(self._bold())
        width = metrics.horizontalAdvance(self._name) + 8
        if self._upright:
            return QRectF(0, 0, self._area.width() - TICK, metrics.height() + 4)
        return QRectF(self._area.width() - width, TICK, width, self._area.height() - TICK)

    def _bold(self) -> QFont:
        bold = QFont(self._font)
        bold.setBold(True)
        return bold


def ticks(low: float, high: float, pixels: int) -> list[tuple[float, str]]:
    """Give round numbers between two bounds, each with how it is written.

    Parameters
    ----------
    low, high
        What the axis shows.
    pixels
        Its length; ticks are at least ``SPACING_PX`` apart.
    """
    least = (high - low) * SPACING_PX / max(1, pixels)
    power = math.floor(math.log10(least))
    step = next(m * 10.0**power for m in (1, 2, 5, 10) if m * 10.0**power >= least * (1 - 1e-9))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    plain = _PLAIN[0] <= step and max(abs(low), abs(high)) < _PLAIN[1]
    values = [number * step for number in range(first, last + 1)]
    return [(value, f"{value:.{decimals}f}" if plain else f"{value:.4g}") for value in values]
