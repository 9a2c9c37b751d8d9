"""Something slow that cannot be cut into steps, done in a thread while steps go on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from latentlab.data.types import LoadProgress

T = TypeVar("T")

POLL_SECONDS = 0.03  # seconds


def run_in_thread(work: Callable[[], T], progress: LoadProgress) -> Generator[LoadProgress, None, T]:
    """Run ``work`` in a thread; yields ``progress`` until it is done, and returns what it gave.

    Closing the generator waits for the thread.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="meanwhile") as pool:
        future = pool.submit(work)
        while True:
            try:
                return future.result(timeout=POLL_SECONDS)
            except TimeoutError:
                if future.done():  # the work's own
                    raise
                yield progress
