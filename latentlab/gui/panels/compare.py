"""A second model beside the current one: its map, both decoded images, their difference, both models' figures."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from latentlab.gui.latent_map import LatentMap
from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.containers import SteadyLabel
from latentlab.gui.widgets.controls import column, label, named, row, tool_button
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.qimage import ByteArray, PixelView
from latentlab.gui.widgets.term_card import explain
from latentlab.utils.plain_text import NAME, as_line

PICTURE = 96  # px: side of a decoded image
_CAPTIONS = (
    ("comparedImage", "this model", "Decoded by the current model"),
    ("otherImage", "compared", "Decoded by the compared model from the linked latent"),
    ("imageDifference", "difference", "Where the compared model's image is brighter (red) or darker (blue)"),
)


class ComparedMap(QWidget):
    """The map of the compared model, under its name.

    Attributes
    ----------
    latent_map : LatentMap
        Shows the compared model's points and manifold.

    Signals
    -------
    closeRequested
        The comparison is to be left: by its button, or by Escape.
    """

    closeRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("comparedMap")
        self.setAccessibleName("compared model")
        self.latent_map = LatentMap()
        self.latent_map.setObjectName("otherMap")
        self.latent_map.setAccessibleName("Map of the compared model")
        self._name = ElidedLabel()
        self._name.setObjectName("comparedName")
        close = tool_button("closeComparison", "leave the comparison", "Leave the comparison (Escape)", "close")
        close.clicked.connect(lambda _checked=False: self.closeRequested.emit())
        head = row(self._name, close)
        head.setStretch(0, 1)
        head.setContentsMargins(SPACE, SPACE // 2, SPACE // 2, 0)
        layout = column(self, 0, 0)
        layout.addLayout(head)
        layout.addWidget(self.latent_map, 1)

    def set_name(self, name: str) -> None:
        """Show which model it is."""
        self._name.setText(as_line(name, NAME))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave the comparison with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.closeRequested.emit()
        else:
            super().keyPressEvent(event)


class CompareDetails(QWidget):
    """Both decoded images and their difference, beside a table of both models' figures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compareDetails")
        self.setAccessibleName("comparison")
        self._views = tuple(PixelView(PICTURE) for _ in _CAPTIONS)
        pictures = QGridLayout()
        pictures.setHorizontalSpacing(SPACE)
        pictures.setVerticalSpacing(2)
        for index, (view, (name, caption, tip)) in enumerate(zip(self._views, _CAPTIONS, strict=True)):
            named(view, name, caption, tip)
            view.setFixedSize(PICTURE, PICTURE)
            pictures.addWidget(view, 0, index)
            pictures.addWidget(label(caption, "dim"), 1, index, Qt.AlignmentFlag.AlignHCenter)
        self._note = label("", "dim", wrap=True)
        self._note.setObjectName("compareNote")
        images, figures = QWidget(), QWidget()
        left = column(images, 0, SPACE // 2)
        left.addLayout(pictures)
        left.addWidget(SteadyLabel(self._note))
        left.addStretch(1)
        self._table = QGridLayout()
        self._table.setHorizontalSpacing(SPACE)
        self._table.setVerticalSpacing(0)
        for place in (1, 2):  # columns of the same width, whatever their heads
            self._table.setColumnStretch(place, 1)
        self._heads = tuple(self._head(place) for place in (1, 2))
        self._cells: list[tuple[QLabel, ...]] = []
        self._summary = label("", "dim", wrap=True)
        self._summary.setObjectName("compareSummary")
        right = column(figures, 0, SPACE // 2)
        right.addLayout(self._table)
        right.addWidget(self._summary)
        right.addStretch(1)
        layout = row(images, figures, space=2 * SPACE)
        layout.setStretch(1, 1)
        layout.setContentsMargins(SPACE, SPACE // 2, SPACE, SPACE // 2)
        self.setLayout(layout)

    def _head(self, place: int) -> ElidedLabel:
        head = ElidedLabel()
        font = head.font()
        font.setBold(True)
        head.setFont(font)
        head.setObjectName(f"compareHead{place}")
        self._table.addWidget(head, 0, place)
        return head

    def set_images(self, image: ByteArray | None, other: ByteArray | None, difference: ByteArray | None) -> None:
        """Show both images and their difference, each uint8 [H, W] or [H, W, 3]; ``None`` leaves a place empty."""
        for view, shown in zip(self._views, (image, other, difference), strict=True):
            view.set_picture(shown)

    def set_note(self, text: str) -> None:
        """Write about the images: how much they differ, or why there is none."""
        self._note.setText(text)
        set_tool_tip(self._note, text)

    def set_figures(self, names: tuple[str, str], figures: Sequence[tuple[str, str, str]], summary: str) -> None:
        """Show a table: a name, and its values for the current and for the compared model; and a text below it."""
        for head, name in zip(self._heads, names, strict=True):
            head.setText(name)
        while len(self._cells) < len(figures):
            self._cells.append(self._row(len(self._cells) + 1))
        for cells, texts in zip(self._cells, figures, strict=False):
            for cell, text in zip(cells, texts, strict=True):
                cell.setText(text)
            explain(cells[0], texts[0])
        self._summary.setText(summary)

    def _row(self, at: int) -> tuple[QLabel, ...]:
        cells = label("", "dim"), label(selectable=True), label(selectable=True)
        for place, cell in enumerate(cells):
            if place:
                cell.setFont(tabular(cell.font()))
            self._table.addWidget(cell, at, place)
        return cells
