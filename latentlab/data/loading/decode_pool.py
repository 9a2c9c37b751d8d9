"""A decoding pool: threads first, worker processes once the job is long enough to amortize their start.

The threads are a `concurrent.futures.ThreadPoolExecutor`. Threads alone reach .66 of the speed of Pillow in one
process a core, threads with processes .81 (JPEG, 2 cores; tests/benchmarks/RESULTS.md, ingest): every
call into Pillow releases the GIL and has to take it back.

The processes are `latentlab.data.loading.decode_process.DecodeProcess`. A `ProcessPoolExecutor` was tried
(Python 3.11) and rejected:

- With "spawn" and with "forkserver" its workers import ``__main__`` again: a script that calls ``load_dataset``
  without an ``if __name__ == "__main__"`` guard runs a second time. "fork" is unsafe beside torch's and Qt's threads.
- Its workers outlive a parent that is killed: they were still there 6 s later. Ours end when stdin closes.
- One crash breaks the whole pool (``BrokenProcessPool``) and does not say which file caused it.
- Before Python 3.14 (``kill_workers``) there is no public way to end a worker while it decodes an image.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, Protocol, TypeVar

from latentlab.data.images.image_file import UnexpectedImageError, UnreadableError
from latentlab.data.images.library_warnings import collected_warnings
from latentlab.data.images.to_array import DecodedImage
from latentlab.data.loading.decode_process import DecodeProcessLostError

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)
Results = list[DecodedImage | str]

CRASHED = "crashed the decoder"
_STOP_SECONDS = 0.05  # how long `DecodePool.stop` waits for threads


class Worker(Protocol[Item_contra]):
    """A process that decodes; see `latentlab.data.loading.decode_process.DecodeProcess`."""

    @property
    def is_ready(self) -> bool:
        """Whether it has answered at least once."""

    def decode(self, items: Sequence[Item_contra], /) -> Results:
        """Decode a batch; raises `DecodeProcessLostError` when the process ends before it has answered."""

    def kill(self) -> None:
        """Kill the process, from any thread."""

    def close(self) -> None:
        """Kill the process and release its resources."""


class DecodePool(Generic[Item]):
    """A thread pool that decodes batches of items, with worker processes for long jobs.

    Parameters
    ----------
    size
        Number of threads.
    read
        Decodes one item, in any thread; raises `UnreadableError`.
    start
        Starts a process that decodes items as ``read`` does; ``None`` for threads only.

    Attributes
    ----------
    seconds_per_item
        Duration of the last batch, divided by its size; 0 before the first.
    """

    def __init__(
        self, size: int, read: Callable[[Item], DecodedImage], start: Callable[[], Worker[Item]] | None = None
    ) -> None:
        self.size = size
        self.seconds_per_item = 0.0
        self._read = read
        self._start = start
        self._startable = 0  # processes that may still be started
        self._idle: deque[Worker[Item]] = deque()
        self._alive: set[Worker[Item]] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="decode")

    def submit(self, items: Sequence[Item] | Future[Sequence[Item]]) -> Future[Results]:
        """Decode a batch, which may still be on its way.

        Returns
        -------
        Future with each item's image, or the reason why it cannot be read.
        """
        return self._threads.submit(self._decode, items)

    def start_processes(self) -> None:
        """Allow all threads but one to start a process with their next batch."""
        self._startable = self.size - 1 if self._start is not None else 0

    def stop(self, pending: Collection[Future[Results]] = ()) -> None:
        """Kill the processes and cancel ``pending`` batches.

        Waits 0.05 s for the threads; one that decodes a large image is left to finish it in the background.
        """
        with self._lock:
            self._stopping.set()
            alive = list(self._alive)
        for worker in alive:
            worker.kill()
        self._threads.shutdown(wait=False, cancel_futures=True)
        if not wait(pending, _STOP_SECONDS).not_done:
            self._threads.shutdown(wait=True)
        while self._idle:
            self._idle.popleft().close()

    def _decode(self, batch: Sequence[Item] | Future[Sequence[Item]]) -> Results:
        items = batch.result() if isinstance(batch, Future) else batch
        if not items:  # stopped while it was fetched
            return []
        worker = self._acquire_process()
        started = time.monotonic()
        if worker is None:
            results = self._decode_in_thread(items)
        else:
            was_ready = worker.is_ready
            try:
                results = worker.decode(items)
            except DecodeProcessLostError:
                return self._retry_one_by_one(worker, items)
            except UnexpectedImageError:
                self._idle.append(worker)
                raise
            self._idle.append(worker)
            if not was_ready:  # the time includes the process's start
                return results
        self.seconds_per_item = (time.monotonic() - started) / len(items)
        return results

    def _decode_in_thread(self, items: Sequence[Item]) -> Results:
        results: Results = []
        with collected_warnings():
            for item in items:
                if self._stopping.is_set():
                    break
                try:
                    results.append(self._read(item))
                except UnreadableError as error:
                    results.append(str(error))
        return results

    def _acquire_process(self) -> Worker[Item] | None:
        """An idle process, a new one if more may be started, or ``None``."""
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
                worker.kill()
        return worker

    def _retry_one_by_one(self, lost: Worker[Item], items: Sequence[Item]) -> Results:
        """Decode a batch again whose process was lost, one item at a time, to find the item that crashes it."""
        self._discard(lost)
        if not lost.is_ready:  # processes cannot be started here
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
            except UnexpectedImageError:
                self._idle.append(worker)
                raise
        if worker is not None:
            self._idle.append(worker)
        return results

    def _discard(self, worker: Worker[Item]) -> None:
        with self._lock:
            self._alive.discard(worker)
        worker.close()
