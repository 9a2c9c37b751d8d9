"""The Data panel: the open dataset, and how its images are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from latentlab.config import DataConfig, validated
from latentlab.config.data import LEVELS
from latentlab.errors import InputError
from latentlab.gui.panels.class_picker import ClassPicker
from latentlab.gui.panels.dataset_facts import Shape, cost, details, file_summary, images_left
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.config_form import Settings, add_settings, form, make_controls
from latentlab.gui.widgets.containers import EmptyState, Fold
from latentlab.gui.widgets.controls import button, column, label, named, row, rule, scrolled
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.plain_text import PlainTextView, set_tool_tip
from latentlab.gui.widgets.qimage import ByteArray, PixelView
from latentlab.utils.file_formats import FORMAT_NAMES
from latentlab.utils.plain_text import LINE, NAME, as_line
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.config.info import DatasetInfo
    from latentlab.gui.panels.value_histogram import ValueHistogram

DEMO = "demo:shapes"
_EMPTY = "Open a folder of images, or try the demo shapes, to see samples and counts here."
READING = ("image_size", "channels", "fit", "invert", "levels")
SUBSET = ("per_class", "limit", "split", "validation", "seed")
_MIN_SHEET_HEIGHT, _MAX_SHEET_HEIGHT = 48, 168  # px
_MIN_FORM_HEIGHT = 112  # px that are left to the controls below the facts, else the contact sheet scrolls with them
PREVIEW_DELAY = 150  # ms without a change before a preview is requested


class DataPanel(QWidget):
    """Opens a dataset and shows what it contains.

    Parameters
    ----------
    parts_later
        Leave it empty: ``build`` then makes its parts, so that the event loop can run between them.

    Signals
    -------
    openRequested(source, config)
        A dataset should be opened with the settings shown: a source and a ``DataConfig``.
    openFolderRequested, openFileRequested
        The user wants to choose a folder, or a dataset file.
    previewRequested(source, config)
        Settings were changed: some images of the open dataset should be shown as read with them.
    cancelRequested
        Opening should be cancelled.
    openRunDataRequested
        The images of the opened run should be opened.
    configRefused(message)
        The settings are invalid.
    """

    openRequested = Signal(str, object)
    openFolderRequested = Signal()
    openFileRequested = Signal()
    previewRequested = Signal(str, object)
    cancelRequested = Signal()
    openRunDataRequested = Signal()
    configRefused = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, parts_later: bool = False) -> None:
        super().__init__(parent)
        self.setObjectName("dataPanel")
        self._source = ""
        self._open_info: DatasetInfo | None = None
        self._whole: DatasetInfo | None = None  # the open source before a subset of it was opened
        self._shape: Shape = (1, 1, 1)  # of the images shown last
        self._histogram: ValueHistogram | None = None  # made with the first values: importing pyqtgraph takes long
        self._preview_timer = Debouncer(PREVIEW_DELAY, self._request_preview, self)
        if not parts_later:
            for _ in self.build():
                pass

    # --- building -------------------------------------------------------------------------------

    def build(self) -> Iterator[None]:
        """Make the parts, some with each step; the iterator must be exhausted before the panel is used or shown."""
        body = self._body = QWidget()
        self._area = scrolled(body)
        outer = self._outer = column(self, 0, 0)
        outer.addWidget(self._area, 1)
        outer.addWidget(self._build_sheet())
        layout = self._body_layout = column(body)
        self._build_source(layout)
        self._build_progress(layout)
        yield
        self._build_info(layout)
        yield
        yield from self._build_controls(layout)
        layout.addStretch(1)
        yield
        self.set_config(DataConfig())
        self.set_info(None)

    def _build_source(self, layout: QVBoxLayout) -> None:
        self._path = ElidedLabel("No dataset is open")
        named(self._path, "datasetPath", "dataset", "")
        self._open = button("openDatasetButton", "Folder…", "Open a folder of images", self.openFolderRequested.emit)
        self._file = button(
            "openDatasetFileButton", "File…", f"Open an {FORMAT_NAMES} file", self.openFileRequested.emit
        )
        self._demo = button(
            "demoShapesButton",
            "Demo",
            "Open 64 × 64 images of shapes, generated from known factors",
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
        self._cancel = button("cancelDataset", "Cancel", "Cancel opening", self.cancelRequested.emit)
        inner.addLayout(row(self._progress_text, None, self._cancel))
        inner.addWidget(self._progress)
        self._progress_box.hide()
        layout.addWidget(self._progress_box)

    def _build_info(self, layout: QVBoxLayout) -> None:
        self._run_data = button(
            "openRunDataInDataPanel",
            "Open the run's images",
            "Open the images of the opened run, which can then be continued",
            self.openRunDataRequested.emit,
            icon="open",
        )
        self._run_data.hide()
        self._empty = EmptyState(_EMPTY)
        self._info = QWidget()
        inner = self._info_layout = column(self._info, 0)
        self._counts = label("", "heading")
        self._counts.setObjectName("datasetCounts")
        self._misfit = label("", "warning", wrap=True, selectable=True)
        self._misfit.setObjectName("datasetMisfit")
        self._misfit.hide()
        self._range_warning = label("", "warning", wrap=True, selectable=True)
        self._range_warning.setObjectName("datasetRangeWarning")
        self._details = label("", "dim", wrap=True)
        self._files = label("", "dim", wrap=True, selectable=True, lines=True)
        self._files.setObjectName("datasetFound")
        self._skipped = PlainTextView()
        self._skipped.setFixedHeight(120)
        named(self._skipped, "skippedList", "left out", "What was not used, and why")
        skipped = QWidget()
        skipped_column = column(skipped, 0, SPACE // 2)
        skipped_column.addWidget(self._skipped)
        copy = button("copySkipped", "Copy list", "Copy what was left out", self._on_copy_skipped, icon="copy")
        skipped_column.addLayout(row(None, copy))
        self._skipped_fold = Fold("skippedFold", "left out", "List what was not used, and why", skipped)
        # What was left out is listed right below the number of images, where missing ones are looked for.
        for widget in (self._counts, self._misfit, self._range_warning, self._skipped_fold, self._details, self._files):
            inner.addWidget(widget)
        layout.addWidget(self._empty)
        layout.addWidget(self._run_data)
        layout.addWidget(self._info)

    def _build_sheet(self) -> QWidget:
        """Make the contact sheet and the cost, which stay visible while the controls scroll, except in a low panel."""
        self._sheet_box = QWidget()
        self._sheet = PixelView(160)
        named(self._sheet, "contactSheet", "contact sheet", "Some of the images, as the model receives them")
        self._cost = label("", "dim", wrap=True)
        self._cost.setObjectName("datasetCost")
        inner = self._sheet_layout = column(self._sheet_box, space=SPACE // 2)
        inner.addWidget(self._cost)
        inner.addWidget(self._sheet)
        self._sheet_box.hide()
        return self._sheet_box

    def _build_controls(self, layout: QVBoxLayout) -> Iterator[None]:
        choices = {"data.levels": LEVELS}
        self._settings = Settings(DataConfig, "data.", self._body, choices, without=("data.classes",))
        reading = [self._settings[f"data.{name}"] for name in READING]
        subset = [self._settings[f"data.{name}"] for name in SUBSET]
        rest_box = QWidget()
        reading_form, subset_form, rest = form(), form(), form()
        rest_box.setLayout(rest)
        self._classes = ClassPicker()
        self._classes_fold = Fold("classesFold", "classes", "Choose the classes to use", self._classes)
        self._apply = button("applyData", "Read again", "Open the dataset again with these settings", self._on_apply)
        layout.addWidget(rule())
        layout.addWidget(label("How images are read", "section"))
        layout.addLayout(reading_form)
        fold = Fold("moreData", "All settings", "All other settings of reading", rest_box)
        layout.addWidget(fold)
        layout.addWidget(label("Which images are used", "section"))
        layout.addWidget(self._classes_fold)
        layout.addLayout(subset_form)
        yield
        yield from make_controls(reading + subset)
        last = add_settings(reading_form, reading)
        add_settings(subset_form, subset, last)
        others = [each for each in self._settings.values() if each not in reading + subset]

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

    # --- what is shown --------------------------------------------------------------------------

    def config(self) -> DataConfig:
        """The configuration shown.

        Raises
        ------
        InputError
            Naming the first invalid setting.
        """
        if self._classes.is_empty():
            raise InputError("no class is checked; check at least one")
        return validated(DataConfig, self._settings.chosen()["data"] | {"classes": self._classes.chosen()})

    def set_config(self, config: DataConfig) -> None:
        """Show a configuration."""
        self._settings.show({"data": config.model_dump()})
        self._show_levels(config.levels)
        self._classes.set_chosen(config.classes)
        self._show_cost()

    def set_info(self, info: DatasetInfo | None) -> None:
        """Show the open dataset; ``None`` shows the empty state."""
        self._empty.setVisible(info is None)
        self._info.setVisible(info is not None)
        self._apply.setEnabled(info is not None)
        self._source = "" if info is None else info.source
        self._path.setText("No dataset is open" if info is None else info.source)
        self._preview_timer.cancel()
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
        self._range_warning.setText(info.range_warning and f"Value range: {info.range_warning}.")
        self._range_warning.setVisible(bool(info.range_warning))
        self._details.setText(details(info))
        self._files.setText(file_summary(info))
        set_tool_tip(self._files, file_summary(info, max_named=40), lines=True)
        self._files.setVisible(bool(file_summary(info)))
        self._skipped.setPlainText("\n".join(as_line(f"{path}: {reason}") for path, reason in info.skipped))
        self._skipped_fold.set_title(info.left_out_summary)
        self._skipped_fold.setVisible(info.skipped_count > 0)

    def set_run_data(self, source: str, run: str = "") -> None:
        """Offer to open the images that the opened run was trained on; an empty source withdraws the offer."""
        run, source = as_line(run, NAME), as_line(source, LINE)
        self._empty.set_text(f"{run} was trained on {source}. Open these images to continue it." if source else _EMPTY)
        set_tool_tip(self._run_data, f"Open {source} as {run} read it; the run can then be continued")
        self._run_data.setVisible(bool(source))

    def set_misfit(self, text: str) -> None:
        """Show why the open images do not fit the open model; an empty text hides the message."""
        self._misfit.setText(text)
        self._misfit.setVisible(bool(text))

    def set_contact_sheet(self, image: ByteArray | None) -> None:
        """Show some of the images as the model receives them: uint8 [H, W] or [H, W, 3]."""
        self._sheet.set_picture(image)
        self._sheet_box.setVisible(image is not None)
        self._fit_sheet()

    def set_histogram(
        self,
        counts: NDArray[np.int64] | None,
        low: float = 0.0,
        high: float = 1.0,
        window: tuple[float, float] = (0, 1),
    ) -> None:
        """Show how often values occur: counts [bins] from ``low`` to ``high``, and the values shown black and white.

        ``None`` hides the histogram.
        """
        if counts is not None:
            if self._histogram is None:
                self._make_histogram().set_histogram(counts, low, high)
            else:
                self._histogram.set_histogram(counts, low, high)
            self.set_value_range(window)
        if self._histogram is not None:
            self._histogram.setVisible(counts is not None)
            self._fit_sheet()

    def set_value_range(self, window: tuple[float, float]) -> None:
        """Show which values are black and white in the histogram."""
        if self._histogram is not None:
            self._histogram.set_window(*window)

    def set_preview(self, image: ByteArray, shape: Shape) -> None:
        """Show some images read with the changed settings, and the shape (C, H, W) they have then."""
        self._shape = shape
        self.set_contact_sheet(image)
        self._show_cost()

    def set_progress(self, message: str, done: int = 0, total: int = 0) -> None:
        """Show the progress of opening (``total`` is 0 while unknown); an empty message hides it."""
        self._progress_box.setVisible(bool(message))
        self._progress.setMaximum(total)
        self._progress.setValue(done)
        count = f" {done:,} of {total:,}" if total else f" {done:,}" if done else ""
        self._progress_text.setText(as_line(message, NAME) + count)

    def open(self, source: str) -> None:
        """Request a dataset with the settings shown; chosen classes are only used for the dataset that is open."""
        if source != self._source:
            self._classes.set_chosen(())
        try:
            config = self.config()
        except InputError as error:
            self.configRefused.emit(str(error))
            return
        self.openRequested.emit(source, config)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the contact sheet to the new size."""
        super().resizeEvent(event)
        self._fit_sheet()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the controls."""
        # Call event() directly: sendEvent would propagate an ignored event back here.
        self._area.verticalScrollBar().event(event)

    def _fit_sheet(self) -> None:
        picture = self._sheet.picture()
        if picture is None:
            return
        self._body_layout.activate()  # where the facts are is known only then
        needed = (self.width() - 3 * SPACE) * picture.height() // picture.width()
        height = min(needed, _MAX_SHEET_HEIGHT)
        facts = self._info.y() + self._info_layout.totalHeightForWidth(self._info.width()) + SPACE
        above = _MIN_FORM_HEIGHT if self._info.isHidden() else facts + _MIN_FORM_HEIGHT
        room = self.height() - above - self._height_around_sheet()
        scrolls = room < min(needed, _MIN_SHEET_HEIGHT)
        self._set_sheet_scrolls(scrolls)
        if not scrolls:
            # Half of the panel stays for the controls, also where there is a histogram.
            most = self.height() // (3 if self._histogram is None or self._histogram.isHidden() else 5)
            height = min(height, room, max(most, _MIN_SHEET_HEIGHT))
        self._sheet.setFixedHeight(height)

    def _height_around_sheet(self) -> int:
        """What the cost, the histogram and the margins take (px)."""
        margins = self._sheet_layout.contentsMargins()
        width, height = self.width() - margins.left() - margins.right(), margins.top() + margins.bottom()
        for widget in (self._cost, self._histogram):
            if widget is not None and not widget.isHidden():
                own = widget.heightForWidth(width) if widget.hasHeightForWidth() else widget.sizeHint().height()
                height += own + self._sheet_layout.spacing()
        return height

    def _set_sheet_scrolls(self, scrolls: bool) -> None:
        """Put the contact sheet below the facts, where it scrolls with the controls, or below the scrolled area."""
        if scrolls != (self._sheet_box.parentWidget() is self._body):
            if scrolls:
                self._body_layout.insertWidget(self._body_layout.indexOf(self._info) + 1, self._sheet_box)
            else:
                self._outer.addWidget(self._sheet_box)

    def _make_histogram(self) -> ValueHistogram:
        from latentlab.gui.panels.value_histogram import ValueHistogram

        histogram = self._histogram = ValueHistogram()
        histogram.windowMoved.connect(self._on_window_moved)
        histogram.windowChosen.connect(self._on_window_chosen)
        self._sheet_layout.addWidget(histogram)
        return histogram

    def _on_window_moved(self, low: float, high: float) -> None:
        """Preview the window while it is dragged; the worker answers the newest request only."""
        self._preview_timer.cancel()
        try:
            config = validated(DataConfig, self.config().model_dump() | {"levels": (low, high)})
        except InputError:
            return
        self.previewRequested.emit(self._source, config)

    def _on_window_chosen(self, low: float, high: float) -> None:
        """Make the window the setting ``levels``."""
        levels = f"{low:.6g},{high:.6g}"
        self._show_levels(levels)
        self._on_changed()

    def _show_levels(self, levels: str) -> None:
        setting = self._settings["data.levels"]
        setting.set_value(LEVELS[0])  # an earlier window is no longer offered
        setting.set_choices(LEVELS if levels in LEVELS else (*LEVELS, levels))
        setting.set_value(levels)

    def _on_changed(self) -> None:
        self._show_cost()
        if self._open_info is not None:
            self._preview_timer.debounce()

    def _request_preview(self) -> None:
        try:
            config = self.config()
        except InputError:
            return  # reported when the dataset is opened
        self.previewRequested.emit(self._source, config)

    def _show_cost(self) -> None:
        """Show the memory and time needed with the present settings, using the last known image shape."""
        info, whole = self._open_info, self._whole
        try:
            config = None if info is None or whole is None else self.config()
        except InputError:
            config = None
        # The open images' own size and memory stand below their number.
        self._cost.setVisible(config is not None and info is not None and config != info.config)
        if info is None or whole is None or config is None:
            return
        channels, height, width = self._shape
        if config.image_size is not None:
            height, width = config.image_height or config.image_size, config.image_size
        if config.channels != "auto":
            channels = config.channels
        count = images_left(_class_counts(whole), whole.images - sum(whole.class_counts), config)
        # Files are chosen before they are read: those that cannot be read reduce the number.
        is_subset = config.per_class is not None or config.limit is not None
        at_most = is_subset and whole.unreadable_count > 0
        self._cost.setText(cost(info, count, (channels, height, width), at_most))

    def _on_apply(self) -> None:
        self.open(self._source)

    def _on_copy_skipped(self) -> None:
        QGuiApplication.clipboard().setText(self._skipped.toPlainText())


def _class_counts(info: DatasetInfo) -> dict[str, int]:
    return dict(zip(info.classes, info.class_counts, strict=False))


def _is_subset(config: DataConfig) -> bool:
    return bool(config.classes) or config.per_class is not None or config.limit is not None
