"""The sliders of directions that are kept on the Board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import column, label, named, row, tool_button
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.value_slider import ValueSlider
from latentlab.utils.plain_text import NAME, as_line

_NAME_WIDTH = 84  # px


@dataclass(frozen=True)
class DirectionRow:
    """A direction with a slider: its id, its name, how good it is, and the range of the slider in its units."""

    identity: str
    name: str
    tip: str
    span: float


class DirectionSliders(QWidget):
    """A slider for each of some directions; hidden while there are none.

    Signals
    -------
    valueEdited(id, value, gesture)
        A slider was moved; all edits of one drag have the same gesture id.
    removeRequested(id)
        The slider of a direction should go; the direction stays on the Board.
    """

    valueEdited = Signal(str, float, int)
    removeRequested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("directionSliders")
        self._shown: tuple[DirectionRow, ...] = ()
        self._rows: dict[str, _Row] = {}
        self._layout = column(self, 0, SPACE // 4)
        self._layout.addWidget(label("Directions", "section"))
        self.hide()

    def set_directions(self, rows: Sequence[DirectionRow]) -> None:
        """Show a slider for each of these; those that stay keep their value."""
        if tuple(rows) == self._shown:
            return
        self._shown = tuple(rows)
        values = {identity: each.slider.value() for identity, each in self._rows.items()}
        for old in self._rows.values():
            old.hide()
            old.deleteLater()
        self._rows = {}
        for index, each in enumerate(rows):
            made = _Row(index, each)
            made.slider.edited.connect(self._report(each.identity))
            made.slider.resetRequested.connect(lambda made=made: made.slider.setValue(0.0))
            made.remove.clicked.connect(lambda _=False, identity=each.identity: self.removeRequested.emit(identity))
            self._layout.addWidget(made)
            self._rows[each.identity] = made
        self.set_values(values)
        self.setVisible(bool(rows))

    def set_values(self, values: Mapping[str, float]) -> None:
        """Show the latent's coordinate along each direction, without emitting a signal."""
        for identity, value in values.items():
            if identity in self._rows:
                self._rows[identity].show_value(value)

    def _report(self, identity: str):  # type: ignore[no-untyped-def]
        return lambda value, gesture: self.valueEdited.emit(identity, value, gesture)


class _Row(ValueSlider):
    """One direction: name, slider, value, and a button that removes the slider."""

    def __init__(self, index: int, shown: DirectionRow) -> None:
        super().__init__()
        name = as_line(shown.name, NAME)
        title = ElidedLabel()
        title.setText(name)
        title.setFixedWidth(_NAME_WIDTH)
        tip = f"{name}\n{shown.tip}\nDrag, or double-click to go to its middle"
        named(self.slider, f"directionSlider{index}", f"direction {name}", tip)
        self.slider.set_span(shown.span)
        tip = f"Position along {name}, in units of its length: type another"
        named(self.value, f"directionValue{index}", f"value of {name}", tip)
        self.remove = tool_button(
            f"directionRemove{index}",
            f"remove the slider of {name}",
            "Remove the slider; it stays on the Board",
            "close",
        )
        self.setLayout(row(title, self.slider, self.value, self.remove, space=SPACE // 2))
