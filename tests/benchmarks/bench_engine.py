"""The engine without a window: request to result, decoding beside a training, and training in either host.

Each contestant runs in a process of its own, in turn, several rounds in one call; medians and the ratio of each
round are printed. Run on a machine that does nothing else::

    python tests/benchmarks/bench_engine.py latency
    python tests/benchmarks/bench_engine.py training
    python tests/benchmarks/bench_engine.py soak
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

import numpy as np

HOSTS = ("process", "thread")
MODEL = "bundled:mnist-2d"
BATCH = 128
WARM_UP = 3.0
SOAKED = 200_000


def main() -> None:
    """Run one comparison, or one contestant of it (``--inside``)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["latency", "training", "soak"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each contestant")
    parser.add_argument("--inside", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(CONTESTANTS[arguments.inside](arguments.seconds)))
    elif arguments.what == "soak":
        print(f"{SOAKED:,} decodes and signals: {soak():.1f} MB gained after the first quarter")
    elif arguments.what == "latency":
        compare_latency(arguments.rounds, arguments.seconds)
    else:
        compare_training(arguments.rounds, arguments.seconds)


def contestant(name: str, seconds: float) -> dict[str, float]:
    """Run one contestant in a new process."""
    command = [sys.executable, __file__, "latency", "--inside", name, "--seconds", str(seconds)]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


# --- request to result ------------------------------------------------------------------------------


def compare_latency(rounds: int, seconds: float) -> None:
    """Decode requested to Decoded received on the GUI thread, against the decoder's forward pass."""
    names = ["forward", *(f"{host}_{state}" for host in HOSTS for state in ("resting", "training"))]
    rows = [{name: contestant(name, seconds) for name in names} for _ in range(rounds)]
    for name in names:
        middle, late = (statistics.median(row[name][key] for row in rows) for key in ("median", "p95"))
        over = statistics.median(row[name]["median"] - row["forward"]["median"] for row in rows)
        print(f"{name:17} {1000 * middle:6.2f} ms median {1000 * late:7.2f} ms p95   + {1000 * over:.2f} ms")


def forward(seconds: float) -> dict[str, float]:
    """The decoder's forward pass for one latent, numpy to numpy."""
    import torch

    from latentlab.models.inference import load_model

    torch.set_num_threads(1)
    model, z, times = load_model(MODEL, "cpu"), np.zeros((1, 2), np.float32), []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        model.decode(z)
        times.append(time.perf_counter() - start)
        time.sleep(0.005)
    return summary(times)


def latency(host: str, training: bool, seconds: float) -> dict[str, float]:
    """One request at a time, about a hundred a second, as a fast drag makes them."""
    from PySide6.QtCore import QCoreApplication, QTimer

    from latentlab.engine.protocol.messages import Decode

    application = QCoreApplication([])
    client, begin = started(host, training)
    times: list[float] = []
    asked = 0.0

    def ask() -> None:
        nonlocal asked
        asked = time.perf_counter()
        client.request(Decode(len(times), np.full(2, len(times) % 7, np.float32)))

    def on_decoded(_result: object) -> None:
        times.append(time.perf_counter() - asked)
        QTimer.singleShot(8, ask)

    client.decoded.connect(on_decoded)
    begin(lambda: (ask(), QTimer.singleShot(round(1000 * seconds), application.quit)))
    application.exec()
    client.shutdown()
    return summary(times[10:])


# --- training -----------------------------------------------------------------------------------------


def compare_training(rounds: int, seconds: float) -> None:
    """Images per second of the same run by itself and in the worker, with nobody asking for anything."""
    names = ["alone", *(f"{host}_trains" for host in HOSTS)]
    rows = [{name: contestant(name, seconds) for name in names} for _ in range(rounds)]
    for name in names:
        speed = statistics.median(row[name]["images_per_second"] for row in rows)
        ratio = statistics.median(row[name]["images_per_second"] / row["alone"]["images_per_second"] for row in rows)
        print(f"{name:15} {speed:8,.0f} images/s   {ratio:.2f} of alone")


def alone(seconds: float) -> dict[str, float]:
    """The trainer's generator, exhausted by a loop that does nothing else."""
    from latentlab.config.events import Progress
    from latentlab.data import load_dataset
    from latentlab.training import Trainer

    folder = Path(tempfile.mkdtemp())
    training = Trainer(load_dataset(noise(folder)), run_config(), folder / "run")
    marks: list[tuple[float, int]] = []
    for event in training.steps():
        if isinstance(event, Progress):
            marks.append((time.perf_counter(), event.step))
            if marks[-1][0] - marks[0][0] > seconds + WARM_UP:
                break
    return {"images_per_second": images_per_second(marks)}


def trains(host: str, seconds: float) -> dict[str, float]:
    """The same run in the worker."""
    from PySide6.QtCore import QCoreApplication

    application = QCoreApplication([])
    client, begin = started(host, training=True)
    marks: list[tuple[float, int]] = []

    def note(result) -> None:
        if result.event.event == "progress":
            marks.append((time.perf_counter(), result.event.step))
            if marks[-1][0] - marks[0][0] > seconds + WARM_UP:
                application.quit()

    client.trainingEvent.connect(note)
    begin(lambda: None)
    application.exec()
    client.shutdown(30)
    return {"images_per_second": images_per_second(marks)}


# --- soak ---------------------------------------------------------------------------------------------


def soak() -> float:
    """Decode again and again with torch, Qt and their signals in one process; megabytes gained."""
    import resource

    from PySide6.QtCore import QCoreApplication

    from latentlab.engine.protocol.messages import Decode

    application = QCoreApplication([])
    client, begin = started("thread", training=False)
    count, used = 0, [0, 0]

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    def on_decoded(_result: object) -> None:
        nonlocal count
        count += 1
        if count == SOAKED // 4:
            used[0] = resident()
        if count == SOAKED:
            used[1] = resident()
            application.quit()
        else:
            client.request(Decode(count, np.zeros(2, np.float32)))

    client.decoded.connect(on_decoded)
    begin(lambda: client.request(Decode(0, np.zeros(2, np.float32))))
    application.exec()
    client.shutdown()
    return (used[1] - used[0]) / 1e6


# --- what they share ----------------------------------------------------------------------------------


def started(host: str, training: bool):
    """A client, and a function that calls back once its worker is ready, and trains where that is asked."""
    from latentlab.engine.client.client import EngineClient
    from latentlab.engine.protocol.messages import OpenDataset, Train

    client, folder = EngineClient(), Path(tempfile.mkdtemp())

    def begin(ready) -> None:
        if training:
            client.workerReady.connect(lambda _: client.request(OpenDataset(str(noise(folder)))))
            client.datasetOpened.connect(lambda _: client.request(Train(run_config(), str(folder / "run"))))
            first = []
            client.trainingEvent.connect(
                lambda result: result.event.event == "progress" and not first and (first.append(1), ready())
            )
        else:
            client.workerReady.connect(lambda _: ready())
        client.start(host, "cpu", MODEL)

    return client, begin


def noise(folder: Path) -> Path:
    """Noise of MNIST's shape: what is learned does not matter here."""
    path = folder / "noise.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (20_000, 28, 28), dtype=np.uint8))
    return path


def run_config():
    """The MLP recipe, for longer than anyone waits."""
    from latentlab.config import RunConfig, TrainingConfig

    return RunConfig(training=TrainingConfig(epochs=100_000, batch_size=BATCH, device="cpu", threads=1))


def images_per_second(marks: list[tuple[float, int]]) -> float:
    """Images a second after the warm-up."""
    marks = [mark for mark in marks if mark[0] - marks[0][0] > WARM_UP]
    (start, first), (end, last) = marks[0], marks[-1]
    return (last - first) * BATCH / (end - start)


def summary(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"median": statistics.median(times), "p95": sorted(times)[int(0.95 * len(times))]}


CONTESTANTS = {
    "forward": forward,
    "process_resting": lambda seconds: latency("process", False, seconds),
    "process_training": lambda seconds: latency("process", True, seconds),
    "thread_resting": lambda seconds: latency("thread", False, seconds),
    "thread_training": lambda seconds: latency("thread", True, seconds),
    "alone": alone,
    "process_trains": lambda seconds: trains("process", seconds),
    "thread_trains": lambda seconds: trains("thread", seconds),
}

if __name__ == "__main__":
    main()
