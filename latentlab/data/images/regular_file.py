"""Opens regular files only, and says in a few words why a file could not be read."""

from __future__ import annotations

import os
import re
import stat
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from latentlab.data.images.limits import UnreadableError

_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_SMALL_FILE = 8 << 20
_UNSUPPORTED = re.compile(
    r"support|unrecogni|cannot handle|not implemented|unknown (?:\w+ )?(?:mode|type|format)", re.I
)


def open_regular(path: str | PurePath) -> BufferedReader:
    """Open a regular file for reading; others, such as a FIFO, are refused without blocking.

    Raises
    ------
    UnreadableError
        Also when the file does not exist or its permissions forbid reading.
    """
    return open(open_descriptor(path)[0], "rb")


def open_descriptor(path: str | PurePath) -> tuple[int, os.stat_result]:
    """Open a regular file; returns its descriptor, which the caller closes, and its status.

    Raises
    ------
    UnreadableError
    """
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except (OSError, ValueError) as error:  # a ValueError for a path with a zero byte
        raise UnreadableError(failure_reason(error)) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise UnreadableError("not a regular file")
    return descriptor, status


def failure_reason(error: Exception) -> str:
    """Why a file could not be read, in a few words for the user."""
    if isinstance(error, FileNotFoundError | MemoryError):
        return "vanished" if isinstance(error, FileNotFoundError) else "does not fit into memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = " ".join(str(error).split())[:160]
    if "MAX_TEXT" in text or "too large for PngImagePlugin" in text:
        return "its text or colour profile unpacks to more than 64 MB"
    is_unsupported = isinstance(error, NotImplementedError) or _UNSUPPORTED.search(text)
    return f"{'not supported' if is_unsupported else 'damaged'}: {text or type(error).__name__}"


class DescriptorFile(RawIOBase):
    """A file that is closed when it is no longer referenced, without a warning."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def opened(cls, descriptor: int, size: int) -> BinaryIO:
        """The file of a descriptor; a small one is read completely.

        Every system call releases the GIL, and acquiring it again costs threads more time than the reading.

        Raises
        ------
        UnreadableError
        """
        if size > _SMALL_FILE:
            return cast(BinaryIO, BufferedReader(cls(descriptor)))
        try:
            return BytesIO(os.read(descriptor, size))
        except OSError as error:
            raise UnreadableError(failure_reason(error)) from None
        finally:
            os.close(descriptor)

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def seekable(self) -> bool:
        """Whether its position can be set: yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; returns the number of bytes read."""
        return os.readv(self._descriptor, [buffer]) if hasattr(os, "readv") else self._copied(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position; returns it."""
        return os.lseek(self._descriptor, offset, whence)

    def close(self) -> None:
        """Close the descriptor."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def _copied(self, buffer: Any) -> int:
        data = os.read(self._descriptor, len(buffer))
        buffer[: len(data)] = data
        return len(data)
