"""The lower part of the Training panel: β, the buttons of a run, and its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE, tabular
from latentlab.gui.widgets.containers import SteadyLabel
from latentlab.gui.widgets.controls import button, column, label, named, row, show_fraction
from latentlab.gui.widgets.elided_label import ElidedButton
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.utils.plain_text import NAME, as_line

if TYPE_CHECKING:
    from latentlab.gui.widgets.setting_field import Setting
    from latentlab.state.run_status import RunStatus


BETA_OF_RUN = "β of this run"


class RunControls(QWidget):
    """Starts, pauses and stops a run; shows its progress, or why none can be started.

    Parameters
    ----------
    beta
        The setting of β, which is shown here, in reach during a run: it is that of the active run, else of the next.

    Signals
    -------
    trainPressed, pauseRequested, resumeRequested, stopRequested, continuePressed
        The buttons of a run.
    openRunDataRequested, openDatasetRequested
        The run's own images, or any others, should be opened.
    continueAvailable(available)
        Whether the last run can be continued changed.
    """

    trainPressed = Signal()
    pauseRequested = Signal()
    resumeRequested = Signal()
    stopRequested = Signal()
    continuePressed = Signal()
    openRunDataRequested = Signal()
    openDatasetRequested = Signal()
    continueAvailable = Signal(bool)

    def __init__(self, beta: Setting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_active = self._can_unpause = False
        self._continued, self._done, self._planned = "", 0, 0  # the run that can be continued, its epochs and its plan
        self._epochs_set = 0  # in the settings
        self._can_train, self._reason, self._invalid = True, "", ""
        self._has_run_data, self._run_data_hint = False, ""
        self._beta = beta
        self._reason_label = label("", "dim", wrap=True)
        self._build_progress()
        self._build_buttons()
        layout = column(self)
        layout.addLayout(self._make_beta_row())
        for widget in (self._reason_label, self._run_data, self._open_data, self._progress_box):
            layout.addWidget(widget)
        layout.addWidget(self._continue)
        layout.addLayout(row(self._train, self._pause, self._stop))
        self._show_buttons(can_adjust=False, can_stop=False)

    def _make_beta_row(self) -> QHBoxLayout:
        line = row(self._beta.label, self._beta.control)
        line.setStretch(1, 1)
        for widget in (self._beta.label, self._beta.control):
            widget.show()
        return line

    def _build_progress(self) -> None:
        self._progress = QProgressBar()
        named(self._progress, "progress", "training progress", "Progress of the run")
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
        self._pause = button("pauseButton", "Pause", "Pause the run, or resume it", self._on_pause, icon="pause")
        self._stop = button("stopButton", "Stop", "Stop the run and keep its best model", self.stopRequested.emit)
        self._run_data = button(
            "openRunData",
            "Open the run's images",
            "Open the images with this run's settings, so that it can be continued",
            self.openRunDataRequested.emit,
            icon="open",
        )
        self._continue = ElidedButton()
        named(self._continue, "continueButton", "Continue", "Continue the last run in its folder")
        self._continue.clicked.connect(self.continuePressed)
        self._pause.setMinimumWidth(_widest(self._pause, "Pause", "Resume"))

    # --- what is shown --------------------------------------------------------------------------

    def set_run_status(self, run: RunStatus) -> None:
        """Enable the buttons and show the progress for a run's state."""
        self._is_active, self._can_unpause = run.is_active, run.can_unpause
        focused = self._focused()
        self._show_buttons(can_adjust=run.can_adjust, can_stop=run.can_stop)
        self._keep_focus(focused)

    def _show_buttons(self, *, can_adjust: bool, can_stop: bool) -> None:
        self._pause.setEnabled(can_adjust)
        self._stop.setEnabled(can_stop)
        self._pause.setText("Resume" if self._can_unpause else "Pause")
        set_icon(self._pause, "train" if self._can_unpause else "pause")
        self._beta.label.setText(BETA_OF_RUN if self._is_active else self._beta.title)
        self._progress_box.setVisible(self._is_active or bool(self._progress_text.text()))
        self._show_readiness()

    def set_readiness(self, can_train: bool, reason: str, invalid: str) -> None:
        """Set whether a run can be started; if not, the ``reason``, or the message about an ``invalid`` setting."""
        self._can_train, self._reason, self._invalid = can_train, reason, invalid
        self._show_readiness()

    def set_can_continue(self, run: str, done: int, planned: int) -> None:
        """Offer to continue the last run, by its name, after ``done`` epochs; an empty name hides the button."""
        self._continued, self._done, self._planned = as_line(run, NAME), done, planned
        self._name_continue()
        self._show_readiness()

    def set_epochs(self, epochs: int) -> None:
        """Set the number of epochs in the settings."""
        self._epochs_set = epochs
        self._name_continue()

    def set_run_data(self, source: str, run: str) -> None:
        """Offer to open the images that the opened run was trained on; an empty source hides the button."""
        self._has_run_data = bool(source)
        run, source = as_line(run, NAME), as_line(source)
        self._run_data_hint = f"To continue “{run}”, open its images." if source else ""
        set_tool_tip(self._run_data, f"Open {source} with the settings of “{run}”, so that it can be continued")
        self._show_readiness()

    def set_progress(self, fraction: float | None, text: str) -> None:
        """Show the run's progress (0 to 1; ``None`` while unknown) and a line of text."""
        show_fraction(self._progress, fraction)
        self._progress_text.setText(text)
        self._progress_box.setVisible(bool(text) or self._is_active)

    # --- internal -------------------------------------------------------------------------------

    def _focused(self) -> QWidget | None:
        """The child widget with the window's focus, or ``None``."""
        focused = self.window().focusWidget()
        return focused if focused is not None and self.isAncestorOf(focused) else None

    def _keep_focus(self, before: QWidget | None) -> None:
        """Keep the focus off Stop when the focused widget is disabled or hidden: Qt passes it to the next widget.

        While a run can be paused, Pause gets it, so that Space pauses; otherwise the progress bar, which ignores keys.
        """
        if before is None or (before.isEnabled() and not before.isHidden() and before is not self._progress):
            return
        if self._pause.isEnabled():
            self._pause.setFocus()
        elif not self._progress_box.isHidden():
            self._progress.setFocus()

    def _name_continue(self) -> None:
        """Show on the button the epoch to which the run will be continued."""
        length = f"to epoch {total_epochs(self._epochs_set, self._done, self._planned)}"
        self._continue.set_text(f"Continue {length} · {self._continued}", f"Continue {length}")
        set_tool_tip(self._continue, f"Continue {self._continued} in its folder, {length}")

    def _on_pause(self) -> None:
        (self.resumeRequested if self._can_unpause else self.pauseRequested).emit()

    def _show_readiness(self) -> None:
        idle = not self._is_active
        reason = self._invalid or ("" if self._can_train else self._reason)
        hint = self._invalid or self._run_data_hint or reason
        self._train.setEnabled(idle and not reason and self._can_train)
        self._reason_label.setText(hint if idle else "")
        self._reason_label.setVisible(bool(self._reason_label.text()))
        self._reason_label.setProperty("role", "error" if self._invalid else "dim")
        self._reason_label.style().unpolish(self._reason_label)
        self._reason_label.style().polish(self._reason_label)
        can_continue = idle and bool(self._continued) and self._can_train
        if can_continue == self._continue.isHidden():
            self._continue.setVisible(can_continue)
            self.continueAvailable.emit(can_continue)
        self._run_data.setVisible(idle and self._has_run_data)
        self._open_data.setVisible(idle and not self._can_train and not self._invalid)


def total_epochs(requested: int, done: int, planned: int) -> int:
    """The total number of epochs of a run that is continued.

    Parameters
    ----------
    requested
        Epochs in the settings; the total if it is more than ``done``.
    done
        Epochs the run has completed.
    planned
        The original total if the run was stopped early, else 0; the total if ``requested`` is not more than ``done``.
        If neither exceeds ``done``, ``requested`` more epochs are trained.
    """
    return requested if requested > done else planned if planned > done else done + requested


def _widest(push_button: QPushButton, *texts: str) -> int:
    """The width a button needs for any of these texts; leaves the first one shown."""
    push_button.ensurePolished()
    widths = []
    for text in (*texts, texts[0]):
        push_button.setText(text)
        widths.append(push_button.sizeHint().width())
    return max(widths)
