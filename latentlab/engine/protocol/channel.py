"""The mailbox between window and worker, and the pipe that carries messages between processes (no Qt, no torch).

A :class:`Mailbox` holds waiting messages: one slot for each kind of interactive message, in which the newest wins,
and an ordered queue for everything that must arrive. A worker in a thread of this process gets messages put straight
into its mailbox.

For a worker process, a :class:`Wire` carries them first: pickled, through a pipe whose end the child inherits. No
other process can reach that pipe, so what is read from it need not be authenticated. Arrays above :data:`LARGE` bytes
are passed in anonymous shared memory (``memfd_create``; its descriptor is sent), so that nothing is left behind
whichever process is killed. Where the platform has no such memory, they are pickled like the rest.
"""

from __future__ import annotations

import itertools
import mmap
import os
import pickle
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Protocol

if sys.platform == "win32":
    from multiprocessing.connection import PipeConnection as _Pipe
else:
    _Pipe = Connection

LARGE = 1 << 16
"""Arrays of at least so many bytes are passed in shared memory. The pipe's buffer is small, and a worker that sends its
first points must not wait until the window, which is still being built, reads them."""

REQUEST_ORDER = (
    "decode", "nearest", "distance", "both", "strip", "dimension", "pictures", "grid", "other-grid", "generate", "copy",
)  # fmt: skip
"""Interactive requests in the order in which they are answered: the image at the pointer first."""

_ALIGNMENT = 64
HAS_SHARED_MEMORY = sys.platform == "linux" and hasattr(os, "memfd_create") and hasattr(socket, "send_fds")
_MEMORY_FOLLOWS = b""  # an empty frame: next come a descriptor and then the message


class ChannelClosed(Exception):  # noqa: N818 - an end, not an error
    """The other side has closed its end."""


class Slotted(Protocol):
    """What a mailbox holds: a message that names its slot, if it has one."""

    @property
    def slot(self) -> str | None:
        """Name of the slot, ``None`` for the ordered queue."""


class Mailbox:
    """Waiting messages: the newest wins within a slot, all others are kept in order. Thread-safe.

    A message without a slot overtakes none and is never dropped. A message with a slot may overtake older messages of
    other slots (by ``priority``), but no older message of the ordered queue: a decode requested after a model is
    decoded by that model.

    Parameters
    ----------
    priority
        Slots in the order in which they are taken; other slots follow by age.
    on_arrival
        Called when a message arrives in an empty mailbox, in the thread that puts it.
    """

    def __init__(self, priority: Iterable[str] = (), on_arrival: Callable[[], None] | None = None) -> None:
        # Reentrant: a signal handler may run in the thread that holds the lock.
        self._changed = threading.Condition(threading.RLock())
        self._rank = {slot: rank for rank, slot in enumerate(priority)}
        self._ages = itertools.count()
        self._slots: dict[str, tuple[int, Any]] = {}
        self._since: dict[str, float] = {}  # when each full slot was last empty
        self._ordered: deque[tuple[int, Any]] = deque()
        self._closed = False
        self.on_arrival = on_arrival

    def __len__(self) -> int:
        return len(self._slots) + len(self._ordered)

    @property
    def closed(self) -> bool:
        """Whether nothing more will arrive; waiting messages can still be taken."""
        return self._closed

    def put(self, message: Slotted) -> None:
        """Add a message, replacing an older one of its slot; after :meth:`close` it is dropped."""
        with self._changed:
            if self._closed:
                return
            arrived = not self
            entry = (next(self._ages), message)
            if message.slot is None:
                self._ordered.append(entry)
            else:
                self._since.setdefault(message.slot, time.monotonic())
                self._slots[message.slot] = entry
            self._changed.notify_all()
        if arrived and self.on_arrival is not None:
            self.on_arrival()

    def requeue(self, message: Slotted) -> None:
        """Put back a message just taken, ahead of all others, unless a newer one of its slot has arrived."""
        with self._changed:
            if message.slot is None:
                self._ordered.appendleft((-1, message))
            else:
                self._since.setdefault(message.slot, time.monotonic())
                self._slots.setdefault(message.slot, (-1, message))

    def holds(self, *kinds: type) -> bool:
        """Whether a message of one of these classes waits in the ordered queue."""
        with self._changed:
            return any(isinstance(message, kinds) for _, message in self._ordered)

    def take(self, timeout: float | None = 0.0) -> Any | None:
        """Remove and return the next message, or ``None``.

        Parameters
        ----------
        timeout
            Seconds to wait for a message; ``None`` waits until one arrives or the mailbox is closed.
        """
        with self._changed:
            if timeout != 0.0:
                self._changed.wait_for(lambda: self or self._closed, timeout)
            if not self:
                return None
            if not self._slots:
                return self._ordered.popleft()[1]
            slot = min(self._slots, key=lambda name: (self._rank.get(name, len(self._rank)), self._slots[name][0]))
            if self._is_behind(slot):
                self._changed.notify_all()  # for take_if_overdue: what was behind it may be next
                return self._ordered.popleft()[1]
            return self._pop(slot)

    def take_if_overdue(
        self, slot: str, timeout: Callable[[], float | None], is_over: Callable[[], bool]
    ) -> Any | None:
        """Wait for a message of one slot that :meth:`take` does not take in time; remove and return it.

        Both functions are called again after every change and after :meth:`wake`.

        Parameters
        ----------
        slot
            Name of the slot.
        timeout
            Seconds that :meth:`take` has to take a message first; ``None`` leaves every message to it.
        is_over
            Whether to stop waiting.

        Returns
        -------
        Any or None
            ``None`` when ``is_over`` says so, or the mailbox is closed.
        """
        with self._changed:
            while not self._closed and not is_over():
                seconds = timeout()
                if slot not in self._slots or seconds is None or self._is_behind(slot):
                    self._changed.wait()
                    continue
                left = self._since[slot] + seconds - time.monotonic()
                if left <= 0:
                    return self._pop(slot)
                self._changed.wait(left)
            return None

    def wake(self) -> None:
        """Let :meth:`take_if_overdue` call its functions again."""
        with self._changed:
            self._changed.notify_all()

    def _is_behind(self, slot: str) -> bool:
        """Whether the ordered queue holds an older message than the slot."""
        return bool(self._ordered) and self._ordered[0][0] < self._slots[slot][0]

    def _pop(self, slot: str) -> Any:
        del self._since[slot]
        return self._slots.pop(slot)[1]

    def close(self) -> None:
        """Accept nothing more, and end every wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self.on_arrival is not None:
            self.on_arrival()


class Wire:
    """One end of a pipe between two processes: whole messages, large arrays in shared memory.

    Any thread may send; only one may receive.

    Parameters
    ----------
    pipe
        One end of a :func:`multiprocessing.Pipe`; the wire takes ownership.
    """

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self._sending = threading.Lock()
        self._socket = socket.fromfd(pipe.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) if HAS_SHARED_MEMORY else None

    def send(self, message: object) -> None:
        """Send one message; blocks while the pipe is full.

        Raises
        ------
        ChannelClosed
            When the other side is gone.
        """
        buffers: list[memoryview] = []

        def in_band(buffer: pickle.PickleBuffer) -> bool:
            raw = buffer.raw()
            if self._socket is None or raw.nbytes < LARGE:
                return True
            buffers.append(raw)
            return False

        frame = pickle.dumps(message, protocol=5, buffer_callback=in_band)
        with self._sending:
            try:
                if buffers:
                    self._send_memory(buffers)
                self.pipe.send_bytes(frame)
            except OSError as error:  # also a pipe closed on this side
                raise ChannelClosed from error

    def receive(self) -> Any:
        """Wait for one message.

        Raises
        ------
        ChannelClosed
            When the other side is gone.
        """
        try:
            frame = self.pipe.recv_bytes()
            buffers = []
            if frame == _MEMORY_FOLLOWS:
                buffers = self._receive_memory()
                frame = self.pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise ChannelClosed from error
        return pickle.loads(frame, buffers=buffers)

    def close(self) -> None:
        """Close this end; the other side then gets :class:`ChannelClosed`."""
        if self._socket is not None:
            self._socket.close()
        self.pipe.close()

    def _send_memory(self, buffers: list[memoryview]) -> None:
        """Copy the number of ``buffers``, their sizes and contents into anonymous memory, and send its descriptor."""
        assert self._socket is not None
        header = struct.pack(f"<{len(buffers) + 1}Q", len(buffers), *(buffer.nbytes for buffer in buffers))
        offsets, size = _layout([buffer.nbytes for buffer in buffers])
        descriptor = os.memfd_create("latentlab")
        try:
            os.truncate(descriptor, size)
            with mmap.mmap(descriptor, size) as memory:
                memory[: len(header)] = header
                for offset, buffer in zip(offsets, buffers, strict=True):
                    memory[offset : offset + buffer.nbytes] = buffer
            self.pipe.send_bytes(_MEMORY_FOLLOWS)
            socket.send_fds(self._socket, [b"m"], [descriptor])
        finally:
            os.close(descriptor)

    def _receive_memory(self) -> list[memoryview]:
        """The buffers sent by :meth:`_send_memory`; their memory is freed with the last reference."""
        assert self._socket is not None
        data, descriptors, _flags, _address = socket.recv_fds(self._socket, 1, 1)
        if not data or not descriptors:
            raise EOFError
        try:
            memory = memoryview(mmap.mmap(descriptors[0], 0))
        finally:
            os.close(descriptors[0])
        (count,) = struct.unpack_from("<Q", memory)
        sizes = list(struct.unpack_from(f"<{count}Q", memory, 8))
        offsets, _size = _layout(sizes)
        return [memory[offset : offset + size] for offset, size in zip(offsets, sizes, strict=True)]


def _layout(sizes: list[int]) -> tuple[list[int], int]:
    """Aligned offset of each buffer behind the header, and the total size."""
    offsets = []
    end = 8 * (len(sizes) + 1)
    for size in sizes:
        start = -(-end // _ALIGNMENT) * _ALIGNMENT
        offsets.append(start)
        end = start + size
    return offsets, end


def pipe_pair() -> tuple[Wire, Connection]:
    """A wire, and the pipe's other end for a child process (see :func:`inherited_wire`)."""
    ours, theirs = Pipe()
    return Wire(ours), theirs


def inherited_wire(handle: int) -> Wire:
    """The wire over the pipe end that this process inherited as ``handle``; its own children do not inherit it."""
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, False)
    else:
        os.set_inheritable(handle, False)
    return Wire(_Pipe(handle))
