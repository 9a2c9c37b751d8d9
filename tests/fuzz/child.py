"""One process of the fuzzer: opens spoilt files of one target for some time, and keeps what must not happen."""

from __future__ import annotations

import faulthandler
import itertools
import resource
import shutil
import sys
import time
import traceback
import warnings
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from latentlab.errors import LatentlabError
from tests.fuzz.targets import TARGETS, Files, Target

INPUT_SECONDS = 60
"""An input that takes longer is a finding."""

_MAX_GROWTH = 600 << 20  # bytes that an input of some kilobytes may add to the peak of the memory
_BATCH = 500  # inputs of one seed


def write(files: Files, folder: Path) -> None:
    """Write the files of an input into a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def open_input(target: Target, folder: Path, most: int = _MAX_GROWTH) -> str | None:
    """Open an input; returns the traceback of what must not happen, and ``None`` if it opens or is refused.

    ``most`` limits the growth of the peak of the memory, in bytes.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    try:
        target.opens(folder)
    except LatentlabError as error:
        text = str(error)
        if "\n" in text or len(text) > 2000:
            return f"the error is not one sentence: {text[:2000]!r}"
    except Exception:
        return traceback.format_exc()
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    return f"the peak of the memory grew by {growth >> 20} MB" if growth > most else None


def main(name: str, first_seed: int, seconds: float, work: Path) -> None:
    """Fuzz a target.

    Parameters
    ----------
    name, first_seed, seconds
        The target, the first seed, and for how long.
    work
        Folder. ``input`` in it holds the current input, ``count`` the number of inputs so far, and ``found`` an input
        and its traceback for each finding.
    """
    faulthandler.enable()
    warnings.simplefilter("error")
    target, end = TARGETS[name](), time.monotonic() + seconds
    current, done = work / "input", 0

    def check(files: Files) -> None:
        nonlocal done
        if done and time.monotonic() > end:
            return
        write(files, current)
        # The first inputs import what they need, torch above all, which takes a minute beside other work.
        is_first = done <= 5
        faulthandler.dump_traceback_later(INPUT_SECONDS * (6 if is_first else 1), exit=True)
        failure = open_input(target, current, sys.maxsize if is_first else _MAX_GROWTH)
        faulthandler.cancel_dump_traceback_later()
        done += 1
        (work / "count").write_text(str(done))
        if failure is not None:
            write(files, work / "found" / f"{first_seed}-{done}")
            (work / "found" / f"{first_seed}-{done}" / "traceback.txt").write_text(failure)

    batch = settings(
        max_examples=_BATCH,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    for number in itertools.count():
        if time.monotonic() > end:
            return
        batch(seed(first_seed * 1_000_003 + number)(given(target.files)(check)))()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
