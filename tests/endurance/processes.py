"""Memory, threads and descriptors of the window and its worker over time, read from ``/proc``."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MEMORY = 24.0
"""MB that a process may gain between the second and the last quarter of the samples."""
THREADS, DESCRIPTORS = 2, 4
"""How many more a process may have then."""
REFERENCES = 5_000
"""References to ``None`` that may be gone then: PySide6 6.12.0 on CPython 3.11 loses one for each signal."""


@dataclass(frozen=True)
class Process:
    """What a process takes: memory of its own in MB (without mapped files), threads, descriptors."""

    memory: float
    threads: int
    descriptors: int


@dataclass(frozen=True)
class Sample:
    """Window and worker after ``done`` gestures or actions, ``seconds`` after the first sample."""

    done: int
    seconds: float
    window: Process
    worker: Process
    references: int

    def __str__(self) -> str:
        window, worker = (f"{p.memory:.1f} MB {p.threads} threads {p.descriptors} fds" for p in self.processes())
        return f"{self.done:>7,} {self.seconds:6.0f} s | window {window} | worker {worker} | {self.references:,} None"

    def processes(self) -> tuple[Process, Process]:
        """Window and worker."""
        return self.window, self.worker


class Samples:
    """Samples of this process and a worker's, and what grew.

    Parameters
    ----------
    worker
        Gives the worker's process id; this process's own for a worker that is a thread.
    """

    def __init__(self, worker: Callable[[], int]) -> None:
        self.taken: list[Sample] = []
        self._worker = worker
        self._began = time.monotonic()

    def take(self, done: int) -> Sample:
        """Take a sample, and print it."""
        seconds = time.monotonic() - self._began
        sample = Sample(done, seconds, look_at(os.getpid()), look_at(self._worker()), sys.getrefcount(None))
        self.taken.append(sample)
        print(sample, flush=True)
        return sample

    def growth(self, memory: float = MEMORY) -> list[str]:
        """What grew between the second and the last quarter, by their medians: a sentence each."""
        return growth(self.taken, memory)


def look_at(process: int) -> Process:
    """What a process takes now."""
    lines = (line.split() for line in Path(f"/proc/{process}/status").read_text().splitlines())
    status = {words[0]: int(words[1]) for words in lines if words[0] in ("RssAnon:", "RssShmem:", "Threads:")}
    memory = (status["RssAnon:"] + status["RssShmem:"]) / 1024
    return Process(memory, status["Threads:"], len(os.listdir(f"/proc/{process}/fd")))


def growth(samples: list[Sample], memory: float = MEMORY) -> list[str]:
    """What grew between the second and the last quarter of the samples: a sentence each.

    Parameters
    ----------
    samples
        Eight or more; the first quarter is left to caches that fill.
    memory
        MB that a process may gain.
    """
    quarter = len(samples) // 4
    if quarter < 2:
        return []
    before, after = samples[quarter : 2 * quarter], samples[-quarter:]
    found = []
    for index, name in enumerate(("window", "worker")):
        for kind, limit in (("memory", memory), ("threads", THREADS), ("descriptors", DESCRIPTORS)):
            first, last = (
                statistics.median(getattr(each.processes()[index], kind) for each in part) for part in (before, after)
            )
            if last - first > limit:
                found.append(f"The {name}'s {kind} grew from {first:.1f} to {last:.1f}.")
    first, last = (statistics.median(each.references for each in part) for part in (before, after))
    if first - last > REFERENCES:
        found.append(f"References to None went from {first:,.0f} to {last:,.0f}.")
    return found
