"""Which images the model learns from, and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QPlainTextEdit, QProgressBar, QVBoxLayout, QWidget

from latentlab.config import DataConfig, validated
from latentlab.errors import InputError
from latentlab.gui.panels.class_picker import ClassPicker
from latentlab.gui.panels.dataset_facts import Shape, cost, details, found, images_left
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.config_form import Settings, add_settings, form
from latentlab.gui.widgets.containers import EmptyState, Fold
from latentlab.gui.widgets.controls import button, column, label, named, row, rule, scrolled
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.qimage import ByteArray, PixelView
from latentlab.utils.text import pluralize, skipped_summary

if TYPE_CHECKING:
    from latentlab.config.info import DatasetInfo

DEMO = "demo:shapes"
LOOKS = ("image_size", "channels", "fit", "invert")
SUBSET = ("per_class", "limit", "validation", "seed")
_TALLEST_SHEET = 168  # px
_DEBOUNCE = 150  # ms without a change before images are read anew


class DataPanel(QWidget):
    """Opens a dataset and shows what it holds.

    Signals
    -------
    openRequested(source, config)
        A dataset is to be opened (again) as the controls say: a source and a ``DataConfig``.
    openFolderRequested, openFileRequested
        The user wants to choose a folder, or a dataset file.
    previewRequested(source, config)
        The controls changed and came to rest: some images of the open dataset are to be shown as they say.
    cancelRequested
        Give up the opening.
    configRefused(message)
        The settings do not make a valid configuration.
    """

    openRequested = Signal(str, object)
    openFolderRequested = Signal()
    openFileRequested = Signal()
    previewRequested = Signal(str, object)
    cancelRequested = Signal()
    configRefused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("dataPanel")
        self._source = ""
        self._open_info: DatasetInfo | None = None
        self._whole: DatasetInfo | None = None  # of the open source, before a subset of it was opened
        self._shape: Shape = (1, 1, 1)  # of the images last shown
        self._preview_timer = QTimer(self)
        self._preview_timer.setSingleShot(True)
        self._preview_timer.setInterval(_DEBOUNCE)
        self._preview_timer.timeout.connect(self._ask_preview)
        body = self._body = QWidget()
        self._area = scrolled(body)
        outer = column(self, 0, 0)
        outer.addWidget(self._area, 1)
        outer.addWidget(self._build_sheet())
        layout = column(body)
        self._build_source(layout)
        self._build_progress(layout)
        self._build_info(layout)
        self._build_controls(layout)
        layout.addStretch(1)
        self.set_config(DataConfig())
        self.set_info(None)

    # --- building -------------------------------------------------------------------------------

    def _build_source(self, layout: QVBoxLayout) -> None:
        self._path = ElidedLabel("No dataset is open")
        named(self._path, "datasetPath", "dataset", "")
        self._open = button("openDatasetButton", "Folder…", "Open a folder of images", self.openFolderRequested.emit)
        self._file = button(
            "openDatasetFileButton", "File…", "Open an npz, npy or IDX file", self.openFileRequested.emit
        )
        self._demo = button(
            "demoShapesButton",
            "Demo",
            "Open 64 × 64 shapes made on the spot from known factors",
            lambda: self.open(DEMO),
        )
        layout.addWidget(self._path)
        layout.addLayout(row(self._open, self._file, self._demo))

    def _build_progress(self, layout: QVBoxLayout) -> None:
        self._progress_box = QWidget()
        inner = column(self._progress_box, 0, SPACE // 2)
        self._progress_text = label("", "dim")
        self._progress = QProgressBar()
        named(self._progress, "datasetProgress", "progress of opening", "")
        self._progress.setTextVisible(False)
        self._cancel = button("cancelDataset", "Cancel", "Give up this opening", self.cancelRequested.emit)
        inner.addLayout(row(self._progress_text, None, self._cancel))
        inner.addWidget(self._progress)
        self._progress_box.hide()
        layout.addWidget(self._progress_box)

    def _build_info(self, layout: QVBoxLayout) -> None:
        self._empty = EmptyState("Open a folder of images, or try the demo shapes: their samples and counts show here.")
        self._info = QWidget()
        inner = column(self._info, 0)
        self._counts = label("", "heading")
        self._counts.setObjectName("datasetCounts")
        self._misfit = label("", "warning", wrap=True, selectable=True)
        self._misfit.setObjectName("datasetMisfit")
        self._misfit.hide()
        self._details = label("", "dim", wrap=True)
        self._found = label("", "dim", wrap=True, selectable=True)
        self._found.setObjectName("datasetFound")
        self._skipped = QPlainTextEdit()
        self._skipped.setReadOnly(True)
        self._skipped.setFixedHeight(120)
        named(self._skipped, "skippedList", "skipped files", "Files that were not used, and why")
        skipped = QWidget()
        skipped_column = column(skipped, 0, SPACE // 2)
        skipped_column.addWidget(self._skipped)
        copy = button("copySkipped", "Copy list", "Copy the skipped files", self._on_copy_skipped, icon="copy")
        skipped_column.addLayout(row(None, copy))
        self._skipped_fold = Fold("skippedFold", "skipped", "Files that were not used, and why", skipped)
        # Right below the number of images: what is missing from it is looked for there.
        for widget in (self._counts, self._misfit, self._skipped_fold, self._details, self._found):
            inner.addWidget(widget)
        layout.addWidget(self._empty)
        layout.addWidget(self._info)

    def _build_sheet(self) -> QWidget:
        """The contact sheet and what it costs stay where they are while the controls scroll: both are seen together."""
        self._sheet_box = QWidget()
        self._sheet = PixelView(160)
        named(self._sheet, "contactSheet", "contact sheet", "Some of the images, as the model will see them")
        self._cost = label("", "dim", wrap=True)
        self._cost.setObjectName("datasetCost")
        inner = column(self._sheet_box, SPACE, SPACE // 2)
        inner.addWidget(self._cost)
        inner.addWidget(self._sheet)
        self._sheet_box.hide()
        return self._sheet_box

    def _build_controls(self, layout: QVBoxLayout) -> None:
        self._settings = Settings(DataConfig, "data.", self._body, without=("data.classes",))
        looks = [self._settings[f"data.{name}"] for name in LOOKS]
        subset = [self._settings[f"data.{name}"] for name in SUBSET]
        rest_box = QWidget()
        looks_form, subset_form, rest = form(), form(), form()
        rest_box.setLayout(rest)
        self._classes = ClassPicker()
        self._classes_fold = Fold("classesFold", "classes", "Classes, their counts, and which to use", self._classes)
        self._apply = button("applyData", "Read again", "Open the dataset again with these settings", self._on_apply)
        layout.addWidget(rule())
        layout.addWidget(label("How images are read", "section"))
        layout.addLayout(looks_form)
        fold = Fold("moreData", "All settings", "Every other setting of reading", rest_box)
        layout.addWidget(fold)
        layout.addWidget(label("Which images are used", "section"))
        layout.addWidget(self._classes_fold)
        layout.addLayout(subset_form)
        last = add_settings(looks_form, looks)
        add_settings(subset_form, subset, last)
        others = [each for each in self._settings.values() if each not in looks + subset]

        def fill(unfolded: bool) -> None:
            if unfolded and not rest.rowCount():
                end = add_settings(rest, others, last)
                if end is not None:
                    QWidget.setTabOrder(end, subset[0].control)

        fold.toggled.connect(fill)
        layout.addLayout(row(None, self._apply))
        for setting in self._settings.values():
            setting.changed.connect(self._on_changed)
        self._classes.changed.connect(self._on_changed)

    # --- told -----------------------------------------------------------------------------------

    def config(self) -> DataConfig:
        """What the controls say.

        Raises
        ------
        InputError
            Naming the first setting that is refused.
        """
        if self._classes.is_empty():
            raise InputError("every class is left out; check at least one")
        return validated(DataConfig, self._settings.chosen()["data"] | {"classes": self._classes.chosen()})

    def set_config(self, config: DataConfig) -> None:
        """Show a configuration in the controls."""
        self._settings.show({"data": config.model_dump()})
        self._classes.set_chosen(config.classes)
        self._show_cost()

    def set_info(self, info: DatasetInfo | None) -> None:
        """Show what the open dataset holds; ``None`` shows the empty state."""
        self._empty.setVisible(info is None)
        self._info.setVisible(info is not None)
        self._apply.setEnabled(info is not None)
        self._source = "" if info is None else info.source
        self._path.setText("No dataset is open" if info is None else info.source)
        self._preview_timer.stop()
        if info is None or self._open_info is None or info.source != self._open_info.source:
            self._whole = None
            self._classes.set_chosen(())
        if info is not None and (self._whole is None or not _is_subset(info.config)):
            self._whole = info
        self._open_info = info
        self._classes.set_classes({} if self._whole is None else _class_counts(self._whole))
        if info is not None and info.config.classes:
            self._classes.set_chosen(info.config.classes)
        self._classes_fold.set_title(pluralize(len(self._classes.names()), "class", "classes"))
        self._classes_fold.setVisible(bool(self._classes.names()))
        if info is None:
            self._show_cost()
            return
        self._shape = info.image_shape
        self._show_cost()
        self._counts.setText(pluralize(info.images, "image"))
        self._details.setText(details(info))
        self._found.setText(found(info))
        self._found.setToolTip(found(info, most=40))
        self._found.setVisible(bool(found(info)))
        self._skipped.setPlainText("\n".join(f"{path}: {reason}" for path, reason in info.skipped))
        self._skipped_fold.set_title(f"{skipped_summary(info.skipped_count, info.others_count)}: which, and why")
        self._skipped_fold.setVisible(info.skipped_count > 0)

    def set_misfit(self, text: str) -> None:
        """Say why the open images do not fit the open model; an empty text says nothing."""
        self._misfit.setText(text)
        self._misfit.setVisible(bool(text))

    def set_contact_sheet(self, image: ByteArray | None) -> None:
        """Show some of the images as the model will see them: uint8 [H, W] or [H, W, 3]."""
        self._sheet.set_picture(image)
        self._sheet_box.setVisible(image is not None)
        self._fit_sheet()

    def set_preview(self, image: ByteArray, shape: Shape) -> None:
        """Show some images as the controls would have them read, and the shape (C, H, W) that they get."""
        self._shape = shape
        self.set_contact_sheet(image)
        self._show_cost()

    def set_progress(self, message: str, done: int = 0, total: int = 0) -> None:
        """Show how far the opening is (``total`` 0 while unknown); an empty message takes the bar away."""
        self._progress_box.setVisible(bool(message))
        self._progress.setMaximum(total)
        self._progress.setValue(done)
        count = f" {done:,} of {total:,}" if total else f" {done:,}" if done else ""
        self._progress_text.setText(message + count)

    def open(self, source: str) -> None:
        """Ask for a dataset to be opened as the controls say; the classes chosen are those of the open one alone."""
        if source != self._source:
            self._classes.set_chosen(())
        try:
            config = self.config()
        except InputError as error:
            self.configRefused.emit(str(error))
            return
        self.openRequested.emit(source, config)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the contact sheet its share of the height."""
        super().resizeEvent(event)
        self._fit_sheet()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn the wheel above the contact sheet: the controls scroll as they do under the wheel itself."""
        # Handed over, not sent: what the bar does not take would come back here.
        self._area.verticalScrollBar().event(event)

    def _fit_sheet(self) -> None:
        picture = self._sheet.picture()
        if picture is not None:
            needed = (self.width() - 2 * SPACE) * picture.height() // picture.width()
            self._sheet.setFixedHeight(min(needed, _TALLEST_SHEET, self.height() // 3))

    def _on_changed(self) -> None:
        self._show_cost()
        if self._open_info is not None:
            self._preview_timer.start()

    def _ask_preview(self) -> None:
        try:
            config = self.config()
        except InputError:
            return  # said when the dataset is to be read so
        self.previewRequested.emit(self._source, config)

    def _show_cost(self) -> None:
        """Say what the images take as the controls stand; of a shape that is not known yet, as last shown."""
        info, whole = self._open_info, self._whole
        try:
            config = None if info is None or whole is None else self.config()
        except InputError:
            config = None
        self._cost.setVisible(config is not None)
        if info is None or whole is None or config is None:
            return
        channels, height, width = self._shape
        if config.image_size is not None:
            height = width = config.image_size
        if config.channels != "auto":
            channels = config.channels
        left = images_left(_class_counts(whole), whole.images - sum(whole.class_counts), config)
        # Files are drawn before they are read: those that turn out to be broken are missing from the number.
        is_drawn = config.per_class is not None or config.limit is not None
        at_most = is_drawn and whole.skipped_count > whole.others_count
        self._cost.setText(cost(info, left, (channels, height, width), at_most))

    def _on_apply(self) -> None:
        self.open(self._source)

    def _on_copy_skipped(self) -> None:
        QGuiApplication.clipboard().setText(self._skipped.toPlainText())


def _class_counts(info: DatasetInfo) -> dict[str, int]:
    return dict(zip(info.classes, info.class_counts, strict=False))


def _is_subset(config: DataConfig) -> bool:
    return bool(config.classes) or config.per_class is not None or config.limit is not None
