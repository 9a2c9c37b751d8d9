"""Images are decoded by threads on every core (Pillow lets go of the GIL)."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from latentlab.data.dataset import LoadProgress
from latentlab.data.decode import Decoded
from latentlab.data.made import Kind, Made
from latentlab.data.meanwhile import WAIT
from latentlab.data.picture import UnreadableError
from latentlab.data.sink import Sink

Item = TypeVar("Item")

_BATCH = 16


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ingest(items: Sequence[Item], read: Callable[[Item], Decoded], sink: Sink) -> Generator[LoadProgress, None, Made]:
    """Decode items in order; yields progress every few hundredths of a second, also while it waits.

    Closing the generator ends the threads within one small batch.

    Parameters
    ----------
    items
        File names, say.
    read
        Decodes one, in any thread; `UnreadableError` when it cannot.
    sink
        Takes the pixels.
    """
    codes = np.full(len(items), -1, dtype=np.int32)
    kinds: dict[Kind, int] = {}
    reasons: dict[int, str] = {}
    done = 0
    for batch in _decoded(items, read):
        if batch is not None:
            sink.add([image.pixels for image in batch if isinstance(image, Decoded)])
            for number, image in enumerate(batch, start=done):
                if isinstance(image, Decoded):
                    kind = image.format, image.mode, f"{image.size[0]}×{image.size[1]}"
                    codes[number] = kinds.setdefault(kind, len(kinds))
                else:
                    reasons[number] = image
            done += len(batch)
        yield LoadProgress(done, len(items), "Reading images", sink.preview())
    return Made((yield from sink.finish()), codes, list(kinds), reasons)


def _decoded(
    items: Sequence[Item], read: Callable[[Item], Decoded]
) -> Generator[list[Decoded | str] | None, None, None]:
    """Batches in order, each item decoded or the reason why not; ``None`` while waiting."""

    def work(some: Sequence[Item]) -> list[Decoded | str]:
        made: list[Decoded | str] = []
        for item in some:
            try:
                made.append(read(item))
            except UnreadableError as error:
                made.append(str(error))
        return made

    threads = cores()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ingest")
    waiting: deque[Future[list[Decoded | str]]] = deque()
    try:
        starts = iter(range(0, len(items), _BATCH))
        while True:
            while len(waiting) < 4 * threads and (start := next(starts, None)) is not None:
                waiting.append(pool.submit(work, items[start : start + _BATCH]))
            if not waiting:
                return
            try:
                batch = waiting[0].result(timeout=WAIT)
            except TimeoutError:
                yield None
                continue
            waiting.popleft()
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
