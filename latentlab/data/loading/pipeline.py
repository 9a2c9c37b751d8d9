"""Decode many images on all cores, in order, with progress."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np

from latentlab.data.images.to_array import DecodedImage
from latentlab.data.loading.decode_pool import DecodePool, Results, Worker
from latentlab.data.loading.fetcher import Fetcher
from latentlab.data.loading.image_buffer import ImageBuffer
from latentlab.data.loading.in_thread import POLL_SECONDS
from latentlab.data.loading.prepared_images import Kind, PreparedImages
from latentlab.data.types import LoadProgress
from latentlab.utils.thread_priority import available_cores

_FIRST_BATCH, _LARGEST_BATCH = 4, 64
_BATCH_SECONDS = 0.08
_PROBE_SECONDS = 0.2  # seconds after which the remaining time is estimated
_MAX_NOTES = 50
_MIN_PROCESS_SECONDS = 0.8  # remaining seconds above which starting processes pays


def prepare_images(
    items: Sequence[Any],
    read: Callable[[Any], DecodedImage],
    buffer: ImageBuffer,
    start: Callable[[], Worker[Any]] | None = None,
    fetcher: Fetcher | None = None,
) -> Generator[LoadProgress, None, PreparedImages]:
    """Decode items on all cores, in order; yields progress every 0.03 s, also while waiting.

    Closing the generator ends the work within 0.05 s, or one image if that is sooner.

    Parameters
    ----------
    items
        For example file names; numbers if there is a ``fetcher``.
    read
        Decodes one item, or what was fetched for it, in any thread; raises `UnreadableError`. Every other error ends
        the preparation.
    buffer
        Collects the pixels.
    start
        Starts a process that decodes as ``read`` does; ``None`` for threads only.
    fetcher
        Fetches what is decoded for each item, ahead of the decoding; it is stopped at the end.
    """
    codes = np.full(len(items), -1, dtype=np.int32)
    kinds: dict[Kind, int] = {}
    reasons: dict[int, str] = {}
    notes: dict[str, tuple[int, int]] = {}
    done = 0
    for batch in _decode_batches(items, DecodePool(available_cores(), read, start), fetcher):
        if batch is not None:
            yield from buffer.add([image.pixels for image in batch if isinstance(image, DecodedImage)])
            for number, image in enumerate(batch, start=done):
                if isinstance(image, DecodedImage):
                    kind = image.format, image.mode, f"{image.size[0]}×{image.size[1]}"
                    codes[number] = kinds.setdefault(kind, len(kinds))
                    if image.note and (image.note in notes or len(notes) < _MAX_NOTES):
                        count, first = notes.get(image.note, (0, number))
                        notes[image.note] = count + 1, first
                else:
                    reasons[number] = image
            done += len(batch)
        yield LoadProgress(done, len(items), "Reading images", buffer.preview())
    return PreparedImages((yield from buffer.finish()), codes, list(kinds), reasons, notes)


def _decode_batches(
    items: Sequence[Any], pool: DecodePool[Any], fetcher: Fetcher | None
) -> Generator[Results | None, None, None]:
    """Yield the results of all batches in order, and ``None`` while waiting for one."""
    pending: deque[Future[Results]] = deque()
    started = time.monotonic()
    submitted, estimated = 0, False
    try:
        while True:
            while len(pending) < 2 * pool.size + 2 and submitted < len(items):  # bounds the memory
                size = _batch_size(pool.seconds_per_item)
                batch = items[submitted : submitted + size]
                pending.append(pool.submit(batch if fetcher is None else fetcher.submit(batch)))
                submitted += size
            if not estimated and time.monotonic() - started > _PROBE_SECONDS:
                estimated = True
                if pool.seconds_per_item * (len(items) - submitted) > _MIN_PROCESS_SECONDS:
                    pool.start_processes()
            if not pending:
                return
            try:
                results = pending[0].result(timeout=POLL_SECONDS)
            except TimeoutError:
                yield None
                continue
            pending.popleft()
            yield results
    finally:
        if fetcher is not None:
            fetcher.stop()
        pool.stop(pending)


def _batch_size(seconds_per_item: float) -> int:
    """Number of items that take about 0.08 s."""
    return int(min(max(_BATCH_SECONDS / seconds_per_item, 1), _LARGEST_BATCH)) if seconds_per_item else _FIRST_BATCH
