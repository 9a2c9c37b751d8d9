"""The status bar: what runs now, how far, how long left, and Cancel; device and frame rate for the toolbar."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.controls import button, label, named
from latentlab.gui.widgets.elided_label import ElidedLabel


class StatusBar(QStatusBar):
    """Says what runs now.

    Signals
    -------
    cancelRequested
        Give up what runs now.
    """

    cancelRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusBar")
        self.setSizeGripEnabled(False)
        self.setContentsMargins(SPACE + SPACE // 2, 0, SPACE, 0)
        self._message = ElidedLabel("Ready")
        named(self._message, "statusMessage", "status", "")
        self._bar = QProgressBar()
        named(self._bar, "statusProgress", "progress", "How far it is")
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(160)
        self._cancel = button("statusCancel", "Cancel", "Give up what runs now", self.cancelRequested.emit, link=True)
        self.addWidget(self._message, 1)
        self.addPermanentWidget(self._bar)
        self.addPermanentWidget(self._cancel)
        self.set_progress(None)

    def set_message(self, text: str) -> None:
        """Say what runs now."""
        self._message.setText(text)

    def message(self) -> str:
        """What is said now."""
        return self._message.text()

    def set_progress(self, share: float | None, *, busy: bool = False, cancellable: bool = False) -> None:
        """Show how far it is (0 to 1), or that it runs (``busy``); ``None`` and not busy takes the bar away."""
        self._bar.setVisible(busy or share is not None)
        self._bar.setRange(0, 0 if share is None else 1000)
        if share is not None:
            self._bar.setValue(round(share * 1000))
        self._cancel.setVisible(cancellable)


def device_label() -> QLabel:
    """Where the worker computes."""
    made = label("", "dim")
    named(made, "device", "device", "Where the model computes")
    made.setContentsMargins(SPACE, 0, SPACE, 0)
    return made


def frame_rate_label() -> QLabel:
    """How fast the window answers."""
    made = label("", "dim")
    named(made, "frameRate", "frame rate", "Images decoded and shown per second while the hand moves")
    made.setFont(tabular(made.font()))
    # Of a fixed size it does not have the toolbar laid out anew, and the window with it, four times a second.
    made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    made.setFixedSize(made.fontMetrics().horizontalAdvance("0000 fps"), made.fontMetrics().height() + SPACE)
    return made
