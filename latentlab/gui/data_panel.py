"""Which images the model learns from, and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QProgressBar, QVBoxLayout, QWidget

from latentlab.config import DataConfig, validated
from latentlab.errors import InputError
from latentlab.gui.config_form import Settings, add_settings, form
from latentlab.gui.decoded_image import PixelView
from latentlab.gui.images import ByteArray
from latentlab.gui.parts import ElidedLabel, EmptyState, Fold, button, column, label, named, row, rule, scrolled
from latentlab.gui.theme import SPACE

if TYPE_CHECKING:
    from latentlab.engine.messages import DatasetInfo

DEMO = "demo:shapes"
FRONT = ("image_size", "channels", "fit", "invert", "limit", "validation")


class DataPanel(QWidget):
    """Opens a dataset and shows what it holds.

    Signals
    -------
    openRequested(source, config)
        A dataset is to be opened (again) as the controls say: a source and a ``DataConfig``.
    openFolderRequested, openFileRequested
        The user wants to choose a folder, or a dataset file.
    cancelRequested
        Give up the opening.
    configRefused(message)
        The settings do not make a valid configuration.
    """

    openRequested = Signal(str, object)
    openFolderRequested = Signal()
    openFileRequested = Signal()
    cancelRequested = Signal()
    configRefused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("dataPanel")
        self._source = ""
        body = self._body = QWidget()
        self._area = scrolled(body)
        outer = column(self, 0, 0)
        outer.addWidget(self._area)
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
        self._open = button(
            "openDatasetButton", "Folder…", "Open a folder of images", self.openFolderRequested.emit, icon="open"
        )
        self._file = button(
            "openDatasetFileButton", "File…", "Open an npz, npy or IDX file", self.openFileRequested.emit
        )
        self._demo = button(
            "demoShapesButton",
            "Demo shapes",
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
        self._details = label("", "dim", wrap=True)
        self._sheet = PixelView(160)
        self._sheet.setFixedHeight(168)
        named(self._sheet, "contactSheet", "contact sheet", "Some of the images, as the model will see them")
        self._classes = label("", wrap=True, selectable=True)
        self._classes.setObjectName("datasetClasses")
        self._classes_fold = Fold("classesFold", "classes", "Classes and their counts", self._classes)
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
        for widget in (self._counts, self._details, self._sheet, self._classes_fold, self._skipped_fold):
            inner.addWidget(widget)
        layout.addWidget(self._empty)
        layout.addWidget(self._info)

    def _build_controls(self, layout: QVBoxLayout) -> None:
        self._settings = Settings(DataConfig, "data.", self._body)
        front = [self._settings[f"data.{name}"] for name in FRONT]
        rest_box = QWidget()
        main, rest = form(), form()
        rest_box.setLayout(rest)
        self._apply = button("applyData", "Read again", "Open the dataset again with these settings", self._on_apply)
        layout.addWidget(rule())
        layout.addWidget(label("How images are read", "section"))
        layout.addLayout(main)
        layout.addWidget(Fold("moreData", "All settings", "Every other setting of reading", rest_box))
        last = add_settings(main, front)
        add_settings(rest, [setting for setting in self._settings.values() if setting not in front], last)
        layout.addLayout(row(None, self._apply))

    # --- told -----------------------------------------------------------------------------------

    def config(self) -> DataConfig:
        """What the controls say.

        Raises
        ------
        InputError
            Naming the first setting that is refused.
        """
        return validated(DataConfig, self._settings.chosen()["data"])

    def set_config(self, config: DataConfig) -> None:
        """Show a configuration in the controls."""
        self._settings.show({"data": config.model_dump()})

    def set_info(self, info: DatasetInfo | None) -> None:
        """Show what the open dataset holds; ``None`` shows the empty state."""
        self._empty.setVisible(info is None)
        self._info.setVisible(info is not None)
        self._apply.setEnabled(info is not None)
        self._source = "" if info is None else info.source
        self._path.setText("No dataset is open" if info is None else info.source)
        if info is None:
            return
        channels, height, width = info.image_shape
        self._counts.setText(f"{info.images:,} images")
        colour = "grey" if channels == 1 else "colour"
        self._details.setText(
            f"{width} × {height} {colour} · {info.training_images:,} training, {info.validation_images:,} validation"
            f" · {_bytes(info.bytes_in_memory)} in memory"
        )
        lines = [f"{name}  {count:,}" for name, count in zip(info.classes, info.class_counts, strict=False)]
        self._classes.setText("\n".join(lines))
        self._classes_fold.set_title(f"{len(info.classes)} classes")
        self._classes_fold.setVisible(bool(info.classes))
        self._skipped.setPlainText("\n".join(f"{path}: {reason}" for path, reason in info.skipped))
        self._skipped_fold.set_title(f"{info.skipped_count:,} skipped")
        self._skipped_fold.setVisible(info.skipped_count > 0)

    def set_contact_sheet(self, image: ByteArray | None) -> None:
        """Show some of the images as the model will see them: uint8 [H, W] or [H, W, 3]."""
        self._sheet.set_picture(image)

    def set_progress(self, message: str, done: int = 0, total: int = 0) -> None:
        """Show how far the opening is (``total`` 0 while unknown); an empty message takes the bar away."""
        self._progress_box.setVisible(bool(message))
        self._progress.setMaximum(total)
        self._progress.setValue(done)
        count = f" {done:,} of {total:,}" if total else f" {done:,}" if done else ""
        self._progress_text.setText(message + count)

    def open(self, source: str) -> None:
        """Ask for a dataset to be opened as the controls say."""
        try:
            config = self.config()
        except InputError as error:
            self.configRefused.emit(str(error))
            return
        self.openRequested.emit(source, config)

    def _on_apply(self) -> None:
        self.open(self._source)

    def _on_copy_skipped(self) -> None:
        QGuiApplication.clipboard().setText(self._skipped.toPlainText())


def _bytes(size: int) -> str:
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"
