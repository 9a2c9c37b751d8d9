"""A slider for every latent dimension, those that carry most first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from latentlab.config.layout import ACTIVE_KL
from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.containers import EmptyState, Fold
from latentlab.gui.widgets.controls import button, column, label, named, row, scrolled, tool_button
from latentlab.gui.widgets.latent_slider import LatentSlider
from latentlab.utils.text import subscript

_BUTTON = 23  # px: what the icon needs; in a narrow window the room is the slider's


class _Row(QWidget):
    """One dimension: name, slider, value, KL, lock and dice."""

    def __init__(self, dimension: int, parent: QWidget) -> None:
        super().__init__(parent)
        name = f"z{subscript(dimension + 1)}"
        self.slider = LatentSlider(self)
        named(self.slider, f"latentSlider{dimension}", f"latent {name}", f"{name}: drag, or double-click to reset")
        self.value = label("0.00")
        self.value.setObjectName(f"latentValue{dimension}")
        self.kl = label("", "dim")
        self.kl.setObjectName(f"latentKl{dimension}")
        self.kl.setToolTip(f"KL(q ‖ p) of {name}, mean over the encoded images: how much it carries")
        self.lock = tool_button(
            f"latentLock{dimension}", f"lock {name}", "Hold this dimension when sampling", "unlock", checkable=True
        )
        self.dice = tool_button(f"latentDice{dimension}", f"sample {name}", "Sample this one from the prior", "dice")
        self.slider.edited.connect(self._on_slider_edited)
        title = label(name)
        self._widths(title)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        for widget, stretch in ((title, 0), (self.slider, 1), (self.value, 0), (self.kl, 0)):
            layout.addWidget(widget, stretch)
        for made in (self.lock, self.dice):
            made.setFixedWidth(_BUTTON)
            layout.addWidget(made)

    def _widths(self, title: QLabel) -> None:
        title.setFixedWidth(self.fontMetrics().horizontalAdvance("z₀₀") + 2)
        for number, widest in ((self.value, "−0.00"), (self.kl, "0.00 nat")):
            number.setFont(tabular(number.font()))
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            # Both: a label of a fixed size does not have its row laid out anew for each number.
            number.setFixedSize(self.fontMetrics().horizontalAdvance(widest), self.fontMetrics().height())

    def show_value(self, value: float) -> None:
        self.slider.show_value(value)
        self._write(value)

    def show_kl(self, kl: float | None) -> None:
        self.kl.setText("" if kl is None else f"{kl:.1f} nat" if kl >= 0.05 else f"{kl:.2f} nat")

    def show_locked(self, locked: bool) -> None:
        blocked = self.lock.blockSignals(True)
        self.lock.setChecked(locked)
        self.lock.blockSignals(blocked)
        set_icon(self.lock, "lock" if locked else "unlock", "dim")

    def _on_slider_edited(self, value: float, _gesture: int) -> None:
        self._write(value)

    def _write(self, value: float) -> None:
        self.value.setText(f"{value:.2f}".replace("-", "−"))


class LatentSliders(QWidget):
    """One row per latent dimension: slider, value, KL, lock, dice.

    Rows are ordered by KL, and collapsed dimensions (KL below ``ACTIVE_KL``) folded away where others are not.

    Signals
    -------
    valueEdited(dimension, value, gesture)
        A slider was moved; all edits from press to release carry the same gesture number.
    resetRequested(dimension)
        A slider was double-clicked, or every one is to go back to the origin (−1).
    lockToggled(dimension, locked)
        A lock was closed or opened.
    sampleRequested(dimension)
        A dimension is to be drawn from the prior, or all that are not locked (−1).
    labelChosen(index)
        Another class was chosen for a conditional model.
    levelChosen(index)
        Another level of a hierarchy of latents was chosen.
    openModelRequested
        The empty state's button was pressed.
    """

    valueEdited = Signal(int, float, int)
    resetRequested = Signal(int)
    lockToggled = Signal(int, bool)
    sampleRequested = Signal(int)
    labelChosen = Signal(int)
    levelChosen = Signal(int)
    openModelRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("latentSliders")
        self._rows: list[_Row] = []
        self._kl: np.ndarray[Any, np.dtype[np.float64]] | None = None
        self._folds = True
        self._level_rows: range | None = None  # None: all
        self._span = 4.0
        self._empty = EmptyState(
            "A slider for every latent dimension of a model.",
            button("slidersOpenModel", "Open model…", "Open a model file", self.openModelRequested.emit, icon="model"),
        )
        self._body = QWidget()
        self._build_body()
        self._area = scrolled(self._body)
        layout = column(self, 0, 0)
        layout.addWidget(self._empty)
        layout.addWidget(self._area)
        self._area.hide()

    def _build_body(self) -> None:
        self._sample_all = button(
            "sampleAll", "Sample", "Draw every unlocked dimension from the prior", self._on_sample_all, icon="dice"
        )
        self._reset_all = button(
            "resetAll", "Reset", "Take every dimension back to 0", self._on_reset_all, icon="reset"
        )
        self._label_title = label("label")
        self._label = QComboBox()
        named(self._label, "label", "label", "The class the decoder is given")
        self._label.activated.connect(self.labelChosen)
        self._level_title = label("level")
        self._level = QComboBox()
        named(self._level, "level", "level", "The level of the hierarchy that sliders and map speak of")
        self._level.activated.connect(self.levelChosen)
        self._instead = row()
        self._shown = QGridLayout()
        self._folded_body = QWidget()
        self._folded = QGridLayout(self._folded_body)
        for grid in (self._shown, self._folded):
            grid.setContentsMargins(0, 0, 0, 0)
            grid.setVerticalSpacing(SPACE // 4)
        self._fold = Fold(
            "collapsedFold", "collapsed", f"Dimensions with a KL below {ACTIVE_KL:g} nat", self._folded_body
        )
        layout = column(self._body)
        layout.addLayout(row(self._sample_all, self._reset_all, None))
        layout.addLayout(row(self._label_title, self._label))
        layout.addLayout(row(self._level_title, self._level))
        layout.addLayout(self._instead)
        layout.addLayout(self._shown)
        layout.addWidget(self._fold)
        layout.addStretch(1)
        self._body.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.set_classes(())
        self.set_levels((), 0)
        self._fold.hide()

    # --- told -----------------------------------------------------------------------------------

    def set_waiting(self, text: str) -> None:
        """Say what is on its way while there is no model; an empty text takes that back."""
        self._empty.set_waiting(text)

    def set_dimensions(self, count: int) -> None:
        """Show ``count`` rows, all at 0 and unlocked; 0 shows the empty state."""
        if count != len(self._rows):
            for old in self._rows:
                old.setParent(None)
                old.deleteLater()
            self._rows = [self._new_row(dimension) for dimension in range(count)]
        self._kl = None
        for each in self._rows:
            each.show_value(0.0)
            each.show_kl(None)
            each.show_locked(False)
        self._arrange()
        self._empty.setVisible(count == 0)
        self._area.setVisible(count > 0)

    def set_latent(self, latent: Any) -> None:
        """Show a latent [d], without telling it back."""
        values = np.asarray(latent, dtype=np.float64).reshape(-1)
        for each, value in zip(self._rows, values, strict=False):
            if each.slider.value() != value:  # writing a number lays its row out anew
                each.show_value(float(value))

    def set_kl(self, kl: Any | None, fold: bool = True, keep: bool = False) -> None:
        """Show each dimension's KL [d] in nats, order the rows by it and fold the collapsed; ``None`` forgets it.

        Without ``fold`` every row stays in sight: a dimension that has only begun to learn has not collapsed.
        With ``keep``, and while a slider is held, every row stays where it is.
        """
        keep = keep or any(each.slider.is_held() for each in self._rows)
        self._folds = fold
        self._kl = None if kl is None else np.asarray(kl, dtype=np.float64).reshape(-1)
        for dimension, each in enumerate(self._rows):
            known = self._kl is not None and dimension < self._kl.size
            each.show_kl(float(self._kl[dimension]) if known and self._kl is not None else None)
        if not keep:
            self._arrange()

    def set_range(self, sigma: float) -> None:
        """Let every slider run from ``-sigma`` to ``sigma`` (the prior's standard deviations)."""
        self._span = float(sigma)
        for each in self._rows:
            each.slider.set_span(self._span)

    def set_locked(self, dimensions: Any) -> None:
        """Show which dimensions are locked."""
        locked = set(dimensions)
        for dimension, each in enumerate(self._rows):
            each.show_locked(dimension in locked)

    def set_classes(self, names: Sequence[str]) -> None:
        """Offer these classes to a conditional model; none hides the choice."""
        self._label.clear()
        self._label.addItems(list(names))
        self._label.setVisible(bool(names))
        self._label_title.setVisible(bool(names))

    def set_label(self, index: int | None) -> None:
        """Show the chosen class, without telling it back."""
        self._label.setCurrentIndex(-1 if index is None else index)

    def set_levels(self, names: Sequence[str], chosen: int) -> None:
        """Offer the levels of a hierarchy and show the chosen one; fewer than two hide the choice."""
        self._level.clear()
        self._level.addItems(list(names))
        self._level.setCurrentIndex(chosen if names else -1)
        self._level.setVisible(len(names) > 1)
        self._level_title.setVisible(len(names) > 1)

    def set_shown(self, dimensions: range | None) -> None:
        """Show the sliders of these dimensions only; ``None`` shows all."""
        if dimensions != self._level_rows:
            self._level_rows = dimensions
            self._arrange()

    def set_instead(self, widget: QWidget | None) -> None:
        """Show another widget where the sliders would be, for latents that are no plain numbers; take it over."""
        while (item := self._instead.takeAt(0)) is not None:
            if (before := item.widget()) is not None:
                before.hide()
                before.deleteLater()
        if widget is not None:
            self._instead.addWidget(widget)
            self._empty.hide()
            self._area.show()

    def latent(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """What the sliders show [d]."""
        return np.array([each.slider.value() for each in self._rows])

    # --- rows -----------------------------------------------------------------------------------

    def _new_row(self, dimension: int) -> _Row:
        made = _Row(dimension, self._body)
        made.slider.set_span(self._span)
        made.slider.edited.connect(lambda value, gesture: self.valueEdited.emit(dimension, value, gesture))
        made.slider.resetRequested.connect(lambda: self.resetRequested.emit(dimension))
        made.dice.clicked.connect(lambda: self.sampleRequested.emit(dimension))
        made.lock.toggled.connect(lambda locked: self._on_lock_toggled(dimension, locked))
        return made

    def _arrange(self) -> None:
        kl = self._kl
        order = list(range(len(self._rows)))
        collapsed: set[int] = set()
        if kl is not None and kl.size >= len(order):
            order.sort(key=lambda dimension: -kl[dimension])
            collapsed = {dimension for dimension in order if kl[dimension] < ACTIVE_KL}
        if self._level_rows is not None:
            for dimension in set(order).difference(self._level_rows):
                self._rows[dimension].hide()
            order = [dimension for dimension in order if dimension in self._level_rows]
            collapsed &= set(order)
        if not self._folds or len(collapsed) == len(order):  # nothing in sight would be no help
            collapsed = set()
        for grid in (self._shown, self._folded):
            while grid.count():
                grid.takeAt(0)
        previous: QWidget = self._label
        for place, dimension in enumerate(order):
            each = self._rows[dimension]
            (self._folded if dimension in collapsed else self._shown).addWidget(each, place, 0)
            for control in (each.slider, each.lock, each.dice):
                QWidget.setTabOrder(previous, control)
                previous = control
            each.show()
        self._fold.set_title(f"collapsed ({len(collapsed)})")
        self._fold.setVisible(bool(collapsed))

    def _on_lock_toggled(self, dimension: int, locked: bool) -> None:
        self._rows[dimension].show_locked(locked)
        self.lockToggled.emit(dimension, locked)

    def _on_sample_all(self) -> None:
        self.sampleRequested.emit(-1)

    def _on_reset_all(self) -> None:
        self.resetRequested.emit(-1)
