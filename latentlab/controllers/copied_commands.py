"""Commands that repeat what the window has done, copied to the clipboard once the tables that they read are written."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from latentlab import paths
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import ExportSelection, Failed, SelectionExported
from latentlab.gui.widgets.toasts import SECONDS, Toasts
from latentlab.utils.array_types import IntArray


class CopiedCommands(QObject):
    """Copies commands, and writes the tables of images that they name into the program's data folder first."""

    def __init__(self, engine: EngineClient, notifications: Toasts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine, self._notifications = engine, notifications
        self._waiting: list[tuple[set[str], str, str]] = []  # tables yet to be written, command, what it does
        engine.selectionExported.connect(self._on_selection_exported)
        engine.failed.connect(self._on_failed)

    def copy(self, command: str, does: str, tables: Sequence[tuple[str, IntArray]] = ()) -> None:
        """Copy a command.

        Parameters
        ----------
        command
            One line for a POSIX shell.
        does
            What it does, behind "Copied the command that".
        tables
            Path and images of each table that it reads.
        """
        if not tables:
            copy_command(self._notifications, command, does)
            return
        self._waiting.append(({path for path, _ in tables}, command, does))
        for path, images in tables:
            self._engine.request(ExportSelection(path, images, "table"))

    def _on_selection_exported(self, result: SelectionExported) -> None:
        waiting, self._waiting = self._waiting, []
        for tables, command, does in waiting:
            tables.discard(result.path)
            if tables:
                self._waiting.append((tables, command, does))
            else:
                self.copy(command, does)

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == ExportSelection.__name__:  # a notification says why
            lost = failure.again
            path = lost.path if isinstance(lost, ExportSelection) else failure.path
            self._waiting = [each for each in self._waiting if path not in each[0]]


def copy_command(notifications: Toasts, command: str, does: str) -> None:
    """Copy a command, say what it does, and offer the Python code that does the same."""
    QGuiApplication.clipboard().setText(command)
    offer = [("Copy as Python", partial(copy_python, notifications, command, does))]
    notifications.notify("info", f"Copied the command that {does}", command, offer, copied=command, seconds=SECONDS)


def copy_python(notifications: Toasts, command: str, does: str) -> None:
    """Copy the Python code that does what a command does."""
    code = python_of(command)
    QGuiApplication.clipboard().setText(code)
    notifications.notify("info", f"Copied the Python code that {does}", code, copied=code)


def python_of(command: str) -> str:
    """Python code that does what a ``latentlab`` command does, with the same files.

    Examples
    --------
    >>> print(python_of("latentlab decode bundled:mnist-2d --z=0,0 --out z.png"), end="")
    from latentlab.cli import main
    <BLANKLINE>
    main(['decode', 'bundled:mnist-2d', '--z=0,0', '--out', 'z.png'])
    """
    words = shlex.split(command)[1:]
    listed = ", ".join(map(repr, words))
    return f"from latentlab.cli import main\n\nmain([{listed}])\n"


def table_path(images: IntArray, source: str) -> str:
    """Where a table of images goes.

    The same for the same images and model: a command that was copied before stays right.
    """
    digest = hashlib.blake2b(images.tobytes() + source.encode("utf-8", "surrogateescape"), digest_size=4)
    return str(paths.data_folder() / "selections" / f"selection-{len(images)}-{digest.hexdigest()}.csv")


def model_argument(source: str) -> str:
    """The name of a model on the command line, from any folder."""
    return source if source.startswith("bundled:") else str(Path(source).absolute())
