"""Playing: oscillators and messages from other programs move the latent; a movement is recorded onto the Board."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast
from uuid import uuid4

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QUndoStack

from latentlab.controllers.board import BoardController
from latentlab.controllers.live_motion import LiveMotion
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.play import OscillatorRow
from latentlab.latent.oscillation import Oscillation, Shape, displacement, recorded_path
from latentlab.state.board import Direction, Path
from latentlab.state.map_axes import direction_axis
from latentlab.state.session import Session
from latentlab.utils.array_types import FloatArray
from latentlab.utils.text import pluralize, subscript

FRAME_MS = 16
FADE_SECONDS = 0.5
"""In which oscillators reach their depth, so that the latent does not jump when they begin."""
MOST_TARGETS = 64
"""Dimensions that are offered, those of the highest KL: a list of hundreds helps nobody."""
_PAUSE_SECONDS = 0.1  # without a movement, after which the next one begins where the last one ended
LONGEST_SECONDS = 600.0
"""Of a recording, which then ends by itself."""


class PlayController(QObject):
    """Moves the latent frame by frame while it plays, and records how it moves.

    A frame that comes late is not made up for: where an oscillator is follows from the time alone. The worker decodes
    the newest latent and forgets those that it has not begun, so that nothing queues. What the user or another program
    moves meanwhile moves the middle of the oscillations.

    Attributes
    ----------
    motion
        What moves the latent.

    Signals
    -------
    oscillatorsChanged
        There are others, or with other settings.
    """

    oscillatorsChanged = Signal()

    def __init__(
        self,
        session: Session,
        undo: QUndoStack,
        board: BoardController,
        window: MainWindow,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._board, self._window, self._panel = session, board, window, window.play_panel
        self.motion = LiveMotion(session, undo, self)
        self._rows: tuple[OscillatorRow, ...] = ()
        self._began: float | None = None  # when the oscillators began to play
        self._middle: FloatArray | None = None  # that they oscillate about
        self._recorded: list[tuple[float, FloatArray]] | None = None
        self._dropped = 0  # messages that what is being recorded lacks
        self._is_shown_late = False  # while a latent is shown that was recorded when it arrived
        self._frames = QTimer(self)
        self._frames.setTimerType(Qt.TimerType.PreciseTimer)
        self._frames.setInterval(FRAME_MS)
        self._frames.timeout.connect(self._on_frame)
        self._connect()
        self._show_targets()

    def _connect(self) -> None:
        session, panel, actions = self._session, self._panel, self._window.actions_
        panel.playToggled.connect(self.set_playing)
        panel.recordToggled.connect(self.set_recording)
        panel.addRequested.connect(self.add)
        panel.removeRequested.connect(self.remove)
        panel.changed.connect(self.change)
        actions.play.triggered.connect(lambda: self.set_playing(not self.is_playing))
        actions.record.triggered.connect(lambda: self.set_recording(not self.is_recording))
        self._window.escapePressed.connect(lambda: self.set_playing(False))
        self.motion.movedByOthers.connect(self._on_moved_by_others)
        session.modelChanged.connect(self._on_model_changed)
        session.pointsChanged.connect(self._show_targets)
        session.board.changed.connect(self._show_targets)
        session.dimension_names.changed.connect(self._show_targets)
        session.latentChanged.connect(self._on_latent_changed)

    # --- oscillators --------------------------------------------------------------------------------

    @property
    def oscillators(self) -> tuple[OscillatorRow, ...]:
        """The oscillators, in the order shown."""
        return self._rows

    def add(self) -> None:
        """Add an oscillator of the first target that has none."""
        targets = [key for key, _ in self._targets()]
        taken = {row.target for row in self._rows}
        free = [key for key in targets if key not in taken]
        if targets:
            # Rates without a common period, so that a few of them already wander.
            rate = round(0.1 * 1.3 ** len(self._rows), 2)
            self._set_rows((*self._rows, OscillatorRow(uuid4().hex[:8], (free or targets)[0], rate=min(rate, 2.0))))

    def remove(self, identity: str) -> None:
        """Remove an oscillator; the last one ends playing."""
        self._set_rows(tuple(row for row in self._rows if row.identity != identity))
        if not self._rows:
            self.set_playing(False)

    def change(self, row: OscillatorRow) -> None:
        """Replace the settings of an oscillator, also while it plays."""
        self._set_rows(tuple(row if each.identity == row.identity else each for each in self._rows))

    def set_oscillators(self, rows: tuple[OscillatorRow, ...]) -> None:
        """Replace all oscillators, and stop playing; those of dimensions that the model has not are left out."""
        self.set_playing(False)
        size = self._session.latent.size
        self._set_rows(tuple(row for row in rows if row.target[0] != "z" or int(row.target[1:]) <= size))

    def _set_rows(self, rows: tuple[OscillatorRow, ...]) -> None:
        is_other, self._rows = rows != self._rows, rows
        self._panel.set_oscillators(rows)
        if is_other:
            self.oscillatorsChanged.emit()

    def _targets(self) -> Iterator[tuple[str, str]]:
        session = self._session
        if session.model is None or session.layout.kind == "categories":
            return
        if session.layout.kind == "plain" and not session.layout.is_spatial:
            kl = None if session.points is None else session.points.kl
            count = session.latent.size
            shown = np.arange(count)
            if kl is not None and len(kl) == count and np.isfinite(kl).all() and not session.run_is_active:
                shown = np.argsort(-kl, kind="stable")  # as the sliders are ordered
            for at in shown[:MOST_TARGETS].tolist():
                name = session.names.get(at, "")
                yield f"z{at + 1}", f"z{subscript(at + 1)} {name}".strip()
        for item in session.board.of_kind("direction"):
            if not self._board.reason(item):
                yield direction_axis(item.id), item.name

    def _show_targets(self) -> None:
        self._panel.set_targets(list(self._targets()))
        self._panel.set_oscillators(self._rows)
        self._panel.set_reason(self._reason())

    def _reason(self) -> str:
        """Why nothing can be played; empty if something can."""
        if self._session.model is None:
            return "open a model first"
        if self._session.layout.kind == "categories":
            return "the latents are categories, and between two of them there is nothing"
        return ""

    def _oscillations(self) -> list[Oscillation]:
        """The oscillators of the current model's dimensions and directions."""
        size, found = self._session.latent.size, []
        for row in self._rows:
            vector: FloatArray | None = None
            if row.target.startswith("d:"):
                item = self._session.board.item(row.target[2:])
                if item is not None and isinstance(item.content, Direction) and not self._board.reason(item):
                    vector = item.content.vector
            elif int(row.target[1:]) <= size:
                vector = np.eye(1, size, int(row.target[1:]) - 1, dtype=np.float32)[0]
            if vector is not None:
                found.append(Oscillation(vector, row.rate, row.depth, row.phase, cast(Shape, row.shape)))
        return found

    # --- playing ------------------------------------------------------------------------------------

    @property
    def is_playing(self) -> bool:
        """Whether the oscillators move the latent."""
        return self._began is not None

    def set_playing(self, playing: bool) -> None:
        """Let the oscillators move the latent from where it is, or stop them where they are."""
        if playing and not self._rows:
            self.add()
        playing = playing and not self._reason() and bool(self._rows)
        if playing != self.is_playing:
            self._middle = self._session.latent if playing else None
            self._began = time.monotonic() if playing else None
            if playing:
                self._frames.start()
            else:
                self._frames.stop()
                self.motion.end()
        self._panel.set_playing(playing)

    def _on_frame(self) -> None:
        middle, began = self._middle, self._began
        if middle is None or began is None:
            return
        seconds = time.monotonic() - began
        self.motion.move_to(middle + self._offset(seconds), "Play oscillators")

    def _offset(self, seconds: float) -> FloatArray:
        fade = min(1.0, seconds / FADE_SECONDS)
        offset: FloatArray = fade * displacement(self._oscillations(), seconds, self._session.latent.size)
        return offset

    def _on_moved_by_others(self, before: FloatArray, after: FloatArray) -> None:
        if self._middle is not None and self._middle.shape == after.shape:
            self._middle = self._middle + (after - before)

    def move_middle(self, latent: FloatArray, text: str, is_recorded: bool = False) -> None:
        """Go to a latent [d], or let the oscillators continue around it.

        Of one that ``is_recorded``, by ``record_arrived``, it is not recorded once more when it is shown.
        """
        if self._middle is None:
            self._is_shown_late = is_recorded
            try:
                self.motion.move_to(latent, text)
            finally:
                self._is_shown_late = False
        elif latent.shape == self._middle.shape:
            self._middle = latent

    def middle(self) -> FloatArray:
        """The latent without the oscillations, [d]."""
        return self._session.latent if self._middle is None else self._middle

    # --- recording ----------------------------------------------------------------------------------

    @property
    def is_recording(self) -> bool:
        """Whether the movement of the latent is recorded."""
        return self._recorded is not None

    def set_recording(self, recording: bool, at: float | None = None, middle: FloatArray | None = None) -> None:
        """Begin to record how the latent moves, or end it: what was recorded becomes a path on the Board.

        ``at`` is when that was asked for (``time.monotonic``), and ``middle`` [d] where the latent was then, without
        the oscillations; now and here if they are not given.
        """
        if recording and not self.is_recording and not self._reason():
            self._dropped = 0
            now = time.monotonic() if at is None else at
            start = self._session.latent if middle is None else self._at_time(middle, now)
            self._recorded = [(now, start)]
            self._panel.set_time("recording")
        elif not recording and self.is_recording:
            self._keep_recorded()
        self._panel.set_recording(self.is_recording)

    def record_arrived(self, at: float, middle: FloatArray) -> None:
        """Record a latent [d], without the oscillations, that was asked for at a time (``time.monotonic``).

        It may be shown later, or never, since only the newest is shown: it is recorded at its own time.
        """
        recorded = self._recorded
        if recorded is None:
            return
        while len(recorded) > 1 and recorded[-1][0] > at:
            recorded.pop()  # shown before this was known
        self._record(max(at, recorded[0][0]), self._at_time(middle, at))

    def count_dropped(self, count: int) -> None:
        """Messages that were not followed: what is being recorded lacks them."""
        self._dropped += count

    def _at_time(self, middle: FloatArray, at: float) -> FloatArray:
        """Where the latent is at a time: a middle [d] and the oscillations about it."""
        return middle if self._began is None else middle + self._offset(max(0.0, at - self._began))

    def _on_latent_changed(self) -> None:
        if not self._is_shown_late:
            self._record(time.monotonic(), self._session.latent)

    def _record(self, now: float, latent: FloatArray) -> None:
        recorded = self._recorded
        if recorded is None:
            return
        last, before = recorded[-1]
        if now - last > _PAUSE_SECONDS:
            recorded.append((now - FRAME_MS / 1000, before))  # it stood still meanwhile
        recorded.append((now, latent))
        seconds = now - recorded[0][0]
        self._panel.set_time(f"{seconds:.0f} s")
        if seconds >= LONGEST_SECONDS:
            self.set_recording(False)

    def _keep_recorded(self) -> None:
        recorded, self._recorded = self._recorded, None
        self._panel.set_time("")
        if recorded is None or len(recorded) < 2:
            self._panel.set_note("Nothing was recorded: the latent did not move.")
            return
        dropped = f"{pluralize(self._dropped, 'message')} could not be followed" if self._dropped else ""
        self._panel.set_note(f"The recording has gaps: {dropped}." if dropped else "")
        times = np.array([at for at, _ in recorded])
        waypoints = recorded_path(times, np.stack([latent for _, latent in recorded]))
        moved = [row for row in self._rows if self.is_playing]
        by = f", {pluralize(len(moved), 'oscillator')}" if moved else ""
        model = self._session.model
        where = "" if model is None else f" in {model.name}"
        how = f"recorded for {times[-1] - times[0]:.1f} s{where}{by}, {pluralize(len(waypoints), 'waypoint')}"
        how += f", {dropped}" if dropped else ""
        self._board.keep(self._board.of_model("Played path", Path(waypoints), how), "Record a path")

    # --- another model ------------------------------------------------------------------------------

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._recorded = None
            self._panel.set_recording(False)
            self._panel.set_time("")
            self.set_oscillators(self._rows)
        self._show_targets()
