"""Whether a path leads to something, for paths that a user or a file brought: any text, also an impossible name.

``Path.is_dir`` and its like raise for a name that is too long, or in a folder that may not be read;
``os.path.isdir`` and its like answer no, and are used throughout.
"""

from __future__ import annotations

import os

from latentlab.errors import InputError


def require_present(path: str | os.PathLike[str], what: str = "file") -> None:
    """Refuse a path that leads to nothing, or that cannot be followed.

    Parameters
    ----------
    path
        Any text.
    what
        What is looked for, for the message: "file", "file or folder".

    Raises
    ------
    InputError
        One sentence with the path and the reason.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"there is no {what} {os.fspath(path)}") from None
    except OSError as error:
        raise InputError(f"cannot read {os.fspath(path)}: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:  # the name holds a null character
        raise InputError(f"cannot read {os.fspath(path)}: {error}") from None
