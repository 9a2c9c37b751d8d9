"""What is imported ahead of being asked for, beside the loop, which goes on decoding meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module

import torch

from latentlab.utils.thread_priority import lower_thread_priority, short_gil_switch_interval

_LATER = ("latentlab.engine.worker.jobs", "latentlab.engine.worker.training_job")  # what the first image does not need


class Ahead:
    """Imports in threads of a process that has no window; a process that has one imports when it must.

    Parameters
    ----------
    own_process
        Whether the process is the worker's alone.
    """

    def __init__(self, own_process: bool) -> None:
        self._own_process = own_process
        self._begun: set[str] = set()

    def the_rest(self) -> None:
        """The first request has been answered: import what opens, saves and trains."""
        self._once("latentlab-import", _import_the_rest)

    def training(self) -> None:
        """Images are wanted, so a training may come: import what its optimizer will need."""
        self._once("latentlab-warm-up", _import_what_training_needs)

    def _once(self, name: str, work: Callable[[], None]) -> None:
        if self._own_process and name not in self._begun:
            self._begun.add(name)
            threading.Thread(target=_work, args=(work,), name=name, daemon=True).start()


def _work(work: Callable[[], None]) -> None:
    lower_thread_priority()  # on two cores window, loop and this are one too many
    with short_gil_switch_interval():
        work()


def _import_the_rest() -> None:
    for name in _LATER:
        import_module(name)


def _import_what_training_needs() -> None:
    """Make an optimizer: torch's first one imports its compiler, which takes seconds."""
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
