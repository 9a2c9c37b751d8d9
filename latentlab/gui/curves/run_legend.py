"""Which curve is which run's: a line for each, that hides it and takes it away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from PySide6.QtCore import QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QFrame, QScrollArea, QSizePolicy, QWidget

from latentlab.gui.style.theme import SPACE, current_theme
from latentlab.gui.widgets.controls import column, named, row, tool_button

MOST_LINES = 3  # in sight; more scroll
_LINE = 22  # px
_DOT = 4.0  # px, radius


@dataclass(frozen=True)
class Entry:
    """A run in the legend: what it is told by, its name, and which of the theme's colours it has."""

    key: str
    name: str
    place: int
    shown: bool


class RunLegend(QScrollArea):
    """The runs that are drawn together; hidden where there is but one.

    Signals
    -------
    shownToggled(key, shown)
        A run's curves are to be drawn, or not.
    removed(key)
        A run's curves are no longer wanted.
    """

    shownToggled = Signal(str, bool)
    removed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "runLegend", "runs drawn", "")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._entries: tuple[Entry, ...] = ()
        self.hide()

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """Show these runs, the newest first."""
        if tuple(entries) == self._entries:
            return
        self._entries = tuple(entries)
        body = QWidget()
        body.setObjectName("panelBody")
        lines = column(body, 0, 0)
        short = dict(zip((each.key for each in entries), distinct([each.name for each in entries]), strict=True))
        for entry in self._entries:
            line = _Line(entry, short[entry.key])
            line.toggled.connect(lambda on, key=entry.key: self.shownToggled.emit(key, on))
            away = tool_button("removeRun", f"remove {entry.name}", "Take this run's curves away", "close")
            away.setProperty("small", True)
            away.setFixedSize(_LINE, _LINE)
            away.clicked.connect(lambda _checked=False, key=entry.key: self.removed.emit(key))
            inner = row(line, away, space=0)
            inner.setStretch(0, 1)
            lines.addLayout(inner)
        lines.addStretch(1)
        before = self.takeWidget()
        if before is not None:
            before.deleteLater()  # not at once: its button may be what was just clicked
        self.setWidget(body)
        self.setVisible(len(self._entries) > 1)
        self.setFixedHeight(max(1, min(MOST_LINES, len(self._entries))) * _LINE)

    def entries(self) -> tuple[Entry, ...]:
        """The runs as they are shown."""
        return self._entries


class _Line(QAbstractButton):
    """A dot in the run's colour, hollow while its curves are hidden, and its name."""

    def __init__(self, entry: Entry, short: str) -> None:
        super().__init__()
        self._short = short
        named(self, "legendRun", entry.name, f"{entry.key or entry.name}\nClick to hide or show its curves")
        self.setText(entry.name)
        self.setCheckable(True)
        self.setChecked(entry.shown)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._place = entry.place

    def sizeHint(self) -> QSize:
        """A line of text, as wide as there is room."""
        return QSize(60, _LINE)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint dot and name; of one too long, what tells it from the others."""
        colours = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        own = QColor(colours.series[self._place % len(colours.series)])
        painter.setPen(QPen(own, 1.5))
        painter.setBrush(own if self.isChecked() else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(SPACE, self.height() / 2), _DOT, _DOT)
        painter.setPen(colours.colour("text" if self.isChecked() else "faint"))
        where = QRect(2 * SPACE, 0, self.width() - 2 * SPACE - 2, self.height())
        fits = self.fontMetrics().horizontalAdvance(self.text()) <= where.width()
        text = self.text() if fits else self._short
        name = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, where.width())
        painter.drawText(where, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), name)
        if self.hasFocus():
            painter.setPen(QPen(colours.colour("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 4, 4)


def distinct(names: Sequence[str]) -> list[str]:
    """The names without the words that they all begin with, and without what is said before a `` · ``."""
    bare = [name.rpartition(" · ")[2] for name in names]
    alike = [letters[0] for letters in takewhile(lambda each: len(set(each)) == 1, zip(*bare, strict=False))]
    start = 1 + max("".join(alike).rfind(sign) for sign in "-_ ") if len(bare) > 1 else 0
    return [f"…{name[start:]}" if start else name for name in bare]
