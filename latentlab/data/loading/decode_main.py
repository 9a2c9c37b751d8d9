"""A process that decodes image files and nothing else: ``python -m latentlab.data.loading.decode_main``.

Started by `latentlab.data.loading.decode_process`. Requests come on stdin and answers go to stdout, each as a length
and as much of `marshal`, which holds plain values and never runs anything. It ends when stdin does, which is also
what happens when the process that started it is gone. Neither numpy nor pydantic is imported, so that it is ready
in a tenth of a second.
"""

from __future__ import annotations

import marshal
import os
import signal
import struct
import sys
from typing import Any, BinaryIO, Literal, NamedTuple

from latentlab.data.images.image_file import UnreadableError, read_image
from latentlab.data.images.resize import Size

LENGTH = struct.Struct("<Q")
Answer = tuple[str, str, Size, Size, int, bytes] | str


class Settings(NamedTuple):
    """How images are made ready: a `latentlab.data.images.resize.ImageOptions` of plain values."""

    channels: Literal["auto", 1, 3]
    fit: Literal["fit", "crop", "stretch"]
    invert: bool
    levels: Literal["full", "stretch"]
    behind: int
    margin: int


def main() -> int:
    """Answer until there are no more requests: first what is to be made of the files, then lists of paths."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the process that started this one
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    try:
        target, options = receive(requests)
        send(answers, "ready")
        while True:
            send(answers, [_answer(path, target, Settings(*options)) for path in receive(requests)])
    except (EOFError, OSError):
        return 0


def send(file: BinaryIO, values: Any) -> None:
    """Write plain values."""
    data = marshal.dumps(values)
    file.write(LENGTH.pack(len(data)))
    file.write(data)
    file.flush()


def receive(file: BinaryIO) -> Any:
    """Read plain values.

    Raises
    ------
    EOFError
        When the other side is gone.
    """
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    data = file.read(LENGTH.unpack(head)[0])
    if len(data) < LENGTH.unpack(head)[0]:
        raise EOFError
    return marshal.loads(data)


def _answer(path: str, target: Size | None, options: Settings) -> Answer:
    """Format, mode and size of the file, then size, channels and values of the picture; or why there is none."""
    try:
        picture = read_image(path, target, options)
    except UnreadableError as error:
        return str(error)
    image = picture.image
    return picture.format, picture.mode, picture.size, image.size, len(image.getbands()), image.tobytes()


if __name__ == "__main__":
    sys.exit(main())
