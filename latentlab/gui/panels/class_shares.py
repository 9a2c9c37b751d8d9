"""Bars of how often each class is among selected images."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentlab.gui.style.theme import SPACE, current_theme
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.utils.plain_text import NAME, as_line

MOST = 6
"""Classes that have a bar of their own; the rest are one line."""


class ClassShares(QWidget):
    """A bar and a number for each of the most frequent classes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("classShares")
        self.setAccessibleName("classes of the selected images")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._rows: list[tuple[str, int]] = []
        self._total = 0

    def set_counts(self, counts: Sequence[tuple[str, int]]) -> None:
        """Show how many images are of each class, by name; classes without any are left out."""
        ranked = sorted(((as_line(name, NAME), count) for name, count in counts if count), key=lambda each: -each[1])
        self._total = sum(count for _, count in ranked)
        set_tool_tip(self, "\n".join(f"{name}: {count:,}" for name, count in ranked[:40]), lines=True)
        if len(ranked) > MOST:
            others = ranked[MOST - 1 :]
            ranked = [*ranked[: MOST - 1], (f"{len(others)} other classes", sum(count for _, count in others))]
        self._rows = ranked
        self.setVisible(bool(ranked))
        self.updateGeometry()
        self.update()

    def rows(self) -> list[tuple[str, int]]:
        """The names and counts that are shown, most frequent first."""
        return list(self._rows)

    def _row_height(self) -> int:
        return self.fontMetrics().height() + 4

    def sizeHint(self) -> QSize:
        """A line for each bar."""
        return QSize(160, len(self._rows) * self._row_height())

    def minimumSizeHint(self) -> QSize:
        """The same height at any width."""
        return QSize(60, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the bars: name, bar, share."""
        colours, height = current_theme(), self._row_height()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            metrics = self.fontMetrics()
            number = metrics.horizontalAdvance("100 %")
            names = min(self.width() // 2, max((metrics.horizontalAdvance(name) for name, _ in self._rows), default=0))
            room = max(0, self.width() - names - number - 2 * SPACE)
            for row, (name, count) in enumerate(self._rows):
                line, share = QRect(0, row * height, self.width(), height), count / self._total
                painter.setPen(colours.colour("text"))
                text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, names)
                painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
                painter.setPen(colours.colour("dim"))
                painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, share_text(share))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colours.colour("accent"))
                bar = QRect(names + SPACE, line.top() + height // 4, max(2, round(room * share)), height // 2)
                painter.drawRoundedRect(bar, 2, 2)


def share_text(share: float) -> str:
    """A share in whole percent; what rounds to 0 is less than 1."""
    return "< 1 %" if 0 < share < 0.005 else f"{share:.0%}".replace("%", " %")
