"""The Export window: what to write, in which format and at which size; it stays open beside the map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QSpinBox,
    QWidget,
)

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, combo_box, label, named, row
from latentlab.gui.widgets.plain_text import set_tool_tip

FOLDER = ""
"""The suffix of what is a folder of files."""


@dataclass(frozen=True)
class ExportKind:
    """Something that can be written.

    Attributes
    ----------
    name, title, about
        For the program, for the user, and in a sentence.
    formats
        Suffixes, with their names; ``FOLDER`` for a folder.
    fields
        Names of the settings that it has.
    """

    name: str
    title: str
    about: str
    formats: tuple[tuple[str, str], ...]
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportChoice:
    """What is chosen in the window.

    Attributes
    ----------
    kind, suffix
        What, and in which format.
    width, height, detail
        Size of the map's picture in pixels, and how many pixels each of its logical ones has.
    scale
        Side of the square that a pixel of an image becomes.
    fps, of
        Of a film: frames a second, and what a run's shows.
    with_images
        Whether the open images are encoded.
    """

    kind: str
    suffix: str
    width: int = 1200
    height: int = 900
    detail: int = 2
    scale: int = 4
    fps: int = 10
    of: str = "manifold"
    with_images: bool = True


_FILMS = ((".mp4", "MP4"), (".gif", "GIF"), (".webp", "WebP"))
KINDS: tuple[ExportKind, ...] = (
    ExportKind(
        "map",
        "Latent map",
        "The map as it is in view, drawn anew at this size, with its axes and legend. An SVG file has points and "
        "decoded images as one picture, and lines and letters as shapes.",
        ((".png", "PNG"), (".svg", "SVG")),
        ("width", "height", "detail"),
    ),
    ExportKind(
        "image",
        "Decoded image",
        "The image of the latent that is shown.",
        ((".png", "PNG"), (".npz", "NPZ")),
        ("scale",),
    ),
    ExportKind(
        "traversals",
        "Traversals",
        "Each dimension swept with the others held at the latent that is shown, a row for each.",
        ((".png", "PNG"), (".npz", "NPZ")),
        ("scale",),
    ),
    ExportKind("strip", "Filmstrip", "The images that the filmstrip shows now.", ((".png", "PNG"),), ("scale",)),
    ExportKind(
        "path",
        "Film of the path",
        "The images along the path on the map, at the speed and with the number of frames of its bar.",
        (*_FILMS, (".png", "PNG"), (".npz", "NPZ")),
        ("scale",),
    ),
    ExportKind(
        "history",
        "Film of the run",
        "What the run has learned, epoch by epoch: each frame is for as many epochs.",
        _FILMS,
        ("of", "fps", "scale"),
    ),
    ExportKind(
        "curves",
        "Curves of the run",
        "As a table, a row for each epoch, or as a picture of the plots that are shown.",
        ((".csv", "CSV"), (".png", "PNG")),
        ("detail",),
    ),
    ExportKind(
        "latents",
        "Latents",
        "Posterior means and standard deviations of the images, with their paths and classes.",
        ((".csv", "CSV"), (".npz", "NPZ"), (".parquet", "Parquet")),
        ("with_images",),
    ),
    ExportKind(
        "projector",
        "TensorBoard projector",
        "A folder with latents, classes and a sprite of the images: tensorboard --logdir FOLDER shows it.",
        ((FOLDER, "Folder"),),
        ("with_images",),
    ),
    ExportKind(
        "html",
        "Web page",
        "One file with the map and, of small fully connected models, the decoder: any browser opens it.",
        ((".html", "HTML"),),
        ("with_images",),
    ),
    ExportKind(
        "onnx",
        "ONNX package",
        "A folder with encoder and decoder, run with onnxruntime once it is written; the difference is reported.",
        ((FOLDER, "Folder"),),
    ),
    ExportKind("card", "Model card", "What the model is, and how good it is, in Markdown.", ((".md", "Markdown"),)),
)
_SUBJECTS = (("manifold", "Decoded manifold"), ("reconstructions", "Reconstructions"), ("samples", "Samples"))
_LARGEST = 16_384  # px


class ExportDialog(QDialog):
    """Chooses what is written, and stays open: the map is not covered by a modal window.

    Signals
    -------
    exportRequested(choice)
        Export… was pressed: an `ExportChoice`.
    commandRequested, pythonRequested(choice)
        The command, or the Python code, that writes the same is to be copied.
    cancelRequested
        What is being written is to be given up.
    folderRequested(path)
        The folder of what was written is to be shown.
    """

    exportRequested = Signal(object)
    commandRequested = Signal(object)
    pythonRequested = Signal(object)
    cancelRequested = Signal()
    folderRequested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("exportDialog")
        self.setWindowTitle("Export")
        self.setModal(False)
        self.resize(540, 400)
        self._reasons: dict[str, str] = {}
        self._copy_reasons: dict[str, str] = {}
        self._format_reasons: dict[str, str] = {}
        self._kinds = QListWidget()
        named(self._kinds, "exportKinds", "what to export", "What to write")
        self._kinds.setFixedWidth(160)
        self._kinds.setSpacing(2)
        for kind in KINDS:
            item = QListWidgetItem(kind.title)
            item.setData(Qt.ItemDataRole.UserRole, kind.name)
            self._kinds.addItem(item)
        self._about = label("", "dim", wrap=True)
        self._reason = label("", "warning", wrap=True)
        self._reason.setObjectName("exportReason")
        self._form = QFormLayout()
        self._make_fields()
        self._build()
        self._kinds.currentRowChanged.connect(lambda _row: self._show_kind())
        self._format.currentIndexChanged.connect(lambda _index: self._show_reasons())
        self._kinds.setCurrentRow(0)

    def _make_fields(self) -> None:
        self._format, self._of = combo_box(), combo_box()
        named(self._format, "exportFormat", "format", "Format of the file")
        named(self._of, "exportOf", "what the film shows", "What the film shows of each epoch")
        for subject, title in _SUBJECTS:
            self._of.addItem(title, subject)
        self._images = QCheckBox("The open images")
        tip = "Encode all open images; else those that were encoded in the model's file are taken"
        named(self._images, "exportImages", "the open images", tip)
        self._images.setChecked(True)
        self._boxes: dict[str, QSpinBox] = {}
        for name, title, low, high, value, tip in (
            ("width", "width", 64, _LARGEST, 1200, "Width of the picture in pixels"),
            ("height", "height", 64, _LARGEST, 900, "Height of the picture in pixels"),
            ("detail", "size of letters", 1, 8, 2, "How many pixels large a line is: letters and markers grow with it"),
            ("scale", "enlargement", 1, 64, 4, "Side in pixels of the square that a pixel of an image becomes"),
            ("fps", "frames a second", 1, 100, 10, "Speed of the film"),
        ):
            box = QSpinBox()
            box.setRange(low, high)
            box.setValue(value)
            named(box, f"export{name.capitalize()}", title, tip)
            self._boxes[name] = box
        self._rows: dict[str, QWidget] = {"of": self._of, "with_images": self._images, **self._boxes}
        self._form.addRow("Format", self._format)
        for name, title in (
            ("width", "Width"),
            ("height", "Height"),
            ("detail", "Size of letters"),
            ("of", "Shows"),
            ("fps", "Frames a second"),
            ("scale", "Enlargement"),
            ("with_images", "Images"),
        ):
            self._form.addRow(title, self._rows[name])

    def _build(self) -> None:
        self._command = button(
            "exportCopyCommand",
            "Copy as command",
            "Copy the command that writes the same file",
            lambda: self.commandRequested.emit(self.choice()),
        )
        self._python = button(
            "exportCopyPython",
            "Copy as Python",
            "Copy the Python code that writes the same file",
            lambda: self.pythonRequested.emit(self.choice()),
        )
        self._export = button(
            "exportButton", "Export…", "Choose where to write it (Enter)", self._on_export, primary=True
        )
        self._export.setDefault(True)
        self._cancel = button("exportCancel", "Cancel", "Give up what is being written", self.cancelRequested.emit)
        self._progress = label("", "dim")
        self._progress.setObjectName("exportProgress")
        self._outcome = label("", "dim", wrap=True)
        self._outcome.setObjectName("exportOutcome")
        self._written = ""
        self._show_folder = button(
            "exportShowFolder",
            "Show in folder",
            "Show what was written in the file manager",
            lambda: self.folderRequested.emit(self._written),
        )
        side = QWidget()
        settings = column(side, 0)
        settings.addWidget(self._about)
        settings.addLayout(self._form)
        settings.addWidget(self._reason)
        settings.addStretch(1)
        ended = row(self._outcome, self._show_folder)
        ended.setStretch(0, 1)
        settings.addLayout(ended)
        settings.addLayout(row(self._progress, None, self._cancel))
        settings.addLayout(row(self._command, self._python, None, self._export))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(*[SPACE * 2] * 4)
        layout.setSpacing(SPACE * 2)
        layout.addWidget(self._kinds)
        layout.addWidget(side, 1)
        self.set_progress("")
        self.set_outcome("")

    # --- what it is given ---------------------------------------------------------------------------

    def show_kind(self, name: str) -> None:
        """Choose a kind by its name."""
        self._kinds.setCurrentRow([kind.name for kind in KINDS].index(name))

    def set_reasons(
        self, reasons: Mapping[str, str], copy_reasons: Mapping[str, str], format_reasons: Mapping[str, str]
    ) -> None:
        """Say why a kind or a suffix cannot be written now, and why no command writes a kind; empty texts: it can."""
        self._reasons, self._copy_reasons = dict(reasons), dict(copy_reasons)
        self._format_reasons = dict(format_reasons)
        for number, kind in enumerate(KINDS):
            item, reason = self._kinds.item(number), self._reasons.get(kind.name, "")
            # Still to be chosen, by the keyboard too: its reason is then read beside it.
            colour = self.palette().color(self.palette().ColorGroup.Disabled, self.palette().ColorRole.Text)
            item.setForeground(colour if reason else self.palette().text())
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, reason)
        self._show_formats()
        self._show_reasons()

    def set_map_size(self, width: int, height: int, detail: int) -> None:
        """Suggest a size for the map's picture."""
        for name, size in (("width", width), ("height", height), ("detail", detail)):
            self._boxes[name].setValue(size)

    def set_scale(self, scale: int) -> None:
        """Suggest an enlargement of the images."""
        self._boxes["scale"].setValue(scale)

    def set_has_images(self, has_images: bool) -> None:
        """Set whether images are open that the model can encode."""
        self._images.setEnabled(has_images)
        self._images.setChecked(has_images)

    def set_progress(self, text: str) -> None:
        """Show how far the writing is; an empty text ends it."""
        self._progress.setText(text)
        self._cancel.setVisible(bool(text))
        if text:
            self.set_outcome("")

    def set_outcome(self, sentence: str, path: str = "") -> None:
        """Say how the last export ended: with what was written at a path, or with why nothing was."""
        self._written = path
        self._outcome.setText(sentence)
        self._outcome.setVisible(bool(sentence))
        self._outcome.setProperty("role", "dim" if path or not sentence else "warning")
        self._outcome.style().unpolish(self._outcome)
        self._outcome.style().polish(self._outcome)
        self._show_folder.setVisible(bool(path))

    # --- what is chosen -----------------------------------------------------------------------------

    def kind(self) -> ExportKind:
        """What is chosen."""
        return KINDS[max(0, self._kinds.currentRow())]

    def choice(self) -> ExportChoice:
        """All that is chosen."""
        values = {name: box.value() for name, box in self._boxes.items()}
        return ExportChoice(
            self.kind().name,
            str(self._format.currentData()),
            of=str(self._of.currentData()),
            with_images=self._images.isChecked(),
            **values,
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Export with Enter in a number, too; Escape closes."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._export.isEnabled():
            self._on_export()
        else:
            super().keyPressEvent(event)

    def _on_export(self) -> None:
        if self._export.isEnabled():
            self.exportRequested.emit(self.choice())

    def _show_kind(self) -> None:
        kind = self.kind()
        self._about.setText(kind.about)
        for name, widget in self._rows.items():
            self._form.setRowVisible(widget, name in kind.fields)
        self._form.setRowVisible(self._format, len(kind.formats) > 1)
        self._format.clear()
        for suffix, title in kind.formats:
            self._format.addItem(title, suffix)
        self._show_formats()
        self._show_reasons()

    def _show_formats(self) -> None:
        """Grey the formats that cannot be written, and choose another one than these."""
        model = self._format.model()
        assert isinstance(model, QStandardItemModel)
        usable = []
        for number in range(self._format.count()):
            reason = self._format_reasons.get(str(self._format.itemData(number)), "")
            model.item(number).setEnabled(not reason)
            self._format.setItemData(number, reason, Qt.ItemDataRole.ToolTipRole)
            usable += [] if reason else [number]
        if usable and self._format.currentIndex() not in usable:
            self._format.setCurrentIndex(usable[0])
        greyed = [reason for suffix, _ in self.kind().formats if (reason := self._format_reasons.get(suffix, ""))]
        set_tool_tip(self._format, "\n".join(["Format of the file", *greyed]), lines=True)

    def _show_reasons(self) -> None:
        name = self.kind().name
        reason = self._reasons.get(name, "") or self._format_reasons.get(str(self._format.currentData()), "")
        self._reason.setText(f"{reason}." if reason else "")
        self._reason.setVisible(bool(reason))
        self._export.setEnabled(not reason)
        copy_reason = reason or self._copy_reasons.get(name, "")
        for each, tip in (
            (self._command, "Copy the command that writes the same file"),
            (self._python, "Copy the Python code that writes the same file"),
        ):
            each.setEnabled(not copy_reason)
            set_tool_tip(each, copy_reason or tip)
