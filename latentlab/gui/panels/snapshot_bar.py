"""The scrubber under the map: back through the epochs of a run, and on to now."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QSizePolicy, QSlider, QStyle, QStyleOptionSlider, QWidget

from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.controls import button, label, named, row, tool_button

REPLAY_MS = 6000
FASTEST_MS, SLOWEST_MS = 60, 500  # for each epoch of a replay


class _Scrubber(QSlider):
    """A slider that goes where it is clicked: a page to the left or right means nothing among epochs."""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the handle to the pointer; from there the drag goes on as ever."""
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        parts, slider = QStyle.ComplexControl.CC_Slider, self.style()
        handle = slider.subControlRect(parts, option, QStyle.SubControl.SC_SliderHandle, self)
        where = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton and not handle.contains(where):
            groove = slider.subControlRect(parts, option, QStyle.SubControl.SC_SliderGroove, self)
            first, room = groove.left() + handle.width() // 2, groove.width() - handle.width()
            place = QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), where.x() - first, max(1, room))
            self.setValue(place)
        super().mousePressEvent(event)


class SnapshotBar(QWidget):
    """A slider over the epochs that were kept, its right end being now; hidden while none were.

    Arrow keys go an epoch back and forth, Home and End to the first and to now, Space plays.

    Signals
    -------
    epochChosen(epoch)
        This epoch is to be seen.
    nowChosen
        Back to the live model.
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
        self._play = tool_button("historyPlay", "replay", "Replay how the map was learned (Space)", "train")
        self._play.clicked.connect(self._on_play)
        self._slider = _Scrubber(Qt.Orientation.Horizontal)
        named(self._slider, "historySlider", "epoch", "Look back at an earlier epoch; the right end is now")
        self._slider.setPageStep(5)
        self._slider.valueChanged.connect(self._on_value_changed)
        self._slider.installEventFilter(self)
        self._where = label()
        self._where.setObjectName("historyEpoch")
        self._where.setFont(tabular(self._where.font()))
        self._where.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._now = button("historyNow", "Live", "Back to the model as it is now (End)", self._on_now)
        layout = row(self._play, self._slider, self._where, self._now)
        layout.setContentsMargins(SPACE, SPACE // 2, SPACE, SPACE // 2)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.hide()

    # --- told -----------------------------------------------------------------------------------

    def set_epochs(self, epochs: Sequence[int]) -> None:
        """Offer these epochs, in order; none hides the bar."""
        self._epochs = tuple(epochs)
        self.setVisible(bool(epochs))
        if not epochs:
            self._stop()
            self._shown, self._done, self._best = None, 0.0, 0
        self._show()

    def set_done(self, epochs: float) -> None:
        """Say how many epochs the run has done, with the part of the one that runs; not every one need be kept."""
        if epochs != self._done:
            self._done = epochs
            self._show()

    def set_best(self, epoch: int) -> None:
        """Say of which epoch the model is that took the place of the newest when the run ended; 0 for the newest."""
        if epoch != self._best:
            self._best = epoch
            self._show()

    def set_shown(self, epoch: int | None) -> None:
        """Show which epoch is looked at, ``None`` for now, without telling it back."""
        if epoch is None:
            self._stop()
            if self._shown is None and self._slider.value() == len(self._epochs):
                return  # every move of the hand says so
        self._shown = epoch
        self._show()

    def is_playing(self) -> bool:
        """Whether the history is being replayed."""
        return self._timer.isActive()

    def _show(self) -> None:
        epochs, shown = self._epochs, self._shown
        place = len(epochs)
        if shown is not None and epochs:
            place = min(range(len(epochs)), key=lambda at: abs(epochs[at] - shown))
        blocked = self._slider.blockSignals(True)
        self._slider.setRange(0, len(epochs))
        self._slider.setValue(place)
        self._slider.blockSignals(blocked)
        last = max(ceil(self._done), epochs[-1] if epochs else 0)
        done = self._done or last
        now = f"now, after epoch {done:.0f}" if done == int(done) else f"now, at epoch {done:.1f}"
        if 0 < self._best < done:
            now = f"now: the best, epoch {self._best}"
        text = now if shown is None else f"epoch {shown} of {last}"
        self._where.setText(text)
        self._slider.setAccessibleDescription(text)
        widest = max(self._where.fontMetrics().horizontalAdvance(each) for each in (f"now, after epoch {last}", text))
        self._where.setMinimumWidth(widest)
        self._now.setEnabled(shown is not None)

    # --- the hand -------------------------------------------------------------------------------

    def _on_value_changed(self, place: int) -> None:
        self._stop()
        self._choose(place)

    def _choose(self, place: int) -> None:
        if place < len(self._epochs):
            self._shown = self._epochs[place]
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
        self._timer.start(max(FASTEST_MS, min(SLOWEST_MS, REPLAY_MS // max(1, len(self._epochs)))))
        if self._slider.value() == self._slider.maximum():
            self._choose(0)

    def _on_timer(self) -> None:
        self._choose(self._slider.value() + 1)

    def _stop(self) -> None:
        if self._timer.isActive():
            self._timer.stop()
            set_icon(self._play, "train", "dim")

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Play by the space bar while the slider has the focus."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Space:
            self._on_play()
            return True
        return False
