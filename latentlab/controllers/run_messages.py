"""What is said of a run: how long it takes, what was changed, how it ended, where it goes (no widgets)."""

from __future__ import annotations

import time
from pathlib import Path

from latentlab.config.events import Adjusted, Finished
from latentlab.paths import runs_folder
from latentlab.state.run_status import INTERRUPTED, RunState, RunStatus


def duration(seconds: float) -> str:
    """``1 h 05 min``, ``1 min 20 s`` or ``12 s``."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def progress_text(run: RunStatus) -> str:
    """The line about a run beside its progress bar; empty for one that was only opened."""
    if run.message:
        return run.message
    match run.state:
        case RunState.STARTING | RunState.RUNNING:
            left = "" if run.seconds_left is None else f" · {duration(run.seconds_left)} left"
            return pace(run) + left if run.current_epoch else "Preparing the images and the first step"
        case RunState.PAUSED:
            return f"Paused at epoch {run.epoch:.1f}"
        case RunState.STOPPING:  # which may take a while: every image is encoded by the best model
            return "Stopping: the best model is being saved, and its map"
    return f"Interrupted at epoch {run.epoch:.1f}" if run.end_reason == INTERRUPTED and run.has_started else ""


def paused_text(run: RunStatus) -> str:
    """``Paused at epoch 3 of 20``, or ``at epoch 2.5`` within an epoch."""
    at = f"{run.epoch:.1f}".removesuffix(".0")
    return f"Paused at epoch {at}" + (f" of {run.epochs}" if run.epochs else "")


def pace(run: RunStatus) -> str:
    """``epoch 3/20 · 1,200 images/s``."""
    return f"epoch {run.current_epoch}/{run.epochs} · {run.images_per_second:,.0f} images/s"


def changes(event: Adjusted) -> list[str]:
    """What was changed, in a few letters each."""
    named = (
        ("β", event.beta),
        ("learning rate", event.learning_rate),
        ("schedule", event.schedule),
        ("epochs", event.epochs),
        ("patience", event.patience),
    )
    return [f"{name} {value if isinstance(value, str) else f'{value:g}'}" for name, value in named if value is not None]


def ending(event: Finished) -> str:
    """How a run ended, and of which epoch the model is that is kept, without a full stop."""
    done = f"{event.epochs} epoch{'' if event.epochs == 1 else 's'}"
    how = {
        "done": f"Done after {done}",
        "stopped": f"Stopped after {done}",
        "patience": f"Stopped early after {done}, {event.epochs - event.best_epoch} without gain",
    }
    kept = "" if event.best_epoch in (0, event.epochs) else f"; the best, of epoch {event.best_epoch}, is kept"
    return how.get(event.reason, f"Ended after {done}") + kept


def new_run_folder(recipe: str, dataset: str) -> Path:
    """A folder that does not exist yet: time, recipe and data in its name."""
    plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in dataset)[:40].strip("-") or "images"
    stem = f"{time.strftime('%Y-%m-%d-%H%M%S')}-{recipe}-{plain}"
    folder, number = runs_folder() / stem, 2
    while folder.exists():
        folder, number = runs_folder() / f"{stem}-{number}", number + 1
    return folder
