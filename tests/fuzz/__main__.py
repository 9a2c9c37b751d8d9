"""``python -m tests.fuzz --minutes 60``: opens spoilt files for some time, and reports what must not happen.

Each target runs in processes of its own, so that a crash is seen and its input kept; ``--replay FOLDER`` opens such an
input again. The exit code is 1 if anything was found.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.child import INPUT_SECONDS, open_input
from tests.fuzz.targets import TARGETS

_SLICE = 90.0  # seconds of a target before the next one's turn
_STARTING = 360.0  # seconds that a process may need before its first input: torch is imported beside other work


def main() -> int:
    """Run the command."""
    arguments = _parse()
    if arguments.replay:
        return _replay(arguments.targets[0], arguments.replay)
    counts, findings = dict.fromkeys(arguments.targets, 0), 0
    end, turn = time.monotonic() + 60 * arguments.minutes, 0
    while time.monotonic() < end:
        name = arguments.targets[turn % len(arguments.targets)]
        seconds = min(_SLICE, end - time.monotonic())
        done, found = run_target(name, arguments.seed + turn, seconds, arguments.out)
        counts[name] += done
        findings += len(found)
        for folder in found:
            print(f"{name}: {folder}: {_last_line(folder)}", flush=True)
        turn += 1
    print(json.dumps({"inputs": sum(counts.values()), "findings": findings, "by_target": counts}), flush=True)
    return 1 if findings else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--targets", nargs="+", choices=sorted(TARGETS), default=sorted(TARGETS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"), help="folder for inputs that were found")
    parser.add_argument("--replay", type=Path, help="open one input again, of the one target that is named")
    return parser.parse_args()


def run_target(
    name: str, seed: int, seconds: float, out: Path, program: tuple[str, ...] = ("-m", "tests.fuzz.child")
) -> tuple[int, list[Path]]:
    """Fuzz a target in another process; the number of inputs, and a folder in ``out`` for each finding."""
    with tempfile.TemporaryDirectory(prefix="latentlab-fuzz-") as folder:
        work = Path(folder)
        home = {f"XDG_{kind}_HOME": str(work / "home") for kind in ("CACHE", "DATA", "CONFIG", "STATE")}
        environment = os.environ | home | {"QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, *program, name, str(seed), str(seconds), str(work)]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            _, errors = process.communicate(timeout=seconds + INPUT_SECONDS + _STARTING)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
        if process.returncode != 0:
            crash = work / "found" / f"{seed}-crash"
            if (work / "input").is_dir():
                shutil.copytree(work / "input", crash)
            crash.mkdir(parents=True, exist_ok=True)
            (crash / "traceback.txt").write_text(f"{errors}\n{_how_it_ended(process.returncode)}")
        count = int((work / "count").read_text()) if (work / "count").exists() else 0
        found = sorted((work / "found").iterdir()) if (work / "found").exists() else []
        return count, [Path(shutil.copytree(each, out / f"{name}-{each.name}", dirs_exist_ok=True)) for each in found]


def _how_it_ended(code: int) -> str:
    return f"the process was ended by {signal.Signals(-code).name}" if code < 0 else f"the process ended with {code}"


def _last_line(folder: Path) -> str:
    return (folder / "traceback.txt").read_text().strip().rpartition("\n")[2]


def _replay(name: str, found: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(found, Path(folder) / "input"))
        (copy / "traceback.txt").unlink(missing_ok=True)
        failure = open_input(TARGETS[name](), copy)
    print(failure or "it opens, or is refused in one sentence")
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
