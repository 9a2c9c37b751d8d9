"""The scale of the dimming: from which distance to data it begins, and where it is complete."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from latentlab.gui.latent_map.layers.trust import STRENGTH
from latentlab.gui.latent_map.legend import paint_ground
from latentlab.gui.style.theme import DARK, Theme
from latentlab.utils.text import format_number

_RAMP = 40  # px
_INSET, _GAP = 8, 6  # px
_NAME = "distance to data"


class DistanceScale(QWidget):
    """A ramp from clear to dimmed between two distances, over the map; hidden while nothing is dimmed.

    The mouse goes through it.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("distanceScale")
        self.setAccessibleName("Scale of the dimming far from data")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._theme: Theme = DARK
        self._texts = ("", "")
        self.hide()

    def set_scale(self, scale: tuple[float, float] | None) -> None:
        """Show the distances at which dimming begins and is complete; None hides the scale."""
        if scale is not None:
            self._texts = (format_number(scale[0], ".2g"), format_number(scale[1], ".2g"))
            self.setAccessibleDescription(
                f"Dimmed from {self._texts[0]} to {self._texts[1]} latent units from the nearest image"
            )
            self.adjustSize()
            self.update()
        self.setVisible(scale is not None)

    def texts(self) -> tuple[str, str]:
        """The distances as they are written."""
        return self._texts

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        """One line high, as wide as its parts."""
        metrics = self.fontMetrics()
        text = sum(metrics.horizontalAdvance(each) for each in (*self._texts, _NAME))
        return QSize(2 * _INSET + text + _RAMP + 3 * _GAP, metrics.height() + 6)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ground, the numbers, and the ramp between them."""
        paint_ground(self, self._theme)
        painter, metrics = QPainter(self), self.fontMetrics()
        painter.setPen(self._theme.colour("text"))
        left, middle = float(_INSET), Qt.AlignmentFlag.AlignVCenter
        for text, is_before_ramp in ((_NAME, False), (self._texts[0], True), (self._texts[1], False)):
            width = metrics.horizontalAdvance(text)
            painter.drawText(QRectF(left, 0, width + 1, self.height()), middle, text)
            left += width + _GAP
            if is_before_ramp:
                ramp = QRectF(left, self.height() / 2 - 4, _RAMP, 8)
                gradient = QLinearGradient(ramp.topLeft(), QPointF(ramp.right(), ramp.top()))
                clear, dimmed = QColor(200, 200, 200), QColor(*(3 * [round(200 * (1 - STRENGTH))]))
                gradient.setColorAt(0, clear)
                gradient.setColorAt(1, dimmed)
                painter.fillRect(ramp, gradient)
                left += _RAMP + _GAP
        painter.end()
