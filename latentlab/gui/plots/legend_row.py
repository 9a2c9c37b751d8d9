"""A row of a legend, which the map's classes and the curves' runs share.

pyqtgraph's ``LegendItem`` neither scrolls nor can it be reached by the keyboard or by assistive tools.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QAbstractButton

from latentlab.gui.style.theme import Theme, current_theme
from latentlab.gui.widgets.plain_text import set_literal_text
from latentlab.utils.plain_text import NAME, as_line

ROW_PX = 20
MARK_PX = 12  # from the left edge to the middle of the mark
TEXT_PX = 24  # from the left edge to the name
HIDDEN_OPACITY = 0.4


class LegendRow(QAbstractButton):
    """A mark and a name; checked while what it names is drawn.

    Parameters
    ----------
    name
        The text of the row.
    short_name
        What is shown where the name does not fit; the name's beginning if empty.
    """

    def __init__(self, name: str, short_name: str = "") -> None:
        super().__init__()
        self._short_name = as_line(short_name, NAME)
        self._theme = current_theme()
        self._picture = QPixmap()
        self._look: object = None  # that the picture was made for
        set_literal_text(self, as_line(name, NAME))
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours, until the palette changes."""
        self._theme, self._look = theme, None
        self.update()

    def draw_mark(self, painter: QPainter, centre: QPointF, theme: Theme) -> None:
        """Draw the mark round a point of the row."""
        raise NotImplementedError

    def sizeHint(self) -> QSize:
        """As wide as the name needs."""
        return QSize(TEXT_PX + 6 + self.fontMetrics().horizontalAdvance(self.text()), ROW_PX)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette and the font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._theme = current_theme()
        self._look = None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint mark and name, both faint while what they name is hidden."""
        look = (self.size(), self.devicePixelRatioF(), self.isChecked(), self.underMouse(), self.hasFocus())
        if look != self._look:
            self._look, self._picture = look, self._make_picture()
        # A row over the map is painted with every frame of it.
        with QPainter(self) as painter:
            painter.drawPixmap(0, 0, self._picture)

    def _make_picture(self) -> QPixmap:
        picture = QPixmap(self.size() * self.devicePixelRatioF())
        picture.setDevicePixelRatio(self.devicePixelRatioF())
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        if self.underMouse() or self.hasFocus():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("text", 36 if self.hasFocus() else 20))
            painter.drawRoundedRect(self.rect(), 4, 4)
        painter.setOpacity(1.0 if self.isChecked() else HIDDEN_OPACITY)
        self.draw_mark(painter, QPointF(MARK_PX, self.height() / 2), self._theme)
        self._draw_name(painter)
        painter.end()
        return picture

    def _draw_name(self, painter: QPainter) -> None:
        """Draw the name, struck through while what it names is hidden."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QColor(self._theme.text))
        area, metrics = self.rect().adjusted(TEXT_PX, 0, -4, 0), self.fontMetrics()
        fits = metrics.horizontalAdvance(self.text()) <= area.width()
        text = self.text() if fits else self._short_name or self.text()
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
        if not self.isChecked():
            middle = area.center().y() + 1
            painter.drawLine(area.left(), middle, area.left() + metrics.horizontalAdvance(text), middle)
