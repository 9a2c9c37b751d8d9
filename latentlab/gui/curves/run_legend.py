"""The legend of the training curves: a line for each run that hides or removes its curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from latentlab.gui.plots.legend_row import LegendRow
from latentlab.gui.style.theme import Theme
from latentlab.gui.widgets.controls import column, named, row, tool_button
from latentlab.utils.plain_text import as_line

MAX_LINES = 3  # visible at once; with more the legend scrolls
_LINE_HEIGHT = 22  # px
_DOT_RADIUS = 4.0  # px


@dataclass(frozen=True)
class Entry:
    """A run in the legend: its key, its name, and the index of its colour in the theme's series."""

    key: str
    name: str
    colour_index: int
    shown: bool


class RunLegend(QScrollArea):
    """The runs whose curves are drawn; hidden if there is only one.

    Signals
    -------
    shownToggled(key, shown)
        A run's curves should be shown or hidden.
    removed(key)
        A run's curves should be removed.
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
        """Show these runs, newest first."""
        if tuple(entries) == self._entries:
            return
        self._entries = tuple(entries)
        body = QWidget()
        body.setObjectName("panelBody")
        lines = column(body, 0, 0)
        short_names = dict(zip([each.key for each in entries], distinct([each.name for each in entries]), strict=True))
        for entry in self._entries:
            line = _Line(entry, short_names[entry.key])
            line.toggled.connect(lambda on, key=entry.key: self.shownToggled.emit(key, on))
            remove = tool_button("removeRun", f"remove {entry.name}", "Remove this run's curves", "close")
            remove.setProperty("small", True)
            remove.setFixedSize(_LINE_HEIGHT, _LINE_HEIGHT)
            remove.clicked.connect(lambda _checked=False, key=entry.key: self.removed.emit(key))
            inner = row(line, remove, space=0)
            inner.setStretch(0, 1)
            lines.addLayout(inner)
        lines.addStretch(1)
        old_body = self.takeWidget()
        if old_body is not None:
            old_body.deleteLater()  # not immediately: one of its buttons may be handling a click
        self.setWidget(body)
        self.setVisible(len(self._entries) > 1)
        self.setFixedHeight(max(1, min(MAX_LINES, len(self._entries))) * _LINE_HEIGHT)

    def entries(self) -> tuple[Entry, ...]:
        """The runs in the order shown."""
        return self._entries


class _Line(LegendRow):
    """A dot in the run's colour and the run's name; checked while its curves are shown."""

    def __init__(self, entry: Entry, short_name: str) -> None:
        super().__init__(entry.name, short_name)
        named(self, "legendRun", entry.name, f"{as_line(entry.key or entry.name)}\nClick to hide or show its curves")
        self.setChecked(entry.shown)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._colour_index = entry.colour_index

    def sizeHint(self) -> QSize:
        """One line high; the layout gives the width."""
        return QSize(60, _LINE_HEIGHT)

    def draw_mark(self, painter: QPainter, centre: QPointF, theme: Theme) -> None:
        """Draw a dot in the run's colour."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.series[self._colour_index % len(theme.series)]))
        painter.drawEllipse(centre, _DOT_RADIUS, _DOT_RADIUS)


def distinct(names: Sequence[str]) -> list[str]:
    """Shorten names to the parts that differ: without a prefix ending in `` · `` and without common first words."""
    ends = [name.rpartition(" · ")[2] for name in names]
    common = [letters[0] for letters in takewhile(lambda each: len(set(each)) == 1, zip(*ends, strict=False))]
    start = 1 + max("".join(common).rfind(sign) for sign in "-_ ") if len(ends) > 1 else 0
    return [f"…{name[start:]}" if start else name for name in ends]
