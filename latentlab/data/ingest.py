"""Image files become one uint8 array, decoded by threads on every core (Pillow lets go of the GIL)."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass

import numpy as np

from latentlab.config.data import DataConfig
from latentlab.data.dataset import Found, Images, Labels, LoadProgress, Skipped
from latentlab.data.decode import Decoded, UnreadableError, decode
from latentlab.data.fit import Size
from latentlab.data.scan import shown
from latentlab.data.sink import Sink

_BATCH = 16
_WAIT = 0.03  # seconds


@dataclass(frozen=True)
class Ingested:
    """Images made of files.

    Attributes
    ----------
    images
        uint8 [N, C, H, W].
    kept
        int64 [N], which of the files they are.
    skipped, found
        The other files, and what the files held.
    """

    images: Images
    kept: Labels
    skipped: list[Skipped]
    found: Found


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ingest(
    folder: str, paths: Sequence[str], target: Size, config: DataConfig
) -> Generator[LoadProgress, None, Ingested]:
    """Decode files in order; yields progress every few hundredths of a second, also while it waits.

    Closing the generator ends the threads within one small batch.
    """
    kept: list[int] = []
    skipped: list[Skipped] = []
    formats, modes, sizes = Counter[str](), Counter[str](), Counter[str]()
    with Sink() as sink:
        done = 0
        for batch in _decoded(folder, paths, target, config):
            if batch is not None:
                good = [image for image in batch if isinstance(image, Decoded)]
                sink.add([image.pixels for image in good])
                for number, image in enumerate(batch, start=done):
                    if isinstance(image, Decoded):
                        kept.append(number)
                        formats[image.format] += 1
                        modes[image.mode] += 1
                        sizes[f"{image.size[0]}×{image.size[1]}"] += 1
                    else:
                        skipped.append(Skipped(shown(paths[number]), image))
                done += len(batch)
            yield LoadProgress(done, len(paths), "Reading images", sink.preview())
        images = sink.finish() if kept else np.empty((0, 1, target[1], target[0]), dtype=np.uint8)
    found = Found(dict(formats.most_common()), dict(modes.most_common()), dict(sizes.most_common()))
    return Ingested(images, np.array(kept, dtype=np.int64), skipped, found)


def _decoded(
    folder: str, paths: Sequence[str], target: Size, config: DataConfig
) -> Generator[list[Decoded | str] | None, None, None]:
    """Batches in order, each image decoded or the reason why not; ``None`` while waiting."""

    def work(names: Sequence[str]) -> list[Decoded | str]:
        made: list[Decoded | str] = []
        for name in names:
            try:
                made.append(decode(f"{folder}/{name}", target, config))
            except UnreadableError as error:
                made.append(str(error))
        return made

    threads = cores()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ingest")
    waiting: deque[Future[list[Decoded | str]]] = deque()
    try:
        starts = iter(range(0, len(paths), _BATCH))
        while True:
            while len(waiting) < 4 * threads and (start := next(starts, None)) is not None:
                waiting.append(pool.submit(work, paths[start : start + _BATCH]))
            if not waiting:
                return
            try:
                batch = waiting[0].result(timeout=_WAIT)
            except TimeoutError:
                yield None
                continue
            waiting.popleft()
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
