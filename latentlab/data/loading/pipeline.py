"""Images are decoded by every core, in order, with progress."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from typing import TypeVar

import numpy as np

from latentlab.data.images.to_array import DecodedImage
from latentlab.data.loading.decode_pool import DecodePool, Results, Worker
from latentlab.data.loading.image_buffer import ImageBuffer
from latentlab.data.loading.in_thread import POLL_SECONDS
from latentlab.data.loading.prepared_images import Kind, PreparedImages
from latentlab.data.types import LoadProgress
from latentlab.utils.thread_priority import available_cores

Item = TypeVar("Item")

_FIRST_BATCH, _LARGEST_BATCH = 4, 64
_BATCH_SECONDS = 0.08
_PROBE_SECONDS = 0.2  # seconds after which it is known how long the rest will take
_MIN_PROCESS_SECONDS = 0.8  # seconds of decoding by which processes are worth their start


def prepare_images(
    items: Sequence[Item],
    read: Callable[[Item], DecodedImage],
    buffer: ImageBuffer,
    start: Callable[[], Worker[Item]] | None = None,
) -> Generator[LoadProgress, None, PreparedImages]:
    """Decode items in order; yields progress every few hundredths of a second, also while it waits.

    Closing the generator ends the work within an image, or within a twentieth of a second where that is sooner.

    Parameters
    ----------
    items
        File names, say.
    read
        Decodes one, in any thread; `UnreadableError` when it cannot.
    sink
        Takes the pixels.
    start
        Starts a process that decodes as ``read`` does; ``None`` to make do with threads.
    """
    codes = np.full(len(items), -1, dtype=np.int32)
    kinds: dict[Kind, int] = {}
    reasons: dict[int, str] = {}
    done = 0
    for batch in _decoded(items, DecodePool(available_cores(), read, start)):
        if batch is not None:
            yield from buffer.add([image.pixels for image in batch if isinstance(image, DecodedImage)])
            for number, image in enumerate(batch, start=done):
                if isinstance(image, DecodedImage):
                    kind = image.format, image.mode, f"{image.size[0]}×{image.size[1]}"
                    codes[number] = kinds.setdefault(kind, len(kinds))
                else:
                    reasons[number] = image
            done += len(batch)
        yield LoadProgress(done, len(items), "Reading images", buffer.preview())
    return PreparedImages((yield from buffer.finish()), codes, list(kinds), reasons)


def _decoded(items: Sequence[Item], pool: DecodePool[Item]) -> Generator[Results | None, None, None]:
    """Batches in order, each item decoded or the reason why not; ``None`` while waiting."""
    waiting: deque[Future[Results]] = deque()
    began = time.monotonic()
    taken, grown = 0, False
    try:
        while True:
            while len(waiting) < 2 * pool.size + 2 and taken < len(items):
                size = _batch_size(pool.seconds)
                waiting.append(pool.submit(items[taken : taken + size]))
                taken += size
            if not grown and time.monotonic() - began > _PROBE_SECONDS:
                grown = True
                if pool.seconds * (len(items) - taken) > _MIN_PROCESS_SECONDS:
                    pool.start_processes()
            if not waiting:
                return
            try:
                batch = waiting[0].result(timeout=POLL_SECONDS)
            except TimeoutError:
                yield None
                continue
            pool.done(waiting.popleft())
            yield batch
    finally:
        pool.stop()


def _batch_size(seconds: float) -> int:
    """How many items make a batch of about a tenth of a second."""
    return int(min(max(_BATCH_SECONDS / seconds, 1), _LARGEST_BATCH)) if seconds else _FIRST_BATCH
