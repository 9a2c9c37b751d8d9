"""List the files that a latent passes between a slider and the pixels: ``python tools/slider_to_pixel.py``.

The window is opened without a screen and its worker runs in a thread, so that both sides can be watched. A slider is
moved once; every function of the package that is called until the decoded image has changed is counted, by file, in the
order of first calls. What other listeners do in between (traversals, nearest image) is listed too.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

PACKAGE = Path(__file__).parents[1] / "latentlab"
PATIENCE = 120.0  # seconds


class Watch:
    """Counts calls of the package's functions by file, and by thread, while it is on."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self._prefix = f"{PACKAGE}{os.sep}"
        self.is_on = False

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        """What the interpreter calls for every call and return."""
        if self.is_on and event == "call" and frame.f_code.co_filename.startswith(self._prefix):
            name = frame.f_code.co_filename.removeprefix(self._prefix).replace(os.sep, "/")
            self.calls[threading.current_thread().name, name] += 1


def main() -> None:
    """Open the window, move a slider, print the files."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    watch = Watch()
    threading.setprofile(watch.profile)
    sys.setprofile(watch.profile)
    with tempfile.TemporaryDirectory() as home:
        for name in ("CACHE", "DATA", "CONFIG", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = home
        from latentlab import app

        application = app.build(["--engine", "thread"])
        try:
            application.window.show()
            _move(application.window, watch)
        finally:
            application.close()
            sys.setprofile(None)
            threading.setprofile(None)
    for number, ((thread, name), calls) in enumerate(watch.calls.items(), 1):
        print(f"{number:3} {name:44} {calls:5} calls  {thread}")
    print(f"{len({name for _, name in watch.calls})} files")


def _move(window: Any, watch: Watch) -> None:
    """Wait until the window rests, move the first slider, and watch until the image has changed."""
    from PySide6.QtCore import QObject

    image = window.findChild(QObject, "decodedImage")
    _wait(lambda: image.image() is not None and window.findChild(QObject, "latentSlider0") is not None)
    slider = window.findChild(QObject, "latentSlider0")
    _wait(lambda: "starting" not in window.device.text())  # torch is imported, and answers from now on
    rest = time.monotonic() + 5
    _wait(lambda: time.monotonic() > rest)
    before = image.image().copy()
    watch.is_on = True
    slider.setValue(1.5)
    _wait(lambda: not np.array_equal(before, image.image()))
    watch.is_on = False


def _wait(is_so: Callable[[], bool]) -> None:
    from PySide6.QtCore import QEventLoop
    from PySide6.QtWidgets import QApplication

    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError("waited in vain")
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


if __name__ == "__main__":
    main()
