"""Kill −9 a training at random moments, resume it each time, and compare its end with an undisturbed run's, to the bit.

``python tests/benchmarks/kill_and_resume.py [--kills 20] [--seed 0]``

A kill comes at a moment drawn evenly from a span that begins right before the first step, so that it falls into steps,
validations, writing of checkpoints, models and metrics alike; the last resume runs to the end. Compared are the model
file whole, every tensor of the last checkpoint, and the metrics but for their times.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from latentlab.storage import RunFolder

SETTINGS = (
    "--limit", "400", "--epochs", "120", "--batch-size", "16", "--device", "cpu", "--set", "architecture.hidden=32",
    "--set", "training.checkpoint_minutes=0.0002", "--set", "training.threads=1", "--resume", "--json",
)  # fmt: skip


def start(folder: Path) -> subprocess.Popen[str]:
    """The training in a process of its own."""
    command = [sys.executable, "-m", "latentlab", "train", "demo:shapes", "--out", str(folder), *SETTINGS]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(folder: Path) -> None:
    """Run to the end."""
    with start(folder) as child:
        child.communicate()
    if child.returncode:
        raise SystemExit(f"the run in {folder} ended with {child.returncode}")


def kill(folder: Path, after: float) -> int | None:
    """Kill the run so long after it said that it begins; the step of the checkpoint it leaves, ``None`` for none."""
    with start(folder) as child:
        assert child.stdout is not None
        # Before it begins it may say that there is nothing to resume.
        if not any('"started"' in line for line in child.stdout):
            raise SystemExit("the run ended before it began")
        time.sleep(after)
        child.kill()
        child.communicate()
    checkpoint = RunFolder(folder).read_checkpoint()
    return None if checkpoint is None else int(checkpoint.position["position"]["step"])


def end_of(folder: Path) -> tuple[bytes, dict[str, bytes], list[dict[str, object]]]:
    """Model file, tensors of the last checkpoint, metrics without their times."""
    run = RunFolder(folder)
    checkpoint = run.read_checkpoint()
    assert checkpoint is not None
    metrics = [
        {name: value for name, value in line.items() if name not in ("seconds", "images_per_second")}
        for line in run.read_metrics()
    ]
    return run.model.read_bytes(), {name: array.tobytes() for name, array in checkpoint.tensors.items()}, metrics


def main() -> int:
    """Do it; 0 when both ends are the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, parts = Path(folder, "whole"), Path(folder, "parts")
        began = time.monotonic()
        finish(whole)
        longest = (time.monotonic() - began) / options.kills
        for number in range(1, options.kills + 1):
            moment = moments.uniform(0.0, longest)
            print(f"{number}: killed after {moment:.3f} s, checkpoint at step {kill(parts, moment)}", flush=True)
        finish(parts)
        same = [one == other for one, other in zip(end_of(whole), end_of(parts), strict=True)]
    for name, is_same in zip(("model file", "checkpoint's tensors", "metrics"), same, strict=True):
        print(f"{name}: {'the same to the bit' if is_same else 'DIFFERENT'}")
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main())
