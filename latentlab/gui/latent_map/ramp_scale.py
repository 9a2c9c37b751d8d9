"""The scale of a layer's values over the map: what they are called, and a ramp between two of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from latentlab.gui.latent_map.layers.trust import STRENGTH
from latentlab.gui.latent_map.legend import paint_ground
from latentlab.gui.style.theme import DARK, Theme
from latentlab.utils.palettes import cividis_table

_RAMP = 40  # px
_INSET, _GAP = 8, 6  # px

DISTANCE = "distance to data"
DIMMING = (QColor(200, 200, 200), QColor(*(3 * [round(200 * (1 - STRENGTH))])))
"""From clear to dimmed."""
VALUES = tuple(QColor(*(int(level) for level in cividis_table()[step])) for step in range(0, 256, 51))
"""From low to high."""


class RampScale(QWidget):
    """A name, a value, a ramp of colours, and another value; hidden while there are none. The mouse goes through it.

    Parameters
    ----------
    object_name, accessible
        Its names.
    name
        What the values are called.
    colours
        Of the ramp, evenly spaced.

    Attributes
    ----------
    name, colours
        As given.
    """

    def __init__(
        self, object_name: str, accessible: str, name: str, colours: Sequence[QColor], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setObjectName(object_name)
        self.setAccessibleName(accessible)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.name, self.colours = name, tuple(colours)
        self._theme: Theme = DARK
        self._texts = ("", "")
        self.hide()

    def set_texts(self, texts: tuple[str, str] | None, description: str = "") -> None:
        """Write the values at both ends; None hides the scale."""
        if texts is not None:
            self._texts = texts
            self.setAccessibleDescription(description)
            self.adjustSize()
            self.update()
        self.setVisible(texts is not None)

    def texts(self) -> tuple[str, str]:
        """The values as they are written."""
        return self._texts

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        """One line high, as wide as its parts."""
        metrics = self.fontMetrics()
        text = sum(metrics.horizontalAdvance(each) for each in (*self._texts, self.name))
        return QSize(2 * _INSET + text + _RAMP + 3 * _GAP, metrics.height() + 6)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ground, the name and the values, and the ramp between them."""
        paint_ground(self, self._theme)
        metrics = self.fontMetrics()
        with QPainter(self) as painter:
            painter.setPen(self._theme.colour("text"))
            left, middle = float(_INSET), Qt.AlignmentFlag.AlignVCenter
            for text, is_before_ramp in ((self.name, False), (self._texts[0], True), (self._texts[1], False)):
                width = metrics.horizontalAdvance(text)
                painter.drawText(QRectF(left, 0, width + 1, self.height()), middle, text)
                left += width + _GAP
                if is_before_ramp:
                    ramp = QRectF(left, self.height() / 2 - 4, _RAMP, 8)
                    gradient = QLinearGradient(ramp.topLeft(), QPointF(ramp.right(), ramp.top()))
                    for number, colour in enumerate(self.colours):
                        gradient.setColorAt(number / (len(self.colours) - 1), colour)
                    painter.fillRect(ramp, gradient)
                    left += _RAMP + _GAP
