"""Items that are made by a thread while the earlier ones are used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
MOST = 4
"""Items that wait to be used, at most."""


def ahead(items: Iterable[_T], most: int = MOST) -> Iterator[_T]:
    """The same items in the same order, up to ``most`` of them made before they are asked for.

    An error in making an item is raised where the item would come. A thread makes them, one after the other: this is
    quicker where making and using release the global interpreter lock, as decoding and encoding of images do.
    """
    source = iter(items)
    pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
    try:
        waiting: deque[Future[list[_T]]] = deque(pool.submit(_next, source) for _ in range(most))
        while found := waiting.popleft().result():
            waiting.append(pool.submit(_next, source))
            yield found[0]
    finally:
        pool.shutdown(cancel_futures=True)


def _next(source: Iterator[_T]) -> list[_T]:
    """The next item, or none."""
    for item in source:
        return [item]
    return []
