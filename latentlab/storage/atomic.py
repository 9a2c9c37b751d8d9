"""Atomic writes: a file is replaced as a whole or left as it was."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from latentlab.errors import DiskFullError, InputError, LatentlabError, RunError

_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_REFUSED = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}


def atomic_write(path: str | os.PathLike[str], content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write a file so that a crash at any moment leaves either the old or the new content.

    Writes, flushes and syncs a temporary file in the same folder, renames it to the target and syncs the folder. On any
    error the temporary file is removed and the target is left as it was. A target that exists and is no regular file,
    such as a device or a pipe, is refused: the rename would put a file in its place.

    Parameters
    ----------
    path
        The target, in an existing folder. Symbolic links are followed.
    content
        The bytes, or a function that writes them to the given binary file.

    Raises
    ------
    RunError
        When the disk is full (``DiskFullError``) or fails.
    InputError
        When the target cannot be written at all (permissions, no such folder, no regular file, an impossible name).
    """
    target = _target(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        # Not mkstemp: its mode 0600 would remain after the rename. "x" opens with O_EXCL.
        with open(temporary, "xb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        _remove(temporary)
        raise write_error(path, error) from error
    except BaseException:
        _remove(temporary)
        raise
    _sync_folder(target.parent)


def _target(path: str | os.PathLike[str]) -> Path:
    """The file that is replaced, behind all links."""
    try:
        target = Path(os.path.realpath(path))
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return target
    except OSError as error:
        raise write_error(path, error) from error
    except ValueError as error:  # the name holds a null character
        raise InputError(f"cannot write {os.fspath(path)}: {error}") from error
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a device, a pipe or a socket"
        raise InputError(f"cannot write {os.fspath(path)}: it is {kind}, not a file")
    return target


def write_error(path: str | os.PathLike[str], error: OSError) -> LatentlabError:
    """The error to raise for a failed write: one sentence that names the path."""
    if error.errno in _FULL:
        return DiskFullError(f"cannot write {os.fspath(path)}: the disk is full; free some space or save elsewhere")
    folder = Path(path).parent
    if error.errno == errno.ENOENT and not os.path.isdir(folder):
        return InputError(
            f"cannot write {os.fspath(path)}: the folder {folder} does not exist; restore it or write elsewhere"
        )
    kind = InputError if error.errno in _REFUSED else RunError
    return kind(f"cannot write {os.fspath(path)}: {error.strerror or error}")


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that killed processes left in ``folder``."""
    for path in folder.iterdir():
        if is_leftover(path.name):
            _remove(path)


def is_leftover(name: str) -> bool:
    """Whether a file name is that of a temporary file of ``atomic_write``."""
    return re.fullmatch(r"\..+\.[0-9a-f]{8}\.tmp", name) is not None


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _sync_folder(folder: Path) -> None:
    # The file is renamed already: file systems that cannot sync a folder (network shares, Windows) are not an error.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
