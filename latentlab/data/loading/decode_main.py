"""A process that only decodes image files: ``python -m latentlab.data.loading.decode_main``.

Started by `latentlab.data.loading.decode_process`. Requests arrive on stdin and answers go to stdout, each as a length
followed by `marshal` data, which holds plain values and never executes anything. The process ends when stdin closes,
which also happens when its parent is gone. It imports neither numpy nor pydantic, and is ready in 0.1 s.
"""

from __future__ import annotations

import marshal
import os
import signal
import struct
import sys
from typing import Any, BinaryIO, Literal, NamedTuple

from latentlab.data.images.image_file import FileItem, Ranges, UnexpectedImageError, UnreadableError, read_image
from latentlab.data.images.library_warnings import collected_warnings
from latentlab.data.images.resize import Size

LENGTH = struct.Struct("<Q")
Answer = tuple[str, str, Size, str, Size, int, bytes] | str | None


class Settings(NamedTuple):
    """Image options as plain values; implements `latentlab.data.images.resize.ImageOptions`."""

    channels: Literal["auto", 1, 3]
    fit: Literal["fit", "crop", "stretch"]
    invert: bool
    levels: str
    behind: int
    margin: int


def main() -> int:
    """Answer requests until stdin closes: the first holds what all images share, the others paths or contents."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is handled by the parent
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints goes to stderr, not into the answers
    try:
        target, options, ranges, frames = receive(requests)
        settings, values = Settings(*options), Ranges(*ranges)
        send(answers, "ready")
        with collected_warnings():
            while True:
                items = receive(requests)
                send(answers, [_answer(item, target, settings, values, frames) for item in items])
    except (EOFError, OSError):
        return 0


def send(file: BinaryIO, values: Any) -> None:
    """Write one message of plain values."""
    data = marshal.dumps(values)
    file.write(LENGTH.pack(len(data)))
    file.write(data)
    file.flush()


def receive(file: BinaryIO) -> Any:
    """Read one message of plain values.

    Raises
    ------
    EOFError
        When the other side has closed the pipe.
    """
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    data = file.read(LENGTH.unpack(head)[0])
    if len(data) < LENGTH.unpack(head)[0]:
        raise EOFError
    return marshal.loads(data)


def _answer(
    item: FileItem | bytes, target: Size | None, options: Settings, ranges: Ranges, frames: int | None
) -> Answer:
    """Format, mode, size and note of the file, then size, channels and values of the image.

    A text is why it cannot be read; ``None`` is for an `UnexpectedImageError`.
    """
    source, frame, expected = item if isinstance(item, tuple) else (item, 0, frames)
    try:
        picture = read_image(source, target, options, frame, expected, ranges)
    except UnreadableError as error:
        return str(error)
    except UnexpectedImageError:
        return None
    image = picture.image
    values = image.tobytes()
    return picture.format, picture.mode, picture.size, picture.note, image.size, len(image.getbands()), values


if __name__ == "__main__":
    sys.exit(main())
