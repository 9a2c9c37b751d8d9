"""The window in folders of its own, with a note of all that must not happen to it."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.endurance.processes import Samples

SECONDS = 120.0
"""How long one wait may last."""


class Visit:
    """An open window under observation.

    Attributes
    ----------
    application
        The program.
    troubles
        Uncaught exceptions, errors of the worker that are no bad input, lost workers, waits that lasted too long.
    decodes
        Images that the worker has sent.
    """

    def __init__(self, application: Any) -> None:
        self.application = application
        self.troubles: list[str] = []
        self.decodes = 0
        self.samples = Samples(lambda: worker_process(application))
        engine = application.engine
        engine.decoded.connect(self._on_decoded)
        engine.failed.connect(self._on_failed)
        engine.workerLost.connect(lambda lost: self.note(f"The worker was lost: {lost.message}"))
        self._hooks = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    def close(self) -> None:
        """Close the window, and note no more."""
        self.application.close()
        sys.excepthook, threading.excepthook = self._hooks

    def note(self, trouble: str) -> None:
        """Note, and print, what must not happen."""
        self.troubles.append(trouble)
        print(f"TROUBLE {trouble}", flush=True)

    def find(self, name: str) -> Any:
        """The first widget of that name, or ``None``."""
        from PySide6.QtCore import QObject

        return self.application.window.findChild(QObject, name)

    def wait_for(self, condition: Callable[[], object], what: str, seconds: float = SECONDS) -> bool:
        """Let the window run until it holds; note if it does not."""
        from PySide6.QtTest import QTest

        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                self.note(f"After {seconds:.0f} seconds it still does not hold that {what}.")
                return False
            QTest.qWait(5)
        return True

    def report(self, memory: float) -> list[str]:
        """All troubles and what grew by more than ``memory`` MB; printed in the end."""
        found = [*self.troubles, *self.samples.growth(memory)]
        for each in found:
            print(f"FOUND {each}", flush=True)
        return found

    def _on_decoded(self, _result: object) -> None:
        self.decodes += 1

    def _on_failed(self, failure: Any) -> None:
        if not failure.expected:
            self.note(f"{failure.request} failed: {failure.message}\n{failure.details}")

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        self.note(f"uncaught {kind.__name__}: {error}")
        self._hooks[0](kind, error, trace)

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        self.note(f"uncaught in a thread, {arguments.exc_type.__name__}: {arguments.exc_value}")
        self._hooks[1](arguments)


@contextmanager
def visit(*options: str) -> Iterator[Visit]:
    """The shown window with its first image and the points on its map, in folders that go with it."""
    from latentlab import app

    with tempfile.TemporaryDirectory(prefix="latentlab-endurance-") as home:
        for name in ("CACHE", "DATA", "CONFIG", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(home) / name)
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        visitor = Visit(app.build(["--device", "cpu", *options]))
        application = visitor.application
        try:
            application.window.resize(1440, 900)
            application.window.show()
            visitor.wait_for(lambda: application.window.decoded_image.image() is not None, "there is an image")
            visitor.wait_for(lambda: application.session.points is not None, "there are points")
            yield visitor
        finally:
            visitor.close()


def worker_process(application: Any) -> int:
    """The worker's process id; this process's own if the worker is a thread of it, or is gone."""
    process = getattr(application.engine.host, "process", None)
    return os.getpid() if process is None else int(process.pid)
