"""A list of everything that is in progress, each with how far it is and its Cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QProgressBar, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, label, named, show_fraction
from latentlab.gui.widgets.elided_label import ElidedLabel

_TEXT_WIDTH, _BAR_WIDTH = 420, 120  # px
NOTHING = "Nothing is in progress."


@dataclass(frozen=True)
class ActivityRow:
    """Work in progress.

    Attributes
    ----------
    identity
        Of the activity.
    text
        Its description, with the time that is left.
    fraction
        Completed fraction, 0 to 1; ``None`` while unknown.
    action
        What its button says; empty for no button.
    """

    identity: str
    text: str
    fraction: float | None = None
    action: str = ""


class ActivityList(QFrame):
    """A popup with all activities, newest first; Escape or a click elsewhere closes it.

    Signals
    -------
    cancelRequested(identity)
        The button of an activity was pressed.
    """

    cancelRequested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("activityList")
        self.setAccessibleName("work in progress")
        self.setProperty("role", "card")
        self._rows: tuple[ActivityRow, ...] = ()
        self._bars: list[QProgressBar] = []
        self._texts: list[ElidedLabel] = []
        self._empty = label(NOTHING, "dim")
        self._body = QWidget()
        self._grid = QGridLayout(self._body)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(SPACE)
        layout = column(self, SPACE)
        layout.addWidget(label("Work in progress", "section"))
        layout.addWidget(self._empty)
        layout.addWidget(self._body)

    def set_rows(self, rows: Sequence[ActivityRow]) -> None:
        """Show these activities; a button that is about to be pressed stays while they are the same."""
        before, self._rows = self._rows, tuple(rows)
        if [(row.identity, row.action) for row in before] != [(row.identity, row.action) for row in rows]:
            self._make_rows()
        for row, text, bar in zip(self._rows, self._texts, self._bars, strict=True):
            text.setText(row.text)
            show_fraction(bar, row.fraction)
        self._empty.setVisible(not rows)

    def rows(self) -> tuple[ActivityRow, ...]:
        """The activities shown."""
        return self._rows

    def show_above(self, corner: QPoint) -> None:
        """Show the list with its lower right corner at a point of the screen."""
        self.show()
        self.adjustSize()  # shown, it has the sizes of the style
        self.move(corner - QPoint(self.width(), self.height()))
        first = next((each for each in self.findChildren(QWidget, "cancelActivity0")), self)
        first.setFocus(Qt.FocusReason.PopupFocusReason)

    def _make_rows(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._bars, self._texts = [], []
        for number, row in enumerate(self._rows):
            text, bar = ElidedLabel(row.text), QProgressBar()
            text.setFixedWidth(_TEXT_WIDTH)
            text.setAccessibleName(f"activity {number + 1}")
            named(bar, f"activityProgress{number}", f"progress of activity {number + 1}", "How far it is")
            bar.setTextVisible(False)
            bar.setFixedWidth(_BAR_WIDTH)
            self._grid.addWidget(text, number, 0)
            self._grid.addWidget(bar, number, 1)
            if row.action:
                clicked = partial(self.cancelRequested.emit, row.identity)
                cancel = button(f"cancelActivity{number}", row.action, row.action, clicked, link=True)
                self._grid.addWidget(cancel, number, 2)
            self._texts.append(text)
            self._bars.append(bar)
        self.adjustSize()
