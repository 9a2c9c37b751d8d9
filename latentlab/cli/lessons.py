"""``latentlab lessons``: lists the lessons, or runs one in the window or without a screen."""

from __future__ import annotations

import argparse
import os
import tempfile
from typing import TYPE_CHECKING, Any

from latentlab.cli import console
from latentlab.config.lessons import Lesson, lesson, lessons
from latentlab.errors import InputError, RunError

if TYPE_CHECKING:
    from latentlab.app.application import Application

RUN = "run"


def show_or_run(arguments: argparse.Namespace) -> int:
    """List the lessons, or run one."""
    if arguments.what is None:
        return _list(arguments.json)
    if arguments.name is None:
        raise InputError("lessons run needs the name of a lesson (see latentlab lessons)")
    chosen = lesson(arguments.name)
    return _run_headless(chosen, arguments.json) if arguments.headless else _run_in_window(chosen)


def _list(as_json: bool) -> int:
    if as_json:
        console.write_json([_facts(each) for each in lessons()])
        return 0
    width = max(len(each.name) for each in lessons())
    for each in lessons():
        console.write_line(f"{each.name:<{width}}  {each.title}")
    return 0


def _facts(each: Lesson) -> dict[str, Any]:
    return {
        "name": each.name,
        "title": each.title,
        "minutes": each.minutes,
        "steps": [step.button for step in each.steps],
        "recipes": list(each.recipes),
    }


def _run_in_window(chosen: Lesson) -> int:
    """Open the window with the lesson, run its steps one after the other, and leave the window open."""
    from latentlab.app.launch import open_window

    application = open_window([])
    play = _Play(application, chosen)
    play.begin_when_ready()
    return application.run()


def _run_headless(chosen: Lesson, as_json: bool) -> int:
    """Run the lesson without a screen and apart from the user's own settings; 1 if it is not as the lesson says."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory(prefix="latentlab-lesson-") as home:
        for kind in ("CACHE", "DATA", "CONFIG", "STATE"):
            os.environ[f"XDG_{kind}_HOME"] = home
        from latentlab.app.launch import build

        application = build([])
        play = _Play(application, chosen, tell=None if as_json else console.write_line)
        application.window.resize(1280, 800)
        application.window.show()
        play.begin_when_ready()
        play.ended = application.close
        application.run()
    if play.failure or not play.is_done:
        raise RunError(play.failure or "the lesson was ended before its last step")
    faults = chosen.faults(play.values)
    if as_json:
        console.write_json({"name": chosen.name, "figures": play.values, "faults": faults})
    else:
        for fault in faults:
            console.write_line(f"Not as expected: {fault}.")
        for claim in chosen.claims:
            if claim.holds(play.values):
                console.write_line(f"Shown: {claim.text}.")
    return 1 if faults else 0


class _Play:
    """Runs the steps of a lesson one after the other, as if each button were pressed when the one before is done.

    Attributes
    ----------
    values
        The figures measured.
    failure
        Why a step could not be done; empty if all are.
    ended
        Called at the end.
    """

    def __init__(self, application: Application, chosen: Lesson, tell: Any = None) -> None:
        self._application, self._lesson, self._tell = application, chosen, tell or (lambda _text: None)
        self._next = 0
        self.values: dict[str, float] = {}
        self.failure = ""
        self.ended: Any = lambda: None

    @property
    def is_done(self) -> bool:
        """Whether all steps are done."""
        return self._next == len(self._lesson.steps)

    def begin_when_ready(self) -> None:
        """Begin when the first model is open."""
        runner = self._application.lessons.runner
        runner.finished.connect(self._on_finished)
        runner.failed.connect(self._on_failed)
        self._application.engine.workerReady.connect(self._on_ready)

    def _on_ready(self, _ready: object) -> None:
        if self._next == 0 and not self._application.lessons.runner.is_running:
            self._application.lessons.open(self._lesson.name)
            self._tell(self._lesson.title)
            self._tell("")
            self._step()

    def _step(self) -> None:
        step = self._lesson.steps[self._next]
        self._tell(f"{self._next + 1}. {step.button}")
        self._application.window.lessons_panel.stepRequested.emit(self._lesson.name, self._next)
        if not self._application.lessons.runner.is_running:
            self._on_failed("The step was refused")

    def _on_finished(self, values: dict[str, float]) -> None:
        step = self._lesson.steps[self._next]
        self.values |= values
        for paragraph in step.see.strip().split("\n\n"):
            self._tell(f"   {' '.join(paragraph.split())}")
        for figure in step.figures:
            self._tell(f"   {figure.title}: {figure.formatted(values[figure.name])}")
        self._tell("")
        self._next += 1
        if self._next < len(self._lesson.steps):
            self._step()
        else:
            self.ended()

    def _on_failed(self, message: str) -> None:
        self.failure = self.failure or message
        self.ended()
