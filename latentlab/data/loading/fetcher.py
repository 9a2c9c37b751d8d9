"""Fetch what is decoded from a file that holds many images: in order, in one thread, ahead of the decoding."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple

from numpy.typing import NDArray

from latentlab.data.images.image_file import UnreadableError, failure_reason
from latentlab.errors import LatentlabError


class FramePayload(NamedTuple):
    """A frame of a file: path or content of the file, the frame's number, and how many frames the file has."""

    file: str | bytes
    frame: int
    frames: int


Payload = str | bytes | FramePayload | NDArray[Any] | UnreadableError
"""An image before it is decoded: the path of its file, the content of a file, a frame of one, pixels [H, W] or
[H, W, C]; or why there is none."""

Fetch = Callable[[Sequence[int]], Iterator[Payload]]
"""Yields the payload of each of some item numbers. Called in one thread, with numbers that only grow from call to
call, so that a stream is read once."""
OpenReader = Callable[[], AbstractContextManager[Fetch]]


@contextmanager
def frames_reader(open_reader: OpenReader, frames: Sequence[tuple[int, int, int]]) -> Iterator[Fetch]:
    """Fetches frames of the files of another reader, each file once for its frames that follow each other.

    Parameters
    ----------
    open_reader
        Opens the reader of the files.
    frames
        Of each item: the number of its file, of the frame in it, and how many frames the file has.
    """
    with open_reader() as fetch:
        last: int = -1
        payload: Payload = ""

        def fetch_frames(numbers: Sequence[int]) -> Iterator[Payload]:
            nonlocal last, payload
            for number in numbers:
                file, frame, count = frames[number]
                if file != last:
                    last, payload = file, next(iter(fetch([file])))
                yield FramePayload(payload, frame, count) if isinstance(payload, str | bytes) else payload

        yield fetch_frames


class Fetcher:
    """Fetches batches in the order in which they are submitted, in a thread of its own.

    Parameters
    ----------
    open_reader
        Opens the file, in that thread, before the first batch; it is closed in that thread after the last.
    """

    def __init__(self, open_reader: OpenReader) -> None:
        self._open_reader = open_reader
        self._fetch: Fetch | None = None
        self._opened = ExitStack()
        self._stopping = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fetch")

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def submit(self, numbers: Sequence[int]) -> Future[Sequence[Payload]]:
        """Fetch a batch; the result has one payload for each number, fewer after `stop`."""
        return self._thread.submit(self._batch, numbers)

    def stop(self) -> None:
        """Stop after the current payload and close the file; returns at once."""
        self._stopping.set()
        self._thread.submit(self._opened.close)
        self._thread.shutdown(wait=False)

    def _batch(self, numbers: Sequence[int]) -> list[Payload]:
        payloads: list[Payload] = []
        try:
            if self._fetch is None and not self._stopping.is_set():
                self._fetch = self._opened.enter_context(self._open_reader())
            fetched = iter(self._fetch(numbers)) if self._fetch is not None else iter(())
            while not self._stopping.is_set() and len(payloads) < len(numbers):
                payloads.append(next(fetched))
        except LatentlabError:
            raise
        except Exception as error:  # libraries raise errors of any kind for damaged files
            reason = UnreadableError(failure_reason(error))
            payloads += [reason] * (len(numbers) - len(payloads))
        return payloads
