"""Receives and sends OSC packets over UDP. A thread notes when each packet arrives; the window reads them by frames."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections import deque
from dataclasses import replace

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtNetwork import QHostAddress, QUdpSocket

from latentlab.controllers.osc_messages import LARGEST_DATAGRAM, Received, read_packet, write_message
from latentlab.errors import InputError
from latentlab.gui.widgets.debouncer import Debouncer

FRAME_MS = 16
MOST_PACKETS = 1024
"""That wait for a frame, the newest ones: ten seconds of a controller that sends a hundred a second."""
_BUFFER = 1 << 20  # bytes that the system keeps until the thread takes them; it may grant fewer


class OscReceiver(QObject):
    """Receives packets.

    Signals
    -------
    received(messages)
        All messages since the last frame, a list of ``Received`` in the order of their arrival, each with its time.
    packetRefused(reason)
        A packet was not understood.
    counted
        ``accepted``, ``refused`` or ``dropped`` has grown.

    Attributes
    ----------
    accepted, refused, dropped
        Messages that were understood, packets that were not, and packets that were not read because more than
        ``MOST_PACKETS`` waited; since ``open``.
    """

    received = Signal(object)
    packetRefused = Signal(str)
    counted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.accepted = self.refused = self.dropped = 0
        self._inbox: _Inbox | None = None
        self._next_frame = Debouncer(FRAME_MS, self._read, self)

    def open(self, port: int, from_anywhere: bool = False) -> str:
        """Listen on a port, 0 for any that is free; returns why that is impossible, or an empty text.

        Only programs on this machine are heard, unless ``from_anywhere``.
        """
        self.close()
        self.accepted = self.refused = self.dropped = 0
        try:
            inbox = _Inbox(port, from_anywhere)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"Port {port} is used by another program: choose another port, or close that program."
            return f"Port {port} cannot be opened: {error.strerror}."
        inbox.filled.connect(self._next_frame.throttle, Qt.ConnectionType.QueuedConnection)
        inbox.start()
        self._inbox = inbox
        return ""

    def close(self) -> None:
        """Stop listening."""
        self._next_frame.cancel()
        inbox, self._inbox = self._inbox, None
        if inbox is not None:
            inbox.stop()

    @property
    def port(self) -> int:
        """The port that is listened on; 0 for none."""
        return 0 if self._inbox is None else self._inbox.port

    @property
    def waiting(self) -> int:
        """Packets that have arrived and were not read yet."""
        return 0 if self._inbox is None else self._inbox.waiting()

    def _read(self) -> None:
        if self._inbox is None:
            return
        packets, dropped = self._inbox.take()
        self.dropped += dropped
        arrived: list[Received] = []
        for at, packet in packets:
            try:
                messages = read_packet(packet)
            except InputError as error:
                self.refused += 1
                self.packetRefused.emit(str(error))
                continue
            arrived += [replace(message, at=at) for message in messages]
        self.accepted += len(arrived)
        if arrived:
            self.received.emit(arrived)
        if packets:
            self.counted.emit()


class _Inbox(QObject):
    """A socket and the thread that empties it, so that the time of arrival is known however busy the window is.

    Signals
    -------
    filled
        A packet arrived where none waited; emitted by the thread.
    """

    filled = Signal()

    def __init__(self, port: int, from_anywhere: bool) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows lets two programs share a port otherwise
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self._socket.bind(("" if from_anywhere else "127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        self.port = int(self._socket.getsockname()[1])
        self._lock = threading.Lock()
        self._packets: deque[tuple[float, bytes]] = deque(maxlen=MOST_PACKETS)
        self._dropped = 0
        self._is_stopping = False
        self._thread = threading.Thread(target=self._work, name="latentlab-osc", daemon=True)

    def start(self) -> None:
        """Begin to receive."""
        self._thread.start()

    def stop(self) -> None:
        """Receive no more; the port is free afterwards."""
        self._is_stopping = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(b"", ("127.0.0.1", self.port))  # wakes the thread; closing the socket would not everywhere
        self._thread.join()
        self._socket.close()

    def waiting(self) -> int:
        """How many packets wait."""
        return len(self._packets)

    def take(self) -> tuple[list[tuple[float, bytes]], int]:
        """The packets that wait, each after the time of its arrival, and how many older ones were dropped."""
        with self._lock:
            packets, dropped = list(self._packets), self._dropped
            self._packets.clear()
            self._dropped = 0
        return packets, dropped

    def _work(self) -> None:
        while True:
            try:
                packet = self._socket.recv(LARGEST_DATAGRAM + 1)
            except OSError:  # Windows reports here that an answer found nobody: the next packet is received as before
                packet = b"?"
            at = time.monotonic()
            if self._is_stopping:
                return
            with self._lock:
                is_first = not self._packets
                self._dropped += len(self._packets) == MOST_PACKETS
                self._packets.append((at, packet))
            if is_first:
                self.filled.emit()


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
