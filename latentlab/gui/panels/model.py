"""The open model: what it is, how good it is, and which of its directions the map shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QGridLayout, QLabel, QWidget

from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.containers import EmptyState
from latentlab.gui.widgets.controls import button, column, label, named, row, rule, scrolled
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.utils.text import subscript

if TYPE_CHECKING:
    from latentlab.config.info import ModelInfo

SPLITS = ("test", "validation", "train")
TERMS = {"elbo": "ELBO", "rate": "rate", "distortion": "distortion", "log_likelihood": "log-likelihood"}


class ModelPanel(QWidget):
    """Shows the live model and chooses the map's axes.

    Signals
    -------
    openRequested
        The user wants to choose a model file.
    modelChosen(source)
        A bundled or recent model was picked: ``bundled:NAME`` or a path.
    saveRequested
        The live model is to be saved.
    axesChosen(x, y)
        Other map axes: ``z1`` … for dimensions, ``pc1`` … for principal components.
    colourByChosen(column)
        What the points' colours are to stand for: a column's name, or empty for the class.
    """

    openRequested = Signal()
    modelChosen = Signal(str)
    saveRequested = Signal()
    axesChosen = Signal(str, str)
    colourByChosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("modelPanel")
        body = QWidget()
        outer = column(self, 0, 0)
        outer.addWidget(scrolled(body))
        self._layout = column(body)
        self._build()

    def _build(self) -> None:
        self._name = label("", "title")
        self._name.setObjectName("modelName")
        self._path = ElidedLabel("")
        self._bundled = QComboBox()
        named(self._bundled, "bundledModels", "bundled models", "Open a model that is shipped with latentlab")
        self._bundled.activated.connect(self._on_bundled_activated)
        self._open = button("openModelButton", "Open…", "Open a model file or run folder", self.openRequested.emit)
        self._save = button("saveModelButton", "Save as…", "Save the live model", self.saveRequested.emit)
        self._empty = EmptyState("Open a model, or train one on your images: what it is and its ELBO show here.")
        self._facts = QFormLayout()
        self._facts.setSpacing(SPACE // 2)
        self._facts.setHorizontalSpacing(SPACE * 2)
        self._metrics_box = QWidget()
        metrics = column(self._metrics_box, 0)
        metrics.addWidget(rule())
        metrics.addWidget(label("Nats per image", "section"))
        self._metrics = QGridLayout()
        self._metrics.setVerticalSpacing(SPACE // 2)
        metrics.addLayout(self._metrics)
        self._x, self._y = QComboBox(), QComboBox()
        named(self._x, "xAxis", "x axis", "The direction the map shows from left to right")
        named(self._y, "yAxis", "y axis", "The direction the map shows upwards")
        for axis in (self._x, self._y):
            axis.activated.connect(self._on_axis_activated)
        axes = QFormLayout()
        axes.addRow("x axis", self._x)
        axes.addRow("y axis", self._y)
        self._colour = QComboBox()
        named(self._colour, "colourBy", "colour by", "What the points' colours stand for")
        self._colour.activated.connect(lambda: self.colourByChosen.emit(self._colour.currentData()))
        axes.addRow("colour by", self._colour)
        self._info = QWidget()
        inner = column(self._info, 0)
        for widget in (self._name, self._path):
            inner.addWidget(widget)
        inner.addLayout(self._facts)
        inner.addWidget(self._metrics_box)
        inner.addWidget(rule())
        inner.addWidget(label("Map axes", "section"))
        inner.addLayout(axes)
        self._layout.addWidget(self._bundled)
        self._layout.addLayout(row(self._open, self._save))
        self._layout.addWidget(self._empty)
        self._layout.addWidget(self._info)
        self._layout.addStretch(1)
        self.set_bundled(())
        self.set_info(None)

    # --- told -----------------------------------------------------------------------------------

    def set_waiting(self, text: str) -> None:
        """Say what is on its way while there is no model; an empty text takes that back."""
        self._empty.set_waiting(text)

    def set_bundled(self, models: Sequence[tuple[str, str]]) -> None:
        """Offer shipped models: (source, words to show) each."""
        self._bundled.clear()
        self._bundled.addItem("Bundled models…", "")
        for source, text in models:
            self._bundled.addItem(text, source)
        self._bundled.setVisible(bool(models))

    def set_info(self, info: ModelInfo | None) -> None:
        """Show the live model; ``None`` shows the empty state."""
        self._empty.setVisible(info is None)
        self._info.setVisible(info is not None)
        self._save.setEnabled(info is not None)
        while self._facts.rowCount():
            self._facts.removeRow(0)
        if info is None:
            return
        self._name.setText(info.name)
        # Where a shipped model lies is of no use to anyone; its name opens it anywhere.
        self._path.setText(info.source if info.source.startswith("bundled:") else info.path or info.source)
        channels, height, width = info.image_shape
        colour = "grey" if channels == 1 else "colour"
        for name, value in (
            ("recipe", info.recipe),
            ("latent_dim", str(info.latent_dim)),
            ("images", f"{width} × {height} {colour}"),
            ("parameters", f"{info.parameters:,}"),
        ):
            self._facts.addRow(label(name, "dim"), label(value, selectable=True))
        self.set_metrics(info.metrics)

    def set_metrics(self, metrics: Mapping[str, float]) -> None:
        """Show how good the model is: ``SPLIT_TERM`` in nats per image, a column for each split there is."""
        while (item := self._metrics.takeAt(0)) is not None:
            if (shown := item.widget()) is not None:
                shown.deleteLater()
        splits = [split for split in SPLITS if any(name.startswith(f"{split}_") for name in metrics)]
        terms = [term for term in TERMS if any(f"{split}_{term}" in metrics for split in splits)]
        self._metrics_box.setVisible(bool(terms))
        for across, split in enumerate(splits, 1):
            self._metrics.addWidget(_figure(split, "dim"), 0, across)
        for down, term in enumerate(terms, 1):
            self._metrics.addWidget(label(TERMS[term], "dim"), down, 0)
            for across, split in enumerate(splits, 1):
                value = metrics.get(f"{split}_{term}")
                text = "" if value is None else f"{value:,.1f}".replace("-", "−")
                self._metrics.addWidget(_figure(text), down, across)

    def set_axes(self, dimensions: int | range, components: int, x: str, y: str) -> None:
        """Offer these dimensions (the first so many) and ``components`` principal components; show the chosen two."""
        offered = range(dimensions) if isinstance(dimensions, int) else dimensions
        names = [f"z{i + 1}" for i in offered] + [f"pc{i + 1}" for i in range(components)]
        can_choose = len(names) > 1
        if names:
            # What the map shows is named also where it is not offered: a session's, before its points are there.
            names += [name for name in dict.fromkeys((x, y)) if name not in names]
        for axis, chosen in ((self._x, x), (self._y, y)):
            axis.clear()
            for name in names:
                number = int(name.lstrip("pcz"))
                axis.addItem(f"PC {number}" if name.startswith("pc") else f"z{subscript(number)}", name)
            axis.setCurrentIndex(axis.findData(chosen))
            axis.setEnabled(can_choose)

    def set_columns(self, columns: Sequence[str], chosen: str) -> None:
        """Offer the class and these columns as what the points' colours stand for, and show the chosen one."""
        self._colour.clear()
        for value, text in (("", "class"), *((name, name) for name in columns)):
            self._colour.addItem(text, value)
        self._colour.setCurrentIndex(max(0, self._colour.findData(chosen)))
        self._colour.setEnabled(bool(columns))

    def focus_axes(self) -> None:
        """Put the keyboard on the choice of axes."""
        self._x.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_bundled_activated(self, place: int) -> None:
        source = self._bundled.itemData(place)
        self._bundled.setCurrentIndex(0)
        if source:
            self.modelChosen.emit(source)

    def _on_axis_activated(self) -> None:
        self.axesChosen.emit(self._x.currentData(), self._y.currentData())


def _figure(text: str, role: str = "") -> QLabel:
    """A number in a table, or the head of its column."""
    made = label(text, role, selectable=True)
    made.setFont(tabular(made.font()))
    made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return made
