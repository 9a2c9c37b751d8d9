"""Generated images: where they are drawn from, temperature, seed, and a grid of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent, QStandardItemModel
from PySide6.QtWidgets import QMenu, QSizePolicy, QSlider, QSpinBox, QStackedLayout, QWidget

from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.containers import EmptyState
from latentlab.gui.widgets.controls import button, column, combo_box, label, named, row, tool_button
from latentlab.gui.widgets.image_strip import ImageStrip
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.qimage import ByteArray
from latentlab.gui.widgets.term_card import set_term
from latentlab.utils.plain_text import NAME, as_line
from latentlab.utils.text import format_number

MAX_SEED = 2**31 - 1
MAX_COUNT = 400
_NARROW = 370  # px
_STEPS = 20  # of the temperature's slider for each unit
_EMPTY = "Images of latents drawn from the prior or from the encoded dataset, once a model is open."
_TEMPERATURE = (
    "Temperature: factor of the standard deviations latents are drawn with; below 1 typical images, above rare ones"
)


@dataclass(frozen=True)
class SourceChoice:
    """An entry of the list of sources.

    Attributes
    ----------
    key
        ``prior``, ``aggregate``, ``selection``, or ``direction:ID``.
    title
        What the user reads.
    reason
        Why it cannot be chosen; empty if it can.
    """

    key: str
    title: str
    reason: str = ""


class GeneratePanel(QWidget):
    """Draws latents and shows their images in a grid.

    Signals
    -------
    changed
        Source, temperature, count or seed were changed, or the panel came into view: new images are wanted.
    chosen(place)
        The image at this place was clicked, or chosen by Enter.
    keepRequested(place)
        The latent of this image is to be kept on the Board.
    copyCommandRequested
        The command that makes the same images is to be copied.
    openModelRequested
        The empty state's button was pressed.
    """

    changed = Signal()
    chosen = Signal(int)
    keepRequested = Signal(int)
    copyCommandRequested = Signal()
    openModelRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("generate")
        self.setAccessibleName("generate images")
        self._images: ByteArray | None = None
        self._columns = 1
        self._fixed_columns = 0  # of a grid whose rows mean something
        self._build_controls()
        self._note = label("", "dim")
        self._note.setObjectName("generateNote")
        self._strip = ImageStrip()
        named(self._strip, "generatedImages", "generated images", "")
        set_tool_tip(self._strip, "Click an image to go to its latent; right-click to keep it")
        self._strip.tileChosen.connect(lambda at, across: self._emit_at(self.chosen, at, across))
        self._strip.menuRequested.connect(self._on_menu_requested)
        self._empty = EmptyState(
            _EMPTY,
            button("fillGenerate", "Open model…", "Open a model file", self.openModelRequested.emit, icon="model"),
        )
        holder = QWidget()
        self._stack = QStackedLayout(holder)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._strip)
        layout = column(self, SPACE, SPACE // 2)
        head = QWidget()  # narrower than its controls in a narrow window, where the last of them are hidden
        head.setLayout(self._head)
        head.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout.addWidget(head)
        layout.addWidget(self._note)
        layout.addWidget(holder, 1)
        self._note.hide()
        self.set_sources((SourceChoice("prior", "Prior"),))

    def _build_controls(self) -> None:
        self._source = combo_box()
        self._source.setMinimumContentsLength(4)
        named(self._source, "generateFrom", "draw from", "Where the latents are drawn from")
        set_term(self._source, "prior")
        self._source.activated.connect(self._on_source_activated)
        self._is_chosen = False  # by the user, and not a model's default
        self._temperature = QSlider(Qt.Orientation.Horizontal)
        named(self._temperature, "generateTemperature", "temperature", "")
        self._temperature.setRange(1, 2 * _STEPS)
        self._temperature.setValue(_STEPS)
        self._temperature.setMinimumWidth(40)
        self._temperature.valueChanged.connect(self._on_temperature_changed)
        self._value = label()
        self._value.setFont(tabular(self._value.font()))
        for each in (self._temperature, self._value):
            set_term(each, "temperature")
        self._count = self._spin("generateCount", "number of images", "How many images", 1, MAX_COUNT, 24)
        self._count.setSuffix(" images")
        self._count.setMaximumWidth(94)
        self._seed = self._spin("generateSeed", "seed", "The same seed gives the same images", 0, MAX_SEED, 0)
        self._seed.setPrefix("seed ")
        self._seed.setMaximumWidth(84)
        self._next = tool_button("generateNext", "next seed", "Other images: the next seed", "dice")
        self._next.clicked.connect(lambda: self._seed.setValue((self._seed.value() + 1) % MAX_SEED))
        self._copy = tool_button("generateCopy", "copy as command", "Copy as command", "copy")
        self._copy.clicked.connect(self.copyCommandRequested)
        self._head = row(
            self._source,
            self._temperature,
            self._value,
            self._count,
            self._seed,
            self._next,
            self._copy,
            space=SPACE // 2,
        )
        self._head.setStretch(0, 3)
        self._head.setStretch(1, 2)

    def _spin(self, name: str, accessible: str, tip: str, low: int, high: int, value: int) -> QSpinBox:
        spin = QSpinBox()
        named(spin, name, accessible, tip)
        spin.setRange(low, high)
        spin.setValue(value)
        spin.setMinimumWidth(48)  # in a narrow window
        spin.setKeyboardTracking(False)  # not an image for every digit that is typed
        spin.valueChanged.connect(lambda _value: self.changed.emit())
        return spin

    # --- what is chosen -------------------------------------------------------------------------

    def source(self) -> str:
        """Key of the chosen source."""
        return str(self._source.currentData() or "prior")

    def temperature(self) -> float:
        """From 0.05 to 2; 1 if it has no effect."""
        return self._temperature.value() / _STEPS if self._temperature.isEnabled() else 1.0

    def count(self) -> int:
        """How many images."""
        return self._count.value()

    def seed(self) -> int:
        """The seed."""
        return self._seed.value()

    def set_sources(self, sources: Sequence[SourceChoice], default: str = "prior") -> None:
        """Offer these sources; one that cannot be chosen is greyed, and its tooltip says why.

        Where the user has not chosen one that is offered, ``default`` is taken, or the prior if that is greyed.
        """
        before = self.source() if self._is_chosen else default
        with QSignalBlocker(self._source):
            self._source.clear()
            for index, choice in enumerate(sources):
                self._source.addItem(as_line(choice.title, NAME), choice.key)
                model = self._source.model()
                assert isinstance(model, QStandardItemModel)
                item = model.item(index)
                item.setEnabled(not choice.reason)
                set_tool_tip(item, choice.reason or choice.title)
            keys = [choice.key for choice in sources if not choice.reason]
            self._source.setCurrentIndex(max(0, self._source.findData(before if before in keys else "prior")))

    def choice(self) -> tuple[str, int, int]:
        """Key of the source that the user has chosen, empty for none, count and seed; for ``set_choice``."""
        return (self.source() if self._is_chosen else ""), self.count(), self.seed()

    def set_choice(self, source: str, count: int, seed: int) -> None:
        """Show a source, a count and a seed again; an empty source is the model's default."""
        self._count.setValue(count)
        self._seed.setValue(seed)
        self._is_chosen = False
        if source:
            self.choose_source(source)

    def choose_source(self, key: str) -> bool:
        """Choose a source as the user does; returns whether it can be chosen."""
        index, model = self._source.findData(key), self._source.model()
        assert isinstance(model, QStandardItemModel)
        if index < 0 or not model.item(index).isEnabled():
            return False
        self._source.setCurrentIndex(index)
        self._on_source_activated()
        return True

    def set_temperature_reason(self, reason: str) -> None:
        """Grey the temperature, for a reason; an empty one enables it."""
        self._temperature.setEnabled(not reason)
        set_tool_tip(self._temperature, reason or _TEMPERATURE)
        self._show_temperature()

    def set_copy_reason(self, reason: str) -> None:
        """Grey "Copy as command", for a reason; an empty one enables it."""
        self._copy.setEnabled(not reason)
        set_tool_tip(self._copy, reason or "Copy as command: it makes exactly these images")

    # --- what is shown --------------------------------------------------------------------------

    def set_waiting(self, text: str) -> None:
        """Show what is loading; an empty text clears the message."""
        self._empty.set_waiting(text)

    def set_note(self, text: str) -> None:
        """Show why there are no images; an empty text removes it."""
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def set_images(self, images: ByteArray | None, columns: int = 0) -> None:
        """Show images, uint8 [n, H, W] or [n, H, W, 3]; ``None`` shows the empty state.

        ``columns`` is the length of a row, where rows mean something; else as many as make the images largest.
        """
        self._images, self._fixed_columns = images, columns
        self._stack.setCurrentWidget(self._empty if images is None else self._strip)
        self._lay_out()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the images for the new size."""
        super().resizeEvent(event)
        for widget in (self._value, self._copy):
            widget.setVisible(event.size().width() >= _NARROW)
        self._lay_out()

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for images that were not made while the panel was behind another."""
        super().showEvent(event)
        self.changed.emit()

    def sizeHint(self) -> QSize:
        """Low and wide."""
        return QSize(640, 148)

    def _lay_out(self) -> None:
        images = self._images
        if images is None or not len(images):
            self._strip.set_rows(None, (), pickable=False)
            return
        room = self._strip.viewport().size()
        shape = images.shape[2] / images.shape[1]
        self._columns = self._fixed_columns or best_columns(len(images), room.width(), room.height(), shape)
        rows = -(-len(images) // self._columns)
        grid = np.zeros((rows * self._columns, *images.shape[1:]), np.uint8)
        grid[: len(images)] = images
        self._strip.set_rows(grid.reshape(rows, self._columns, *images.shape[1:]), (), pickable=True)

    def _on_source_activated(self) -> None:
        self._is_chosen = True
        self.changed.emit()

    def _on_temperature_changed(self, _value: int) -> None:
        self._show_temperature()
        self.changed.emit()

    def _show_temperature(self) -> None:
        self._value.setText(f"T\u00a0{format_number(self.temperature(), '.2f')}")

    def _emit_at(self, signal: object, at: int, across: int) -> None:
        place = at * self._columns + across
        if self._images is not None and place < len(self._images):
            signal.emit(place)  # type: ignore[attr-defined]

    def _on_menu_requested(self, at: int, across: int, position: QPoint) -> None:
        menu = QMenu(self)
        menu.addAction("Go to its latent").triggered.connect(lambda: self._emit_at(self.chosen, at, across))
        menu.addAction("Keep on the Board").triggered.connect(lambda: self._emit_at(self.keepRequested, at, across))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(position)


def best_columns(count: int, width: int, height: int, shape: float = 1.0) -> int:
    """Columns of a grid whose ``count`` tiles, ``shape`` times as wide as high, are largest in a room."""

    def tile(columns: int) -> float:
        return min(width / columns / shape, height / math.ceil(count / columns))

    return max(range(1, count + 1), key=lambda columns: (tile(columns), -columns))
