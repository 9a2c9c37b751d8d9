"""Marks on a curve where a setting was changed during the run: a dotted line with a label."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from latentlab.gui.style.theme import Theme
from latentlab.utils.plain_text import as_line

Change = tuple[float, str]
_GAP = 3.0  # px
_TEXT = 60  # letters of a label
_CLOSE = 5.0  # px: of changes of one setting closer than this only the last is labelled
_ROWS = 3  # of labels, from the bottom up, where they would overlap


class ChangeMarks(pg.GraphicsObject):  # type: ignore[misc]
    """The changes of one run over its epochs.

    Painted here: some of pyqtgraph's labelled lines disappear, or lose part of their text, when the range changes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changes: tuple[Change, ...] = ()
        self._is_labelled = True
        self._colour, self._background = QColor("#888888"), QColor("#ffffff")
        self.font = QFont()
        self.font.setPointSizeF(max(6.5, self.font.pointSizeF() * 0.85))

    def set_changes(self, changes: Sequence[Change]) -> None:
        """Mark these changes: epoch and text of each, in order."""
        changes = tuple((epoch, as_line(text, _TEXT)) for epoch, text in changes)
        if changes != self._changes:
            self._changes = changes
            self.update()

    def set_labelled(self, labelled: bool) -> None:
        """Write a label beside each mark, or only draw the marks."""
        self._is_labelled = labelled
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Use a scheme's colours."""
        self._colour, self._background = QColor(theme.dim), QColor(theme.surface)
        self._background.setAlpha(200)
        self.update()

    def labels_within(self, view: QRectF, per_epoch: float, left: float) -> list[tuple[QRectF, str]]:
        """Lay out the labels inside ``view``, newest first and without overlap; labels that do not fit are left out.

        Parameters
        ----------
        view
            The plot's rectangle in pixels.
        per_epoch, left
            Pixels per epoch, and the epoch at the view's left edge.
        """
        metrics = QFontMetricsF(self.font)
        height = metrics.height()
        rows = max(1, min(_ROWS, int(view.height() / height)))
        labels: list[tuple[QRectF, str]] = []
        newer: dict[str, float] = {}  # x of the next newer change of each setting
        for epoch, text in reversed(self._changes):
            x, width = view.left() + (epoch - left) * per_epoch, metrics.horizontalAdvance(text)
            setting = text.rpartition(" ")[0]
            is_replaced = setting in newer and newer[setting] - x < _CLOSE
            newer[setting] = x
            if is_replaced or not view.left() <= x <= view.right():
                continue
            label_x = x + _GAP if x + 2 * _GAP + width <= view.right() else x - _GAP - width
            rects = (QRectF(label_x, view.bottom() - (row + 1) * height, width, height) for row in range(rows))
            rect = next((each for each in rects if not any(each.intersects(other) for other, _ in labels)), None)
            if rect is not None:
                labels.append((rect, text))
        return labels

    def viewTransformChanged(self) -> None:
        """Cover the new range."""
        self.prepareGeometryChange()
        super().viewTransformChanged()
        self.update()

    def boundingRect(self) -> QRectF:
        """The visible range."""
        return self.viewRect() or QRectF()

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        """Paint the lines, then the labels over them, in pixels."""
        visible = self.viewRect()
        if not self._changes or visible is None or not visible.width():
            return
        view = painter.worldTransform().mapRect(QRectF(visible))
        per_epoch = view.width() / visible.width()
        painter.save()
        painter.resetTransform()
        painter.setPen(QPen(self._colour, 1, Qt.PenStyle.DotLine))
        for epoch, _text in self._changes:
            x = round(view.left() + (epoch - visible.left()) * per_epoch) + 0.5
            if view.left() <= x <= view.right():
                painter.drawLine(QLineF(QPointF(x, view.top()), QPointF(x, view.bottom())))
        painter.setFont(self.font)
        painter.setPen(self._colour)
        for rect, text in self.labels_within(view, per_epoch, visible.left()) if self._is_labelled else ():
            painter.fillRect(rect, self._background)
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
        painter.restore()
