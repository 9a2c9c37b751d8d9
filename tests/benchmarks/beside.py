"""Contestants of ``bench_window.py``: the same run without a window, and beside one that rests or is dragged."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from driving import FRAME, Heart, opened_window, quantile, rest, turn

WARM_UP = 3.0
IMPORTING = 6.0  # seconds of dragging while the worker imports
RESTED = 3.0  # seconds that the window has been open by then: its own imports come when the pointer rests for one
AS_WORKER = "--as-worker-that-follows-nothing"
SHAPES = {"mlp": (20_000, 28), "conv": (5_000, 64)}  # images, and pixels a side


def contestants() -> dict:
    """Every contestant by name."""
    made = {}
    for recipe in SHAPES:
        made |= {
            f"{recipe}-headless": lambda seconds, recipe=recipe: headless(recipe, seconds),
            f"{recipe}-resting": lambda seconds, recipe=recipe: windowed(recipe, seconds),
            f"{recipe}-unfollowed": lambda seconds, recipe=recipe: windowed(recipe, seconds, following=False),
            f"{recipe}-dragged": lambda seconds, recipe=recipe: windowed(recipe, seconds, dragging=True),
        }
    return made | {"importing": importing}


def noise(recipe: str) -> Path:
    """Noise, for what is learned does not matter here: MNIST's shape, or 64 × 64."""
    import numpy as np

    count, side = SHAPES[recipe]
    path = Path(tempfile.mkdtemp()) / "noise.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (count, side, side), dtype=np.uint8))
    return path


def run_config(recipe: str, history: bool = True):
    """What the window suggests for such images, for longer than anyone waits."""
    from latentlab.config.suggestion import suggest_settings

    count, side = SHAPES[recipe]
    config = suggest_settings(round(0.9 * count), (1, side, side)).config
    training = config.training.model_copy(
        update={"epochs": 100_000, "patience": 0, "device": "cpu", "history": history}
    )
    return config.model_copy(update={"training": training})


def headless(recipe: str, seconds: float) -> dict[str, float]:
    """The trainer's own loop, as ``latentlab train`` runs it, with nothing beside it."""
    import latentlab
    from latentlab.config.events import Progress
    from latentlab.training import Trainer

    path, marks = noise(recipe), []
    training = Trainer(latentlab.load_dataset(path), run_config(recipe), path.parent / "run")
    for event in training.steps():
        if isinstance(event, Progress):
            marks.append((time.perf_counter(), event.step))
            if marks[-1][0] - marks[0][0] > seconds + WARM_UP:
                break
    return {"speed": speed([mark for mark in marks if mark[0] - marks[0][0] > WARM_UP])}


def windowed(recipe: str, seconds: float, *, dragging: bool = False, following: bool = True) -> dict[str, float]:
    """The same run in the open window: its speed, and then how late the window's beats come.

    Beats that come every 5 ms cost some hundredths of a core themselves: there are none while the speed is measured.
    """
    if not following:
        follow_nothing()
    from latentlab.config.events import Progress

    application = opened_window()
    marks: list[tuple[float, int]] = []

    def note(result) -> None:
        if isinstance(result.event, Progress):
            marks.append((time.perf_counter(), result.event.step))

    application.engine.trainingEvent.connect(note)
    start_training(application, recipe, following)
    while len(marks) < 2:
        turn(application)
    rest(application, WARM_UP)
    first = len(marks)
    drag_or_rest(application, seconds, dragging, beating=False)
    found = speed(marks[first:])
    measured = drag_or_rest(application, seconds, dragging)
    application.close()
    return measured | {"speed": found}


def importing(_seconds: float) -> dict[str, float]:
    """A drag that begins as images are opened and a run is started, while the worker imports torch's compiler."""
    application = opened_window()
    rest(application, RESTED)
    start_training(application, "mlp")
    measured = drag_or_rest(application, IMPORTING, dragging=True)
    application.close()
    return measured


def start_training(application, recipe: str, history: bool = True) -> None:
    """Open the images, and train once they are open."""
    application.engine.failed.connect(lambda failure: sys.exit(failure.message))
    application.engine.datasetOpened.connect(
        lambda _: application.window.training_panel.trainRequested.emit(run_config(recipe, history))
    )
    application.window.pathsDropped.emit([str(noise(recipe))])


def drag_or_rest(application, seconds: float, dragging: bool, beating: bool = True) -> dict[str, float]:
    """How late the window's own beats come, and after how long a move's own image is shown, for a while.

    A move whose image never comes, because a newer one was wanted by then, is not counted: ``shown`` is the share of
    those that did.
    """
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    viewport, latent_map = application.latent_map.viewport(), application.latent_map
    moved: dict[bytes, float] = {}
    latencies: list[float] = []

    def shown(result) -> None:
        asked = moved.pop(result.z.tobytes(), None)
        if asked is not None:
            latencies.append(time.perf_counter() - asked)

    application.engine.decoded.connect(shown)  # after the image's own controller: it is in the widget by now
    heart = Heart()
    if beating:
        heart.start()
    if dragging:
        QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=latent_map.z_to_pixel((0, 0)).toPoint())
    end, step = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        if dragging:
            step += 1
            pixel, before = latent_map.z_to_pixel((1.5 * ((step * 0.017) % 2 - 1), 0.3)), time.perf_counter()
            QTest.mouseMove(viewport, pixel.toPoint())
            moved[application.session.latent.tobytes()] = before
        rest(application, FRAME)
    heart.stop()
    measured = {"p99": quantile(heart.late, 0.99)}
    if dragging:
        QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton)
        measured |= {"median": statistics.median(latencies), "p95": quantile(latencies, 0.95)}
        measured["shown"] = len(latencies) / step
    return measured


def speed(marks: list[tuple[float, int]]) -> float:
    """Steps a second."""
    (start, first), (end, last) = marks[0], marks[-1]
    return (last - first) / (end - start)


# --- a window that does not follow -------------------------------------------------------------------------


def follow_nothing() -> None:
    """Redraw nothing because the model learned, in this process and in the worker's, after the first time."""
    from latentlab.engine.client import worker_host
    from latentlab.utils.duty_cycle import DutyCycle

    DutyCycle.is_ready = lambda _self: False
    worker_host.worker_command = lambda: [sys.executable, __file__, AS_WORKER]


def be_a_worker() -> int:
    """Serve the window as ``latentlab.engine`` does, and follow nothing."""
    from latentlab.utils import duty_cycle

    duty_cycle.DutyCycle.is_ready = lambda _self: False
    duty_cycle.WEIGHTS_COPY = 1e-9
    from latentlab.engine.worker.__main__ import main

    return main(sys.argv[2:])


if __name__ == "__main__" and sys.argv[1:2] == [AS_WORKER]:
    sys.exit(be_a_worker())
