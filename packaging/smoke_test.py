"""Tries a packaged program: ``python packaging/smoke_test.py dist/latentlab/latentlab``.

Commands that train, decode and read images in child processes, then the window without a screen: it must open its
bundled model, which needs the worker, and end on SIGTERM. Each step runs in a folder and a home of its own. Prints what
was tried; exit code 1 at the first that fails.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WAIT_SECONDS = 120


def main(program: str) -> None:
    """Try everything, in a temporary folder."""
    program = str(Path(program).resolve())
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        kept = {name: os.environ[name] for name in ("LANG", "SYSTEMROOT", "TEMP") if name in os.environ}
        environment = kept | {"HOME": folder, "QT_QPA_PLATFORM": "offscreen", "PATH": os.defpath}
        run = Trial(program, home, environment)
        run.command("--version")
        info = json.loads(run.command("info", "bundled:mnist-2d", "--json"))
        assert info["latent_dim"] == 2, info
        run.command("decode", "bundled:mnist-2d", "--grid", "8", "--out", "grid.png")
        run.command("train", _images(home / "images"), "--out", "run", "--epochs", "1")
        run.command("evaluate", "run", "images", "--importance-samples", "2")
        run.command("encode", "run", "images", "--out", "latents.csv")
        run.command("generate", "run", "--count", "16", "--out", "samples.png")
        run.window()


def _images(folder: Path) -> str:
    """Make so many image files that processes decode them: the program starts itself for that."""
    folder.mkdir()
    for number in range(400):
        rows = [bytes((number * 7 + x * y) % 256 for x in range(32)) for y in range(32)]
        (folder / f"{number:03}.pgm").write_bytes(b"P5 32 32 255\n" + b"".join(rows))
    return folder.name


class Trial:
    """A program, and where it is tried."""

    def __init__(self, program: str, folder: Path, environment: dict[str, str]) -> None:
        self._program = program
        self._folder = folder
        self._environment = environment

    def command(self, *arguments: str) -> str:
        """Run one command that must succeed; returns what it wrote."""
        started = time.monotonic()
        done = subprocess.run(
            [self._program, *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        sys.stdout.write(f"{time.monotonic() - started:6.1f} s  latentlab {' '.join(arguments)}\n")
        if done.returncode:
            sys.exit(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def window(self) -> None:
        """Open the window until its worker runs, and end it."""
        started = time.monotonic()
        with subprocess.Popen(
            [self._program], cwd=self._folder, env=self._environment, stderr=subprocess.PIPE, text=True
        ) as process:
            while not _children(process.pid):
                if process.poll() is not None or time.monotonic() - started > WAIT_SECONDS:
                    process.kill()
                    sys.exit(f"the window started no worker\n{process.communicate()[1]}")
                time.sleep(0.2)
            time.sleep(15)  # it opens the bundled model
            worker_runs = bool(_children(process.pid))
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=WAIT_SECONDS)
        sys.stdout.write(f"{time.monotonic() - started:6.1f} s  the window\n")
        if process.returncode or not worker_runs:
            sys.exit(f"exit code {process.returncode}, worker running: {worker_runs}\n{errors}")


def _children(pid: int) -> list[str]:
    """Ids of the child processes (Linux)."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [child for task in tasks for child in task.read_text().split()]


if __name__ == "__main__":
    main(sys.argv[1])
