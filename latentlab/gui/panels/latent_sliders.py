"""The Latent panel: a slider for every latent dimension, ordered by KL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from latentlab.config.layout import ACTIVE_KL
from latentlab.gui.panels.direction_sliders import DirectionSliders
from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.containers import EmptyState, Fold
from latentlab.gui.widgets.context_menu import MenuEntry, pop_up
from latentlab.gui.widgets.controls import button, column, combo_box, label, named, row, scrolled, tool_button
from latentlab.gui.widgets.latent_slider import LatentSlider
from latentlab.gui.widgets.plain_text import set_tool_tip, without_mnemonic
from latentlab.gui.widgets.term_card import explain, set_term
from latentlab.gui.widgets.value_edit import WIDEST, ValueEdit
from latentlab.utils.plain_text import NAME, as_line
from latentlab.utils.text import subscript

_WIDEST_NAME = 250  # px
_WIDEST_KL = "0.00 nat"
_SAMPLE, _SAMPLE_ALL = "Sample it from the prior", "Sample every unlocked dimension from the prior"
_BUTTON = 23  # px: as wide as the icon needs, which leaves more for the slider


class _Row(QWidget):
    """One dimension: its name, slider, value, KL, lock and dice."""

    def __init__(self, dimension: int, parent: QWidget) -> None:
        super().__init__(parent)
        name = f"z{subscript(dimension + 1)}"
        self.slider = LatentSlider(self)
        named(self.slider, f"latentSlider{dimension}", f"latent {name}", f"{name}: drag, or double-click to reset")
        self.value = ValueEdit()
        named(self.value, f"latentValue{dimension}", f"value of {name}", f"Type a value for {name}")
        self.value.typed.connect(self._on_value_typed)
        self.kl = label("", "dim")
        self.kl.setObjectName(f"latentKl{dimension}")
        set_tool_tip(self.kl, f"KL(q ‖ p) of {name}, mean over the encoded images: how much information it carries")
        set_term(self.kl, "kl-per-dimension")
        self.lock = tool_button(
            f"latentLock{dimension}", f"lock {name}", "Keep this dimension when sampling", "unlock", checkable=True
        )
        self.dice = tool_button(f"latentDice{dimension}", f"sample {name}", _SAMPLE, "dice")
        self.slider.edited.connect(self._on_slider_edited)
        self.title = TitleButton(dimension)
        self._set_widths()
        self._layout = layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(SPACE // 2)
        layout.setVerticalSpacing(0)
        layout.setColumnMinimumWidth(0, self.title.width())
        layout.setColumnStretch(1, 1)
        for number, widget in enumerate((self.title, self.slider, self.value, self.kl, self.lock, self.dice)):
            layout.addWidget(widget, 1, number)

    def set_name(self, name: str) -> None:
        """Show a name on a line of its own, above the slider, which stays as long as the others."""
        self.title.set_name(name)
        self._layout.removeWidget(self.title)
        if name:
            self._layout.addWidget(self.title, 0, 0, 1, self._layout.columnCount(), Qt.AlignmentFlag.AlignLeft)
        else:
            self._layout.addWidget(self.title, 1, 0)

    def _set_widths(self) -> None:
        for tool in (self.lock, self.dice):
            tool.setFixedWidth(_BUTTON)
        self.kl.setFont(tabular(self.kl.font()))
        self.kl.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        # With a fixed size a new number does not lay out its row again.
        self.kl.setFixedSize(self.fontMetrics().horizontalAdvance(_WIDEST_KL), self.fontMetrics().height())

    def show_value(self, value: float) -> None:
        self.slider.show_value(value)
        self.value.show_value(value)

    def show_kl(self, kl: float | None) -> None:
        self.kl.setText("" if kl is None else f"{kl:.1f} nat" if kl >= 0.05 else f"{kl:.2f} nat")

    def show_locked(self, locked: bool) -> None:
        with QSignalBlocker(self.lock):
            self.lock.setChecked(locked)
        set_icon(self.lock, "lock" if locked else "unlock", "dim")

    def _on_value_typed(self, value: float) -> None:
        self.slider.setValue(value)
        self.value.show_value(self.slider.value())

    def _on_slider_edited(self, value: float, _gesture: int) -> None:
        self.value.show_value(value)


class TitleButton(QPushButton):
    """The name of a dimension, which opens the view of what it does."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self._symbol, self._name, self._reason = f"z{subscript(dimension + 1)}", "", ""
        self.setFlat(True)
        self.setProperty("role", "name")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        named(self, f"latentName{dimension}", f"what {self._symbol} does", "")
        self.set_name("")

    def set_name(self, name: str) -> None:
        """Show the name that the user has given, after the symbol."""
        self._name = name
        self._show_tip()
        self._show()

    def set_reason(self, reason: str) -> None:
        """Disable it, for a reason; an empty one enables it."""
        self._reason = reason
        self.setEnabled(not reason)
        self._show_tip()

    def _show_tip(self) -> None:
        title = f"{self._symbol} {self._name}".rstrip()
        tip = f"What does {title} do? Its images, where pixels change, what it goes with, and a name for it"
        set_tool_tip(self, self._reason or tip)

    def _show(self) -> None:
        metrics, symbol = self.fontMetrics(), self._symbol
        text = metrics.elidedText(f"{symbol} {self._name}".rstrip(), Qt.TextElideMode.ElideRight, _WIDEST_NAME)
        self.setFixedWidth(max(metrics.horizontalAdvance(text) + 4, metrics.horizontalAdvance("z₀₀") + 2))
        self.setText(without_mnemonic(text))


def _header(parent: QWidget) -> QWidget:
    """The headings of the columns of values and KLs."""
    header = QWidget(parent)
    layout = row(None, space=SPACE // 2)
    header.setLayout(layout)
    metrics = header.fontMetrics()
    for text, widest in (("value", WIDEST), ("KL", _WIDEST_KL)):
        heading = label(text, "dim")
        heading.setAlignment(Qt.AlignmentFlag.AlignRight)
        heading.setFixedWidth(metrics.horizontalAdvance(widest))
        explain(heading, text)
        layout.addWidget(heading)
    layout.addSpacing(2 * _BUTTON + SPACE)
    return header


class LatentSliders(QWidget):
    """One row per latent dimension: slider, value, KL, lock and dice.

    Rows are ordered by KL; collapsed dimensions (KL below ``ACTIVE_KL``) are folded unless all have collapsed.

    Attributes
    ----------
    directions : DirectionSliders
        The sliders of directions of the Board, above those of the dimensions.

    Signals
    -------
    valueEdited(dimension, value, gesture)
        A value was changed; all edits of one drag have the same gesture id.
    resetRequested(dimension)
        A dimension should be reset to 0, or all of them (−1).
    lockToggled(dimension, locked)
        A lock was closed or opened.
    sampleRequested(dimension)
        A dimension should be sampled from the prior, or all that are not locked (−1).
    labelChosen(index)
        Another class was chosen for a conditional model.
    levelChosen(index)
        Another level of a hierarchy of latents was chosen.
    dimensionAsked(dimension)
        The name of a dimension was clicked: what does it do?
    openModelRequested
        The empty state's button was pressed.
    """

    dimensionAsked = Signal(int)
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
        self._level_rows: range | None = None  # dimensions of the chosen level; None for all
        self._span = 4.0
        self._no_sampling = self._no_description = ""
        self._empty = EmptyState(
            "Each latent dimension of the open model has a slider here.",
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
        self._sample_all = button("sampleAll", "Sample", _SAMPLE_ALL, self._on_sample_all, icon="dice")
        self._reset_all = button("resetAll", "Reset", "Set every dimension to 0", self._on_reset_all, icon="reset")
        self._label_title = label("Class")
        self._label = combo_box()
        named(self._label, "label", "label", "The class the decoder is conditioned on")
        self._label.activated.connect(self.labelChosen)
        self._level_title = label("Level")
        self._level = combo_box()
        named(self._level, "level", "level", "The level of the hierarchy that sliders and map show")
        self._level.activated.connect(self.levelChosen)
        self.directions = DirectionSliders()
        self._instead = row()
        self._header = _header(self._body)
        self._header.hide()
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
        layout.addWidget(self.directions)
        layout.addLayout(self._instead)
        layout.addWidget(self._header)
        layout.addLayout(self._shown)
        layout.addWidget(self._fold)
        layout.addStretch(1)
        self._body.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.set_classes(())
        self.set_levels((), 0)
        self._fold.hide()

    # --- what is shown --------------------------------------------------------------------------

    def set_waiting(self, text: str) -> None:
        """Show what is loading; an empty text clears the message."""
        self._empty.set_waiting(text)

    def set_dimensions(self, count: int) -> None:
        """Show ``count`` rows, all at 0 and unlocked; 0 shows the empty state."""
        if count != len(self._rows):
            for old in self._rows:
                old.setParent(None)
                old.deleteLater()
            self._rows = [self._new_row(dimension) for dimension in range(count)]
            self._show_reasons()
        self._kl = None
        for each in self._rows:
            each.show_value(0.0)
            each.show_kl(None)
            each.show_locked(False)
        self._arrange()
        self._empty.setVisible(count == 0)
        self._area.setVisible(count > 0)

    def set_latent(self, latent: Any) -> None:
        """Show a latent [d] without emitting ``valueEdited``."""
        values = np.asarray(latent, dtype=np.float64).reshape(-1)
        for each, value in zip(self._rows, values, strict=False):
            if each.slider.value() != value:
                each.show_value(float(value))

    def set_kl(self, kl: Any | None, fold: bool = True, keep: bool = False) -> None:
        """Show each dimension's KL [d] in nats, order the rows by it and fold collapsed ones; ``None`` removes it.

        Without ``fold`` every row stays visible: early in a run a low KL does not mean a collapse.
        With ``keep``, and during a drag, every row stays in place.
        """
        keep = keep or any(each.slider.is_adjusting() for each in self._rows)
        self._folds = fold
        self._kl = None if kl is None else np.asarray(kl, dtype=np.float64).reshape(-1)
        for dimension, each in enumerate(self._rows):
            each.show_kl(None if self._kl is None or dimension >= self._kl.size else float(self._kl[dimension]))
        if not keep:
            self._arrange()

    def set_range(self, sigma: float) -> None:
        """Set every slider's range to ``-sigma`` … ``sigma``, in standard deviations of the prior."""
        self._span = float(sigma)
        for each in self._rows:
            each.slider.set_span(self._span)

    def set_sampling_reason(self, reason: str) -> None:
        """Grey the dice, for a reason; an empty one enables them."""
        self._no_sampling = reason
        self._show_reasons()

    def set_description_reason(self, reason: str) -> None:
        """Grey what asks what a dimension does, for a reason; an empty one enables it."""
        self._no_description = reason
        self._show_reasons()

    def _show_reasons(self) -> None:
        self._sample_all.setEnabled(not self._no_sampling)
        set_tool_tip(self._sample_all, self._no_sampling or _SAMPLE_ALL)
        for each in self._rows:
            each.dice.setEnabled(not self._no_sampling)
            set_tool_tip(each.dice, self._no_sampling or _SAMPLE)
            each.title.set_reason(self._no_description)

    def set_locked(self, dimensions: Any) -> None:
        """Show which dimensions are locked."""
        locked = set(dimensions)
        for dimension, each in enumerate(self._rows):
            each.show_locked(dimension in locked)

    def set_names(self, names: Mapping[int, str]) -> None:
        """Show these names of dimensions, by index, each above its slider."""
        for dimension, each in enumerate(self._rows):
            each.set_name(as_line(names.get(dimension, ""), NAME))

    def set_classes(self, names: Sequence[str]) -> None:
        """Offer the classes of a conditional model; without any the choice is hidden."""
        self._label.clear()
        self._label.addItems([as_line(name, NAME) for name in names])
        self._label.setVisible(bool(names))
        self._label_title.setVisible(bool(names))

    def set_label(self, index: int | None) -> None:
        """Show the chosen class without emitting a signal."""
        self._label.setCurrentIndex(-1 if index is None else index)

    def set_levels(self, names: Sequence[str], chosen: int) -> None:
        """Offer the levels of a hierarchy and show the chosen one; with fewer than two the choice is hidden."""
        self._level.clear()
        self._level.addItems([as_line(name, NAME) for name in names])
        self._level.setCurrentIndex(chosen if names else -1)
        self._level.setVisible(len(names) > 1)
        self._level_title.setVisible(len(names) > 1)

    def set_shown(self, dimensions: range | None) -> None:
        """Show only the sliders of these dimensions; ``None`` shows all."""
        if dimensions != self._level_rows:
            self._level_rows = dimensions
            self._arrange()

    def set_instead(self, widget: QWidget | None) -> None:
        """Show a widget instead of the sliders, for latents that are not vectors; it becomes a child."""
        while (item := self._instead.takeAt(0)) is not None:
            if (before := item.widget()) is not None:
                before.hide()
                before.deleteLater()
        if widget is not None:
            self._instead.addWidget(widget)
            self._empty.hide()
            self._area.show()

    def latent(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The latent shown [d]."""
        return np.array([each.slider.value() for each in self._rows])

    # --- rows -----------------------------------------------------------------------------------

    def _new_row(self, dimension: int) -> _Row:
        row = _Row(dimension, self._body)
        row.slider.set_span(self._span)
        row.slider.edited.connect(lambda value, gesture: self.valueEdited.emit(dimension, value, gesture))
        row.slider.resetRequested.connect(lambda: self.resetRequested.emit(dimension))
        row.title.clicked.connect(lambda _checked=False: self.dimensionAsked.emit(dimension))
        row.dice.clicked.connect(lambda: self.sampleRequested.emit(dimension))
        row.lock.toggled.connect(lambda locked: self._on_lock_toggled(dimension, locked))
        return row

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what is done with a dimension, by a right click on its row or the Menu key."""
        inside = self.childAt(event.pos())
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            inside = self.window().focusWidget()
        if inside is None:
            return
        found = [number for number, each in enumerate(self._rows) if each is inside or each.isAncestorOf(inside)]
        if found:
            pop_up(self, "sliderMenu", self.entries(found[0]), event.globalPos())

    def entries(self, dimension: int) -> list[MenuEntry | QAction | None]:
        """What can be done with a dimension."""
        each = self._rows[dimension]
        return [
            MenuEntry("What does it do?", lambda: self.dimensionAsked.emit(dimension), self._no_description),
            MenuEntry("Type a value", each.value.setFocus),
            None,
            MenuEntry("Reset to 0", lambda: self.resetRequested.emit(dimension)),
            MenuEntry("Sample from the prior", lambda: self.sampleRequested.emit(dimension), self._no_sampling),
            MenuEntry("Keep when sampling", each.lock.toggle, is_checked=each.lock.isChecked()),
        ]

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
        if not self._folds or len(collapsed) == len(order):  # do not fold everything
            collapsed = set()
        for grid in (self._shown, self._folded):
            while grid.count():
                grid.takeAt(0)
        previous: QWidget = self._label
        for row_index, dimension in enumerate(order):
            each = self._rows[dimension]
            (self._folded if dimension in collapsed else self._shown).addWidget(each, row_index, 0)
            for control in (each.title, each.slider, each.value, each.lock, each.dice):
                QWidget.setTabOrder(previous, control)
                previous = control
            each.show()
        self._fold.set_title(f"Collapsed ({len(collapsed)})")
        self._fold.setVisible(bool(collapsed))
        self._header.setVisible(bool(order))

    def _on_lock_toggled(self, dimension: int, locked: bool) -> None:
        self._rows[dimension].show_locked(locked)
        self.lockToggled.emit(dimension, locked)

    def _on_sample_all(self) -> None:
        self.sampleRequested.emit(-1)

    def _on_reset_all(self) -> None:
        self.resetRequested.emit(-1)
