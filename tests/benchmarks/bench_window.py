"""The window's answers: start-up, drag to image, and dragging during training.

Each contestant runs in a process of its own, in turn, several rounds in one call; medians and the ratio of each
round are printed. Run on a machine that does nothing else::

    python tests/benchmarks/bench_window.py startup
    python tests/benchmarks/bench_window.py drag
    python tests/benchmarks/bench_window.py training        # the MLP recipe: throughput, lateness, cost of following
    python tests/benchmarks/bench_window.py convolutions    # 64 × 64: steps longer than a drag can wait
    python tests/benchmarks/bench_window.py importing       # a drag while the worker imports torch's compiler
    python tests/benchmarks/bench_window.py all             # all of them in about 8 minutes, as rows of RESULTS.md
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
from collections.abc import Iterator, Sequence

import beside
from driving import FRAME, Heart, opened_window, quantile, rest, turn

Rows = Iterator[tuple[str, ...]]
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
        for row in COMPARISONS[arguments.what](arguments.rounds, arguments.seconds):
            print(f"| {' | '.join(row)} |", flush=True)


def contestant(what: str, name: str, seconds: float) -> dict[str, float]:
    """Run one contestant in a new process with folders of its own."""
    with tempfile.TemporaryDirectory() as home:
        folders = {f"XDG_{kind}_HOME": f"{home}/{kind}" for kind in ("CACHE", "DATA", "CONFIG", "STATE")}
        environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, **folders}
        command = [sys.executable, __file__, what, "--inside", name, "--seconds", str(seconds)]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def median(rows: list[dict[str, float]], key: str) -> float:
    """Median of one figure over the rounds."""
    return statistics.median(row[key] for row in rows)


def row(what: str, figure: str, value: float, most: float, goal: str = "") -> tuple[str, ...]:
    """A row of RESULTS.md; ``value`` is to be ``most`` at the most."""
    return what, figure, goal or f"≤ {most:g}", _verdict(value <= most)


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


# --- start-up ----------------------------------------------------------------------------------------


def compare_startup(rounds: int, _seconds: float) -> Rows:
    """First paint, map and first image against the time of ``import torch`` alone."""
    rows = []
    for _ in range(rounds):
        alone = subprocess.run([sys.executable, "-c", IMPORT_TORCH], check=True, stdout=subprocess.PIPE, text=True)
        wall, processor = map(float, alone.stdout.split())
        rows.append(contestant("startup", "startup", 0) | {"torch": wall, "torch_cpu": processor})
    painted = statistics.median(row["painted"] / row["torch"] for row in rows)
    processor = statistics.median(row["cpu"] / row["torch_cpu"] for row in rows)
    times = f"{median(rows, 'painted'):.2f} s / {median(rows, 'torch'):.2f} s"
    yield row(
        "first paint / `import torch` alone",
        f"{painted:.2f} ({times}); in processor time {processor:.2f}",
        painted,
        0.33,
    )
    waited = statistics.median(row["map"] - row["painted"] for row in rows)
    yield row("map visible − first paint", f"{waited:.2f} s", waited, 0.01, "≈ 0")
    waited = statistics.median(row["explorable"] - row["torch"] for row in rows)
    yield row("explorable − `import torch` alone", f"{waited:.2f} s", waited, 0.3, "≤ .3 s")
    stall, busy = 1000 * median(rows, "stall"), 1000 * median(rows, "busy")
    figures = f"{stall:.0f} ms; in processor time {busy:.0f} ms"
    yield row("longest stall of the window after its first paint", figures, stall, 20, "≤ 20 ms")


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
    times["stall"], times["busy"] = max(hearts[0].late), max(hearts[0].busy)
    application.close()
    return times


def shows_a_picture() -> bool:
    """Whether the middle of what is in the map's place shows anything but one colour."""
    import numpy as np
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QApplication

    preview = next(widget for widget in QApplication.allWidgets() if widget.objectName() == "mapPreview")
    image = preview.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return bool(pixels[image.height() // 4 : -image.height() // 4, image.width() // 4 : -image.width() // 4].std() > 5)


# --- drag to image -----------------------------------------------------------------------------------


def compare_drag(rounds: int, seconds: float) -> Rows:
    """From the mouse's move to the new image in the widget, against the decoder's own forward pass."""
    rows = [contestant("drag", "drag", seconds) | contestant("drag", "decode", seconds) for _ in range(rounds)]
    allowed = [1.3 * row["decode"] + FRAME for row in rows]
    ratio = statistics.median(row["median"] / bound for row, bound in zip(rows, allowed, strict=True))
    figures = f"{_ms(rows, 'median')}, {_ms(rows, 'p95')}; decoder {1000 * median(rows, 'decode'):.2f} ms"
    figures += f"; {_ms(rows, 'busy')} of the window's processor time for a move"
    yield row(
        "drag to image, median (95th percentile) / (1.3 × decoder + a frame)", f"{ratio:.2f} ({figures})", ratio, 1.0
    )


def drag(seconds: float) -> dict[str, float]:
    """Latency of single moves of a drag over the bundled map, and the window's processor time for each."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    application = opened_window()
    viewport, image = application.latent_map.viewport(), application.window.decoded_image
    latencies = []
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=application.latent_map.z_to_pixel((0, 0)).toPoint())
    end, step, began = time.perf_counter() + seconds, 0, time.process_time()
    while time.perf_counter() < end:
        step += 1
        before, position = image.image(), (1.5 * ((step * 0.37) % 2 - 1), 1.5 * ((step * 0.61) % 2 - 1))
        start = time.perf_counter()
        QTest.mouseMove(viewport, application.latent_map.z_to_pixel(position).toPoint())
        while image.image() is before and time.perf_counter() - start < 1:
            turn(application, wait=0)
        latencies.append(time.perf_counter() - start)
        rest(application, FRAME)
    busy = (time.process_time() - began) / step
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton)
    application.close()
    return {"median": statistics.median(latencies), "p95": quantile(latencies, 0.95), "busy": busy}


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


# --- beside a run --------------------------------------------------------------------------------------


def compare_training(rounds: int, seconds: float) -> Rows:
    """The MLP recipe: images per second without a window, beside one that rests, and beside one that is dragged."""
    names = ("mlp-headless", "mlp-resting", "mlp-unfollowed", "mlp-dragged")
    rows = _in_turn("training", names, rounds, seconds)
    yield from _against_headless(rows, "mlp", "")
    yield _cost_of_following(rows, "mlp", "")


def compare_convolutions(rounds: int, seconds: float) -> Rows:
    """64 × 64 with convolutions, whose steps are longer than a drag can wait."""
    names = ("conv-headless", "conv-resting", "conv-unfollowed", "conv-dragged")
    rows = _in_turn("convolutions", names, rounds, seconds)
    dragged = [each["conv-dragged"] for each in rows]
    step = 1000 / statistics.median(each["conv-headless"]["speed"] for each in rows)
    yield _drag_to_image(dragged, f"convolutions 64 × 64 training (a step takes {step:.0f} ms)")
    yield from _against_headless(rows, "conv", "convolutions 64 × 64: ")
    yield _cost_of_following(rows, "conv", "convolutions 64 × 64: ")


def compare_importing(rounds: int, _seconds: float) -> Rows:
    """A drag while the worker opens images, imports torch's compiler and starts a run."""
    rows = [contestant("importing", "importing", 0) for _ in range(rounds)]
    yield _drag_to_image(rows, "the worker importing torch's compiler")
    yield _lateness(rows, "lateness meanwhile, 99th percentile")


def compare_all(_rounds: int, _seconds: float) -> Rows:
    """Everything, in about 8 minutes."""
    yield from compare_startup(3, 0)
    yield from compare_drag(2, 6)
    yield from compare_training(3, 6)
    yield from compare_convolutions(2, 10)
    yield from compare_importing(2, 0)


def _in_turn(what: str, names: Sequence[str], rounds: int, seconds: float) -> list[dict[str, dict[str, float]]]:
    return [{name: contestant(what, name, seconds) for name in names} for _ in range(rounds)]


def _against_headless(rows: list[dict[str, dict[str, float]]], recipe: str, prefix: str) -> Rows:
    """Throughput of a resting and of a dragged window's run, and how late the window's beats come."""
    titles = {"resting": "in a resting window", "dragged": "in a window dragged 60 times a second"}
    for name, title in titles.items():
        ratios = [each[f"{recipe}-{name}"]["speed"] / each[f"{recipe}-headless"]["speed"] for each in rows]
        ratio = statistics.median(ratios)
        spread = f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        goal = "≥ .95"
        yield f"{prefix}training {title} / headless", spread, goal, _verdict(ratio >= 0.95)
        yield _lateness([each[f"{recipe}-{name}"] for each in rows], f"{prefix}lateness then, 99th percentile")


def _cost_of_following(rows: list[dict[str, dict[str, float]]], recipe: str, prefix: str) -> tuple[str, ...]:
    costs = [1 - each[f"{recipe}-resting"]["speed"] / each[f"{recipe}-unfollowed"]["speed"] for each in rows]
    cost = statistics.median(costs)
    figures = f"{cost:.1%} ({min(costs):.1%} to {max(costs):.1%})"
    return row(f"{prefix}share of the training that map, strip, history and curves take", figures, cost, 0.05, "≤ 5 %")


def _drag_to_image(rows: list[dict[str, float]], what: str) -> tuple[str, ...]:
    late = 1000 * median(rows, "p95")
    figures = f"{_ms(rows, 'median')}, {_ms(rows, 'p95')}; {median(rows, 'shown'):.0%} of 60 moves a second shown"
    return row(f"drag to image with {what}, median, 95th percentile", figures, late, 50, "≤ 50 ms")


def _lateness(rows: list[dict[str, float]], what: str) -> tuple[str, ...]:
    late = 1000 * median(rows, "p99")
    return row(what, f"{late:.1f} ms", late, 16, "≤ 16 ms")


def _ms(rows: list[dict[str, float]], key: str) -> str:
    return f"{1000 * median(rows, key):.1f} ms"


COMPARISONS = {
    "startup": compare_startup,
    "drag": compare_drag,
    "training": compare_training,
    "convolutions": compare_convolutions,
    "importing": compare_importing,
    "all": compare_all,
}
CONTESTANTS = {f.__name__: f for f in (startup, drag, decode)} | beside.contestants()

if __name__ == "__main__":
    main()
