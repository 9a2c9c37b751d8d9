"""Marks on a curve where something was changed by hand: a dotted line, and what it was."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from latentlab.gui.style.theme import Theme

Change = tuple[float, str]
_GAP = 3.0  # px
_TOGETHER = 5.0  # px: of changes of one thing so near each other the last is named
_ROWS = 3  # of names, from the bottom up, where they would lie over each other


class ChangeMarks(pg.GraphicsObject):  # type: ignore[misc]
    """The changes of one run over its epochs.

    It paints them itself: of pyqtgraph's lines with labels some go missing, or have their text cut off, when
    another range is shown.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changes: tuple[Change, ...] = ()
        self._named = True
        self._colour, self._paper = QColor("#888888"), QColor("#ffffff")
        self.font = QFont()
        self.font.setPointSizeF(max(6.5, self.font.pointSizeF() * 0.85))

    def set_changes(self, changes: Sequence[Change]) -> None:
        """Mark these: (epoch, what was changed) each, in order."""
        if tuple(changes) != self._changes:
            self._changes = tuple(changes)
            self.update()

    def set_named(self, named: bool) -> None:
        """Write beside each what was changed, or leave that to another plot."""
        self._named = named
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Take a scheme's colours."""
        self._colour, self._paper = QColor(theme.dim), QColor(theme.surface)
        self._paper.setAlpha(200)
        self.update()

    def names_within(self, view: QRectF, per_epoch: float, left: float) -> list[tuple[QRectF, str]]:
        """Where the names go, the newest first, inside ``view`` and clear of each other; some may find no room.

        Parameters
        ----------
        view
            The plot's place in pixels.
        per_epoch, left
            Pixels of an epoch, and the epoch at the view's left edge.
        """
        metrics = QFontMetricsF(self.font)
        height = metrics.height()
        rows = max(1, min(_ROWS, int(view.height() / height)))
        found: list[tuple[QRectF, str]] = []
        newer: dict[str, float] = {}  # where each kind of change was met last
        for epoch, text in reversed(self._changes):
            x, width = view.left() + (epoch - left) * per_epoch, metrics.horizontalAdvance(text)
            what = text.rpartition(" ")[0]
            replaced = what in newer and newer[what] - x < _TOGETHER
            newer[what] = x
            if replaced or not view.left() <= x <= view.right():
                continue
            at = x + _GAP if x + 2 * _GAP + width <= view.right() else x - _GAP - width
            places = (QRectF(at, view.bottom() - (row + 1) * height, width, height) for row in range(rows))
            place = next((each for each in places if not any(each.intersects(other) for other, _ in found)), None)
            if place is not None:
                found.append((place, text))
        return found

    def viewTransformChanged(self) -> None:
        """Fill the range that is shown now."""
        self.prepareGeometryChange()
        super().viewTransformChanged()
        self.update()

    def boundingRect(self) -> QRectF:
        """All that is in view."""
        return self.viewRect() or QRectF()

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        """Paint the lines, then the names over them, in pixels."""
        seen = self.viewRect()
        if not self._changes or seen is None or not seen.width():
            return
        view = painter.worldTransform().mapRect(QRectF(seen))
        per_epoch = view.width() / seen.width()
        painter.save()
        painter.resetTransform()
        painter.setPen(QPen(self._colour, 1, Qt.PenStyle.DotLine))
        for epoch, _text in self._changes:
            x = round(view.left() + (epoch - seen.left()) * per_epoch) + 0.5
            if view.left() <= x <= view.right():
                painter.drawLine(QLineF(QPointF(x, view.top()), QPointF(x, view.bottom())))
        painter.setFont(self.font)
        painter.setPen(self._colour)
        for place, text in self.names_within(view, per_epoch, seen.left()) if self._named else ():
            painter.fillRect(place, self._paper)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
        painter.restore()
