"""Output of the commands: what a terminal can show, and no work lost if it cannot be written.

Everything that a command prints goes through here. Names from outside lose what a terminal would obey, characters that
the terminal's encoding lacks are replaced, and an output that is closed or full is noted instead of raised: the command
goes on, and `finish` decides whether that was all that it had to do.
"""

from __future__ import annotations

import codecs
import errno
import json
import logging
import math
import os
import sys
import unicodedata
from contextlib import suppress
from typing import Any, TextIO

from latentlab.utils.plain_text import as_line, as_text

_FALLBACK = "latentlab.fallback"
_PLAIN = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "·": "-", "×": "x", "→": "->", "←": "<-", "‖": "||", "≤": "<=", "≥": ">=",
        "≈": "~", "∼": "~", "∝": "~", "±": "+-", "⊙": "*", "⁄": "/", "⟨": "<", "⟩": ">", "°": " deg", "∂": "d",
        "∇": "grad", "∑": "sum", "∫": "int", "√": "sqrt", "∞": "inf", "∈": "in", "’": "'", "‘": "'", "′": "'",
        "″": "''", "“": '"', "”": '"',
    }
)  # fmt: skip
_GREEK = {
    letter: name.capitalize() if letter.isupper() else name
    for letter in map(chr, range(0x391, 0x3CA))
    for name in [unicodedata.name(letter, "").rpartition(" ")[2].lower().replace("lamda", "lambda")]
    if name
}
_TEXT = 1_000_000

_failure: OSError | None = None  # of the standard output


def prepare() -> None:
    """Make the standard streams safe to write any text to, before the first output."""
    global _failure
    _failure = None
    codecs.register_error(_FALLBACK, _replace)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed when the program was started, as by `>&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open as long as the process
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_FALLBACK)
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Formatter())


def write_line(text: str) -> None:
    """Write a line, in which hidden characters are visible, and flush."""
    _write(as_line(text, _TEXT))


def write_json(values: Any) -> None:
    """Write one JSON value as a line, and flush; a number that is not finite, which JSON lacks, becomes ``null``."""
    _write(json.dumps(_finite(values), allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def write_table(rows: dict[str, Any]) -> None:
    """Write names and values in two columns."""
    names = {name: as_line(name) for name in rows}
    width = max(map(len, names.values()), default=0)
    for name, value in rows.items():
        write_line(f"{names[name]:<{width}}  {value}")


def write_text(text: str) -> None:
    """Write lines of the program's own, such as its help."""
    _write(text.removesuffix("\n"))


def write_note(text: str) -> None:
    """Write a line to the standard error: the standard output is for the results alone."""
    with suppress(OSError, ValueError):  # the terminal may have been closed
        _put(as_line(text, _TEXT), sys.stderr)


def output_failure() -> str:
    """Why the standard output could not be written; empty if it could."""
    return "" if _failure is None else (_failure.strerror or str(_failure))


def finish(code: int, *, output_was_all: bool) -> int:
    """The exit code of a command, which may have failed because its output could not be written.

    Parameters
    ----------
    code
        The command's own exit code.
    output_was_all
        Whether the output was all that was asked for: then the command has failed if it could not be written.
    """
    if _failure is None or code or not output_was_all:
        return code
    if _failure.errno != errno.EPIPE:  # else the reader has read enough, as `head` does
        write_note(f"latentlab: error: the output could not be written: {output_failure()}")
    return 1


def _write(line: str) -> None:
    if _failure is not None:
        return
    try:
        _put(line, sys.stdout)
    except OSError as error:
        _note_failure(error)
    except ValueError:  # a stream that was closed
        _note_failure(OSError(errno.EBADF, os.strerror(errno.EBADF)))


def _put(line: str, stream: TextIO) -> None:
    """Write a line and flush, so that a file or a pipe can be followed."""
    tqdm = sys.modules.get("tqdm")
    if tqdm is None:
        stream.write(f"{line}\n")
    else:  # its progress bars are moved out of the way
        tqdm.tqdm.write(line, file=stream)
    stream.flush()


def _note_failure(error: OSError) -> None:
    """Keep the error, and discard what is still written: the interpreter's last flush must not fail either."""
    global _failure
    _failure = error
    with suppress(OSError, ValueError):  # a stream that is no file
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding lacks: Greek letters by their names, digits and signs by plain ones, others escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_plain(character) for character in text), error.end


def _plain(character: str) -> str:
    if character == "\u0303":  # over the letter before it
        return "~"
    parts = [part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)]
    text = "".join(_GREEK.get(part, part) for part in parts).translate(_PLAIN)
    return text if text and text.isascii() else character.encode("ascii", "backslashreplace").decode()


class _Formatter(logging.Formatter):
    """Messages as visible lines: they may quote names from outside."""

    def format(self, record: logging.LogRecord) -> str:
        """The message."""
        return as_text(super().format(record), _TEXT, _TEXT)
