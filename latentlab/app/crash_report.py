"""Crashes of the window's process: fault logs, and reports of uncaught exceptions.

A segfault leaves a log that the next start finds. An uncaught exception reaches one handler, which shows a report
that can be copied, and does not only go to the terminal.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TextIO

from latentlab.paths import data_folder
from latentlab.storage.session_file import is_running

log = logging.getLogger("latentlab")
_SUFFIX = ".fault.log"


class FaultLog:
    """faulthandler's log of this process: a file that a normal end removes."""

    def __init__(self) -> None:
        self._path = data_folder() / "crashes" / f"{os.getpid()}{_SUFFIX}"
        self._file: TextIO | None = None
        if faulthandler.is_enabled():  # a test runner or `python -X faulthandler` already logs
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self._path, "w", encoding="utf-8")  # noqa: SIM115 - open as long as the process
        faulthandler.enable(self._file)

    def close(self) -> None:
        """Stop logging and remove the file: this process ends normally."""
        if self._file is not None:
            faulthandler.disable()
            self._file.close()
            self._file = None
            self._path.unlink(missing_ok=True)


def take_fault_logs() -> list[str]:
    """Remove the fault logs of crashed processes and return their texts, newest last."""
    texts = []
    folder = data_folder() / "crashes"
    for path in sorted(folder.glob(f"*{_SUFFIX}"), key=_age):
        if is_running(path.name.removesuffix(_SUFFIX)):
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")[:100_000].strip()
            path.unlink()
        except OSError as error:
            log.warning("%s: %s", path, error)
            continue
        if text:
            texts.append(text)
    return texts


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


class UncaughtExceptions:
    """Passes every uncaught exception, of any thread, to ``report(summary, details)`` until ``remove``."""

    def __init__(self, report: Callable[[str, str], None]) -> None:
        self._report = report
        self._is_reporting = False
        self._hooks = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    def remove(self) -> None:
        """Restore the previous hooks."""
        sys.excepthook, threading.excepthook = self._hooks

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self._hooks[0](kind, error, trace)  # the terminal, and a test runner, see it as well
        if issubclass(kind, KeyboardInterrupt):
            return
        details = "".join(traceback.format_exception(kind, error, trace))
        log.error("uncaught exception\n%s", details)
        if self._is_reporting:  # what fails while it reports must not be reported by the same way
            return
        self._is_reporting = True
        try:
            self._report(f"{kind.__name__}: {error}", details)
        finally:
            self._is_reporting = False

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self._on_exception(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
