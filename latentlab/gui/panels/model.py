"""The Model panel: facts and metrics of the open model, and the choice of the map's axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QFormLayout, QGridLayout, QLabel, QSizePolicy, QWidget

from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.containers import EmptyState
from latentlab.gui.widgets.controls import button, column, combo_box, label, named, row, rule, scrolled
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.term_card import explain
from latentlab.utils.plain_text import NAME, as_line
from latentlab.utils.text import format_number, subscript

if TYPE_CHECKING:
    from latentlab.config.info import ModelInfo

ALL_PAIRS_TIP = "The points over every pair of the strongest dimensions, to choose one"
SPLITS = ("test", "validation", "train")
TERMS = {
    "elbo": ("ELBO", "Evidence lower bound: the log-likelihood term minus the rate"),
    "rate": ("Rate", "KL divergence of the posterior q(z|x) from the prior p(z)"),
    "distortion": ("Distortion", "Minus the log-likelihood term: −log p(x|z)"),
    "log_likelihood": ("log p(x)", "Log-likelihood, by an importance-weighted estimate"),
}
"""Title and tooltip of each term."""


class ModelPanel(QWidget):
    """Shows the current model and offers the map's axes and the points' colours.

    Signals
    -------
    openRequested
        The user wants to choose a model file.
    modelChosen(source)
        A bundled model was chosen: ``bundled:NAME``.
    saveRequested
        The current model should be saved.
    axesChosen(x, y)
        Map axes were chosen: ``z1`` … for dimensions, ``pc1`` … for principal components.
    pairsRequested
        The pictures of all pairs of dimensions should be shown.
    colourByChosen(column)
        What the points should be coloured by: a column's name, or empty for the class.
    """

    openRequested = Signal()
    modelChosen = Signal(str)
    saveRequested = Signal()
    axesChosen = Signal(str, str)
    colourByChosen = Signal(str)
    pairsRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("modelPanel")
        body = QWidget()
        outer = column(self, 0, 0)
        self._scroll = scrolled(body)
        outer.addWidget(self._scroll)
        self._layout = column(body)
        self._build()

    def _build(self) -> None:
        self._name = label("", "title")
        self._name.setObjectName("modelName")
        self._path = ElidedLabel("")
        # A long name would make its label, and with it the whole panel, wider than the column.
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._bundled = combo_box()
        named(self._bundled, "bundledModels", "bundled models", "Open a model that comes with latentlab")
        self._bundled.activated.connect(self._on_bundled_activated)
        self._open = button("openModelButton", "Open…", "Open a model file or a run", self.openRequested.emit)
        self._save = button("saveModelButton", "Save as…", "Save the current model", self.saveRequested.emit)
        self._empty = EmptyState("Open a model, or train one on your images. Its details and ELBO appear here.")
        self._facts = QFormLayout()
        self._facts.setSpacing(SPACE // 2)
        self._facts.setHorizontalSpacing(SPACE * 2)
        self._metrics_box = QWidget()
        metrics = column(self._metrics_box, 0)
        metrics.addWidget(rule())
        metrics.addWidget(_unit())
        self._metrics = QGridLayout()
        self._metrics.setVerticalSpacing(SPACE // 2)
        self._metrics.setHorizontalSpacing(SPACE // 2)
        metrics.addLayout(self._metrics)
        self._x, self._y = combo_box(), combo_box()
        named(self._x, "xAxis", "x axis", "The latent direction along the map's horizontal axis")
        named(self._y, "yAxis", "y axis", "The latent direction along the map's vertical axis")
        for axis in (self._x, self._y):
            axis.activated.connect(self._on_axis_activated)
        axes = QFormLayout()
        axes.addRow("X axis", self._x)
        axes.addRow("Y axis", self._y)
        self._pairs = button("allPairs", "All pairs…", ALL_PAIRS_TIP, self.pairsRequested.emit)
        self._colour = combo_box()
        named(self._colour, "colourBy", "colour by", "What the points are coloured by")
        self._colour.activated.connect(lambda: self.colourByChosen.emit(self._colour.currentData()))
        axes.addRow("Colour by", self._colour)
        self._info = QWidget()
        inner = column(self._info, 0)
        for widget in (self._name, self._path):
            inner.addWidget(widget)
        inner.addLayout(self._facts)
        inner.addWidget(self._metrics_box)
        inner.addWidget(rule())
        inner.addWidget(label("Map axes", "section"))
        axes.addRow("", self._pairs)
        inner.addLayout(axes)
        self._layout.addWidget(self._bundled)
        self._layout.addLayout(row(self._open, self._save))
        self._layout.addWidget(self._empty)
        self._layout.addWidget(self._info)
        self._layout.addStretch(1)
        self.set_bundled(())
        self.set_info(None)

    # --- what is shown --------------------------------------------------------------------------

    def set_waiting(self, text: str) -> None:
        """Show what is loading; an empty text clears the message."""
        self._empty.set_waiting(text)

    def set_bundled(self, models: Sequence[tuple[str, str]]) -> None:
        """Offer the bundled models: source and text of each."""
        self._bundled.clear()
        self._bundled.addItem("Bundled models…", "")
        for source, text in models:
            self._bundled.addItem(text, source)
        self._bundled.setVisible(bool(models))

    def set_info(self, info: ModelInfo | None) -> None:
        """Show the current model; ``None`` shows the empty state."""
        self._empty.setVisible(info is None)
        self._info.setVisible(info is not None)
        reason = "" if info is None else info.capabilities.why_not_saved
        self._save.setEnabled(info is not None and not reason)
        set_tool_tip(self._save, f"This model cannot be saved: {reason}" if reason else "Save the current model")
        while self._facts.rowCount():
            self._facts.removeRow(0)
        if info is None:
            return
        self._name.setText(as_line(info.name))
        # For a bundled model the name is more useful than its path inside the package.
        self._path.setText(info.source if info.source.startswith("bundled:") else info.path or info.source)
        channels, height, width = info.image_shape
        colour = "grey" if channels == 1 else "colour"
        for name, value in (
            ("Recipe", as_line(info.recipe, NAME)),
            ("Latent dimensions", str(info.latent_dim)),
            ("Images", f"{width} × {height} {colour}"),
            ("Parameters", f"{info.parameters:,}"),
        ):
            heading = label(name, "dim")
            explain(heading, name)
            self._facts.addRow(heading, label(value, selectable=True))
        self.set_metrics(info.metrics)

    def set_metrics(self, metrics: Mapping[str, float]) -> None:
        """Show the model's metrics ``SPLIT_TERM`` in nats per image, one column per split."""
        while (item := self._metrics.takeAt(0)) is not None:
            if (shown := item.widget()) is not None:
                shown.deleteLater()
        splits = [split for split in SPLITS if any(name.startswith(f"{split}_") for name in metrics)]
        terms = [term for term in TERMS if any(f"{split}_{term}" in metrics for split in splits)]
        self._metrics_box.setVisible(bool(terms))
        for column_index, split in enumerate(splits, 1):
            self._metrics.addWidget(_cell(split, "dim"), 0, column_index)
        for row_index, term in enumerate(terms, 1):
            title, tip = TERMS[term]
            heading = label(title, "dim")
            set_tool_tip(heading, tip)
            explain(heading, title)
            self._metrics.addWidget(heading, row_index, 0)
            for column_index, split in enumerate(splits, 1):
                value = metrics.get(f"{split}_{term}")
                text = "" if value is None else format_number(value, ",.1f")
                self._metrics.addWidget(_cell(text), row_index, column_index)

    def set_axes(
        self,
        dimensions: int | range,
        components: int,
        x: str,
        y: str,
        directions: Sequence[tuple[str, str]] = (),
        names_of_dimensions: Mapping[int, str] | None = None,
    ) -> None:
        """Offer dimensions, principal components and directions; show the chosen two.

        Parameters
        ----------
        dimensions
            A range of dimensions, or how many of the first ones.
        components
            How many principal components.
        x, y
            The chosen ones.
        directions
            Axis name and title of each direction of the Board.
        names_of_dimensions
            Names that the user gave to dimensions, by index.
        """
        given = names_of_dimensions or {}
        indices = range(dimensions) if isinstance(dimensions, int) else dimensions
        names = [f"z{i + 1}" for i in indices] + [f"pc{i + 1}" for i in range(components)]
        can_choose = len(names) + len(directions) > 1
        if names:
            # The current axes are always listed, also those of a session whose points are not encoded yet.
            present = [name for name in dict.fromkeys((x, y)) if name not in names]
            names += [name for name in present if name.startswith(("z", "pc"))]
        for axis, chosen in ((self._x, x), (self._y, y)):
            axis.clear()
            for name in names:
                number = int(name.lstrip("pcz"))
                title = f"z{subscript(number)} {as_line(given.get(number - 1, ''), NAME)}".rstrip()
                axis.addItem(f"PC {number}" if name.startswith("pc") else title, name)
            for name, title in directions:
                axis.addItem(as_line(title, NAME), name)
            axis.setCurrentIndex(axis.findData(chosen))
            axis.setEnabled(can_choose)

    def set_layouts(self, layouts: Sequence[tuple[str, str, str]], chosen: str) -> None:
        """Offer layouts of the points after the axes: name, title, and why it cannot be chosen (empty if it can).

        One that is chosen takes both axes: ``chosen`` is the name of the x axis.
        """
        for axis, number in ((self._x, "1"), (self._y, "2")):
            if not axis.count():
                continue
            for name, title, refused in layouts:
                axis.addItem(title, f"{name}{number}")
                position, model = axis.count() - 1, axis.model()
                item = model.item(position) if isinstance(model, QStandardItemModel) else None
                if item is not None:
                    item.setEnabled(not refused)
                axis.setItemData(position, as_line(refused), Qt.ItemDataRole.ToolTipRole)
                if chosen == f"{name}1":
                    axis.setCurrentIndex(position)

    def set_pairs_available(self, reason: str) -> None:
        """Enable the button of all pairs, or say why it is disabled."""
        self._pairs.setEnabled(not reason)
        set_tool_tip(self._pairs, reason or ALL_PAIRS_TIP)

    def set_columns(self, columns: Sequence[str], chosen: str) -> None:
        """Offer the class and these columns for the points' colours, and show the chosen one."""
        self._colour.clear()
        for value, text in (("", "class"), *((name, as_line(name, NAME)) for name in columns)):
            self._colour.addItem(text, value)
        self._colour.setCurrentIndex(max(0, self._colour.findData(chosen)))
        self._colour.setEnabled(bool(columns))

    def focus_axes(self) -> None:
        """Give the keyboard focus to the choice of the x axis, and scroll to both."""
        for box in (self._y, self._x):
            self._scroll.ensureWidgetVisible(box)
        self._x.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_bundled_activated(self, index: int) -> None:
        source = self._bundled.itemData(index)
        self._bundled.setCurrentIndex(0)
        if source:
            self.modelChosen.emit(source)

    def _on_axis_activated(self) -> None:
        self.axesChosen.emit(self._x.currentData(), self._y.currentData())


def _unit() -> QLabel:
    """The heading of the table of metrics."""
    heading = label("Nats per image", "section")
    explain(heading, "nats per image")
    return heading


def _cell(text: str, role: str = "") -> QLabel:
    """A number in the table of metrics, or the heading of a column."""
    value_label = label(text, role, selectable=True)
    value_label.setFont(tabular(value_label.font()))
    value_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return value_label
