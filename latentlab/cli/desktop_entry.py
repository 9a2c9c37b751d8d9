"""``latentlab --install-desktop``: the program in the menus of a Linux or BSD desktop, for the present user."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from shutil import which

from latentlab.cli import console
from latentlab.errors import InputError, RunError
from latentlab.paths import resource
from latentlab.storage.atomic import atomic_write

INSTALL, UNINSTALL = "--install-desktop", "--uninstall-desktop"
_RESERVED = re.compile(r"[^\w@%+=:,./-]")
_ESCAPED = re.compile(r'[\\"`$]')
_FILES = {
    "applications/latentlab.desktop": ("desktop", "latentlab.desktop"),
    "icons/hicolor/scalable/apps/latentlab.svg": ("icons", "latentlab.svg"),
    "mime/packages/latentlab.xml": ("desktop", "latentlab-mime.xml"),
}
"""Files below the user's data folder, and the resource that each is made of."""


def run(arguments: Sequence[str]) -> int:
    """Install or remove the entry; returns the exit code.

    Raises
    ------
    InputError
        For further arguments, and on a system without such desktops.
    """
    if len(arguments) != 1:
        raise InputError(f"{INSTALL} and {UNINSTALL} stand alone")
    if sys.platform in ("win32", "darwin"):
        raise InputError(f"{arguments[0]} is for Linux and BSD desktops")
    for path in install() if arguments[0] == INSTALL else uninstall():
        console.write_line(str(path))
    return console.finish(0, output_was_all=False)


def install() -> list[Path]:
    """Write the menu entry, the icon and the types of files; returns their paths."""
    folder, written = _data_home(), []
    for name, parts in _FILES.items():
        content = resource(*parts).read_text("utf-8")
        if name.endswith(".desktop"):
            content = re.sub(r"^Exec=latentlab ", lambda _: f"Exec={exec_line(command())} ", content, flags=re.M)
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot make the folder {path.parent}: {error.strerror or error}") from error
        atomic_write(path, content.encode())
        written.append(path)
    _update(folder)
    return written


def uninstall() -> list[Path]:
    """Remove what ``install`` has written, and return the paths of what there was."""
    folder, removed = _data_home(), []
    for name in _FILES:
        path = folder / name
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RunError(f"cannot remove {path}: {error.strerror or error}") from error
        removed.append(path)
    _update(folder)
    return removed


def command() -> list[str]:
    """The command that opens the window, by absolute paths: a menu does not know the shell's PATH."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    script = Path(sys.executable).parent / "latentlab-window"
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", "latentlab"]


def exec_line(words: Sequence[str]) -> str:
    r"""A command as the value of ``Exec``: quoted as the Desktop Entry Specification says, then escaped as its strings.

    Raises
    ------
    InputError
        For a path with a line break, which no entry can hold.

    Examples
    --------
    >>> exec_line(["/opt/my tools/latentlab", "100%"])
    '"/opt/my tools/latentlab" 100%%'
    """
    if any("\n" in word or "\r" in word for word in words):
        raise InputError("the program's path has a line break, which a desktop entry cannot hold")
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    quoted = word.replace("%", "%%")
    if _RESERVED.search(word):
        quoted = '"' + _ESCAPED.sub(r"\\\g<0>", quoted) + '"'
    return quoted.replace("\\", "\\\\")


def _data_home() -> Path:
    named = os.environ.get("XDG_DATA_HOME", "")
    return Path(named) if os.path.isabs(named) else Path.home() / ".local" / "share"


def _update(folder: Path) -> None:
    """Let the desktop read its files again, where it has the programs for that; it does so later by itself."""
    for program, below in (("update-desktop-database", "applications"), ("update-mime-database", "mime")):
        found = which(program)
        if found is not None and os.path.isdir(folder / below):
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run([found, str(folder / below)], capture_output=True, timeout=30, check=False)
