"""The window's answers: start-up, drag to image, and training beside the hand.

Each contestant runs in a process of its own, in turn, several rounds in one call; medians and the ratio of each
round are printed. Run on a machine that does nothing else::

    python tests/benchmarks/bench_window.py startup
    python tests/benchmarks/bench_window.py drag
    python tests/benchmarks/bench_window.py training
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FRAME = 1 / 60
IMPORT_TORCH = "import time; t = time.perf_counter(); import torch; print(time.perf_counter() - t, time.process_time())"


def main() -> None:
    """Run one comparison, or one contestant of it (``--inside``)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=sorted(COMPARISONS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each training or drag")
    parser.add_argument("--inside", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(CONTESTANTS[arguments.inside](arguments.seconds)))
    else:
        COMPARISONS[arguments.what](arguments.rounds, arguments.seconds)


def contestant(what: str, name: str, seconds: float) -> dict[str, float]:
    """Run one contestant in a fresh process with folders of its own."""
    with tempfile.TemporaryDirectory() as home:
        places = {f"XDG_{kind}_HOME": f"{home}/{kind}" for kind in ("CACHE", "DATA", "CONFIG", "STATE")}
        environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, **places}
        command = [sys.executable, __file__, what, "--inside", name, "--seconds", str(seconds)]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def median(rows: list[dict[str, float]], key: str) -> float:
    """Median of one figure over the rounds."""
    return statistics.median(row[key] for row in rows)


# --- start-up ----------------------------------------------------------------------------------------


def compare_startup(rounds: int, _seconds: float) -> None:
    """First paint, map and first image against the time of ``import torch`` alone."""
    rows = []
    for _ in range(rounds):
        alone = subprocess.run([sys.executable, "-c", IMPORT_TORCH], check=True, stdout=subprocess.PIPE, text=True)
        wall, processor = map(float, alone.stdout.split())
        rows.append(contestant("startup", "startup", 0) | {"torch": wall, "torch_cpu": processor})
    for key in ("torch", "torch_cpu", "cpu", "painted", "map", "explorable", "stall"):
        print(f"{key:12} {median(rows, key):.3f} s")
    print(f"painted / import torch      {statistics.median(r['painted'] / r['torch'] for r in rows):.2f}  (goal ≤ .33)")
    print(f"the same in processor time  {statistics.median(r['cpu'] / r['torch_cpu'] for r in rows):.2f}")
    print(f"map visible − painted       {statistics.median(r['map'] - r['painted'] for r in rows):.2f} s  (goal ≈ 0)")
    print(
        f"explorable − import torch   {statistics.median(r['explorable'] - r['torch'] for r in rows):.2f} s (goal ≤ .3)"
    )
    print(f"worst stall after painting  {1000 * median(rows, 'stall'):.0f} ms  (goal ≤ 20)")


def startup(_seconds: float) -> dict[str, float]:
    """Seconds from the interpreter's first line to paint, map and image; and the longest stall after the paint.

    ``cpu`` is this process's processor time until the first paint, which other work on the machine changes little.
    """
    started = time.perf_counter()
    import logging

    from latentlab import app

    times: dict[str, float] = {}
    hearts: list[Heart] = []

    class Painted(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "painted" in record.getMessage():
                times["painted"], times["cpu"] = time.perf_counter() - started, time.process_time()
                times["map"] = times["painted"] if shows_a_picture() else 0.0
                hearts.append(Heart())
                hearts[0].start()

    log = logging.getLogger("latentlab")
    log.setLevel(logging.DEBUG)
    log.addHandler(Painted())
    application = app.open_window()
    while application.window.decoded_image.image() is None or application.session.points is None:
        turn(application)
        if not times["map"] and application.session.points is not None:
            times["map"] = time.perf_counter() - started
    times["explorable"] = time.perf_counter() - started
    times["stall"] = max(hearts[0].late)
    application.close()
    return times


def shows_a_picture() -> bool:
    """Whether the middle of the map shows anything but one colour."""
    import numpy as np
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QApplication

    latent_map = next(widget for widget in QApplication.allWidgets() if widget.objectName() == "latentMap")
    image = latent_map.viewport().grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return bool(pixels[image.height() // 4 : -image.height() // 4, image.width() // 4 : -image.width() // 4].std() > 5)


# --- drag to image -----------------------------------------------------------------------------------


def compare_drag(rounds: int, seconds: float) -> None:
    """From the mouse's move to the new image in the widget, against the decoder's own forward pass."""
    rows = [contestant("drag", "drag", seconds) | contestant("drag", "decode", seconds) for _ in range(rounds)]
    allowed = [1.3 * row["decode"] + FRAME for row in rows]
    ratio = statistics.median(row["median"] / bound for row, bound in zip(rows, allowed, strict=True))
    print(f"decoder alone   {1000 * median(rows, 'decode'):.2f} ms")
    print(f"drag to image   {1000 * median(rows, 'median'):.2f} ms median, {1000 * median(rows, 'p95'):.2f} ms p95")
    print(f"median / (1.3 × decoder + one frame)   {ratio:.2f}  (goal ≤ 1)")


def drag(seconds: float) -> dict[str, float]:
    """Latency of single moves of a drag over the bundled map."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    application = opened_window()
    viewport, image = application.latent_map.viewport(), application.window.decoded_image
    latencies = []
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=application.latent_map.z_to_pixel((0, 0)).toPoint())
    end, step = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        step += 1
        before, place = image.image(), (1.5 * ((step * 0.37) % 2 - 1), 1.5 * ((step * 0.61) % 2 - 1))
        start = time.perf_counter()
        QTest.mouseMove(viewport, application.latent_map.z_to_pixel(place).toPoint())
        while image.image() is before and time.perf_counter() - start < 1:
            turn(application, wait=0)
        latencies.append(time.perf_counter() - start)
        rest(application, FRAME)
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton)
    application.close()
    return {"median": statistics.median(latencies), "p95": quantile(latencies, 0.95)}


def decode(_seconds: float) -> dict[str, float]:
    """The bundled decoder's forward pass for one latent."""
    import numpy as np
    import torch

    import latentlab

    torch.set_num_threads(1)
    model = latentlab.load_model("bundled:mnist-2d", device="cpu")
    z, times = np.zeros((1, 2), np.float32), []
    for _ in range(2000):
        start = time.perf_counter()
        model.decode(z)
        times.append(time.perf_counter() - start)
    return {"decode": statistics.median(times)}


# --- training beside the window ----------------------------------------------------------------------


def compare_training(rounds: int, seconds: float) -> None:
    """Images per second without a window, beside one that rests, and beside one that is dragged; and lateness."""
    names = ("headless", "resting", "dragged")
    rows = [{name: contestant("training", name, seconds) for name in names} for _ in range(rounds)]
    for name in names:
        speeds = [row[name]["images_per_second"] for row in rows]
        ratio = statistics.median(row[name]["images_per_second"] / row["headless"]["images_per_second"] for row in rows)
        late = "" if name == "headless" else f"  lateness p99 {1000 * median([r[name] for r in rows], 'p99'):.1f} ms"
        print(f"{name:9} {statistics.median(speeds):8,.0f} images/s  {ratio:.2f} of headless{late}")


def headless(seconds: float) -> dict[str, float]:
    """The same run in a worker process whose window is nothing but a receiver."""
    return run_training(seconds, window=False, dragging=False)


def resting(seconds: float) -> dict[str, float]:
    """Training in the open window, which nobody touches."""
    return run_training(seconds, window=True, dragging=False)


def dragged(seconds: float) -> dict[str, float]:
    """Training in the open window, dragged sixty times a second."""
    return run_training(seconds, window=True, dragging=True)


def run_training(seconds: float, *, window: bool, dragging: bool) -> dict[str, float]:
    """Train the MLP recipe on noise of MNIST's shape; count images between two of the run's own read-outs."""
    import numpy as np

    folder = Path(tempfile.mkdtemp())
    pixels = np.random.default_rng(0).integers(0, 256, (20_000, 28, 28), dtype=np.uint8)
    np.save(folder / "noise.npy", pixels)
    if not window:
        return headless_run(folder, seconds)
    from latentlab.config import RunConfig, TrainingConfig

    application = opened_window()
    application.engine.datasetOpened.connect(
        lambda _: application.window.training_panel.trainRequested.emit(
            RunConfig(training=TrainingConfig(epochs=100_000, device="cpu"))
        )
    )
    application.window.pathsDropped.emit([str(folder / "noise.npy")])
    return watch_run(application, seconds, dragging)


def headless_run(folder: Path, seconds: float) -> dict[str, float]:
    """``latentlab.train`` with nothing beside it."""
    import torch

    import latentlab
    from latentlab.events import Progress

    torch.set_num_threads(1)
    dataset = latentlab.load_dataset(folder / "noise.npy")
    marks: list[tuple[float, int]] = []
    from latentlab.config import RunConfig, TrainingConfig
    from latentlab.training import Training

    training = Training(dataset, RunConfig(training=TrainingConfig(epochs=100_000, device="cpu")), folder / "run")
    for event in training.steps():
        if isinstance(event, Progress):
            marks.append((time.perf_counter(), event.step))
            if marks[-1][0] - marks[0][0] > seconds + WARM_UP:
                break
    return {"images_per_second": speed(marks)}


WARM_UP = 3.0


def watch_run(application, seconds: float, dragging: bool) -> dict[str, float]:
    """Let the run go on for a while, dragging or not, and measure both sides."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from latentlab.events import Progress

    marks: list[tuple[float, int]] = []

    def note(result) -> None:
        if isinstance(result.event, Progress):
            marks.append((time.perf_counter(), result.event.step))

    application.engine.trainingEvent.connect(note)
    while not marks:
        turn(application)
    rest(application, WARM_UP)
    heart = Heart()
    heart.start()
    viewport, latent_map = application.latent_map.viewport(), application.latent_map
    if dragging:
        QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=latent_map.z_to_pixel((0, 0)).toPoint())
    end, step = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        if dragging:
            step += 1
            QTest.mouseMove(viewport, latent_map.z_to_pixel((1.5 * ((step * 0.017) % 2 - 1), 0.3)).toPoint())
        rest(application, FRAME)
    application.close()
    return {"images_per_second": speed(marks), "p99": quantile(heart.late, 0.99)}


def speed(marks: list[tuple[float, int]]) -> float:
    """Images per second after the warm-up."""
    marks = [mark for mark in marks if mark[0] - marks[0][0] > WARM_UP]
    (start, first), (end, last) = marks[0], marks[-1]
    return (last - first) * 128 / (end - start)


# --- the window, driven without an event loop of its own ------------------------------------------------


class Heart:
    """Beats every 5 ms on the GUI thread; ``late`` holds by how much each beat came too late, in seconds."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.late = [0.0]
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._beat)
        self._last = 0.0

    def start(self) -> None:
        if not self._timer.isActive():
            self._last = time.perf_counter()
            self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, now - self._last - 0.005))
        self._last = now


def opened_window():
    """The window with its first image and the whole manifold."""
    from latentlab import app

    application = app.build(["--device", "cpu"])
    whole = []
    application.engine.gridTiles.connect(lambda result: whole.append(result.done))
    application.window.show()
    while application.window.decoded_image.image() is None or not any(whole):
        turn(application)
    return application


def turn(application, wait: int = 2) -> None:
    """Let the event loop turn once."""
    from PySide6.QtCore import QCoreApplication, QEventLoop

    flags = QEventLoop.ProcessEventsFlag.AllEvents
    if wait:
        QCoreApplication.processEvents(flags | QEventLoop.ProcessEventsFlag.WaitForMoreEvents, wait)
    QCoreApplication.processEvents(flags)


def rest(application, seconds: float) -> None:
    """Let the event loop turn for a while."""
    from PySide6.QtTest import QTest

    QTest.qWait(max(1, round(1000 * seconds)))


def quantile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


COMPARISONS = {"startup": compare_startup, "drag": compare_drag, "training": compare_training}
CONTESTANTS = {f.__name__: f for f in (startup, drag, decode, headless, resting, dragged)}

if __name__ == "__main__":
    main()
