"""The dialogs of the Board: what a new direction is found between, and a − b + c of three latents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QDialog, QFormLayout, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, combo_box, label, named, row
from latentlab.utils.plain_text import NAME, as_line

Option = tuple[str, Any]
"""Text of a choice, and what it stands for."""
SCORED = "It is scored on images that were held out, beside random groups of the same size."


@dataclass(frozen=True)
class DirectionKind:
    """A way to find a direction.

    Attributes
    ----------
    name, title
        For the program and for the user.
    towards, away
        What the direction leads to, and from; ``away`` is empty where one choice is enough.
    label
        What is chosen where one choice is enough.
    reason
        Why it cannot be chosen now; empty if it can.
    why_not
        Why there is no direction between two of the options, given by what they stand for; empty if there may be one.
    caution
        What the score of a direction between two of the options does not say; empty if there is nothing.
    """

    name: str
    title: str
    towards: tuple[Option, ...]
    away: tuple[Option, ...] = ()
    label: str = ""
    reason: str = ""
    why_not: Callable[[Any, Any], str] = lambda _towards, _away: ""
    caution: Callable[[Any, Any], str] = lambda _towards, _away: ""


class DirectionDialog(QDialog):
    """Chooses between what a direction is found.

    Parameters
    ----------
    kinds
        The ways to find one.
    chosen
        Name of the kind shown first, and of the options shown first in both boxes (by their values; ``None`` for any).

    Signals
    -------
    findRequested(kind, towards, away)
        Find was pressed: the kind's name, and what the chosen options stand for (``away`` may be ``None``).
    """

    findRequested = Signal(str, object, object)

    def __init__(
        self,
        kinds: Sequence[DirectionKind],
        chosen: tuple[str, Any, Any] = ("", None, None),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("directionDialog")
        self.setWindowTitle("New direction")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(380)
        self._kinds = tuple(kinds)
        self._kind, self._towards, self._away = combo_box(), combo_box(), combo_box()
        named(self._kind, "directionKind", "kind of direction", "What the direction is found between")
        named(self._towards, "directionTowards", "towards", "Where the direction leads: its slider's right side")
        named(self._away, "directionAway", "away from", "Where the direction comes from: its slider's left side")
        self._towards_label, self._away_label = label(), label("Away from")
        form = QFormLayout()
        form.addRow("Between", self._kind)
        form.addRow(self._towards_label, self._towards)
        form.addRow(self._away_label, self._away)
        layout = column(self, SPACE * 2)
        layout.addLayout(form)
        self._reason = label(SCORED, "dim", wrap=True)
        self._reason.setObjectName("directionReason")
        layout.addWidget(self._reason)
        self._find = button("findDirection", "Find", "Find the direction and keep it", self._on_find, primary=True)
        self._find.setDefault(True)
        close = button("closeDirection", "Cancel", "Close", self.reject)
        layout.addLayout(row(None, close, self._find))
        self._fill(chosen)

    def _fill(self, chosen: tuple[str, Any, Any]) -> None:
        for each in self._kinds:
            self._kind.addItem(f"{each.title} ({each.reason})" if each.reason else each.title)
        model = self._kind.model()
        assert isinstance(model, QStandardItemModel)
        usable = [index for index, each in enumerate(self._kinds) if not each.reason]
        for index, each in enumerate(self._kinds):
            model.item(index).setEnabled(not each.reason)
        named_first = [index for index in usable if self._kinds[index].name == chosen[0]]
        self._kind.setCurrentIndex(next(iter(named_first + usable), -1))
        self._show_kind()
        for box, value in ((self._towards, chosen[1]), (self._away, chosen[2])):
            _choose(box, value)
        self._kind.currentIndexChanged.connect(self._show_kind)
        for box in (self._towards, self._away):
            box.currentIndexChanged.connect(self._show_can_find)
        self._show_can_find()

    def _show_kind(self) -> None:
        kind = self._shown()
        has_both = kind is not None and bool(kind.away)
        self._towards_label.setText("Towards" if kind is None or has_both else kind.label)
        for each in (self._away, self._away_label):
            each.setVisible(has_both)
        for box, options in ((self._towards, kind.towards if kind else ()), (self._away, kind.away if kind else ())):
            box.clear()
            for text, value in options:
                box.addItem(as_line(text, NAME), value)
        if kind is not None and has_both:
            towards, count = self._towards.currentData(), self._away.count()
            usable = [at for at in range(count) if not self._why_not(kind, towards, self._away.itemData(at))]
            self._away.setCurrentIndex(next(iter(usable), min(1, count - 1)))
        self._show_can_find()

    def _show_can_find(self) -> None:
        kind = self._shown()
        reason = "" if kind is None else kind.reason
        if kind is not None and kind.away and not reason:
            reason = self._why_not(kind, self._towards.currentData(), self._away.currentData())
        self._find.setEnabled(kind is not None and not reason and self._towards.count() > 0)
        caution = "" if kind is None else kind.caution(self._towards.currentData(), self._away.currentData())
        scored = f"{SCORED} {caution[:1].upper()}{caution[1:]}." if caution else SCORED
        self._reason.setText(f"There is no direction: {reason}." if reason else scored)

    @staticmethod
    def _why_not(kind: DirectionKind, towards: Any, away: Any) -> str:
        return "both are the same" if towards == away else kind.why_not(towards, away)

    def _shown(self) -> DirectionKind | None:
        index = self._kind.currentIndex()
        return self._kinds[index] if 0 <= index < len(self._kinds) else None

    def _on_find(self) -> None:
        kind = self._shown()
        if kind is not None:
            away = self._away.currentData() if kind.away else None
            self.findRequested.emit(kind.name, self._towards.currentData(), away)
        self.accept()


class AnalogyDialog(QDialog):
    """Chooses the three latents of a − b + c.

    Signals
    -------
    chosen(values)
        Go was pressed: what the three chosen options stand for, a list.
    """

    chosen = Signal(list)

    def __init__(self, options: Sequence[Option], first: Sequence[Any] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("analogyDialog")
        self.setWindowTitle("a − b + c")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(320)
        form, self._boxes = QFormLayout(), []
        for index, name in enumerate("abc"):
            box = combo_box()
            named(box, f"analogy{name.upper()}", name, f"The latent {name} of a − b + c")
            for text, value in options:
                box.addItem(as_line(text, NAME), value)
            box.setCurrentIndex(min(index, len(options) - 1))
            if index < len(first):
                _choose(box, first[index])
            form.addRow(name, box)
            self._boxes.append(box)
        layout = column(self, SPACE * 2)
        layout.addWidget(label("What a is to b, the result is to c.", "dim", wrap=True))
        layout.addLayout(form)
        go = button("goToAnalogy", "Go to it", "Go to the latent a − b + c", self._on_go, primary=True)
        go.setDefault(True)
        layout.addLayout(row(None, button("closeAnalogy", "Cancel", "Close", self.reject), go))

    def _on_go(self) -> None:
        self.chosen.emit([box.currentData() for box in self._boxes])
        self.accept()


def _choose(box: QComboBox, value: Any) -> None:
    index = next((index for index in range(box.count()) if box.itemData(index) == value), -1)
    if value is not None and index >= 0:
        box.setCurrentIndex(index)
