"""Run slow work that cannot be split into steps in a thread, while its generator yields."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from latentlab.data.types import LoadProgress

T = TypeVar("T")

POLL_SECONDS = 0.03


def run_in_thread(work: Callable[[], T], progress: LoadProgress) -> Generator[LoadProgress, None, T]:
    """Run ``work`` in a thread; yields ``progress`` until it is done and returns its result.

    Closing the generator waits for the thread.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="in_thread") as pool:
        future = pool.submit(work)
        while True:
            try:
                return future.result(timeout=POLL_SECONDS)
            except TimeoutError:
                if future.done():  # raised by the work itself
                    raise
                yield progress
