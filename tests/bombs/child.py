"""Opens files in a process of little memory, one a line of the input, and answers what came of it and what it took."""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.errors import LatentlabError
from latentlab.storage import RunFolder, read_model
from latentlab.storage.session_file import read_session
from latentlab.storage.tensors import read_tensors

SPACE = 3 << 30
"""Bytes of address space beyond what the process has when it starts: the program's limits follow it."""


def _load(path: Path) -> str:
    dataset = load_dataset(path, DataConfig(image_size=8))
    left_out = "; ".join(f"{each.path}: {each.reason}" for each in dataset.left_out)
    return f"{len(dataset.images)} images; {left_out}"


def _settings(path: Path) -> str:
    from latentlab.state.window_settings import WindowSettings

    return f"set aside: {WindowSettings(path).set_aside is not None}"


OPENERS: dict[str, Callable[[Path], Any]] = {
    "data": _load,
    "model": read_model,
    "checkpoint": lambda path: read_tensors(path, "latentlab_checkpoint"),
    "session": read_session,
    "settings": _settings,
    "run": lambda path: (RunFolder(path).read_metrics(), RunFolder(path).read_record()),
}


def _memory(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise ValueError(field)


def main() -> None:
    """Answer until the input ends."""
    logging.disable()
    resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") + SPACE,) * 2)
    for line in sys.stdin:
        kind, path = json.loads(line)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before, began = _memory("VmRSS"), time.process_time()
        try:
            answer, refused = str(OPENERS[kind](Path(path)))[:2000], False
        except LatentlabError as error:
            answer, refused = str(error), True
        except BaseException as error:
            answer, refused = f"{type(error).__name__}: {error}", None
        took = _memory("VmHWM") - before
        sys.stdout.write(json.dumps([answer, refused, time.process_time() - began, took]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
