"""Playing the latent: oscillators, a recording, and messages to and from other programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QHBoxLayout, QLineEdit, QSpinBox, QWidget

from latentlab.gui.style.icons import set_icon
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, combo_box, label, named, row, rule, scrolled, tool_button
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.utils.plain_text import NAME, as_line

RECEIVE_PORT, SEND_PORT = 9000, 9001
_FIELD_WIDTH, _REMOVE_WIDTH = 92, 24  # px: of every column of an oscillator but the first; of its last button
_COLUMNS = ("moves", "shape", "rate", "depth", "phase")
HIGHEST_RATE, LARGEST_DEPTH = 10.0, 100.0
_EMPTY = "Add an oscillator to let a dimension or a direction move by itself, or listen to another program."
_PLAY_TIP = "Let the oscillators move the latent (Ctrl+Space)"
_RECORD_TIP = "Record how the latent moves, whatever moves it, as a path on the Board (Ctrl+Shift+Space)"
_LISTEN_TIP = "Let other programs move the latent by OSC messages"
_SEND_TIP = "Send every latent that is shown to another program"


@dataclass(frozen=True)
class OscillatorRow:
    """The settings of an oscillator.

    Attributes
    ----------
    identity
        Of the row.
    target
        What moves: ``z`` and its number from 1, or ``d:`` and the id of a direction of the Board.
    shape
        ``sine``, ``triangle`` or ``wander``.
    rate
        Oscillations a second.
    depth
        Amplitude: of a dimension in its units, of a direction in its lengths.
    phase
        In whole oscillations, from 0 to 1.
    """

    identity: str
    target: str
    shape: str = "sine"
    rate: float = 0.1
    depth: float = 1.5
    phase: float = 0.0


class PlayPanel(QWidget):
    """Starts and stops what moves the latent, and shows the oscillators.

    Signals
    -------
    playToggled(on), recordToggled(on)
        The buttons were pressed.
    addRequested, removeRequested(id)
        An oscillator should be added, or removed.
    changed(row)
        Settings of an oscillator were changed, an ``OscillatorRow``.
    listenToggled(on, port, from_anywhere), sendToggled(on, host, port)
        Receiving, or sending, of messages should start or stop.
    """

    playToggled = Signal(bool)
    recordToggled = Signal(bool)
    addRequested = Signal()
    removeRequested = Signal(str)
    changed = Signal(object)
    listenToggled = Signal(bool, int, bool)
    sendToggled = Signal(bool, str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("play")
        self.setAccessibleName("play")
        self._shown: tuple[OscillatorRow, ...] = ()
        self._targets: tuple[tuple[str, str], ...] = ()
        self._rows: list[_Row] = []
        outer = column(self, SPACE, SPACE // 2)
        outer.addLayout(self._build_head())
        self._note = label("", "warning", wrap=True)
        self._note.setObjectName("playNote")
        self._note.hide()
        outer.addWidget(self._note)
        body = QWidget()
        self._list = column(body, 0, SPACE // 4)
        self._empty = label(_EMPTY, "dim", wrap=True)
        self._list.addWidget(self._empty)
        self._headings = _headings()
        self._list.addWidget(self._headings)
        self._list.addWidget(rule())
        self._list.addLayout(self._build_receiver())
        self._list.addLayout(self._build_sender())
        self._list.addStretch(1)
        outer.addWidget(scrolled(body), 1)  # the panel is low, so that the map above it has room
        self._headings.hide()
        self.set_reason("open a model first")

    # --- building -------------------------------------------------------------------------------

    def _build_head(self) -> QHBoxLayout:
        self._play = button("playStart", "Play", _PLAY_TIP, icon="train")
        self._play.setCheckable(True)
        self._play.clicked.connect(self.playToggled)
        self._record = button("playRecord", "Record", _RECORD_TIP, icon="path")
        self._record.setCheckable(True)
        self._record.clicked.connect(self.recordToggled)
        self._add = button("playAdd", "Add", "Add an oscillator", self.addRequested.emit)
        self._time = label("", "dim")
        self._time.setObjectName("playTime")
        return row(self._play, self._record, self._time, None, self._add, space=SPACE // 2)

    def _build_receiver(self) -> QHBoxLayout:
        self._listen = QCheckBox("OSC in, port")
        named(self._listen, "oscListen", "receive OSC", _LISTEN_TIP)
        self._listen.toggled.connect(lambda _on: self._emit_listen())
        self._port = self._port_field("oscPort", "port to receive on", RECEIVE_PORT)
        self._anywhere = QCheckBox("from other machines")
        tip = "Receive from other machines too: any program that reaches this machine can then move the latent"
        named(self._anywhere, "oscAnywhere", "receive from other machines", tip)
        self._anywhere.toggled.connect(lambda _on: self._emit_listen())
        self._port.valueChanged.connect(lambda _port: self._emit_listen())
        self._counts = label("", "dim")
        self._counts.setObjectName("oscCounts")
        self._refusal = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._refusal.setObjectName("oscRefusal")
        self._refusal.setAccessibleName("last refusal")
        return row(self._listen, self._port, self._anywhere, self._counts, self._refusal, space=SPACE // 2)

    def _build_sender(self) -> QHBoxLayout:
        self._send = QCheckBox("OSC out, to")
        named(self._send, "oscSend", "send OSC", _SEND_TIP)
        self._host = QLineEdit("127.0.0.1")
        named(self._host, "oscHost", "machine to send to", "Address of the machine, in numbers")
        self._host.setMaximumWidth(110)
        self._send_port = self._port_field("oscSendPort", "port to send to", SEND_PORT)
        self._send.toggled.connect(lambda _on: self._emit_send())
        self._host.editingFinished.connect(self._emit_send)
        self._send_port.valueChanged.connect(lambda _port: self._emit_send())
        return row(self._send, self._host, self._send_port, None, space=SPACE // 2)

    def _port_field(self, name: str, accessible: str, value: int) -> QSpinBox:
        field = QSpinBox()
        named(field, name, accessible, "A number from 1024 to 65535")
        field.setRange(1024, 65535)
        field.setValue(value)
        field.setGroupSeparatorShown(False)
        field.setKeyboardTracking(False)
        return field

    # --- what is shown --------------------------------------------------------------------------

    def set_targets(self, targets: Sequence[tuple[str, str]]) -> None:
        """Offer what can move: key and title of each."""
        before = self._targets
        self._targets = tuple((key, as_line(title, NAME)) for key, title in targets)
        if self._targets == before:
            return
        for each in self._rows:
            each.set_targets(self._targets)
        self._add.setEnabled(bool(self._targets))

    def set_oscillators(self, rows: Sequence[OscillatorRow]) -> None:
        """Show these oscillators, without emitting a signal."""
        if [each.identity for each in rows] != [each.identity for each in self._shown]:
            self._make_rows(rows)
        self._shown = tuple(rows)
        for widget, each in zip(self._rows, rows, strict=True):
            widget.show_settings(each)
        self._empty.setVisible(not rows)
        self._headings.setVisible(bool(rows))

    def set_reason(self, reason: str) -> None:
        """Grey playing and recording, for a reason; an empty one enables them."""
        for widget, tip in ((self._play, _PLAY_TIP), (self._record, _RECORD_TIP), (self._add, "Add an oscillator")):
            widget.setEnabled(not reason)
            set_tool_tip(widget, f"{tip}: {reason}" if reason else tip)
        if not reason:
            self._add.setEnabled(bool(self._targets))

    def set_osc_reason(self, reason: str) -> None:
        """Grey receiving and sending, for a reason; an empty one enables them."""
        for widget, tip in ((self._listen, _LISTEN_TIP), (self._send, _SEND_TIP)):
            widget.setEnabled(not reason)
            set_tool_tip(widget, reason or tip)

    def set_playing(self, playing: bool) -> None:
        """Show whether the oscillators move the latent."""
        self._play.setChecked(playing)
        self._play.setText("Stop" if playing else "Play")
        set_icon(self._play, "stop" if playing else "train", "text")

    def set_recording(self, recording: bool) -> None:
        """Show whether the movement is recorded."""
        self._record.setChecked(recording)
        self._record.setText("Keep" if recording else "Record")

    def set_time(self, text: str) -> None:
        """Show how long the recording is."""
        self._time.setText(text)

    def set_note(self, text: str) -> None:
        """Show what is wrong, in one sentence; an empty text removes it."""
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def set_counts(self, text: str) -> None:
        """Show how many messages have arrived."""
        self._counts.setText(text)

    def set_refusal(self, reason: str) -> None:
        """Show why the last message that was refused was; an empty text removes it."""
        self._refusal.setText(reason)

    def set_listening(self, listening: bool) -> None:
        """Show whether messages are received, without emitting a signal."""
        with QSignalBlocker(self._listen):
            self._listen.setChecked(listening)

    def set_sending(self, sending: bool) -> None:
        """Show whether messages are sent, without emitting a signal."""
        with QSignalBlocker(self._send):
            self._send.setChecked(sending)

    def sizeHint(self) -> QSize:
        """Low and wide."""
        return QSize(640, 148)

    def _make_rows(self, rows: Sequence[OscillatorRow]) -> None:
        for old in self._rows:
            old.hide()
            old.deleteLater()
        self._rows = []
        for number, each in enumerate(rows):
            made = _Row(number, each, self._targets)
            made.edited.connect(self.changed)
            made.removed.connect(self.removeRequested)
            self._list.insertWidget(number + 2, made)  # below the headings
            self._rows.append(made)

    def _emit_listen(self) -> None:
        self.listenToggled.emit(self._listen.isChecked(), self._port.value(), self._anywhere.isChecked())

    def _emit_send(self) -> None:
        self.sendToggled.emit(self._send.isChecked(), self._host.text(), self._send_port.value())


def _headings() -> QWidget:
    """The names of an oscillator's columns, above them."""
    widget = QWidget()
    labels = [label(text, "dim") for text in _COLUMNS]
    for each in labels:
        each.setObjectName("oscillatorHeading")
    for each in labels[1:]:
        each.setFixedWidth(_FIELD_WIDTH)
    layout = row(*labels, space=SPACE // 2)
    layout.setStretch(0, 1)
    layout.addSpacing(_REMOVE_WIDTH + SPACE // 2)
    widget.setLayout(layout)
    return widget


class _Row(QWidget):
    """One oscillator."""

    edited = Signal(object)
    removed = Signal(str)

    def __init__(self, number: int, shown: OscillatorRow, targets: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._settings = shown
        self._target = combo_box()
        named(self._target, f"oscillatorTarget{number}", "what oscillates", "The dimension or direction that moves")
        self._target.setMinimumContentsLength(3)
        self._shape = QComboBox()
        named(self._shape, f"oscillatorShape{number}", "shape", "Smooth, at constant speed, or without a period")
        for shape in ("sine", "triangle", "wander"):
            self._shape.addItem(shape, shape)
        self._rate = _field(f"oscillatorRate{number}", "rate", "Oscillations a second", 0.01, HIGHEST_RATE, 0.05, " Hz")
        self._depth = _field(
            f"oscillatorDepth{number}", "depth", "How far to both sides: units of z, or lengths of the direction",
            0.0, LARGEST_DEPTH, 0.1, "",
        )  # fmt: skip
        self._depth.setPrefix("± ")
        self._phase = _field(
            f"oscillatorPhase{number}", "phase", "Where it begins, in whole oscillations", 0.0, 1.0, 0.05, " turn"
        )
        remove = tool_button(f"oscillatorRemove{number}", "remove the oscillator", "Remove this oscillator", "close")
        remove.clicked.connect(lambda: self.removed.emit(self._settings.identity))
        remove.setFixedWidth(_REMOVE_WIDTH)
        self._shape.setFixedWidth(_FIELD_WIDTH)
        layout = row(self._target, self._shape, self._rate, self._depth, self._phase, remove, space=SPACE // 2)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self.set_targets(targets)
        self.show_settings(shown)
        self._target.activated.connect(lambda _index: self._emit())
        self._shape.activated.connect(lambda _index: self._emit())
        for field in (self._rate, self._depth, self._phase):
            field.valueChanged.connect(lambda _value: self._emit())

    def set_targets(self, targets: Sequence[tuple[str, str]]) -> None:
        self._target.clear()
        for key, title in targets:
            self._target.addItem(title, key)
        self._show_target()

    def show_settings(self, settings: OscillatorRow) -> None:
        self._settings = settings
        self._show_target()
        self._shape.setCurrentIndex(max(0, self._shape.findData(settings.shape)))
        for field, value in ((self._rate, settings.rate), (self._depth, settings.depth), (self._phase, settings.phase)):
            with QSignalBlocker(field):
                field.setValue(value)

    def _show_target(self) -> None:
        index = self._target.findData(self._settings.target)
        if index < 0:  # a direction that is removed, or of another model: it stays until another target is chosen
            self._target.addItem("not in this model", self._settings.target)
            index = self._target.count() - 1
        self._target.setCurrentIndex(index)

    def _emit(self) -> None:
        self.edited.emit(
            OscillatorRow(
                self._settings.identity,
                str(self._target.currentData()),
                str(self._shape.currentData()),
                self._rate.value(),
                self._depth.value(),
                self._phase.value(),
            )
        )


def _field(name: str, accessible: str, tip: str, low: float, high: float, step: float, suffix: str) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    named(field, name, accessible, tip)
    field.setRange(low, high)
    field.setSingleStep(step)
    field.setDecimals(2)
    field.setSuffix(suffix)
    field.setKeyboardTracking(False)
    field.setAlignment(Qt.AlignmentFlag.AlignRight)
    field.setFixedWidth(_FIELD_WIDTH)
    return field
