"""Texts about a run: its progress, its changes, how it ended; and the name of its folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

from latentlab.config.events import Adjusted, Finished
from latentlab.errors import LatentlabError
from latentlab.paths import runs_folder
from latentlab.state.run_status import INTERRUPTED, RunState, RunStatus
from latentlab.storage.run_folder import RunFolder
from latentlab.utils.text import format_epoch, pluralize


def duration(seconds: float) -> str:
    """``1 h 05 min``, ``1 min 20 s`` or ``12 s``."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def progress_text(run: RunStatus) -> str:
    """The text beside a run's progress bar; empty for a run that was only opened."""
    if run.message:
        return run.message
    match run.state:
        case RunState.STARTING | RunState.RUNNING:
            left = "" if run.seconds_left is None else f" · {duration(run.seconds_left)} left"
            return pace(run) + left if run.current_epoch else "Preparing the images and the first step"
        case RunState.PAUSED:
            return f"Paused at {format_epoch(run.epoch)}"
        case RunState.STOPPING:  # may take a while: the best model encodes all images
            return "Stopping: saving the best model and its map"
    return f"Interrupted at {format_epoch(run.epoch)}" if run.end_reason == INTERRUPTED and run.has_started else ""


def paused_text(run: RunStatus) -> str:
    """``Paused at epoch 3 of 20``, or ``at epoch 2.5`` within an epoch."""
    return f"Paused at {format_epoch(run.epoch, run.epochs)}"


def pace(run: RunStatus) -> str:
    """``epoch 2.4 of 20 · 1,200 images/s``."""
    return f"{format_epoch(run.epoch, run.epochs)} · {run.images_per_second:,.0f} images/s"


def likelihood_of(folder: str) -> str:
    """What the pixels of a run are, from its record; empty if that cannot be read."""
    try:
        return str(RunFolder(folder).read_record().config.model.likelihood.kind)
    except (LatentlabError, OSError):
        return ""


def changes(event: Adjusted) -> list[str]:
    """The changes, as short texts."""
    named = (
        ("β", event.beta),
        ("learning rate", event.learning_rate),
        ("schedule", event.schedule),
        ("epochs", event.epochs),
        ("patience", event.patience),
    )
    return [f"{name} {value if isinstance(value, str) else f'{value:g}'}" for name, value in named if value is not None]


def ending(event: Finished) -> str:
    """How a run ended and which epoch's model is kept, without a full stop."""
    done = pluralize(event.epochs, "epoch")
    texts = {
        "done": f"Done after {done}",
        "stopped": f"Stopped after {done}",
        "patience": f"Stopped early after {done}, {event.epochs - event.best_epoch} without improvement",
    }
    kept = "" if event.best_epoch in (0, event.epochs) else f"; the best epoch, {event.best_epoch}, is kept"
    return texts.get(event.reason, f"Ended after {done}") + kept


def run_folder_name(recipe: str, dataset: str) -> Path:
    """The path of a folder for a new run, named after time, recipe and dataset; it may exist."""
    plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in dataset)[:40].strip("-") or "images"
    return runs_folder() / f"{time.strftime('%Y-%m-%d-%H%M%S')}-{recipe}-{plain}"


def new_run_folder(recipe: str, dataset: str) -> Path:
    """The path of a folder for a command that repeats a run: it does not exist and is not created.

    Its name is none that a run gets which is started in the window before the command is pasted.
    """
    name = run_folder_name(recipe, dataset)
    first = name.with_name(f"{name.name}-repeated")
    folder, number = first, 2
    while os.path.exists(folder):
        folder, number = first.with_name(f"{first.name}-{number}"), number + 1
    return folder
