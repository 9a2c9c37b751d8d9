"""Video files, a frame an image (PyAV)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.loading.fetcher import Fetch, Payload
from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.sources.array_dataset import cache_identity, unlabelled
from latentlab.data.sources.extras import import_extra
from latentlab.data.sources.items import ImageItems
from latentlab.data.types import LoadProgress
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes, format_bytes

SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ogv", ".wmv", ".flv", ".3gp"})
_MEMORY_FRACTION = 64  # many frames are in memory at a time
_COUNTED_AT_ONCE = 2_000


def is_video(path: Path) -> bool:
    """Whether a file is a video, by its name."""
    return path.suffix.lower() in SUFFIXES


def open_video(path: Path, every: int | None = 1) -> Generator[LoadProgress, None, ImageItems]:
    """Count the frames of a video's first stream, and list every ``every``-th; ``None`` for the first only.

    Raises
    ------
    InputError
        When PyAV is missing, the file is no video, or its frames are too large.
    """
    load = partial(import_extra, "av", "PyAV", "video", f"{path.name} is read")
    av = yield from run_in_thread(load, LoadProgress(0, None, "Loading PyAV"))
    counting = _count_packets(av, path)
    count, size = 0, (0, 0)
    while True:
        step = yield from run_in_thread(partial(next, counting, None), LoadProgress(count, None, "Counting frames"))
        if step is None:
            break
        count, size = step
    step = every or max(1, count)
    numbers = range(0, count, step)
    return ImageItems(
        names=[f"{path.name}#{number}" for number in numbers],
        labels=unlabelled(len(numbers)),
        classes=(),
        name=path.stem,
        source=str(path),
        place=path.name,
        cache_identity=(*cache_identity(path), f"every {step}"),
        open_reader=partial(_reader, av, path, step),
        kind="pixels",
        format="video",
        size=size,
        metadata={},
    )


def _count_packets(av: Any, path: Path) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield the number of packets so far, which are a frame each, and the frames' size; the last is complete."""
    with _opened(av, path) as container:
        stream = container.streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
        limit = available_bytes() // _MEMORY_FRACTION
        if width * height * 3 > limit:
            raise InputError(
                f"{path.name} has frames of {width} × {height} pixels, {format_bytes(width * height * 3)} each: more "
                f"than the limit of {format_bytes(limit)} on this machine"
            )
        count = 0
        try:
            for packet in container.demux(stream):
                count += packet.size > 0
                if count % _COUNTED_AT_ONCE == 0:
                    yield count, (width, height)
        except (av.FFmpegError, ValueError) as error:
            if not count:
                raise InputError(f"{path.name} is damaged: {_reason(error)}") from None
        yield count, (width, height)


@contextmanager
def _opened(av: Any, path: Path) -> Iterator[Any]:
    """The video's container. The file is passed as such, so that its name is never taken for a protocol."""
    try:
        file = open_regular(path)
    except UnreadableError as error:
        raise InputError(f"{path.name} cannot be read: {error}") from None
    # PyAV 19 has no such option: metadata that is not UTF-8 does not keep a video from opening there.
    options = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
    with file:
        try:
            container = av.open(file, **options)
        except (av.FFmpegError, ValueError) as error:
            raise InputError(f"{path.name} is not a video that can be read: {_reason(error)}") from None
        with container:
            if not container.streams.video:
                raise InputError(f"{path.name} has no video stream")
            yield container


@contextmanager
def _reader(av: Any, path: Path, every: int) -> Iterator[Fetch]:
    """Decodes from the start up to the last frame that is wanted; the others are dropped unconverted."""
    with _opened(av, path) as container:
        frames = _numbered(av, container)

        def fetch(numbers: Sequence[int]) -> Iterator[Payload]:
            for number in numbers:
                yield _frame(frames, number * every)

        yield fetch


def _numbered(av: Any, container: Any) -> Iterator[tuple[int, Any]]:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    try:
        yield from enumerate(container.decode(stream))
    except av.FFmpegError as error:
        raise UnreadableError(f"damaged: {_reason(error)}") from None


def _frame(frames: Iterator[tuple[int, Any]], wanted: int) -> Payload:
    try:
        for number, frame in frames:
            if number == wanted:
                image: Payload = frame.to_ndarray(format="gray" if frame.format.name.startswith("gray") else "rgb24")
                return image
    except UnreadableError as error:
        return error
    return UnreadableError("the video ends before this frame")


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:200].lower()
