"""What one dimension of the latent space does: its images, where pixels change, and what it goes with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from latentlab.gui.style.theme import SPACE, current_theme, tabular
from latentlab.gui.widgets.controls import column, label, named, row
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.image_strip import ImageStrip
from latentlab.gui.widgets.plain_text import set_tool_tip, window_title
from latentlab.gui.widgets.qimage import ByteArray, PixelView
from latentlab.gui.widgets.term_card import set_term
from latentlab.utils.palettes import cividis, diverging
from latentlab.utils.plain_text import NAME, as_line
from latentlab.utils.text import format_number

FloatArray = NDArray[np.floating]
MAP_PX = 132
STRIP_PX = 64
MAX_CORRELATIONS = 8
LONGEST_NAME = 40  # characters
_GROUP = 16  # characters of a group's name


_SIGNED_TIP = "Pearson's r of the posterior means: how well a line describes the column, rising above 0, falling below"
_RATIO_TIP = (
    "η, the correlation ratio, and η²: how much of the variance of the dimension's posterior means lies between the "
    "groups rather than within them, without what chance would give. 0: they do not differ, 1: each has one value."
)


@dataclass(frozen=True)
class Association:
    """A column or the classes, as what a dimension goes with.

    Attributes
    ----------
    name, value, is_signed
        Of the column; Pearson's r, or the correlation ratio η if it has no sign.
    high, low
        Groups with the highest and the lowest mean, each with its mean, outermost first.
    """

    name: str
    value: float
    is_signed: bool
    high: Sequence[tuple[str, float]] = ()
    low: Sequence[tuple[str, float]] = ()

    @property
    def figure(self) -> str:
        """How strongly."""
        return f"{'r' if self.is_signed else 'η'} = {format_number(self.value, '.2f')}"

    @property
    def lines(self) -> list[str]:
        """What η means, and which groups are high and low; none for a column of numbers."""
        lines = [] if self.is_signed else [f"η² = {self.value**2:.0%} of its variance"]
        for word, groups in (("high", self.high), ("low", self.low)):
            means = ", ".join(f"{as_line(name, _GROUP)} ({format_number(mean, '.1f')})" for name, mean in groups)
            lines += [f"{word}: {means}"] if groups else []
        return lines


class DimensionView(QDialog):
    """Shows what a dimension does, beside the window.

    Signals
    -------
    named(name)
        The user has given the dimension a name, or removed it (an empty one).
    tilePicked(index)
        An image of the strip was chosen.
    """

    named = Signal(str)
    tilePicked = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("dimensionView")
        self.setMinimumWidth(560)
        self._heading = label("", "title")
        self._heading.setObjectName("dimensionHeading")
        self._kl = label("", "dim")
        self._kl.setObjectName("dimensionKl")
        set_term(self._kl, "kl-per-dimension")
        self._name = QLineEdit()
        named(self._name, "dimensionName", "name of the dimension", "A name for what the dimension does, shown with it")
        self._name.setPlaceholderText("Name what it does")
        self._name.setMaxLength(LONGEST_NAME)
        self._name.editingFinished.connect(self._on_name_edited)
        self._strip = ImageStrip()
        named(self._strip, "dimensionStrip", "images of the dimension", "Images as the dimension alone changes")
        self._strip.setFixedHeight(STRIP_PX + 2 * SPACE)
        self._strip.tileChosen.connect(lambda _row, column: self.tilePicked.emit(column))
        self._maps = QGridLayout()
        self._maps.setHorizontalSpacing(2 * SPACE)
        self._here, self._here_caption = self._make_map("dimensionChange", 0)
        self._everywhere, self._everywhere_caption = self._make_map("dimensionMeanChange", 1)
        self._correlations = QGridLayout()
        self._correlations.setHorizontalSpacing(2 * SPACE)
        self._build()

    def _build(self) -> None:
        layout = column(self)
        layout.addLayout(row(self._heading, self._kl, None, self._name))
        layout.addWidget(self._strip)
        titles = row(label("Where pixels change", "section"))
        layout.addLayout(titles)
        self._maps.setColumnStretch(2, 1)
        self._side = QVBoxLayout()
        self._side.addWidget(label("Goes with", "section"))
        self._side.addLayout(self._correlations)
        self._side.addStretch(1)
        self._maps.addLayout(self._side, 0, 2, 2, 1)
        layout.addLayout(self._maps)
        layout.addStretch(1)

    def _make_map(self, name: str, column_index: int) -> tuple[PixelView, QLabel]:
        view = PixelView(MAP_PX)
        named(view, name, "where pixels change", "")
        view.setFixedSize(MAP_PX, MAP_PX)
        caption = label("", "dim", wrap=True)
        caption.setObjectName(f"{name}Caption")
        # Fixed: the height of a text that is wrapped is not known to the dialog's first layout.
        caption.setFixedSize(MAP_PX, 3 * caption.fontMetrics().lineSpacing())
        caption.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._maps.addWidget(view, 0, column_index)
        self._maps.addWidget(caption, 1, column_index, Qt.AlignmentFlag.AlignTop)
        return view, caption

    # --- what is shown ----------------------------------------------------------------------------

    def set_dimension(self, symbol: str, name: str, kl: float | None) -> None:
        """Show which dimension it is, its name and its KL in nats."""
        self.setWindowTitle(window_title(f"What does {symbol} do?"))
        self._heading.setText(symbol)
        self._kl.setText("" if kl is None else f"{format_number(kl, '.2f')} nat")
        set_tool_tip(self._kl, "KL(q ‖ p), mean over the encoded images: how much information it carries")
        if not self._name.isModified():
            self._name.setText(name)

    def clear(self) -> None:
        """Show nothing: another dimension is being described."""
        self._name.setModified(False)
        self._strip.set_rows(None, (), pickable=False)
        for view, caption in ((self._here, self._here_caption), (self._everywhere, self._everywhere_caption)):
            view.set_picture(None)
            caption.setText("")
        self._show_rows([])

    def set_images(self, images: ByteArray, heads: Sequence[str], marked: int) -> None:
        """Show images [n, H, W] or [n, H, W, 3] as the dimension changes, and its value above each."""
        self._strip.set_rows(images[None], (), pickable=True, heads=heads, marked=marked)

    def set_change(self, change: FloatArray, mean_change: FloatArray | None, averaged: int) -> None:
        """Show where pixels change.

        Parameters
        ----------
        change
            Change of each pixel [H, W] per unit of the dimension at the latent shown, of images in [0, 1].
        mean_change
            Its absolute value, averaged over ``averaged`` encoded images; ``None`` without any.
        """
        largest = float(np.abs(change).max(initial=0.0))
        self._here.set_picture(diverging(change / max(largest, 1e-12), current_theme().is_dark))
        self._here_caption.setText(f"at this latent, ± {format_number(largest, '.2f')} per unit")
        set_tool_tip(self._here, "Orange: becomes brighter with the dimension; blue: darker")
        self._everywhere.set_picture(None)
        self._everywhere_caption.setText("")
        if mean_change is not None:
            most = float(mean_change.max(initial=0.0))
            self._everywhere.set_picture(cividis(mean_change / max(most, 1e-12)))
            self._everywhere_caption.setText(
                f"mean of {averaged} encoded images, up to {format_number(most, '.2f')} per unit"
            )
            set_tool_tip(self._everywhere, "How strongly each pixel changes, whether it becomes brighter or darker")

    def set_correlations(self, correlations: Sequence[Association]) -> None:
        """List columns that the dimension goes with, strongest first."""
        self._show_rows(correlations[:MAX_CORRELATIONS])

    def _show_rows(self, rows: Sequence[Association]) -> None:
        while (item := self._correlations.takeAt(0)) is not None:
            if (before := item.widget()) is not None:
                before.deleteLater()
        at = 0
        for each in rows:
            figure = label(each.figure)
            figure.setFont(tabular(figure.font()))
            set_tool_tip(figure, _SIGNED_TIP if each.is_signed else _RATIO_TIP)
            self._correlations.addWidget(label(as_line(each.name, NAME), "dim"), at, 0)
            self._correlations.addWidget(figure, at, 1, Qt.AlignmentFlag.AlignRight)
            for below, text in enumerate(each.lines, at + 1):
                self._correlations.addWidget(ElidedLabel(text, Qt.TextElideMode.ElideRight), below, 0, 1, 2)
            at += 1 + len(each.lines)
        if not rows:
            self._correlations.addWidget(label("no classes or columns", "dim"), 0, 0)

    def _on_name_edited(self) -> None:
        if self._name.isModified():
            self._name.setModified(False)
            self.named.emit(self._name.text().strip())
