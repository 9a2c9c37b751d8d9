"""The mailbox between window and worker, and the two ways a message travels (no Qt, no torch).

A :class:`Mailbox` holds what waits: one place per *slot*, where the newest message wins, and an ordered queue
for everything that must arrive. To a worker that is a thread of this process a message is simply put there.

To one in a process of its own it travels by a :class:`Wire` first: pickled into a pipe whose end the child
inherits. No other process can reach that pipe, so nothing read from it needs to be authenticated. Arrays above
:data:`LARGE` bytes cross by shared memory that never has a name (``memfd_create``, its descriptor sent along), so
nothing can be left behind whichever side is killed; where the platform has no such memory they are pickled like
the rest.
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
"""Arrays of more bytes than this cross by shared memory, past the pipe, which holds little: a worker that tells of
its first points must not wait until the window, still being built, reads them."""

REQUEST_ORDER = ("decode", "nearest", "distance", "strip", "grid")
"""Live requests as they are served: what is under the hand first."""

_ALIGNMENT = 64
_HAS_MEMFD = sys.platform == "linux" and hasattr(os, "memfd_create") and hasattr(socket, "send_fds")
_MEMORY_FOLLOWS = b""  # an empty frame: a descriptor comes next, then the message


class ChannelClosed(Exception):  # noqa: N818 - an end, not an error
    """The other side is gone."""


class Slotted(Protocol):
    """What a mailbox holds: anything that says which slot it goes to, if any."""

    @property
    def slot(self) -> str | None:
        """Name of the slot, ``None`` for the ordered queue."""


class Mailbox:
    """Waiting messages: newest wins within a slot, everything else in order. Safe between threads.

    A message without a slot overtakes nothing and is never dropped. A slotted one may overtake what was put
    before it in other slots (``priority``), but never an older message of the ordered queue: a decode asked for
    after opening a model is decoded by that model.

    Parameters
    ----------
    priority
        Slots in the order in which they are served; others follow by age.
    on_arrival
        Called, from the thread that puts, when a message arrives in an empty mailbox.
    """

    def __init__(self, priority: Iterable[str] = (), on_arrival: Callable[[], None] | None = None) -> None:
        # The condition's lock is reentrant: a signal handler of the thread that holds it may put.
        self._changed = threading.Condition(threading.RLock())
        self._rank = {slot: rank for rank, slot in enumerate(priority)}
        self._ages = itertools.count()
        self._slots: dict[str, tuple[int, Any]] = {}
        self._since: dict[str, float] = {}  # when each slot that is full was empty last
        self._ordered: deque[tuple[int, Any]] = deque()
        self._closed = False
        self.on_arrival = on_arrival

    def __len__(self) -> int:
        return len(self._slots) + len(self._ordered)

    @property
    def closed(self) -> bool:
        """Whether nothing more will arrive; what waits can still be taken."""
        return self._closed

    def put(self, message: Slotted) -> None:
        """Add a message, in place of an older one of its slot; after :meth:`close` it is dropped."""
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

    def put_back(self, message: Slotted) -> None:
        """Return a message just taken to its place, unless a newer one of its slot has come."""
        with self._changed:
            if message.slot is None:
                self._ordered.appendleft((-1, message))
            else:
                self._since.setdefault(message.slot, time.monotonic())
                self._slots.setdefault(message.slot, (-1, message))

    def take(self, timeout: float | None = 0.0) -> Any | None:
        """Remove and return what is due, or ``None``.

        Parameters
        ----------
        timeout
            Seconds to wait for something; ``None`` waits until something comes or the mailbox is closed.
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
                self._changed.notify_all()  # for take_late: what was behind it may be next
                return self._ordered.popleft()[1]
            return self._pop(slot)

    def take_late(self, slot: str, patience: Callable[[], float | None], over: Callable[[], bool]) -> Any | None:
        """Wait for a message of one slot that :meth:`take` does not come to; remove and return it.

        Parameters
        ----------
        slot
            Name of the slot.
        patience
            Seconds to leave a message to :meth:`take`; ``None`` leaves it to it altogether.
        over
            Whether to give up. Both are asked again whenever something has changed, and after :meth:`nudge`.

        Returns
        -------
        Any or None
            ``None`` once it is over, or the mailbox is closed.
        """
        with self._changed:
            while not self._closed and not over():
                allowed = patience()
                if slot not in self._slots or allowed is None or self._is_behind(slot):
                    self._changed.wait()
                    continue
                left = self._since[slot] + allowed - time.monotonic()
                if left <= 0:
                    return self._pop(slot)
                self._changed.wait(left)
            return None

    def nudge(self) -> None:
        """Let :meth:`take_late` look anew at what it waits for."""
        with self._changed:
            self._changed.notify_all()

    def _is_behind(self, slot: str) -> bool:
        """Whether an older message of the ordered queue comes before what the slot holds."""
        return bool(self._ordered) and self._ordered[0][0] < self._slots[slot][0]

    def _pop(self, slot: str) -> Any:
        del self._since[slot]
        return self._slots.pop(slot)[1]

    def close(self) -> None:
        """Let nothing more in, and end every wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self.on_arrival is not None:
            self.on_arrival()


class Wire:
    """One end of a pipe between two processes: whole messages, large arrays by shared memory.

    Sending is safe from any thread; receiving belongs to one.

    Parameters
    ----------
    pipe
        One end of a :func:`multiprocessing.Pipe`; the wire owns it from now on.
    """

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self._sending = threading.Lock()
        self._socket = socket.fromfd(pipe.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) if _HAS_MEMFD else None

    def send(self, message: object) -> None:
        """Send one message; waits while the pipe is full.

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
        """Close this end; the other side then finds the channel closed."""
        if self._socket is not None:
            self._socket.close()
        self.pipe.close()

    def _send_memory(self, buffers: list[memoryview]) -> None:
        """Copy ``buffers`` into nameless memory, after their number and sizes, and send its descriptor."""
        assert self._socket is not None
        head = struct.pack(f"<{len(buffers) + 1}Q", len(buffers), *(buffer.nbytes for buffer in buffers))
        offsets, size = _layout([buffer.nbytes for buffer in buffers])
        descriptor = os.memfd_create("latentlab")
        try:
            os.truncate(descriptor, size)
            with mmap.mmap(descriptor, size) as memory:
                memory[: len(head)] = head
                for offset, buffer in zip(offsets, buffers, strict=True):
                    memory[offset : offset + buffer.nbytes] = buffer
            self.pipe.send_bytes(_MEMORY_FOLLOWS)
            socket.send_fds(self._socket, [b"m"], [descriptor])
        finally:
            os.close(descriptor)

    def _receive_memory(self) -> list[memoryview]:
        """The buffers sent by :meth:`_send_memory`; their memory lives as long as they are referred to."""
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
    """Where buffers of these sizes lie behind their head, each aligned, and the whole's size."""
    offsets = []
    end = 8 * (len(sizes) + 1)
    for size in sizes:
        start = -(-end // _ALIGNMENT) * _ALIGNMENT
        offsets.append(start)
        end = start + size
    return offsets, end


def pipe_pair() -> tuple[Wire, Connection]:
    """A wire, and the end that is handed to a child process (see :func:`inherited_wire`)."""
    ours, theirs = Pipe()
    return Wire(ours), theirs


def inherited_wire(handle: int) -> Wire:
    """The wire over a pipe's end that this process inherited under ``handle``; not passed on to its children."""
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, False)
    else:
        os.set_inheritable(handle, False)
    return Wire(_Pipe(handle))
