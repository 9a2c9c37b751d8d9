"""The real images nearest to a latent: a row that folds, and whether the decoded image is a copy of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QMenu, QWidget

from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.containers import SteadyLabel
from latentlab.gui.widgets.controls import column, label, named, row, tool_button
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.image_strip import ImageStrip
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.qimage import ByteArray
from latentlab.utils.plain_text import NAME, as_line
from latentlab.utils.text import format_number

STRIP = 54  # px: height of the row, with the distances above it


@dataclass(frozen=True)
class NearestImage:
    """What is written about one of the images.

    Attributes
    ----------
    number
        Of the image in its dataset, from 0.
    distance
        From the latent, in latent units.
    name
        Its class, or its file.
    """

    number: int
    distance: float
    name: str = ""

    @property
    def text(self) -> str:
        """One line about it."""
        parts = [f"image {self.number:,}", as_line(self.name, NAME), f"distance {format_number(self.distance, '.2f')}"]
        return " · ".join(part for part in parts if part)


class NearestImages(QWidget):
    """The images nearest to the latent shown, nearest first, each with its distance above it.

    Signals
    -------
    chosen(place)
        The image at this place of the row was clicked, or chosen by Enter.
    selectRequested(place, added)
        This image is to be selected, or added to the selection.
    keepRequested(place)
        The latent of this image is to be kept on the Board.
    unfolded
        The row was opened, or came into view: it is to be filled.
    """

    chosen = Signal(int)
    selectRequested = Signal(int, bool)
    keepRequested = Signal(int)
    unfolded = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("nearestImages")
        self.setAccessibleName("nearest images")
        self._images: tuple[NearestImage, ...] = ()
        self._head = tool_button(
            "nearestFold", "nearest images", "Show or hide the row of nearest images", text="Nearest", checkable=True
        )
        self._head.setProperty("fold", True)
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.setChecked(True)
        self._head.toggled.connect(self._on_head_toggled)
        set_icon(self._head, "down", "dim")
        self._text = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._text.setObjectName("nearestText")
        self._strip = ImageStrip()
        named(self._strip, "nearestStrip", "nearest images", "")
        set_tool_tip(self._strip, "Click an image to go to its own latent; right-click to select or keep it")
        self._strip.setFixedHeight(STRIP)
        self._strip.tileChosen.connect(lambda _row, place: self.chosen.emit(place))
        self._strip.tileHovered.connect(lambda _row, place: self._describe(place))
        self._strip.menuRequested.connect(self._on_menu_requested)
        self._why_empty = label("", "dim", wrap=True)
        self._copy = label("", "dim", wrap=True)
        self._copy.setObjectName("copyText")
        set_tool_tip(
            self._copy,
            "The decoded image against all open images, in pixel space. A copy is less than half as far from its "
            "nearest image as images are from their neighbours, and less than half as far as the 50 nearest images are "
            "on average.",
        )
        heading = row(self._head, self._text, space=SPACE // 2)
        heading.setStretch(1, 1)
        layout = column(self, 0, SPACE // 2)
        layout.addLayout(heading)
        layout.addWidget(self._strip)
        layout.addWidget(self._why_empty)
        self._copy_frame = SteadyLabel(self._copy)
        layout.addWidget(self._copy_frame)
        self.set_images((), None)

    def is_unfolded(self) -> bool:
        """Whether the row is open and in view."""
        return self._head.isChecked() and self.isVisible()

    def set_images(self, images: Sequence[NearestImage], pixels: ByteArray | None, note: str = "") -> None:
        """Show these images, nearest first; no images hide the row.

        Parameters
        ----------
        images
            What is written about each.
        pixels
            uint8 [k, H, W] or [k, H, W, 3]; ``None`` while they cannot be read, which ``note`` explains.
        """
        was_shown, self._images = not self.isHidden(), tuple(images)
        self._strip.set_rows(
            None if pixels is None else pixels[None],
            (),
            pickable=True,
            heads=[format_number(image.distance, ".2f") for image in self._images],
        )
        self._why_empty.setText("" if pixels is not None else note)
        self._show_parts()
        self._describe(-1)
        self.setVisible(bool(self._images))
        if not was_shown and self._images:
            self.unfolded.emit()

    def set_copy_text(self, text: str, is_copy: bool = False) -> None:
        """Say whether the decoded image is a copy; an empty text removes the line."""
        self._copy.setText(text)
        self._copy.setProperty("role", "warning" if is_copy else "dim")
        self._copy.style().unpolish(self._copy)
        self._copy.style().polish(self._copy)

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for what was not measured while the panel was behind another."""
        super().showEvent(event)
        self.unfolded.emit()

    def _show_parts(self) -> None:
        is_open = self._head.isChecked()
        has_note = bool(self._why_empty.text())
        self._strip.setVisible(is_open and not has_note)
        self._why_empty.setVisible(is_open and has_note)
        self._copy_frame.setVisible(is_open and not has_note)

    def _describe(self, place: int) -> None:
        if not self._images:
            return
        if self._why_empty.text():
            distances = ", ".join(format_number(image.distance, ".2f") for image in self._images)
            self._text.setText(f"at {distances}")
        else:
            self._text.setText(self._images[place if 0 <= place < len(self._images) else 0].text)

    def _on_head_toggled(self, is_open: bool) -> None:
        set_icon(self._head, "down" if is_open else "right", "dim")
        self._show_parts()
        if is_open:
            self.unfolded.emit()

    def _on_menu_requested(self, _row: int, place: int, position: QPoint) -> None:
        if place >= len(self._images):
            return
        menu = QMenu(self)
        menu.addAction("Go to its latent").triggered.connect(lambda: self.chosen.emit(place))
        menu.addSeparator()
        menu.addAction("Select this image").triggered.connect(lambda: self.selectRequested.emit(place, False))
        menu.addAction("Add to the selection").triggered.connect(lambda: self.selectRequested.emit(place, True))
        menu.addAction("Keep its latent on the Board").triggered.connect(lambda: self.keepRequested.emit(place))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(position)
