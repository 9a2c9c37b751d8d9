"""A decoding pool: threads first, worker processes once the job is long enough to amortize their start.

The threads are a `concurrent.futures.ThreadPoolExecutor`. Threads alone reach .66 of the speed of Pillow in one
process a core, threads with processes .81 (JPEG, 2 cores; rows of the ingest in tests/benchmarks/RESULTS.md): every
call into Pillow releases the GIL and has to take it back.

The processes are `latentlab.data.loading.decode_process.DecodeProcess`. A `ProcessPoolExecutor` was tried
(Python 3.11) and not taken:

- With "spawn" and with "forkserver" its workers import ``__main__`` again: a script that calls ``load_dataset``
  without an ``if __name__ == "__main__"`` guard runs a second time. "fork" is unsafe beside torch's and Qt's threads.
- Its workers outlive a parent that is killed: they were still there 6 s later. Ours end when their stdin does.
- One crash breaks the whole pool (``BrokenProcessPool``) and does not say which file caused it.
- There is no public way to end a worker in the midst of an image before Python 3.14 (``kill_workers``).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, Protocol, TypeVar

from latentlab.data.images.image_file import UnreadableError
from latentlab.data.images.to_array import DecodedImage
from latentlab.data.loading.decode_process import DecodeProcessLostError

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)
Results = list[DecodedImage | str]

CRASHED = "crashed the decoder"
_LAST_WAIT = 0.05  # seconds


class Worker(Protocol[Item_contra]):
    """A process that decodes, as `latentlab.data.loading.decode_process.DecodeProcess`."""

    @property
    def is_ready(self) -> bool:
        """Whether it has ever answered."""

    def decode(self, names: Sequence[Item_contra], /) -> Results:
        """Decode a batch; `DecodeProcessLostError` when the process ends meanwhile."""

    def end(self) -> None:
        """End the process, from any thread."""

    def close(self) -> None:
        """End the process and let go of it."""


class DecodePool(Generic[Item]):
    """Threads that decode batches of items.

    Threads alone wait for each other: every call into Pillow lets go of the interpreter's lock and wants it back.
    Processes do not, but take a tenth of a second to start. So a crew begins with threads, and grows when that pays.

    Parameters
    ----------
    size
        Number of threads.
    read
        Decodes one item, in any thread; `UnreadableError` when it cannot.
    start
        Starts a process that decodes items as ``read`` does; ``None`` where none can.
    """

    def __init__(
        self, size: int, read: Callable[[Item], DecodedImage], start: Callable[[], Worker[Item]] | None = None
    ) -> None:
        self.size = size
        self.seconds = 0.0  # that an item took lately
        self._read = read
        self._start = start
        self._startable = 0  # processes that may be started
        self._idle: deque[Worker[Item]] = deque()
        self._alive: set[Worker[Item]] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._running: set[Future[Results]] = set()
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="ingest")

    def submit(self, items: Sequence[Item]) -> Future[Results]:
        """Have a batch decoded: each item, or the reason why it cannot be."""
        future = self._pool.submit(self._work, items)
        self._running.add(future)
        return future

    def done(self, future: Future[Results]) -> None:
        """Forget a batch whose results have been taken."""
        self._running.discard(future)

    def start_processes(self) -> None:
        """Let all threads but one have a process of its own, as soon as they next ask for one."""
        self._startable = self.size - 1 if self._start is not None else 0

    def stop(self) -> None:
        """End at once: processes are killed; a thread is given a moment, then left to its last image."""
        with self._lock:
            self._stopping.set()
            living = list(self._alive)
        for worker in living:
            worker.end()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if not wait(self._running, _LAST_WAIT).not_done:
            self._pool.shutdown(wait=True)
        while self._idle:
            self._idle.popleft().close()

    def _work(self, items: Sequence[Item]) -> Results:
        worker = self._acquire_process()
        began = time.monotonic()
        if worker is None:
            results = self._decode_in_thread(items)
        else:
            was_ready = worker.is_ready
            try:
                results = worker.decode(items)
            except DecodeProcessLostError:
                return self._retry_one_by_one(worker, items)
            self._idle.append(worker)
            if not was_ready:
                return results
        self.seconds = (time.monotonic() - began) / len(items)
        return results

    def _decode_in_thread(self, items: Sequence[Item]) -> Results:
        prepared: Results = []
        for item in items:
            if self._stopping.is_set():
                break
            try:
                prepared.append(self._read(item))
            except UnreadableError as error:
                prepared.append(str(error))
        return prepared

    def _acquire_process(self) -> Worker[Item] | None:
        """A process that has nothing to do, a new one where there may be more, or ``None``."""
        with self._lock:
            if self._idle:
                return self._idle.popleft()
            if not self._startable:
                return None
            self._startable -= 1
        return self._start_process()

    def _start_process(self) -> Worker[Item] | None:
        if self._start is None or self._stopping.is_set():
            return None
        try:
            worker = self._start()
        except OSError:
            self._start = None
            return None
        with self._lock:
            self._alive.add(worker)
            if self._stopping.is_set():
                worker.end()
        return worker

    def _retry_one_by_one(self, lost: Worker[Item], items: Sequence[Item]) -> Results:
        """Decode a batch in which a process was lost: file by file, so that the one to blame is known."""
        self._discard(lost)
        if not lost.is_ready:  # none can be started here
            self._start, self._startable = None, 0
            return self._decode_in_thread(items)
        results: Results = []
        worker = None
        for item in items:
            worker = worker or self._start_process()
            if worker is None:
                return results + self._decode_in_thread(items[len(results) :])
            try:
                results += worker.decode([item])
            except DecodeProcessLostError:
                self._discard(worker)
                worker = None
                results.append(CRASHED)
        if worker is not None:
            self._idle.append(worker)
        return results

    def _discard(self, worker: Worker[Item]) -> None:
        with self._lock:
            self._alive.discard(worker)
        worker.close()
