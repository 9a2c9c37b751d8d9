"""What is said of a run: how long it takes, what was changed, how it ended, where it goes (no widgets)."""

from __future__ import annotations

import time
from pathlib import Path

from latentlab.events import Adjusted, Finished
from latentlab.paths import runs_folder


def duration(seconds: float) -> str:
    """``1 h 05 min``, ``1 min 20 s`` or ``12 s``."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


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
