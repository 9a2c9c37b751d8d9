"""The Selection panel: which images are selected, what they look like, and what can be done with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QMenu, QPushButton, QWidget

from latentlab.gui.panels.class_shares import ClassShares
from latentlab.gui.panels.image_chooser import ImageChooser
from latentlab.gui.panels.tag_dialog import TagDialog
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.containers import EmptyState
from latentlab.gui.widgets.controls import button, column, label, named, rule, scrolled
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.image_strip import ImageStrip
from latentlab.gui.widgets.plain_text import add_action, set_tool_tip
from latentlab.gui.widgets.qimage import ByteArray, PixelView

COLUMNS = 6
"""Images side by side on the sheet."""
MEAN = 76  # px: side of the mean images
_BUTTONS = 3  # side by side
_EXPORT_TIPS = {
    "exportTable": "A row for each image: number, path, label, tags and latent mean",
    "exportFolder": "Links to the images' files, or PNG files of images in an array;\na folder for each class",
}
_GAP = 4  # px: between the rows of the sheet


class SelectionPanel(QWidget):
    """Chooses images, and shows those that are selected.

    Attributes
    ----------
    chooser : ImageChooser
        Chooses images by class, search and rank.

    Signals
    -------
    keepRequested, invertRequested, clearRequested, meanRequested, encodeRequested
        A button was pressed.
    tagRequested(column, value)
        The selected images are to have this value in a column of the user's own.
    exportRequested(kind, path)
        They are to be exported as a ``table`` or a ``folder``.
    trainRequested(inside)
        A dataset of the selected images, or of all others, is to be opened for training.
    imageClicked(place)
        The image at this place of the sheet was clicked.
    """

    keepRequested = Signal()
    invertRequested = Signal()
    clearRequested = Signal()
    meanRequested = Signal()
    encodeRequested = Signal()
    tagRequested = Signal(str, str)
    exportRequested = Signal(str, str)
    trainRequested = Signal(bool)
    imageClicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("selectionPanel")
        self.setAccessibleName("selection")
        self.tag_columns: tuple[str, ...] = ()
        self.tag_reason: Callable[[str, str], str] = lambda _column, _value: ""
        self._shown = self._lines = 0  # images and rows on the sheet
        self._aspect = 1.0  # height of an image by its width
        self._has_originals = False
        body = QWidget()
        outer = column(self, 0, 0)
        outer.addWidget(scrolled(body))
        self._layout = column(body)
        self.chooser = ImageChooser()
        self._layout.addWidget(self.chooser)
        self._layout.addWidget(rule())
        self._empty = EmptyState("Draw around points with the Select tool (S), or choose images above.")
        self._layout.addWidget(self._empty)
        self._layout.addStretch(1)
        self._is_built = False

    # --- building -------------------------------------------------------------------------------

    def _build(self) -> None:
        """Make what shows selected images, when the first ones are selected: the window opens sooner."""
        if not self._is_built:
            self._is_built = True
            self._layout.insertWidget(self._layout.count() - 1, self._build_selected())

    def _build_selected(self) -> QWidget:
        self._selected = QWidget()
        inner = column(self._selected, 0)
        self._count = label("", "title")
        self._count.setObjectName("selectionCount")
        self._how = ElidedLabel()
        self._how.setObjectName("selectionHow")
        self._shares = ClassShares()
        self._sheet = ImageStrip()
        self._sheet.tileChosen.connect(self._on_tile_chosen)
        self._note = label("", "dim", wrap=True)
        self._note.setObjectName("selectionNote")
        inner.addWidget(self._count)
        inner.addWidget(self._how)
        inner.addWidget(self._build_buttons())
        inner.addWidget(self._sheet)
        inner.addWidget(self._note)
        inner.addWidget(self._shares)
        inner.addWidget(self._build_means())
        return self._selected

    def _build_buttons(self) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(SPACE // 2)
        keep = button("keepSelection", "Keep", "Keep the selection on the Board", self.keepRequested.emit)
        mean = button("goToMean", "Go to mean", "Decode the mean of the selected images", self.meanRequested.emit)
        invert = button(
            "invertSelection", "Invert", "Select the images that are not selected", self.invertRequested.emit
        )
        clear = button("clearSelection", "Clear", "Select no image", self.clearRequested.emit)
        tag = button("tagSelection", "Tag…", "Give these images a value in a column of your own", self._on_tag)
        export = button("exportSelection", "Export…", "Write these images as a table or a folder")
        train = button("trainOnSelection", "Train…", "Open these images, or all others, to train on them")
        encode = button(
            "encodeSelection", "Encode", "Encode these images anew with the current weights", self.encodeRequested.emit
        )
        self._export_menu, self._train_menu = QMenu(export), QMenu(train)
        self._menu(self._export_menu, "exportTable", "Table (.csv)…", self._on_export_table)
        self._menu(self._export_menu, "exportFolder", "Folder of images…", self._on_export_folder)
        self._menu(self._train_menu, "trainOn", "Train on these images…", lambda: self.trainRequested.emit(True))
        self._menu(self._train_menu, "trainWithout", "Train without them…", lambda: self.trainRequested.emit(False))
        export.setMenu(self._export_menu)
        train.setMenu(self._train_menu)
        self._buttons: dict[str, QPushButton] = {
            "keep": keep, "invert": invert, "clear": clear, "mean": mean,
            "tag": tag, "export": export, "train": train, "encode": encode,
        }  # fmt: skip
        self._tips = {name: each.toolTip() for name, each in self._buttons.items()}
        for number, each in enumerate(self._buttons.values()):
            each.setProperty("compact", True)
            grid.addWidget(each, number // _BUTTONS, number % _BUTTONS)
        return box

    def _menu(self, menu: QMenu, name: str, text: str, clicked: Callable[[], object]) -> None:
        action = add_action(menu, text)
        action.setObjectName(name)
        action.triggered.connect(lambda _checked=False: clicked())

    def _build_means(self) -> QWidget:
        self._means = QWidget()
        self._mean, self._decoded = PixelView(MEAN), PixelView(MEAN)
        named(self._mean, "meanImage", "mean of the images", "Mean of the selected images, pixel by pixel")
        named(self._decoded, "decodedMean", "decoded mean", "The mean of their latents, decoded; Go to mean goes there")
        grid = QGridLayout(self._means)
        grid.setContentsMargins(0, 0, 0, 0)
        self._mean_caption = label("mean image", "dim")
        for place, (view, caption) in enumerate(
            ((self._mean, self._mean_caption), (self._decoded, label("decoded mean", "dim")))
        ):
            view.setFixedSize(MEAN, MEAN)
            grid.addWidget(view, 0, place)
            grid.addWidget(caption, 1, place)
        grid.setColumnStretch(2, 1)
        return self._means

    # --- what is shown --------------------------------------------------------------------------

    def set_selection(self, count: int, how: str, classes: Sequence[tuple[str, int]], total: int = 0) -> None:
        """Show how many images are selected, how they were chosen, and how many there are of each class."""
        self._empty.setVisible(not count)
        if count:
            self._build()
        if not self._is_built:
            return
        self._selected.setVisible(bool(count))
        of = f" of {total:,}" if total else ""
        self._count.setText(f"{count:,} image{'' if count == 1 else 's'}{of}")
        self._how.setText(how)
        self._shares.set_counts(classes)
        if not count:
            self.set_images(None, None)
            self.set_means(None, None)

    def set_images(self, originals: ByteArray | None, reconstructions: ByteArray | None) -> None:
        """Show images [n, H, W] or [n, H, W, 3] above their reconstructions; without originals these alone."""
        if not self._is_built:
            return
        self._sheet.setVisible(reconstructions is not None)
        if reconstructions is None:
            self._shown = 0
            self._sheet.set_rows(None, (), pickable=False)
            return
        self._shown = len(reconstructions)
        self._has_originals = originals is not None
        rows = []
        for start in range(0, len(reconstructions), COLUMNS):
            for images in (originals, reconstructions):
                if images is not None:
                    rows.append(_padded(images[start : start + COLUMNS]))
        self._sheet.set_rows(np.stack(rows), (), pickable=True)
        self._lines, self._aspect = len(rows), rows[0].shape[1] / rows[0].shape[2]
        self._fit_sheet()
        kind = "Images, each above its reconstruction" if self._has_originals else "Decoded images"
        named(self._sheet, "selectionSheet", "some of the selected images", f"{kind}; click one to go to its latent")

    def set_means(self, mean: ByteArray | None, decoded: ByteArray | None) -> None:
        """Show the mean of the images and their decoded mean latent, each uint8 [H, W] or [H, W, 3]."""
        if not self._is_built:
            return
        self._mean.set_picture(mean)
        self._decoded.set_picture(decoded)
        for widget in (self._mean, self._mean_caption):
            widget.setVisible(mean is not None)
        self._means.setVisible(decoded is not None)

    def set_note(self, text: str) -> None:
        """Write a line below the images, if some are selected."""
        if not self._is_built:
            return
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def set_reasons(self, reasons: Mapping[str, str]) -> None:
        """Say why something cannot be done with selected images: ``mean``, ``train``, ``exportFolder``, …."""
        if not self._is_built:
            return
        for name, widget in self._buttons.items():
            why = reasons.get(name, "")
            widget.setEnabled(not why)
            set_tool_tip(widget, why or self._tips[name], lines=True)
        for action in self._export_menu.actions():
            why = reasons.get(action.objectName(), "")
            action.setEnabled(not why)
            set_tool_tip(action, why or _EXPORT_TIPS[action.objectName()])
        self._export_menu.setToolTipsVisible(True)

    def _fit_sheet(self) -> None:
        """Make the sheet as high as its rows are at this width."""
        if self._lines:
            tile = min(96.0, (self._sheet.width() / COLUMNS - 2) * self._aspect)
            self._sheet.setFixedHeight(max(40, int(self._lines * (tile + _GAP)) + 2))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the sheet to the new width."""
        super().resizeEvent(event)
        self._fit_sheet()

    # --- what the user does ---------------------------------------------------------------------

    def _on_tile_chosen(self, line: int, place: int) -> None:
        chosen = (line // 2 if self._has_originals else line) * COLUMNS + place
        if chosen < self._shown:
            self.imageClicked.emit(chosen)

    def _on_tag(self) -> None:
        TagDialog(self.tag_columns, self.tag_reason, self.tagRequested.emit, self).open()

    def _on_export_table(self) -> None:
        dialogs.choose_target(
            self, "Export the selected images", "selection.csv", "Tables (*.csv)",
            lambda path: self.exportRequested.emit("table", path),
        )  # fmt: skip

    def _on_export_folder(self) -> None:
        dialogs.choose_folder(
            self, "Choose an empty folder for the images", lambda path: self.exportRequested.emit("folder", path)
        )


def _padded(images: ByteArray) -> ByteArray:
    """A row of ``COLUMNS`` images, filled with black ones."""
    row_ = np.zeros((COLUMNS, *images.shape[1:]), np.uint8)
    row_[: len(images)] = images
    return row_
