"""Make the lessons' pictures from the real window: ``python tools/lesson_pictures.py [NAME …]``.

Each lesson is run without a screen, as ``latentlab lessons run NAME --headless`` does, and after each step the part of
the window that the step names is photographed. A lesson whose figures are not as it says ends the program.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentlab.app.application import Application
    from latentlab.config.lessons import Lesson

WIDTH, HEIGHT = 1280, 800  # px, of the window
WIDEST = 460  # px, of a picture
COLOURS = 96  # of a picture's palette
SETTLE_MS = 2500  # until layers and strips have followed


class LessonPhotographer:
    """Runs a lesson in an open window, and photographs it after each step.

    Parameters
    ----------
    application
        What ``latentlab.app.build`` returned.
    lesson
        What is run.
    out
        The folder of the pictures.
    """

    def __init__(self, application: Application, lesson: Lesson, out: Path) -> None:
        self._application, self._lesson, self._out = application, lesson, out
        self._next = 0
        self.values: dict[str, float] = {}
        self.failure = ""

    def run(self) -> None:
        """Run it to its end."""
        application = self._application
        application.lessons.runner.finished.connect(self._on_finished)
        application.lessons.runner.failed.connect(self._on_failed)
        application.engine.workerReady.connect(lambda _ready: self._begin())
        application.window.resize(WIDTH, HEIGHT)
        application.window.show()
        application.run()

    def _begin(self) -> None:
        self._application.lessons.open(self._lesson.name)
        self._step()

    def _step(self) -> None:
        print(f"{self._lesson.name}: {self._lesson.steps[self._next].button}", flush=True)
        self._application.window.lessons_panel.stepRequested.emit(self._lesson.name, self._next)

    def _on_finished(self, values: dict[str, float]) -> None:
        from PySide6.QtCore import QTimer

        self.values |= values
        QTimer.singleShot(SETTLE_MS, self._photograph)

    def _photograph(self) -> None:
        step = self._lesson.steps[self._next]
        if step.picture:
            self._save(step.picture, self._find(step.of))
        self._next += 1
        if self._next < len(self._lesson.steps):
            self._step()
        else:
            self._application.close()

    def _find(self, name: str) -> Any:
        from PySide6.QtWidgets import QWidget

        found = self._application.window.findChild(QWidget, name)
        if found is None:
            raise LookupError(f"the window has no widget named {name}")
        return found

    def _save(self, name: str, widget: Any) -> None:
        from PIL import Image
        from PySide6.QtCore import QBuffer

        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.ReadWrite)
        widget.grab().save(buffer, "PNG")
        with Image.open(io.BytesIO(buffer.data().data())) as picture:
            shown = picture.convert("RGB")
        shown.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
        small = shown.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
        small.save(self._out / name, optimize=True)
        print(f"  {name}: {(self._out / name).stat().st_size // 1024} kB", flush=True)

    def _on_failed(self, message: str) -> None:
        self.failure = message
        self._application.close()


def draw(name: str) -> int:
    """Make the pictures of one lesson; returns an exit code."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory() as home:
        for kind in ("CACHE", "DATA", "CONFIG", "STATE"):
            os.environ[f"XDG_{kind}_HOME"] = home
        from latentlab.app.launch import build
        from latentlab.config.lessons import lesson
        from latentlab.paths import resource

        chosen = lesson(name)
        photographer = LessonPhotographer(build([]), chosen, resource("lessons"))
        photographer.run()
    for figure in chosen.figures:
        value = photographer.values.get(figure.name)
        print(f"  {figure.title}: {'not measured' if value is None else figure.formatted(value)} ({value})")
    faults = [photographer.failure] if photographer.failure else chosen.faults(photographer.values)
    for fault in faults:
        print(f"  {fault}")
    return 1 if faults else 0


def main() -> int:
    """Make the pictures of the lessons named, or of all: each in a process of its own, for Qt has one application."""
    import subprocess

    from latentlab.config.lessons import lessons

    names = sys.argv[1:]
    if len(names) == 1:
        return draw(names[0])
    failed = 0
    for each in names or [lesson.name for lesson in lessons()]:
        failed |= subprocess.run([sys.executable, __file__, each], check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
