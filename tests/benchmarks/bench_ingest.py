"""Ingest: reading JPEGs against the decoder's own speed, the second opening, and scanning 200,000 files.

Run from the checkout::

    python tests/benchmarks/bench_ingest.py [--images 4000] [--files 200000] [--rounds 5]

The peer is Pillow at its best for the same result: ``draft``, decode and ``resize`` of every file and nothing else,
one process a core, so that no GIL is shared. Contestants alternate within each round; ratios are of one round.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from latentlab.config import DataConfig
from latentlab.data import cache, load_dataset
from latentlab.data.ingest import cores
from latentlab.data.scan import scan

SIZE = (178, 218)  # CelebA's
SIDE = 64


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


def bench_photos(folder: Path, count: int, rounds: int) -> None:
    make_photos(folder, count)
    paths = [str(path) for path in sorted(folder.iterdir())]
    config = DataConfig(image_size=SIDE, fit="stretch", channels=3)
    parts = [paths[start :: cores()] for start in range(cores())]
    ratios, by_processor, firsts, seconds = [], [], [], []
    with ProcessPoolExecutor(cores()) as pool:
        list(pool.map(decode_all, [part[:8] for part in parts]))
        for _ in range(rounds):
            started = time.perf_counter()
            peer_processor = sum(pool.map(decode_all, parts))
            peer = time.perf_counter() - started
            cache.Cache(largest=0).sweep()
            started_processor = time.process_time()
            first = timed(lambda: load_dataset(folder, config))
            by_processor.append(peer_processor / (time.process_time() - started_processor))
            second = statistics.median(timed(lambda: load_dataset(folder, config)) for _ in range(3))
            ratios.append(peer / first)
            firsts.append(first)
            seconds.append(first / second)
    print(
        f"JPEG {SIZE[0]}×{SIZE[1]} to {SIDE}×{SIDE}, {count} files: {count / statistics.median(firsts):,.0f} images/s"
    )
    print(f"  of the decoder's own speed on {cores()} cores: {statistics.median(ratios):.2f} (rounds {listed(ratios)})")
    print(f"  the same by processor time: {statistics.median(by_processor):.2f} (rounds {listed(by_processor)})")
    print(f"  first opening / second opening: {statistics.median(seconds):.0f} (rounds {listed(seconds)})")


def bench_scan(folder: Path, count: int, rounds: int) -> None:
    for part in range(4):
        (folder / str(part)).mkdir()
        descriptor = os.open(folder / str(part), os.O_RDONLY)
        (folder / str(part) / "0.png").write_bytes(b"x")
        for number in range(1, count // 4):
            os.link("0.png", f"{number}.png", src_dir_fd=descriptor, dst_dir_fd=descriptor)
        os.close(descriptor)

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


def listed(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, Pillow {PIL.__version__}, numpy {np.__version__}, {cores()} cores")
    with tempfile.TemporaryDirectory(prefix="latentlab-bench-") as scratch:
        os.environ["XDG_CACHE_HOME"] = f"{scratch}/cache"
        for name, bench, count in (("photos", bench_photos, options.images), ("scan", bench_scan, options.files)):
            folder = Path(scratch, name)
            folder.mkdir()
            bench(folder, count, options.rounds)


if __name__ == "__main__":
    main()
