"""Ingest: reading JPEGs, the second opening, scanning, Cancel in the window, and more images than the memory holds.

Run from the checkout::

    python tests/benchmarks/bench_ingest.py [photos] [scan] [cancel] [memory]
        [--images 4000 20000] [--files 200000] [--rounds 5]

The peer of ``photos`` is Pillow at its best for the same result: ``draft``, decode and ``resize`` of every file and
nothing else, one process a core, started before, so that no GIL is shared. Contestants alternate within each round;
ratios are of one round. Ours is all of an opening: looking for files, starting processes, writing the cache.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import PIL
from numpy.lib import format as npy
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEventLoop, QTimer

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.data.loading import cache
from latentlab.data.sources.scan import scan
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import CancelLoading, OpenDataset
from latentlab.utils.thread_priority import available_cores

SIZE = (178, 218)  # CelebA's
SIDE = 64
MAX_LINKS = 60_000  # that a file may have; file systems allow 65,000


def make_photos(folder: Path, count: int) -> None:
    """JPEGs with the detail of photographs: noise whose power falls with the square of the frequency.

    After 200 different ones the same come again, under other names.
    """
    random = np.random.default_rng(0)
    width, height = SIZE
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(width), np.fft.fftfreq(height)))
    envelope = 1 / np.maximum(frequency, 1 / width)
    for number in range(min(count, 200)):
        spectrum = np.fft.fft2(random.normal(size=(3, height, width))) * envelope
        photo = np.fft.ifft2(spectrum).real
        photo = 128 + 50 * (photo + 2 * photo.mean(axis=0)) / photo.std()
        pixels = photo.clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
        Image.fromarray(pixels).save(folder / f"{number:06}.jpg", quality=90)
    for number in range(200, count):
        shutil.copyfile(folder / f"{number % 200:06}.jpg", folder / f"{number:06}.jpg")


def decode_all(paths: list[str]) -> float:
    """The decoder alone; seconds of the processor."""
    started = time.process_time()
    for path in paths:
        with Image.open(path) as image:
            image.draft("RGB", (SIDE, SIDE))
            image.resize((SIDE, SIDE), Image.Resampling.BICUBIC).tobytes()
    return time.process_time() - started


def timed(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def processor() -> float:
    """Seconds of the processor that this process and its children that have ended took."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def bench_photos(folder: Path, options: argparse.Namespace) -> None:
    for count in options.images:
        part = folder / str(count)
        part.mkdir()
        make_photos(part, count)
        _bench_photos(part, count, options.rounds)


def _bench_photos(folder: Path, count: int, rounds: int) -> None:
    paths = [str(path) for path in sorted(folder.iterdir())]
    config = DataConfig(image_size=SIDE, fit="stretch", channels=3)
    parts = [paths[start :: available_cores()] for start in range(available_cores())]
    ratios, by_processor, firsts, seconds, as_is = [], [], [], [], []
    # Spawned, so that they hold no copy of what is loaded here.
    with ProcessPoolExecutor(available_cores(), mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(decode_all, [part[:8] for part in parts]))
        for _ in range(rounds):
            started = time.perf_counter()
            peer_processor = sum(pool.map(decode_all, parts))
            peer = time.perf_counter() - started
            cache.Cache(max_bytes=0).evict()
            started_processor = processor()
            first = timed(lambda: load_dataset(folder, config))
            by_processor.append(peer_processor / (processor() - started_processor))
            second = statistics.median(timed(lambda: load_dataset(folder, config)) for _ in range(5))
            ratios.append(peer / first)
            firsts.append(first)
            seconds.append(first / second)
    for _ in range(min(rounds, 2)):
        cache.Cache(max_bytes=0).evict()
        first = timed(lambda: load_dataset(folder))
        as_is.append(first / statistics.median(timed(lambda: load_dataset(folder)) for _ in range(5)))
    cache.Cache(max_bytes=0).evict()
    states = statistics.median(timed(lambda: [os.stat(path) for path in paths]) for _ in range(5))
    print(
        f"JPEG {SIZE[0]}×{SIZE[1]} to {SIDE}×{SIDE}, {count} files: {count / statistics.median(firsts):,.0f} images/s"
    )
    print(f"  of the decoder's own speed: {statistics.median(ratios):.2f} (rounds {listed(ratios)})")
    print(f"  the same by processor time: {statistics.median(by_processor):.2f} (rounds {listed(by_processor)})")
    print(f"  first opening / second opening: {statistics.median(seconds):.0f} (rounds {listed(seconds)})")
    print(f"  first opening / os.stat of every file alone: {statistics.median(firsts) / states:.0f}")
    print(f"  first / second opening with no setting changed: {statistics.median(as_is):.0f} (rounds {listed(as_is)})")


def make_empty_files(folder: Path, count: int) -> None:
    """Files of one byte, which is no image, as many names for few of them."""
    for part in range(4):
        (folder / str(part)).mkdir()
        descriptor = os.open(folder / str(part), os.O_RDONLY)
        for number in range(count // 4):
            if number % MAX_LINKS == 0:
                first = f"{number}.png"
                (folder / str(part) / first).write_bytes(b"x")
            else:
                os.link(first, f"{number}.png", src_dir_fd=descriptor, dst_dir_fd=descriptor)
        os.close(descriptor)


def bench_scan(folder: Path, options: argparse.Namespace) -> None:
    count, rounds = options.files, options.rounds
    make_empty_files(folder, count)

    def ours() -> None:
        for _ in scan(str(folder)):
            pass

    def with_rglob() -> int:
        return sum(path.is_file() and path.stat().st_size for path in folder.rglob("*"))

    ratios, times, longest = [], [], 0.0
    for _ in range(rounds):
        peer, mine = timed(with_rglob), timed(ours)
        ratios.append(peer / mine)
        times.append(mine)
    last = time.perf_counter()
    for _ in scan(str(folder)):
        longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    print(f"scan of {count:,} files with size and time of each: {statistics.median(times):.2f} s")
    print(f"  against rglob + stat: {statistics.median(ratios):.1f} × (rounds {listed(ratios)})")
    print(f"  longest between two steps: {longest * 1000:.0f} ms")


class Client:
    """The window's side of a worker in a process of its own, without a window."""

    def __init__(self) -> None:
        self._application = QCoreApplication.instance() or QCoreApplication([])
        self.engine = EngineClient()
        self.engine.start("process", "cpu")
        self.until(self.engine.workerReady, 120)

    def until(self, signal, seconds: float) -> float:
        """Run the event loop until a signal comes; seconds it took."""
        loop, started, came = QEventLoop(), time.perf_counter(), []
        connection = signal.connect(lambda *_: (came.append(time.perf_counter()), loop.quit()))
        QTimer.singleShot(int(seconds * 1000), loop.quit)
        loop.exec()
        signal.disconnect(connection)
        if not came:
            raise TimeoutError(f"nothing came within {seconds} s")
        return came[0] - started

    def close(self) -> None:
        self.engine.shutdown()


def bench_cancel(folder: Path, options: argparse.Namespace) -> None:
    """From the request to the window's notification, while files are looked for and while they are decoded."""
    many, photos = folder / "many", folder / "photos"
    many.mkdir()
    photos.mkdir()
    make_empty_files(many, options.files)
    make_photos(photos, max(options.images))
    client = Client()
    for what, source in (("looking for files", many), ("decoding", photos)):
        taken = []
        for number in range(4 * options.rounds):
            client.engine.request(OpenDataset(str(source), DataConfig(image_size=SIDE)))
            # The worker reports progress ten times a second; then to other moments of it.
            client.until(client.engine.datasetProgress, 60)
            QCoreApplication.processEvents()
            wait = QEventLoop()
            QTimer.singleShot(37 * number % 700, wait.quit)
            wait.exec()
            client.engine.request(CancelLoading())
            taken.append(client.until(client.engine.datasetCancelled, 60))
        print(
            f"Cancel while {what}: median {statistics.median(taken) * 1000:.0f} ms, "
            f"longest {max(taken) * 1000:.0f} ms of {len(taken)}"
        )
    client.close()


LARGER = """
import resource, sys, time
from latentlab.config import DataConfig, RunConfig, with_settings
allowed = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
import torch
torch.set_num_threads(1)
from latentlab.data import load_dataset
from latentlab.training import Trainer
dataset = load_dataset(sys.argv[1], DataConfig(channels=3))
settings = ["architecture.hidden=64", "training.batch_size=128", "training.epochs=1", "training.device=cpu"]
training = Trainer(dataset, with_settings(RunConfig(), settings), None)
began, steps = time.monotonic(), 0
for _ in training.steps():
    steps += 1
    if time.monotonic() - began > 10:
        break
held = {line.split()[0]: int(line.split()[1]) >> 10 for line in open("/proc/self/status") if "kB" in line}
print(f"  {steps} steps of 128 images; of its own {held['RssAnon:']} MB, private writable at most {held['VmData:']} MB")
"""


def bench_memory(folder: Path, options: argparse.Namespace) -> None:
    """Train on an array on disk of one and a half times this machine's memory, allowed 3 GB of its own."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    shape = int(1.5 * machine) // (3 * 64 * 64), 3, 64, 64
    path = folder / "larger.npy"
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        start = file.tell()
        file.write(np.random.default_rng(0).integers(0, 256, 1 << 20, dtype=np.uint8).tobytes())
        file.truncate(start + int(np.prod(shape, dtype=object)))  # the rest is a hole: read as zeros
    print(f"{shape[0]:,} images, {path.stat().st_size / 1e9:.1f} GB in a file, {machine / 1e9:.1f} GB of memory")
    done = subprocess.run(
        [sys.executable, "-c", LARGER, str(path), str(3 << 30)], capture_output=True, text=True, check=False
    )
    print(done.stdout.rstrip() if not done.returncode else done.stderr[-3000:])


def listed(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


BENCHES = {"photos": bench_photos, "scan": bench_scan, "cancel": bench_cancel, "memory": bench_memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("benches", nargs="*", choices=[*BENCHES, []], default=list(BENCHES))
    parser.add_argument("--images", type=int, nargs="+", default=[4000, 20_000])
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    versions = f"Python {platform.python_version()}, Pillow {PIL.__version__}, numpy {np.__version__}"
    print(f"{versions}, {available_cores()} cores")
    for name in options.benches:
        with tempfile.TemporaryDirectory(prefix="latentlab-bench-") as scratch:
            os.environ["XDG_CACHE_HOME"] = f"{scratch}/cache"
            folder = Path(scratch, name)
            folder.mkdir()
            BENCHES[name](folder, options)


if __name__ == "__main__":
    main()
