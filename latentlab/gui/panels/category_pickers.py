"""A combo box for each categorical latent, ordered by KL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QWidget

from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.controls import label, named
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.utils.text import subscript

MIXED = "mixed"


class CategoryPickers(QWidget):
    """One row per categorical latent: its name, category and KL.

    Parameters
    ----------
    variables, categories
        Number of latents, and of each one's categories.

    Signals
    -------
    categoryChosen(variable, category)
        A category was chosen.
    """

    categoryChosen = Signal(int, int)

    def __init__(self, variables: int, categories: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("categoryPickers")
        self._rows: list[tuple[QLabel, QComboBox, QLabel]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(SPACE // 2)
        self._grid.setColumnStretch(1, 1)
        for variable in range(variables):
            self._rows.append(self._new_row(variable, categories))
        self._arrange(range(variables))

    def _new_row(self, variable: int, categories: int) -> tuple[QLabel, QComboBox, QLabel]:
        name = f"c{subscript(variable + 1)}"
        picker = QComboBox()
        named(picker, f"category{variable}", f"category of {name}", f"The category of latent {name}")
        picker.addItems([str(category + 1) for category in range(categories)])
        picker.setPlaceholderText(MIXED)
        picker.activated.connect(lambda category: self.categoryChosen.emit(variable, category))
        kl = label("", "dim")
        kl.setFont(tabular(kl.font()))
        kl.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        set_tool_tip(kl, f"KL(q ‖ p) of {name}, mean over the encoded images: how much information it carries")
        return label(name), picker, kl

    def set_chosen(self, categories: Sequence[int | None]) -> None:
        """Show each latent's category, ``None`` for a mixture, without emitting a signal."""
        for (_, picker, _), category in zip(self._rows, categories, strict=True):
            picker.setCurrentIndex(-1 if category is None else category)

    def set_kl(self, kl: Any | None) -> None:
        """Show each latent's KL [variables] in nats and order the rows by it; ``None`` removes it."""
        values = None if kl is None else np.asarray(kl, np.float64)
        for variable, (_, _, shown) in enumerate(self._rows):
            shown.setText("" if values is None else f"{values[variable]:.2f} nat")
        self._arrange(range(len(self._rows)) if values is None else np.argsort(-values, kind="stable").tolist())

    def _arrange(self, order: Sequence[int]) -> None:
        while self._grid.count():
            self._grid.takeAt(0)
        previous: QWidget | None = None
        for row, variable in enumerate(order):
            for column, widget in enumerate(self._rows[variable]):
                self._grid.addWidget(widget, row, column)
            picker = self._rows[variable][1]
            if previous is not None:
                QWidget.setTabOrder(previous, picker)
            previous = picker
