"""Imports modules before they are needed, in threads beside the loop, which keeps answering."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module

import torch

from latentlab.utils.thread_priority import lower_thread_priority, short_gil_switch_interval

_JOBS = ("latentlab.engine.worker.jobs", "latentlab.engine.worker.training_job")  # not needed for the first image


class ImportPrefetcher:
    """Imports in threads of a worker process; a process that also has the window imports when it must.

    Parameters
    ----------
    own_process
        Whether the process is the worker's alone.
    """

    def __init__(self, own_process: bool) -> None:
        self._own_process = own_process
        self._started: set[str] = set()

    def import_jobs(self) -> None:
        """After the first answer: import what opens, saves and trains."""
        self._start_once("latentlab-import", lambda: [import_module(name) for name in _JOBS])

    def import_optimizers(self) -> None:
        """When a dataset is opened, which may be trained on: make an optimizer, which imports torch's compiler.

        That takes seconds.
        """
        self._start_once("latentlab-warm-up", lambda: torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))]))

    def _start_once(self, name: str, work: Callable[[], object]) -> None:
        if self._own_process and name not in self._started:
            self._started.add(name)
            threading.Thread(target=_run_behind, args=(work,), name=name, daemon=True).start()


def _run_behind(work: Callable[[], object]) -> None:
    lower_thread_priority()  # on two cores, window, loop and this thread are one too many
    with short_gil_switch_interval():
        work()
