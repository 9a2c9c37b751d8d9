"""The bar under the map that plays the path: its kind, its length, and its film."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QCheckBox, QSizePolicy, QSpinBox, QWidget

from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.controls import column, combo_box, label, named, row, tool_button
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.scrubber import Scrubber

KINDS = {
    "linear": ("Linear", "Straight lines between the waypoints"),
    "spherical": (
        "Spherical",
        "Keeps its distance from the origin, near which the prior has little mass in many dimensions",
    ),
    "geodesic": ("Geodesic", "Leads where the decoded images change least"),
    "graph": ("Through data", "The shortest way through nearest neighbours among the encoded images"),
}
MAX_FRAMES, MAX_SPEED = 10_000, 100
FRAMES, SPEED = 60, 20
_EXPORT_TIP = "Export the film that is played, as GIF, WebP, MP4, picture or arrays (Ctrl+Shift+E)"
_COPY_TIP = "Copy the command that writes this film"
NO_PATH = "Click on the map to set waypoints: the path leads through them."


class PathBar(QWidget):
    """Shows how the path leads through its waypoints, plays it, and says how long it is.

    Space plays, the arrow keys step by one image, Home and End go to the ends, Escape stops.

    Signals
    -------
    kindChosen(kind), loopToggled(on), evenToggled(on)
        How the path is to lead, and to be played.
    settingsChanged
        Another number of images, or another speed.
    playToggled, stopRequested
        Playing is to start or to pause, or to end.
    frameChosen(index)
        This image of the film is to be shown.
    goRequested, keepRequested, copyRequested, exportRequested
        The latent of the image shown is to be chosen; the path is to be kept; its command is to be copied; its film is
        to be written.
    """

    kindChosen = Signal(str)
    loopToggled = Signal(bool)
    evenToggled = Signal(bool)
    settingsChanged = Signal()
    playToggled = Signal()
    stopRequested = Signal()
    frameChosen = Signal(int)
    goRequested = Signal()
    keepRequested = Signal()
    copyRequested = Signal()
    exportRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pathBar")
        self.setAccessibleName("path")
        self._is_playing = False
        self._count = 0
        layout = column(self, 0, SPACE // 2)
        layout.setContentsMargins(SPACE, SPACE // 2, SPACE, SPACE // 2)
        for controls in (self._build_choices(), self._build_player()):
            # Either row may be narrower than its controls, in a narrow window.
            controls.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            layout.addWidget(controls)
        self._lengths = ElidedLabel()
        self._lengths.setProperty("role", "dim")
        named(self._lengths, "pathLengths", "lengths of the path", "")
        layout.addWidget(self._lengths)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.set_frames(0)
        self.set_text(NO_PATH)
        self.hide()

    def _build_choices(self) -> QWidget:
        self._kind = combo_box()
        self._kind.setMinimumContentsLength(6)
        named(self._kind, "pathKind", "kind of path", "How the path leads through its waypoints")
        for kind, (title, tip) in KINDS.items():
            self._kind.addItem(title, kind)
            set_tool_tip(self._item(self._kind.count() - 1), tip)
        self._kind.activated.connect(lambda _index: self.kindChosen.emit(self._kind.currentData()))
        self._loop = QCheckBox("Loop")
        named(self._loop, "pathLoop", "loop", "Return to the first waypoint: the film repeats without a seam")
        self._loop.toggled.connect(self.loopToggled)
        self._even = QCheckBox("Even speed")
        named(self._even, "pathEven", "even image speed", "Let the image, not the latent, change at an even speed")
        self._even.toggled.connect(self.evenToggled)
        self._frames = self._spin("pathFrames", "number of images", "How many images are played", MAX_FRAMES, FRAMES)
        self._frames.setSuffix(" images")
        choices = QWidget()
        choices.setLayout(row(self._kind, self._loop, self._even, self._frames, space=SPACE // 2))
        return choices

    def _build_player(self) -> QWidget:
        self._play = tool_button("pathPlay", "play", "Play the path (Space)", "train")
        self._play.clicked.connect(self.playToggled)
        self._slider = Scrubber(Qt.Orientation.Horizontal)
        named(self._slider, "pathScrubber", "image of the path", "Show an image of the path; Enter chooses its latent")
        self._slider.setPageStep(5)
        self._slider.valueChanged.connect(self.frameChosen)
        self._slider.sliderPressed.connect(lambda: self.frameChosen.emit(self._slider.value()))
        self._slider.installEventFilter(self)
        self._position = label()
        named(self._position, "pathPosition", "position", "")
        self._position.setFont(tabular(self._position.font()))
        self._speed = self._spin("pathSpeed", "images a second", "Images a second", MAX_SPEED, SPEED)
        self._speed.setSuffix(" / s")
        self._go = tool_button("pathGo", "choose this latent", "Choose the latent of this image (Enter)", "explore")
        self._go.clicked.connect(self.goRequested)
        self._keep = tool_button("pathKeep", "keep on the Board", "Keep the path on the Board", "save")
        self._keep.clicked.connect(self.keepRequested)
        self._copy = tool_button("pathCopy", "copy as command", _COPY_TIP, "copy")
        self._copy.clicked.connect(self.copyRequested)
        self._export = tool_button("pathExport", "export film", _EXPORT_TIP, "image")
        self._export.clicked.connect(self.exportRequested)
        buttons = (self._go, self._keep, self._copy, self._export)
        player = QWidget()
        layout = row(self._play, self._slider, self._position, self._speed, *buttons, space=SPACE // 2)
        layout.setStretch(1, 1)
        player.setLayout(layout)
        return player

    def _spin(self, name: str, accessible: str, tip: str, most: int, value: int) -> QSpinBox:
        spin = QSpinBox()
        named(spin, name, accessible, tip)
        spin.setRange(1, most)
        spin.setValue(value)
        spin.setMaximumWidth(120)
        spin.setKeyboardTracking(False)  # not a path for every digit that is typed
        spin.valueChanged.connect(lambda _value: self.settingsChanged.emit())
        return spin

    # --- what is chosen -------------------------------------------------------------------------

    def frames(self) -> int:
        """How many images are to be played."""
        return self._frames.value()

    def speed(self) -> int:
        """Images a second."""
        return self._speed.value()

    def set_style(self, kind: str, is_closed: bool, is_even: bool) -> None:
        """Show how the path leads, without emitting a signal."""
        self._kind.setCurrentIndex(list(KINDS).index(kind))
        for box, is_on in ((self._loop, is_closed), (self._even, is_even)):
            with QSignalBlocker(box):
                box.setChecked(is_on)

    def set_kind_reasons(self, reasons: Mapping[str, str]) -> None:
        """Grey the kinds that cannot be chosen; the tooltip of each says why."""
        for index, (kind, (_, tip)) in enumerate(KINDS.items()):
            item = self._item(index)
            item.setEnabled(not reasons.get(kind))
            set_tool_tip(item, reasons.get(kind) or tip)

    def _item(self, index: int) -> QStandardItem:
        model = self._kind.model()
        assert isinstance(model, QStandardItemModel)
        return model.item(index)

    # --- what is shown --------------------------------------------------------------------------

    def set_text(self, text: str, explanation: str = "") -> None:
        """Say how long the path is, or why there is none; the tooltip explains it."""
        self._lengths.setText(text, explanation)

    def set_frames(self, count: int) -> None:
        """Set how many images the film has; 0 for no path."""
        self._count = count
        with QSignalBlocker(self._slider):
            self._slider.setRange(0, max(0, count - 1))
        for widget in (self._play, self._slider, self._go, self._keep):
            widget.setEnabled(count > 0)
        widest = f"{count:,} / {count:,}"
        self._position.setMinimumWidth(self._position.fontMetrics().horizontalAdvance(widest))
        self._show_position()

    def set_frame(self, index: int) -> None:
        """Show which image of the film is shown, without emitting a signal."""
        with QSignalBlocker(self._slider):
            self._slider.setValue(index)
        self._show_position()

    def set_playing(self, is_playing: bool) -> None:
        """Show whether the path is being played."""
        if is_playing != self._is_playing:
            self._is_playing = is_playing
            set_icon(self._play, "pause" if is_playing else "train", "dim")
            set_tool_tip(self._play, "Pause (Space)" if is_playing else "Play the path (Space)")

    def set_export_reason(self, reason: str) -> None:
        """Grey the export, for a reason; an empty one enables it."""
        self._export.setEnabled(not reason)
        set_tool_tip(self._export, reason or _EXPORT_TIP)

    def set_copy_reason(self, reason: str) -> None:
        """Grey "Copy as command", for a reason; an empty one enables it."""
        self._copy.setEnabled(not reason)
        set_tool_tip(self._copy, reason or _COPY_TIP)

    def _show_position(self) -> None:
        text = f"{self._slider.value() + 1:,} / {self._count:,}" if self._count else ""
        self._position.setText(text)
        self._slider.setAccessibleDescription(text)

    # --- keyboard -------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Give Space, Enter and Escape on the slider to the bar."""
        keys = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in keys:
            self.keyPressEvent(event)
            return True
        return bool(super().eventFilter(watched, event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space plays, Enter chooses the latent, Escape stops."""
        if event.key() == Qt.Key.Key_Space and self._count:
            self.playToggled.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._count:
            self.goRequested.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.stopRequested.emit()
        else:
            super().keyPressEvent(event)
