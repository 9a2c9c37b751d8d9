"""The slider under the map that shows earlier epochs of a run."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.controls import button, label, named, row, tool_button
from latentlab.gui.widgets.scrubber import Scrubber
from latentlab.utils.text import format_epoch

REPLAY_MS = 6000
MIN_EPOCH_MS, MAX_EPOCH_MS = 60, 500  # of an epoch in a replay


class SnapshotBar(QWidget):
    """A slider over the saved epochs, with the current model at its right end; hidden if there are none.

    Arrow keys step by one epoch, Home shows the first epoch, End the current model; Space plays.

    Signals
    -------
    epochChosen(epoch)
        This epoch should be shown.
    nowChosen
        The current model should be shown.
    """

    epochChosen = Signal(int)
    nowChosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("historyBar")
        self._epochs: tuple[int, ...] = ()
        self._shown: int | None = None
        self._done, self._best = 0.0, 0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_timer)
        self._play = tool_button("historyPlay", "replay", "Play the epochs of the run (Space)", "train")
        self._play.clicked.connect(self._on_play)
        self._slider = Scrubber(Qt.Orientation.Horizontal)
        named(
            self._slider,
            "historySlider",
            "epoch",
            "Show an earlier epoch: its points and picture (weights are not kept); the right end is the current model",
        )
        self._slider.setPageStep(5)
        self._slider.valueChanged.connect(self._on_value_changed)
        self._slider.installEventFilter(self)
        self._epoch_text = label()
        self._epoch_text.setObjectName("historyEpoch")
        self._epoch_text.setFont(tabular(self._epoch_text.font()))
        self._epoch_text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._now = button("historyNow", "Now", "Back to the current model (End)", self._on_now)
        layout = row(self._play, self._slider, self._epoch_text, self._now)
        layout.setContentsMargins(SPACE, SPACE // 2, SPACE, SPACE // 2)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.hide()

    # --- what is shown --------------------------------------------------------------------------

    def set_epochs(self, epochs: Sequence[int]) -> None:
        """Offer these epochs, in order; without any the bar is hidden."""
        self._epochs = tuple(epochs)
        self.setVisible(bool(epochs))
        if not epochs:
            self._stop()
            self._shown, self._done, self._best = None, 0.0, 0
        self._show()

    def set_done(self, epochs: float) -> None:
        """Set how many epochs the run has done, as a fraction; not all of them need be saved."""
        if epochs != self._done:
            self._done = epochs
            self._show()

    def set_best(self, epoch: int) -> None:
        """Set the epoch of the best model, which replaced the newest when the run ended; 0 for the newest."""
        if epoch != self._best:
            self._best = epoch
            self._show()

    def set_shown(self, epoch: int | None) -> None:
        """Show which epoch is viewed, ``None`` for the current model, without emitting a signal."""
        if epoch is None:
            self._stop()
            if self._shown is None and self._slider.value() == len(self._epochs):
                return  # called at every move of the pointer
        self._shown = epoch
        self._show()

    def is_playing(self) -> bool:
        """Whether the epochs are being played."""
        return self._timer.isActive()

    def _show(self) -> None:
        epochs, shown = self._epochs, self._shown
        index = len(epochs)
        if shown is not None and epochs:
            index = min(range(len(epochs)), key=lambda each: abs(epochs[each] - shown))
        with QSignalBlocker(self._slider):
            self._slider.setRange(0, len(epochs))
            self._slider.setValue(index)
        last = max(ceil(self._done), epochs[-1] if epochs else 0)
        done = self._done or last
        now = f"now, {'after' if done == int(done) else 'at'} {format_epoch(done)}"
        if 0 < self._best < done:
            now = f"now: best model, {format_epoch(self._best)}"
        text = now if shown is None else format_epoch(shown, last)
        self._epoch_text.setText(text)
        self._slider.setAccessibleDescription(text)
        widest = max(
            self._epoch_text.fontMetrics().horizontalAdvance(each) for each in (f"now, after epoch {last}", text)
        )
        self._epoch_text.setMinimumWidth(widest)
        self._now.setEnabled(shown is not None)

    # --- mouse and keyboard ---------------------------------------------------------------------

    def _on_value_changed(self, index: int) -> None:
        self._stop()
        self._choose(index)

    def _choose(self, index: int) -> None:
        if index < len(self._epochs):
            self._shown = self._epochs[index]
            self._show()
            self.epochChosen.emit(self._shown)
        else:
            self._on_now()

    def _on_now(self) -> None:
        self.set_shown(None)
        self.nowChosen.emit()

    def _on_play(self) -> None:
        if self._timer.isActive():
            self._stop()
            return
        set_icon(self._play, "pause", "dim")
        self._timer.start(max(MIN_EPOCH_MS, min(MAX_EPOCH_MS, REPLAY_MS // max(1, len(self._epochs)))))
        if self._slider.value() == self._slider.maximum():
            self._choose(0)

    def _on_timer(self) -> None:
        self._choose(self._slider.value() + 1)

    def _stop(self) -> None:
        if self._timer.isActive():
            self._timer.stop()
            set_icon(self._play, "train", "dim")

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Play with Space while the slider has the focus."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Space:
            self._on_play()
            return True
        return False
