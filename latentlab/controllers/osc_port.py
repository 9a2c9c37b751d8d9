"""Receives and sends OSC packets over UDP, a frame at a time: of what arrives between two frames the newest counts."""

from __future__ import annotations

import time
from collections import deque

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QAbstractSocket, QHostAddress, QUdpSocket

from latentlab.controllers.osc_messages import Received, read_packet, write_message
from latentlab.errors import InputError
from latentlab.gui.widgets.debouncer import Debouncer

FRAME_MS = 16
READ_SECONDS = 0.004
"""Of reading packets in a frame: the rest of many is read in the next one, or dropped by the system."""
MOST_PACKETS = 256
"""Packets that are read in a frame; of more only the newest are."""


class OscReceiver(QObject):
    """Receives packets.

    Signals
    -------
    received(messages)
        The newest message of each address since the last frame, a list of ``Received``; in the order of their arrival.
    counted
        ``accepted`` or ``refused`` has grown.

    Attributes
    ----------
    accepted, refused
        Messages that were understood, and packets that were not, since ``open``.
    """

    received = Signal(object)
    counted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.accepted = self.refused = 0
        self._socket: QUdpSocket | None = None
        self._next_frame = Debouncer(FRAME_MS, self._read, self)

    def open(self, port: int, from_anywhere: bool = False) -> str:
        """Listen on a port, 0 for any that is free; returns why that is impossible, or an empty text.

        Only programs on this machine are heard, unless ``from_anywhere``.
        """
        self.close()
        self.accepted = self.refused = 0
        socket = QUdpSocket(self)
        special = QHostAddress.SpecialAddress
        address = QHostAddress(special.AnyIPv4 if from_anywhere else special.LocalHost)
        if not socket.bind(address, port, QUdpSocket.BindFlag.DontShareAddress):
            reason = socket.errorString()
            is_taken = socket.error() == QAbstractSocket.SocketError.AddressInUseError
            socket.deleteLater()
            if is_taken:
                return f"Port {port} is used by another program: choose another port, or close that program."
            return f"Port {port} cannot be opened: {reason}."
        socket.readyRead.connect(self._next_frame.throttle)
        self._socket = socket
        return ""

    def close(self) -> None:
        """Stop listening."""
        self._next_frame.cancel()
        if self._socket is not None:
            self._socket.close()
            self._socket.deleteLater()
            self._socket = None

    @property
    def port(self) -> int:
        """The port that is listened on; 0 for none."""
        return 0 if self._socket is None else int(self._socket.localPort())

    def _read(self) -> None:
        socket = self._socket
        if socket is None:
            return
        packets: deque[bytes] = deque(maxlen=MOST_PACKETS)
        end = time.perf_counter() + READ_SECONDS
        while socket.hasPendingDatagrams() and time.perf_counter() < end:
            packets.append(bytes(socket.receiveDatagram().data().data()))
        if socket.hasPendingDatagrams():
            self._next_frame.throttle()
        newest: dict[tuple[str, str], Received] = {}
        for packet in packets:
            try:
                messages = read_packet(packet)
            except InputError:
                self.refused += 1
                continue
            self.accepted += len(messages)
            for message in messages:
                newest.pop((message.what, message.key), None)
                newest[message.what, message.key] = message
        if newest:
            self.received.emit(list(newest.values()))
        if packets:
            self.counted.emit()


class OscSender(QObject):
    """Sends messages to one address; of those to the same address that come in one frame only the last is sent."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._socket: QUdpSocket | None = None
        self._host, self._port = QHostAddress(), 0
        self._waiting: dict[str, tuple[float | int | str, ...]] = {}
        self._next_frame = Debouncer(FRAME_MS, self._send, self)

    def open(self, host: str, port: int) -> str:
        """Send to a port of a machine from now on; returns why that is impossible, or an empty text."""
        self.close()
        address = QHostAddress("127.0.0.1" if host.strip() in ("", "localhost") else host.strip())
        if address.isNull():
            return "The address to send to must be numbers such as 127.0.0.1, or localhost."
        self._host, self._port, self._socket = address, port, QUdpSocket(self)
        return ""

    def close(self) -> None:
        """Stop sending."""
        self._waiting.clear()
        self._next_frame.cancel()
        if self._socket is not None:
            self._socket.deleteLater()
            self._socket = None

    @property
    def is_open(self) -> bool:
        """Whether messages are sent."""
        return self._socket is not None

    def send(self, address: str, *values: float | int | str) -> None:
        """Send a message with the next frame."""
        if self._socket is not None:
            self._waiting[address] = values
            self._next_frame.throttle()

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for address, values in waiting.items():
            if self._socket is not None:
                self._socket.writeDatagram(write_message(address, values), self._host, self._port)
