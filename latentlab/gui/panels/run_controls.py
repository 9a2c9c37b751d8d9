"""The foot of the Training panel: the buttons of a run, how far it is, and its β while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar, QPushButton, QWidget

from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.containers import SteadyLabel
from latentlab.gui.widgets.controls import button, column, label, named, row
from latentlab.gui.widgets.elided_label import ElidedButton

if TYPE_CHECKING:
    from superqt import QLabeledDoubleSlider


class RunControls(QWidget):
    """Starts, holds and ends a run; says why none can start, or how far the present one is.

    Signals
    -------
    trainPressed, pauseRequested, resumeRequested, stopRequested, continuePressed
        The buttons of a run.
    betaChanged(value)
        Another weight of the KL term while a run is live, of three significant digits.
    openRunDataRequested, openDatasetRequested
        The run's own images, or any, are to be opened.
    continueOffered(there)
        Going on with the last run is offered, or no longer.
    """

    trainPressed = Signal()
    pauseRequested = Signal()
    resumeRequested = Signal()
    stopRequested = Signal()
    continuePressed = Signal()
    betaChanged = Signal(float)
    openRunDataRequested = Signal()
    openDatasetRequested = Signal()
    continueOffered = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = "idle"
        self._continued, self._done, self._planned = "", 0, 0  # the run that may go on, its epochs and its plan
        self._asked = 0
        self._can_train, self._why, self._refused = True, "", ""
        self._has_run_data = False
        self._beta: QLabeledDoubleSlider | None = None
        self._why_label = label("", "dim", wrap=True)
        self._beta_row = QWidget()
        self._beta_row.setLayout(row(label("β")))
        self._build_progress()
        self._build_buttons()
        layout = column(self)
        for widget in (self._why_label, self._run_data, self._open_data, self._beta_row, self._progress_box):
            layout.addWidget(widget)
        layout.addWidget(self._continue)
        layout.addLayout(row(self._train, self._pause, self._stop))
        self.set_state("idle")

    def _build_progress(self) -> None:
        self._progress = QProgressBar()
        named(self._progress, "progress", "training progress", "How far the run is")
        self._progress.setTextVisible(False)
        self._progress.setRange(0, 1000)
        self._progress_text = label("", "dim", wrap=True)
        self._progress_text.setObjectName("progressText")
        self._progress_text.setFont(tabular(self._progress_text.font()))
        self._progress_box = QWidget()
        progress = column(self._progress_box, 0, SPACE // 2)
        progress.addWidget(SteadyLabel(self._progress_text))
        progress.addWidget(self._progress)

    def _build_buttons(self) -> None:
        self._open_data = button(
            "trainingOpenDataset",
            "Open images…",
            "Open a folder of images",
            self.openDatasetRequested.emit,
            icon="open",
        )
        self._train = button("trainButton", "Train", "Start a run", self.trainPressed.emit, icon="train", primary=True)
        self._pause = button("pauseButton", "Pause", "Hold the run where it is", self._on_pause, icon="pause")
        self._stop = button("stopButton", "Stop", "End the run and keep its best model", self.stopRequested.emit)
        self._run_data = button(
            "openRunData",
            "Open the run's images",
            "As the opened run read them: it can then go on",
            self.openRunDataRequested.emit,
            icon="open",
        )
        self._continue = ElidedButton()
        named(self._continue, "continueButton", "Continue", "Go on with the last run in its folder")
        self._continue.clicked.connect(self.continuePressed)
        self._pause.setMinimumWidth(_widest(self._pause, "Pause", "Resume"))

    # --- told -----------------------------------------------------------------------------------

    def set_state(self, state: str) -> None:
        """Show a run's state: idle, starting, running, paused or stopping."""
        self._state = state
        focused = self._focused()
        live = state in ("running", "paused")
        self._pause.setEnabled(live)
        self._stop.setEnabled(live or state == "starting")
        self._pause.setText("Resume" if state == "paused" else "Pause")
        set_icon(self._pause, "train" if state == "paused" else "pause")
        if live:
            self._live_beta()
        self._beta_row.setVisible(live)
        self._progress_box.setVisible(state != "idle" or bool(self._progress_text.text()))
        self._show_readiness()
        self._keep_focus(focused)

    def set_readiness(self, can_train: bool, why: str, refused: str) -> None:
        """Say whether a run could start; if not, why, or which setting is ``refused``."""
        self._can_train, self._why, self._refused = can_train, why, refused
        self._show_readiness()

    def set_can_continue(self, run: str, done: int, planned: int) -> None:
        """Offer going on with the last run, by its name, after ``done`` epochs; an empty name takes it back."""
        self._continued, self._done, self._planned = run, done, planned
        self._name_continue()
        self._show_readiness()

    def set_asked(self, epochs: int) -> None:
        """Say how many epochs the settings ask for."""
        self._asked = epochs
        self._name_continue()

    def set_run_data(self, source: str, run: str) -> None:
        """Offer to open the images that the opened run was trained on; an empty source takes the offer back."""
        self._has_run_data = bool(source)
        self._run_data.setToolTip(f"Open {source} as {run} read it: the run can then go on")
        self._show_readiness()

    def set_beta(self, beta: float) -> None:
        """Show the live run's β, without telling it back."""
        slider = self._live_beta()
        blocked = slider.blockSignals(True)
        if not 0.02 * slider.maximum() <= beta <= slider.maximum():  # else a run that goes on keeps its scale
            slider.setRange(0.0, max(4.0, 4.0 * beta))
        slider.setValue(beta)
        slider.blockSignals(blocked)

    def set_progress(self, share: float | None, text: str) -> None:
        """Show how far the run is (0 to 1; ``None`` while unknown) and a line about it."""
        self._progress.setRange(0, 0 if share is None else 1000)
        if share is not None:
            self._progress.setValue(round(share * 1000))
        self._progress_text.setText(text)
        self._progress_box.setVisible(bool(text) or self._state != "idle")

    # --- inside ---------------------------------------------------------------------------------

    def _focused(self) -> QWidget | None:
        """The widget in here that has the window's focus, or ``None``."""
        focused = self.window().focusWidget()
        return focused if focused is not None and self.isAncestorOf(focused) else None

    def _keep_focus(self, before: QWidget | None) -> None:
        """Keep the focus off Stop when the widget that had it is disabled or hidden: Qt would pass it to the next one.

        Pause takes it while a run can be paused, so that Space pauses; until then, and afterwards, the progress bar,
        on which no key does anything.
        """
        if before is None or (before.isEnabled() and not before.isHidden() and before is not self._progress):
            return
        if self._pause.isEnabled():
            self._pause.setFocus()
        elif not self._progress_box.isHidden():
            self._progress.setFocus()

    def _name_continue(self) -> None:
        """Say on the button what it will do."""
        length = f"to epoch {epochs_in_all(self._asked, self._done, self._planned)}"
        self._continue.set_text(f"Continue {length} · {self._continued}", f"Continue {length}")
        self._continue.setToolTip(f"Go on with {self._continued} in its folder, {length}")

    def _live_beta(self) -> QLabeledDoubleSlider:
        """The slider of β, made for the first run: importing superqt takes a third of the window's start."""
        if self._beta is None:
            from superqt import QLabeledDoubleSlider

            self._beta = QLabeledDoubleSlider()
            self._beta.setRange(0.0, 4.0)
            named(self._beta, "betaLive", "β while running", "The weight of the KL term, changed while the run goes on")
            self._beta.valueChanged.connect(self._on_beta_changed)
            layout = self._beta_row.layout()
            assert layout is not None
            layout.addWidget(self._beta)
        return self._beta

    def _on_beta_changed(self, value: float) -> None:
        """Tell what the slider says, not the pixel it stands on."""
        self.betaChanged.emit(float(f"{value:.3g}"))

    def _on_pause(self) -> None:
        (self.resumeRequested if self._state == "paused" else self.pauseRequested).emit()

    def _show_readiness(self) -> None:
        idle = self._state == "idle"
        why = self._refused or ("" if self._can_train else self._why)
        self._train.setEnabled(idle and not why and self._can_train)
        self._why_label.setText(why if idle else "")
        self._why_label.setVisible(bool(self._why_label.text()))
        self._why_label.setProperty("role", "error" if self._refused else "dim")
        self._why_label.style().unpolish(self._why_label)
        self._why_label.style().polish(self._why_label)
        offered = idle and bool(self._continued) and self._can_train
        if offered == self._continue.isHidden():
            self._continue.setVisible(offered)
            self.continueOffered.emit(offered)
        self._run_data.setVisible(idle and self._has_run_data)
        self._open_data.setVisible(idle and not self._can_train and not self._refused)


def epochs_in_all(asked: int, done: int, planned: int) -> int:
    """How many epochs a run that goes on is to have in all.

    Parameters
    ----------
    asked
        What the settings say: it counts where it is more than the run has.
    done
        What the run has.
    planned
        What it was to have, where it was cut short of that; else 0. Where neither is more than it has, it goes on for
        as many again as are asked.
    """
    return asked if asked > done else planned if planned > done else done + asked


def _widest(made: QPushButton, *texts: str) -> int:
    """The width that a button needs for any of these texts; the first is shown then."""
    made.ensurePolished()
    widths = []
    for text in (*texts, texts[0]):
        made.setText(text)
        widths.append(made.sizeHint().width())
    return max(widths)
