"""What it costs that a decoder is asked for in another process: the same small decoder there and here, in turn.

OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_explored [--rounds 200]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from latentlab.foreign.remote_functions import RemoteFunctions
from latentlab.foreign.user_model import UserModel
from latentlab.storage.explored_model import read_explored
from tests.foreign.explored import serve, user_model

SHAPE = (1, 28, 28)
WEIGHTS = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 784)).astype(np.float32)


def model() -> UserModel:
    """One product of matrices."""
    return user_model(encode=None, decode=lambda z: (0.5 + z @ WEIGHTS).reshape(-1, *SHAPE), image_shape=SHAPE)


def main() -> None:
    """Print the medians, and the 95th percentile of the other process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve is not None:
        server, path = serve(arguments.serve, model())
        print(path, flush=True)
        sys.stdin.read()
        server.close()
        return
    print(f"Python {platform.python_version()}, numpy {np.__version__}")
    print("| images | other process | 95th percentile | directly |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.benchmarks.bench_explored", "--serve", folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            remote, own = RemoteFunctions(read_explored(Path(other.stdout.readline().strip()))), model()
            for count in (1, 16, 128):
                z, times = np.zeros((count, 2), np.float32), ([], [])
                for _ in range(arguments.rounds):
                    for found, decoder in zip(times, (remote, own), strict=True):
                        began = time.perf_counter()
                        decoder.decode(z)
                        found.append(1000 * (time.perf_counter() - began))
                there, here = (statistics.median(found) for found in times)
                late = float(np.percentile(times[0], 95))
                print(f"| {count} | {there:.2f} ms | {late:.2f} ms | {here:.3f} ms |")
            remote.close()
            other.communicate()


if __name__ == "__main__":
    main()
