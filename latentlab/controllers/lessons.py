"""The Lessons panel: steps are run in the window, progress is remembered, and everything can be put back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import QObject

from latentlab.config.lessons import Lesson, Step, lesson, lessons
from latentlab.controllers.autosave import AutosaveController
from latentlab.controllers.lesson_actions import Doing, LessonDoors
from latentlab.controllers.lesson_runner import LessonRunner
from latentlab.controllers.lesson_state import Before, putting_back, remember
from latentlab.controllers.session_restore import SessionRestorer
from latentlab.errors import LatentlabError
from latentlab.gui.commands import Command
from latentlab.gui.panels.lessons import LessonsPanel
from latentlab.gui.widgets.controls import is_in_front
from latentlab.state.window_settings import WindowSettings
from latentlab.storage.session_file import SessionFile

_PUTTING_BACK = -1


class LessonsController(QObject):
    """Runs lessons for the panel.

    What was open before the first step is remembered until it is put back. A run of the user's own is never touched:
    while there is one, and while the current model is not saved, no step is run, and the panel says why.

    Attributes
    ----------
    runner
        Runs the steps.
    values
        Figures measured in the open lesson, by name.
    """

    def __init__(
        self,
        doors: LessonDoors,
        autosave: AutosaveController,
        restorer: SessionRestorer,
        panel: LessonsPanel,
        settings: WindowSettings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._doors, self._autosave, self._restorer = doors, autosave, restorer
        self._panel, self._settings = panel, settings
        self.runner = LessonRunner(doors, self)
        self.values: dict[str, float] = {}
        self._is_loaded = False
        self._before: Before | None = None
        self._lesson: Lesson | None = None
        self._step = 0
        self._done: set[int] = set()  # steps of the open lesson
        autosave.replaced = self._without_lessons
        self.runner.progressed.connect(panel.set_progress)
        self.runner.finished.connect(self._on_finished)
        self.runner.failed.connect(self._on_failed)
        panel.stepRequested.connect(self.run_step)
        panel.cancelRequested.connect(self.runner.cancel)
        panel.putBackRequested.connect(self.put_back)
        panel.lessonOpened.connect(self._on_opened)
        panel.termRequested.connect(doors.window.help.show_glossary)
        doors.window.commands.add(self._commands)
        doors.session.runStateChanged.connect(self._show_refusal)
        doors.session.dirtyChanged.connect(self._show_refusal)
        # Read when they are first looked at: that takes longer than a frame.
        dock = doors.window.docks["lessons"]
        dock.visibilityChanged.connect(self._on_visibility_changed)
        if is_in_front(dock):  # opened during the start, or with the layout of the last time
            self._load()

    def _on_visibility_changed(self, is_visible: bool) -> None:
        if is_visible:
            self._load()

    def _load(self) -> None:
        if self._is_loaded:
            return
        self._is_loaded = True
        try:
            self._panel.set_lessons(lessons())
        except LatentlabError as error:
            self._panel.set_status(str(error), is_fault=True)
        self._panel.set_done(self._settings.lessons_done())
        self._show_refusal()

    def open(self, name: str) -> None:
        """Show a lesson in the panel."""
        self._load()
        self._doors.window.show_panel("lessons")
        self._panel.open_lesson(name)

    def _commands(self) -> list[Command]:
        """What opens each lesson, for the command palette."""
        self._load()
        return [
            Command(each.title, "Lesson", partial(self.open, each.name), about=f"About {each.minutes:g} minutes")
            for each in lessons()
        ]

    def run_step(self, name: str, index: int) -> None:
        """Run a step of a lesson in the window; refused with a reason while a run of the user's own is active."""
        reason = self._why_refused()
        if self.runner.is_running or reason:
            self._panel.set_status(reason, is_fault=True)
            return
        if self._before is None:
            self._before = remember(self._doors, self._autosave)
        if self._lesson is not None and self._lesson.name != name and not self._doors.session.run_is_active:
            self.runner.remove_curves()  # those of the lesson before: they would squeeze the plots of this one
        self._lesson, self._step = lesson(name), index
        self._panel.set_status("")
        self._panel.set_can_put_back(True)
        self._panel.set_running(index)
        self._doors.window.show_panel("lessons")
        self.runner.run(self._current_step())

    def put_back(self) -> None:
        """Make the window what it was before the first step."""
        if self._before is None or self.runner.is_running:
            return
        self._panel.set_running(_PUTTING_BACK)
        self._panel.set_status("Everything is being put back …")
        self.runner.run_other(self._putting_back(self._before), self._restorer.restored)

    def close(self) -> None:
        """Remove what the lessons have written."""
        self.runner.close()

    def _putting_back(self, before: Before) -> Doing:
        yield from putting_back(self._doors, self._restorer, before)
        self.runner.remove_runs()
        self._before = None
        self._panel.set_running(None)
        self._panel.set_can_put_back(False)
        self._panel.set_status("Everything is as it was before the lessons.")

    def _without_lessons(self, session: SessionFile) -> SessionFile:
        """What is saved of a session with a lesson's model, whose files are temporary: that before, with the Board."""
        if self._before is None or not (self.runner.owns(session.run_folder) or self.runner.owns(session.model)):
            return session
        return self._before.saved.model_copy(update={"board": session.board})

    def _current_step(self) -> Step:
        assert self._lesson is not None
        return self._lesson.steps[self._step]

    def _why_refused(self) -> str:
        session = self._doors.session
        if session.run_is_active and not self.runner.owns(session.run_folder):
            return "A run is in progress: a lesson trains models of its own, so stop it first or wait for its end."
        if session.dirty and not self.runner.owns(session.run_folder):
            return "The current model is not saved: save it first, as a lesson opens others."
        return ""

    def _show_refusal(self) -> None:
        self._panel.set_refused(self._why_refused())

    # --- results ----------------------------------------------------------------------------------------

    def _on_opened(self, name: str) -> None:
        self._done = set()
        self.values = {}
        if not self.runner.is_running:
            self._panel.set_status("")
        elif self._lesson is not None and self._lesson.name != name:
            self.runner.cancel()

    def _on_finished(self, values: Mapping[str, float]) -> None:
        lesson, step = self._lesson, self._current_step()
        self._panel.set_running(None)
        if lesson is None or self._panel.opened != lesson.name:
            return
        self.values |= values
        self._done.add(self._step)
        self._panel.set_step_done(
            self._step, [(figure.title, figure.formatted(values[figure.name])) for figure in step.figures]
        )
        if len(self._done) == len(lesson.steps):
            self._settings.add_lesson_done(lesson.name)
            self._panel.set_done(self._settings.lessons_done())
        faults = lesson.faults(self.values)
        self._panel.set_status(f"Not as expected, as may be after other steps: {faults[0]}." if faults else "")

    def _on_failed(self, message: str) -> None:
        self._panel.set_running(None)
        self._panel.set_status(message, is_fault=True)
