"""The status bar with a message, progress and an action; device and frame rate labels for the toolbar."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.controls import button, label, named, show_fraction
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.plain_text import set_tool_tip


class StatusBar(QStatusBar):
    """Shows the current activity.

    Signals
    -------
    cancelRequested
        Cancel was pressed, or the action that is offered instead.
    listRequested
        Everything that is in progress should be shown.
    """

    cancelRequested = Signal()
    listRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusBar")
        self.setSizeGripEnabled(False)
        self.setContentsMargins(SPACE + SPACE // 2, 0, SPACE, 0)
        self._message = ElidedLabel("Ready")
        named(self._message, "statusMessage", "status", "")
        self._bar = QProgressBar()
        named(self._bar, "statusProgress", "progress", "Progress of what runs now")
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(160)
        self._cancel = button("statusCancel", "Cancel", "Cancel what runs now", self.cancelRequested.emit, link=True)
        tip = "Show everything that is in progress, with its Cancel"
        self._others = button("statusOthers", "and more", tip, self.listRequested.emit, link=True)
        self._others.hide()
        self.addWidget(self._message, 1)
        self.addPermanentWidget(self._others)
        self.addPermanentWidget(self._bar)
        self.addPermanentWidget(self._cancel)
        self.set_progress(None)

    def set_message(self, text: str) -> None:
        """Show a message."""
        self._message.setText(text)

    def set_others(self, count: int) -> None:
        """Say how many other activities are in progress beside the one shown; none hides that."""
        self._others.setVisible(count > 0)
        if count:
            text = f"and {count} more"
            self._others.setText(text)
            self._others.setAccessibleName(text)

    def message(self) -> str:
        """The message shown."""
        return self._message.text()

    def set_progress(self, fraction: float | None, *, busy: bool = False, cancellable: bool = False) -> None:
        """Show a fraction (0 to 1), or with ``busy`` an indeterminate bar; ``None`` and not busy hides the bar."""
        self._bar.setVisible(busy or fraction is not None)
        show_fraction(self._bar, fraction)
        self._cancel.setVisible(cancellable)

    def set_cancel_text(self, text: str) -> None:
        """Set what the Cancel button says, for an activity that offers something else."""
        if text != self._cancel.text():
            self._cancel.setText(text)
            self._cancel.setAccessibleName(text)
            set_tool_tip(self._cancel, "Cancel what runs now" if text == "Cancel" else text)


def device_label() -> QLabel:
    """The label that names the device the model computes on."""
    widget = label("", "dim")
    named(widget, "device", "device", "The device the model computes on")
    widget.setContentsMargins(SPACE, 0, SPACE, 0)
    return widget


def frame_rate_label() -> QLabel:
    """The label for the rate of decoded images."""
    rate_label = label("", "dim")
    named(rate_label, "frameRate", "frame rate", "Images decoded and shown per second during a drag")
    rate_label.setFont(tabular(rate_label.font()))
    # Its size is fixed, so that four changes a second do not lay out the toolbar and with it the window.
    rate_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    rate_label.setFixedSize(
        rate_label.fontMetrics().horizontalAdvance("0000 fps"), rate_label.fontMetrics().height() + SPACE
    )
    return rate_label
