"""Lessons in the real window: each to its end, refused beside a run of the user's own, and put back."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QPushButton

from latentlab import app
from latentlab.config.lesson_actions import Adjust, GenerateImages, OpenData, TrainModel
from latentlab.config.lessons import Lesson, lesson, lessons
from latentlab.controllers import lesson_actions
from latentlab.controllers import lessons as controller
from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets.tour import Tour
from latentlab.state.window_settings import WindowSettings
from latentlab.storage.session_file import last_session_path, read_session
from tests.app.conftest import SECONDS, find

LONG = 600_000  # ms, for a step of a whole lesson on a busy machine


def quick(each: Lesson) -> Lesson:
    """The same steps with few images and one epoch: what is learned then shows nothing."""

    def smaller(action):
        match action:
            case OpenData():
                return action.model_copy(update={"limit": 60})
            case TrainModel():
                until = None if action.until is None else 1
                return action.model_copy(update={"epochs": 1 if until is None else 1000, "until": until})
            case Adjust():
                return action.model_copy(update={"epochs": 1})
            case GenerateImages():
                return action.model_copy(update={"count": 4})
        return action

    steps = tuple(
        step.model_copy(update={"actions": tuple(smaller(action) for action in step.actions)}) for step in each.steps
    )
    return each.model_copy(update={"steps": steps})


def run_to_the_end(application, qtbot, each: Lesson, timeout: int = SECONDS) -> dict[str, float]:
    """Press the button of every step, each when the one before is done; returns what was measured."""
    runner = application.lessons.runner
    application.lessons.open(each.name)
    failures: list[str] = []
    runner.failed.connect(failures.append)
    for number in range(len(each.steps)):
        press(application, number)
        qtbot.waitUntil(lambda: not runner.is_running, timeout=timeout)
        assert not failures, f"{each.name}, step {number + 1}: {failures[0]}"
    runner.failed.disconnect(failures.append)
    return application.lessons.values


def press(application, number: int) -> None:
    button = find(application, f"lessonDo{number}")
    assert isinstance(button, QPushButton)
    button.click()
    assert application.lessons.runner.is_running


@pytest.fixture
def quick_lessons(monkeypatch):
    monkeypatch.setattr(controller, "lesson", lambda name: quick(lesson(name)))
    monkeypatch.setattr(lesson_actions, "REST_SECONDS", 0.0)


def test_every_step_of_every_lesson_is_done_in_the_window_and_then_everything_is_put_back(
    application, qtbot, quick_lessons
):
    session, latent_map = application.session, application.latent_map
    qtbot.waitUntil(lambda: session.points is not None, timeout=SECONDS)
    find(application, "latentSlider0").setValue(0.5)
    qtbot.waitUntil(lambda: session.latent[0] == 0.5, timeout=SECONDS)
    layers = {layer.name: layer.visible for layer in latent_map.layers()}
    form = application.window.training_panel.config()
    before = session.model, session.latent.tolist(), session.axes
    for each in lessons():
        values = run_to_the_end(application, qtbot, each)
        assert set(values) == {figure.name for figure in each.figures}
        assert np.isfinite(list(values.values())).all()
    assert WindowSettings().lessons_done() == {each.name for each in lessons()}
    folder = application.lessons.runner.folder
    assert list(folder.iterdir())

    find(application, "lessonPutBack").click()
    qtbot.waitUntil(lambda: not application.lessons.runner.is_running, timeout=SECONDS)
    assert (session.model.source, session.latent.tolist(), session.axes) == (before[0].source, *before[1:])
    assert session.dataset is None
    assert {layer.name: layer.visible for layer in latent_map.layers()} == layers
    assert application.window.training_panel.config() == form
    assert session.run.folder == ""
    assert not folder.exists()
    assert not find(application, "lessonPutBack").isVisible()


def test_a_lesson_never_touches_a_run_of_the_users_own(application, qtbot, folder):
    with qtbot.waitSignal(application.engine.datasetOpened, timeout=SECONDS):
        application.window.pathsDropped.emit([str(folder)])
    find(application, "epochs").setValue(10_000)
    find(application, "trainButton").click()
    qtbot.waitUntil(lambda: application.session.run_state == "running", timeout=SECONDS)
    run = application.session.run_folder
    first = lessons()[0]
    application.lessons.open(first.name)
    assert not find(application, "lessonDo0").isEnabled()
    application.lessons.run_step(first.name, 0)
    assert not application.lessons.runner.is_running
    status = find(application, "lessonStatus")
    assert isinstance(status, QLabel)
    assert status.text().startswith("A run is in progress")
    assert (application.session.run_state, application.session.run_folder) == ("running", run)
    find(application, "stopButton").click()
    qtbot.waitUntil(lambda: not application.session.run_is_active, timeout=SECONDS)
    qtbot.waitUntil(lambda: find(application, "lessonDo0").isEnabled(), timeout=SECONDS)


def test_the_command_palette_opens_each_lesson(application):
    found = [each for each in application.window.commands.commands() if each.kind == "Lesson"]
    commands = {each.title: each for each in found}
    assert [each.title for each in found] == [each.title for each in lessons()]
    commands[lessons()[-1].title].run()
    assert application.window.lessons_panel.opened == lessons()[-1].name
    assert application.window.lessons_panel.isVisible()


def test_a_step_can_be_cancelled_and_its_run_is_stopped(application, qtbot, monkeypatch):
    first = next(each for each in lessons() if any(isinstance(a, TrainModel) for a in each.steps[0].actions))
    small = first.steps[0].model_copy(
        update={
            "actions": tuple(
                action.model_copy(update={"limit": 60}) if isinstance(action, OpenData)
                else action.model_copy(update={"epochs": 1000, "until": None}) if isinstance(action, TrainModel)
                else action
                for action in first.steps[0].actions
            )
        }
    )  # fmt: skip
    monkeypatch.setattr(controller, "lesson", lambda _name: first.model_copy(update={"steps": (small,)}))
    application.lessons.open(first.name)
    press(application, 0)
    qtbot.waitUntil(lambda: application.session.run_state == "running", timeout=SECONDS)
    with qtbot.waitSignal(application.lessons.runner.failed, timeout=SECONDS) as ended:
        find(application, "lessonCancel0").click()
    assert ended.args == ["The step was cancelled."]
    qtbot.waitUntil(lambda: not application.session.run_is_active, timeout=SECONDS)
    assert find(application, "lessonDo0").isEnabled()


@pytest.mark.lessons
@pytest.mark.timeout(900)
@pytest.mark.parametrize("each", lessons(), ids=lambda each: each.name)
def test_what_a_lesson_says_is_so(qtbot, own_folders, each, request):
    """The whole lesson, with the images, epochs and seed that its figures were found with."""
    if "lessons" not in request.config.option.markexpr:
        pytest.skip("takes a minute or two: run with -m lessons")
    application = app.build(["--engine", "thread", "--device", "cpu"])
    try:
        application.window.show()
        qtbot.waitUntil(lambda: application.session.model is not None, timeout=SECONDS)
        values = run_to_the_end(application, qtbot, each, LONG)
    finally:
        application.close()
    assert each.faults(values) == []
    assert all(claim.holds(values) for claim in each.claims)


def test_the_lessons_are_listed_when_their_panel_is_opened_before_it_is_made(qtbot, own_folders, monkeypatch):
    made = MainWindow.build_panels

    def opened_first(window):
        window.actions_.lessons.trigger()
        return made(window)

    monkeypatch.setattr(MainWindow, "build_panels", opened_first)
    application = app.open_window(["--engine", "thread", "--device", "cpu"])
    try:
        listed = find(application, "lessonList")
        assert listed.count() == len(lessons())
        assert application.window.focusWidget() is listed
        qtbot.waitUntil(lambda: application.session.model is not None, timeout=SECONDS)
    finally:
        application.close()


def test_a_lesson_that_is_opened_ends_the_first_hints(application):
    application.window.actions_.tour.trigger()
    assert find(application, "tour").isVisible()
    application.lessons.open(lessons()[0].name)
    assert not application.window.findChildren(Tour) or not find(application, "tour").isVisible()


def test_another_lesson_begins_without_the_curves_of_the_one_before_and_no_lesson_is_saved(
    application, qtbot, quick_lessons
):
    before = application.session.model.source
    first, second = (next(each for each in lessons() if each.name == name) for name in ("collapse", "manifold"))
    runs = []
    for each in (first, second):
        application.lessons.open(each.name)
        press(application, 0)
        qtbot.waitUntil(lambda: not application.lessons.runner.is_running, timeout=SECONDS)
        runs.append(application.session.run_folder)
        assert application.window.curves.run_keys() == [runs[-1]]
    assert application.session.model.source != before
    application.close()
    last = read_session(last_session_path())
    assert (last.model, last.run_folder) == (before, "")
