"""``latentlab train``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from latentlab.cli.console import output_failure, write_json, write_line, write_note
from latentlab.cli.open_data import left_out_message, open_data
from latentlab.config import RunConfig, with_settings
from latentlab.config.events import Epoch, Event, Finished, Progress, Started, Suggested, Warned
from latentlab.config.suggestion import suggest_settings
from latentlab.errors import InputError
from latentlab.storage import RunFolder
from latentlab.storage.outputs import check_output, is_inside_data
from latentlab.storage.starting_config import is_resumed, starting_config
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.data import Dataset
    from latentlab.training import Trainer

_INTERRUPTED = 130
_OPTIONS = {
    "latent_dim": ("model.latent_dim",),
    "epochs": ("training.epochs",),
    "batch_size": ("training.batch_size",),
    "learning_rate": ("training.learning_rate",),
    "image_size": ("data.image_size",),
    "channels": ("data.channels",),
    "levels": ("data.levels",),
    "validation": ("data.validation",),
    "device": ("training.device",),
    "seed": ("training.seed", "data.seed"),
    "limit": ("data.limit",),
}
_TYPICAL_SHAPES = ((1, 28, 28), (1, 64, 64), (3, 64, 64))  # each gets another suggestion


def train(arguments: argparse.Namespace) -> int:
    """Train and report the progress; on SIGINT, SIGTERM and SIGHUP write a checkpoint and end."""
    out = Path(arguments.out)
    with _signals() as interruption:
        check_output(out, data=arguments.data)
        folder = RunFolder(out)
        folder.check(arguments.resume, "add --resume")
        config = run_config(arguments, folder)
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            return _train_distributed(arguments, config, interruption)
        dataset = open_data(arguments.data, config.data, is_quiet=True)
        config, notes = _for_images(arguments, dataset)
        from latentlab.training import Trainer

        training = Trainer(dataset, config, out, arguments.resume)
        interruption.call(training.stop)
        report = _reporter(arguments, dataset, notes)
        code = _follow(training, interruption, report)
    if code == _INTERRUPTED:
        _report_interruption(training)
    return code


def _train_distributed(arguments: argparse.Namespace, config: RunConfig, interruption: _Interruption) -> int:
    """Train as one of the processes started by ``torchrun``; only the first of them writes and reports."""
    from latentlab.training import Trainer
    from latentlab.training.distributed import process_group

    with process_group(config.training.device) as group:
        if group is None:
            raise InputError("WORLD_SIZE is set, but RANK is not: start the processes with torchrun")
        with group.main_first():
            dataset = open_data(arguments.data, config.data, is_quiet=True)
        config, notes = _for_images(arguments, dataset)
        training = Trainer(dataset, config, Path(arguments.out), arguments.resume, group)
        interruption.call(training.stop, is_patient=True)
        report = _reporter(arguments, dataset, notes) if group.is_main else _discard
        code = _follow(training, interruption, report)
        if code == _INTERRUPTED and group.is_main:
            _report_interruption(training)
        group.barrier()  # until everything is written: torchrun would kill the first process when another one ends
        return code


def _reporter(arguments: argparse.Namespace, dataset: Dataset, notes: list[Event]) -> Callable[[Event], None]:
    report = _report_json if arguments.json else _Report()
    if dataset.left_out:
        report(Warned(left_out_message(dataset)))
    if is_inside_data(arguments.out, arguments.data):
        report(
            Warned(
                f"{arguments.out} is inside {arguments.data}, which lists the run's files as its own when it is opened "
                "again: choose another folder for runs"
            )
        )
    folder = RunFolder(arguments.out)
    if arguments.resume and not os.path.exists(folder.checkpoint):
        what = "checkpoint" if os.path.exists(folder.record) else "run"
        message = f"no {what} in {folder.path} yet: starting from the beginning"
        if arguments.json:
            report(Warned(message))
        else:
            write_note(f"latentlab: {message}")
    for note in notes:
        if isinstance(note, Suggested) and arguments.json and arguments.latent_dim is not None:
            # Readers of an older version, which had no suggestions, take the first line for "started".
            write_note(f"latentlab: {_suggestion_line(note)}")
        else:
            report(note)
    return report


def _suggestion_line(event: Suggested) -> str:
    return f"{event.why} As a command: {event.command}"


def _discard(event: Event) -> None:
    """Report nothing, in the processes that do not write."""


def run_config(arguments: argparse.Namespace, folder: RunFolder) -> RunConfig:
    """The configuration: the run's own if it is resumed, else the recipe's, with the options applied.

    Without a recipe the model and its training are those of the first suggestion that takes the options: which one
    suits the images is known when they have been read.

    Raises
    ------
    InputError
        For an unknown recipe or setting, or a refused value.
    """
    start = starting_config(folder, arguments.resume, arguments.recipe)
    settings = _settings(arguments)
    if start is not None:
        return with_settings(start, settings)
    errors = []
    for shape in _TYPICAL_SHAPES:
        try:
            return suggest_settings(1, shape, settings=settings).config
        except InputError as error:
            errors.append(error)
    raise errors[0]


def _settings(arguments: argparse.Namespace) -> list[str]:
    """The options as ``KEY=VALUE`` settings."""
    given = {option: getattr(arguments, option) for option in _OPTIONS}
    settings = [f"{name}={value}" for option, value in given.items() if value is not None for name in _OPTIONS[option]]
    return [*settings, *arguments.set]


def _for_images(arguments: argparse.Namespace, dataset: Dataset) -> tuple[RunConfig, list[Event]]:
    """The configuration for the images that were read, and the events that explain it."""
    from latentlab.training.configure import configured

    folder = RunFolder(arguments.out)
    start = starting_config(folder, arguments.resume, arguments.recipe)
    is_recipe = arguments.recipe is not None and not is_resumed(folder, arguments.resume)
    return configured(dataset, start, _settings(arguments), arguments.out, arguments.effort, is_recipe)


def _follow(training: Trainer, interruption: _Interruption, report: Callable[[Event], None]) -> int:
    """Train to the end, also if nothing can be written to the standard output; returns the exit code."""
    first, has_output = training.step, True
    for event in training.steps():
        if event is not None:
            if isinstance(event, Finished) and training.step == first:
                report(Warned(_why_nothing_was_trained(event)))
            report(event)
        if has_output and output_failure():
            has_output = False
            write_note(f"latentlab: the output cannot be written ({output_failure()}): the run continues without it")
        if interruption.has_come and training.closing and not isinstance(event, Finished):
            # Only the points and the preview are missing; the run is checkpointed, and resuming adds them.
            return _INTERRUPTED
    return 0


def _why_nothing_was_trained(end: Finished) -> str:
    """Why a resumed run had already ended, and how it can continue."""
    if end.reason == "patience":
        stale = pluralize(end.epochs - end.best_epoch, "epoch")
        return (
            f"nothing was trained: patience has ended this run after {stale} without a better ELBO; continue it with "
            "--set patience=0 or a larger number"
        )
    return f"nothing was trained: the run was complete after {pluralize(end.epochs, 'epoch')}; set more --epochs"


def _report_interruption(training: Trainer) -> None:
    """Report what was saved."""
    done = int(training.epoch)
    saved = f"checkpoint at epoch {done}, step {training.step}"
    if not done:
        saved = f"checkpoint in the first epoch, at step {training.step}, with the present model"
    write_note(f"latentlab: interrupted: {saved}; continue with --resume")


class _InterruptedError(KeyboardInterrupt):
    """An interruption that ends with our exit code.

    If a plain ``KeyboardInterrupt`` is raised while Python executes a string, as imports do, the interpreter ends by
    SIGINT, even if it is caught.
    """


class _Interruption:
    """Whether a signal has arrived, and what it calls; before the training exists it raises ``KeyboardInterrupt``."""

    def __init__(self) -> None:
        self.has_come = False
        self._stop: Callable[[], None] | None = None
        self._is_patient = False

    def call(self, stop: Callable[[], None], is_patient: bool = False) -> None:
        """Call ``stop`` on a signal; ``is_patient`` if it may arrive twice (from terminal and torchrun)."""
        self._stop = stop
        self._is_patient = is_patient

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal; a second one ends at once."""
        if self._stop is None:
            raise _InterruptedError("interrupted before the first step: nothing was written")
        if self.has_come and not self._is_patient:
            raise _InterruptedError("interrupted at once: --resume continues from the last complete checkpoint, if any")
        self.has_come = True
        self._stop()


@contextmanager
def _signals() -> Iterator[_Interruption]:
    interruption = _Interruption()
    numbers = [signal.SIGINT, signal.SIGTERM]
    # A closed terminal; nohup ignores this signal.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = [signal.signal(number, interruption.handle) for number in numbers]
    try:
        yield interruption
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _report_json(event: Event) -> None:
    if not isinstance(event, Progress):
        write_json(event.as_json())


class _Report:
    """Lines of text, and a progress bar on a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._start(event)
        elif isinstance(event, Progress):
            self._bar.update(event.step - self._bar.n)
            self._bar.set_postfix_str(f"ELBO {event.train['elbo']:.1f}, {event.images_per_second:,.0f} images/s")
        elif isinstance(event, Epoch):
            self._bar.update(event.step - self._bar.n)
            write_line(_epoch_line(event))
        elif isinstance(event, Suggested):
            write_line(_suggestion_line(event))
        elif isinstance(event, Warned):
            write_line(f"warning: {event.message}")
        elif isinstance(event, Finished):
            self._bar.close()
            write_line(f"{event.model}: {pluralize(event.epochs, 'epoch')} in {event.seconds:.0f} s ({_reason(event)})")

    def _start(self, event: Started) -> None:
        write_line(
            f"{event.recipe}: {pluralize(event.images, 'image')}, {event.validation_images:,} for validation, "
            f"{event.parameters:,} parameters, on {event.device}"
            + (f", {pluralize(event.threads, 'thread')}" if event.device == "cpu" else "")
            + (f" in {event.precision}" if event.precision != "float32" else "")
        )
        first, steps = event.epoch * event.steps_per_epoch, event.epochs * event.steps_per_epoch
        self._bar = tqdm(total=steps, initial=first, unit="step", disable=not sys.stderr.isatty(), leave=False)


def _reason(event: Finished) -> str:
    if event.reason != "patience":
        return event.reason
    stale = pluralize(event.epochs - event.best_epoch, "epoch")
    return f"patience: {stale} without a better ELBO; the model is of epoch {event.best_epoch}"


def _epoch_line(event: Epoch) -> str:
    means = event.validation or event.train
    kind = "validation" if event.validation else "training"
    return (
        f"epoch {event.epoch}/{event.epochs}  {kind} ELBO {means['elbo']:.2f} "
        f"(rate {means['rate']:.2f}, distortion {means['distortion']:.2f}), {event.images_per_second:,.0f} images/s"
    )
