"""Other programs move the latent by OSC messages, and are sent every latent that is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject

from latentlab.controllers.osc_messages import MISSING, Received, is_installed
from latentlab.controllers.play import PlayController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import NearestFound
from latentlab.errors import InputError
from latentlab.gui.panels.play import PlayPanel
from latentlab.latent.polyline import along, at_positions, step_lengths
from latentlab.state.board import BoardItem, Direction
from latentlab.state.session import Session
from latentlab.utils.array_types import FloatArray
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.controllers.osc_port import OscReceiver, OscSender

_TEXT = "Play by OSC"
_MOST_SENT = 1024
"""Numbers of a latent that is sent: as many fit into a packet that networks do not split."""


class OscController(QObject):
    """Joins messages with the latent.

    A message that means nothing for the open model (a dimension it does not have, a position on a path that is not
    drawn) is refused and counted, and the panel says why the last one was.

    Attributes
    ----------
    refused
        Messages that were understood but meant nothing.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        play: PlayController,
        panel: PlayPanel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._play, self._panel = session, play, panel
        self.refused = 0
        self._refusal = ""  # why the last message that meant nothing was refused
        self._dropped = 0  # that the recording knows of
        self._latent = play.middle()  # while messages are followed, where they have come
        self._receiver: OscReceiver | None = None
        self._sender: OscSender | None = None
        panel.set_osc_reason("" if is_installed() else MISSING)
        panel.listenToggled.connect(self.listen)
        panel.sendToggled.connect(self.send_to)
        session.latentChanged.connect(self._send_latent)
        session.labelChanged.connect(self._send_latent)
        engine.nearestFound.connect(self._send_nearest)

    # --- ports --------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port that is listened on; 0 for none."""
        return 0 if self._receiver is None else self._receiver.port

    def listen(self, on: bool, port: int = 0, from_anywhere: bool = False) -> None:
        """Receive messages on a port, 0 for any that is free; or no more."""
        if self._receiver is not None:
            self._receiver.close()
        self._panel.set_note("")
        if not on or not is_installed():
            self._panel.set_listening(False)
            self._panel.set_counts("")
            self._panel.set_refusal("")
            return
        if self._receiver is None:
            from latentlab.controllers.osc_port import OscReceiver  # only when needed: the window starts without it

            self._receiver = OscReceiver(self)
            self._receiver.received.connect(self.follow)
            self._receiver.packetRefused.connect(self._on_packet_refused)
            self._receiver.counted.connect(self._show_counts)
        self.refused = self._dropped = 0
        self._refusal = ""
        fault = self._receiver.open(port, from_anywhere)
        self._panel.set_note(fault)
        self._panel.set_listening(not fault)
        self._show_counts()

    def send_to(self, on: bool, host: str = "", port: int = 0) -> None:
        """Send messages to a port of a machine, or no more."""
        if self._sender is not None:
            self._sender.close()
        if not on or not is_installed():
            self._panel.set_sending(False)
            return
        if self._sender is None:
            from latentlab.controllers.osc_port import OscSender

            self._sender = OscSender(self)
        fault = self._sender.open(host, port)
        self._panel.set_note(fault)
        self._panel.set_sending(not fault)
        self._send_latent()

    def _show_counts(self) -> None:
        receiver = self._receiver
        if receiver is None or not receiver.port:
            return
        refused = receiver.refused + self.refused
        parts = [pluralize(receiver.accepted, "message")]
        parts += [f"{refused:,} refused"] if refused else []
        parts += [f"{receiver.dropped:,} dropped"] if receiver.dropped else []
        self._panel.set_counts(", ".join(parts))
        self._panel.set_refusal(self._refusal)

    # --- in -----------------------------------------------------------------------------------------

    def _on_packet_refused(self, reason: str) -> None:
        self._refusal = reason

    def follow(self, messages: list[Received]) -> None:
        """Follow all messages in their order; only the last latent is shown, all are recorded."""
        if self._receiver is not None:
            self._play.count_dropped(self._receiver.dropped - self._dropped)  # older than what has arrived
            self._dropped = self._receiver.dropped
        self._latent = before = self._play.middle()
        for message in messages:
            try:
                self._apply(message)
            except InputError as error:
                self.refused += 1
                self._refusal = f"{message.address}: {error}"
                continue
            if self._latent is not before:
                self._play.record_arrived(message.at, self._latent)
                before = self._latent
        self._show_latent()

    def _show_latent(self) -> None:
        if not np.array_equal(self._latent, self._play.middle()):
            self._play.move_middle(self._latent, _TEXT, is_recorded=True)

    def _apply(self, message: Received) -> None:
        """Change the latent [d] as a message says.

        Raises
        ------
        InputError
            When it means nothing here.
        """
        value, session = message.values[0], self._session
        if message.what == "record":
            self._play.set_recording(value > 0, message.at, self._latent)
            return
        if message.what == "play":
            self._show_latent()  # the oscillators begin from there
            self._play.set_playing(value > 0)
            self._latent = self._play.middle()
            return
        if session.model is None:
            raise InputError("no model is open")
        if session.layout.kind == "categories":
            raise InputError("the latents are categories")
        moves: dict[str, Callable[[], FloatArray]] = {
            "z": lambda: self._whole(message.values),
            "dimension": lambda: self._with_dimension(int(message.key) - 1, value),
            "cursor": lambda: self._at_cursor(message.values),
            "direction": lambda: self._along_direction(message.key, value),
            "path": lambda: self._on_path(value),
            "class": lambda: self._with_class(int(value)),
        }
        self._latent = moves[message.what]()

    def _whole(self, values: tuple[float, ...]) -> FloatArray:
        if len(values) != self._latent.size:
            raise InputError(f"{pluralize(len(values), 'number')}, but the latent has {self._latent.size}")
        return np.array(values, np.float32)

    def _with_class(self, label: int) -> FloatArray:
        model = self._session.model
        if model is None or not model.conditional:
            raise InputError("the model is not conditional")
        if not 0 <= label < max(1, len(model.classes)):
            raise InputError(f"there is no class {label}")
        self._session.set_label(label)
        return self._latent

    def _with_dimension(self, at: int, value: float) -> FloatArray:
        if at >= self._latent.size:
            raise InputError(f"the latent has {pluralize(self._latent.size, 'dimension')}")
        if at in self._session.locked:
            raise InputError("the dimension is locked")
        moved = self._latent.copy()
        moved[at] = value
        return moved

    def _at_cursor(self, xy: tuple[float, ...]) -> FloatArray:
        """The latent at a point of the map, which is the plane through the present one."""
        if self._session.axes.embedding:
            raise InputError("the map is a layout, and there is nothing between its points")
        plane = self._session.plane()
        shift = np.asarray(xy, np.float32) - plane.project(self._latent[None])[0]
        moved: FloatArray = (self._latent + shift[0] * plane.x + shift[1] * plane.y).astype(np.float32)
        return moved

    def _along_direction(self, key: str, coordinate: float) -> FloatArray:
        item = self._direction(key)
        if item is None or not isinstance(item.content, Direction):
            raise InputError("the Board has no such direction of this model")
        return item.content.moved(self._latent, coordinate)

    def _on_path(self, share: float) -> FloatArray:
        """The latent that the film of the path shows at a share of its time; before there is a film, of its length."""
        path, frames = self._session.path, self._session.path_frames
        if not 0 <= share <= 1:
            raise InputError(f"{share:g} is not from 0 to 1")
        if path is None or len(path) < 2:
            raise InputError("no path is drawn")
        if frames is not None and len(frames) > 1:
            point = at_positions(frames.astype(np.float64), np.array([share * (len(frames) - 1)]))
        else:
            point = along(path.astype(np.float64), step_lengths(path), [share])
        return np.asarray(point[0], np.float32)

    def _direction(self, key: str) -> BoardItem | None:
        """A direction of the Board of the open model, by its name or its number from 1."""
        session, model = self._session, self._session.model
        items = session.board.of_kind("direction")
        found = next((item for item in items if item.name == key), None)
        if found is None and key.isdecimal() and 0 < int(key[:6]) <= len(items):
            found = items[int(key[:6]) - 1]
        if found is None or model is None:
            return None
        return None if found.why_unusable(session.latent.size, "", model.source, model.sha256) else found

    # --- out ----------------------------------------------------------------------------------------

    def _send_latent(self) -> None:
        sender, session = self._sender, self._session
        if sender is None or not sender.is_open or session.model is None:
            return
        latent = session.latent
        if latent.size <= _MOST_SENT:
            sender.send("z", *latent.astype(float).tolist())
        if not session.axes.embedding:
            sender.send("cursor", *session.plane().project(latent[None])[0].astype(float).tolist())
        if session.label is not None:
            sender.send("class", session.label)

    def _send_nearest(self, result: NearestFound) -> None:
        sender = self._sender
        if sender is not None and sender.is_open and len(result.numbers) and not result.preview:
            sender.send("nearest", int(result.numbers[0]), float(result.distance[0]))
