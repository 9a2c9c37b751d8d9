"""Sliders along principal components, for latents of which a single number says little."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.containers import EmptyState, Fold
from latentlab.gui.widgets.controls import button, column, label, named, row
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.value_slider import ValueSlider

SHOWN = 6
"""Sliders that are not folded."""

SPAN = 4.0
"""Standard deviations of the images on each side of their mean."""

_TITLE_WIDTH = 48  # px


class ComponentSliders(QWidget):
    """A slider for each principal component, the strongest first; only the first ones are unfolded.

    A value is in standard deviations of the encoded images along the component, from their mean. Before there are
    components a line says what gives them.

    Signals
    -------
    valueEdited(component, value, gesture)
        A slider was moved; all edits of one drag have the same gesture id.
    openDatasetRequested
        The button of the empty state was pressed.
    """

    valueEdited = Signal(int, float, int)
    openDatasetRequested = Signal()

    def __init__(self, latent: str) -> None:
        super().__init__()
        self.setObjectName("componentSliders")
        self._rows: list[_Row] = []
        self._about = label(f"Each latent is {latent} numbers, of which a single one says little.", "dim", wrap=True)
        self._empty = EmptyState(
            "Open images to see the principal components of their latents here and on the map.",
            button("componentsOpenDataset", "Open images…", "Open a folder of images", self.openDatasetRequested.emit),
        )
        self._heading = label("Principal components, in σ of the images", "section")
        first, more = QWidget(), QWidget()
        self._first, self._rest = column(first, 0, SPACE // 4), column(more, 0, SPACE // 4)
        self._fold = Fold("moreComponents", "More", "Components of less variance", more)
        layout = column(self, 0, SPACE // 2)
        layout.addWidget(self._about)
        layout.addWidget(self._empty)
        layout.addWidget(self._heading)
        layout.addWidget(first)
        layout.addWidget(self._fold)
        self.set_components(())

    def set_components(self, shares: Sequence[float]) -> None:
        """Show a slider for each component; its share of the variance of all components shown is in its tooltip."""
        if len(shares) != len(self._rows):
            for old in self._rows:
                old.hide()
                old.deleteLater()
            self._rows = [self._new_row(index) for index in range(len(shares))]
        for each, share in zip(self._rows, shares, strict=True):
            each.set_share(share)
        self._empty.setVisible(not shares)
        self._heading.setVisible(bool(shares))
        self._fold.setVisible(len(shares) > SHOWN)
        self._fold.set_title(f"More ({max(0, len(shares) - SHOWN)})")

    def set_values(self, values: Sequence[float]) -> None:
        """Show the latent's coordinates, without emitting a signal."""
        for each, value in zip(self._rows, values, strict=False):
            each.show_value(value)

    def _new_row(self, index: int) -> _Row:
        made = _Row(index)
        made.slider.edited.connect(lambda value, gesture: self.valueEdited.emit(index, value, gesture))
        made.slider.resetRequested.connect(lambda: made.slider.setValue(0.0))
        (self._first if index < SHOWN else self._rest).addWidget(made)
        made.show()
        return made


class _Row(ValueSlider):
    """One component: title, slider, value."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self._name = f"PC {index + 1}"
        title = label(self._name)
        title.setFixedWidth(_TITLE_WIDTH)
        self.slider.set_span(SPAN)
        named(self.slider, f"componentSlider{index}", f"principal component {index + 1}", "")
        tip = f"Position along {self._name}, in standard deviations from the images' mean: type another"
        named(self.value, f"componentValue{index}", f"value of {self._name}", tip)
        self.setLayout(row(title, self.slider, self.value, space=SPACE // 2))

    def set_share(self, share: float) -> None:
        tip = f"{self._name}: {share:.0%} of the variance of the components shown. Drag, or double-click for the mean"
        set_tool_tip(self.slider, tip)
