"""What a training tells: frozen dataclasses, the same from Python, as JSON lines, and in the window.

Rates, distortions and ELBOs are in nats per image (sum over pixels and latents, mean over images),
with β = 1 whatever the objective's weight.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Base of every event; ``event`` is its name in JSON."""

    event: ClassVar[str] = ""

    def as_json(self) -> dict[str, Any]:
        """The event as a JSON object, its name first."""
        return {"event": self.event} | {
            name: value for name, value in dataclasses.asdict(self).items() if value is not None
        }


@dataclass(frozen=True)
class Started(Event):
    """The data is in place and the first step comes next."""

    event: ClassVar[str] = "started"
    recipe: str
    images: int
    validation_images: int
    device: str
    parameters: int
    latent_dim: int
    image_shape: tuple[int, int, int]
    epoch: int = 0
    epochs: int = 0
    steps_per_epoch: int = 0
    precision: str = "float32"
    beta: float = 1.0


@dataclass(frozen=True)
class Progress(Event):
    """Where a run is, about ten times a second; not part of ``--json``. ``epoch`` counts from 1.

    ``train`` holds the running means since the epoch's start by name: ``elbo``, ``rate``, ``distortion``,
    ``objective`` and the recipe's own terms; ``gradient_norm`` where it is measured. ``recent`` holds the same of the
    last half a second, or of the last five steps where those take longer: the epoch's means lag behind.
    ``remaining`` is in seconds, ``None`` while nothing can be said; ``device_memory`` in bytes: what the process holds
    of the device's, on the CPU of the machine's, ``None`` where that cannot be told.
    """

    event: ClassVar[str] = "progress"
    step: int
    steps: int
    epoch: int
    epochs: int
    train: dict[str, float]
    images_per_second: float
    seconds: float
    remaining: float | None
    device_memory: int | None = None
    recent: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Epoch(Event):
    """One pass over the training images is done; ``epoch`` counts from 1."""

    event: ClassVar[str] = "epoch"
    epoch: int
    epochs: int
    train: dict[str, float]
    validation: dict[str, float] | None
    images_per_second: float
    seconds: float
    step: int = 0
    kl_per_dimension: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Adjusted(Event):
    """Something was changed while the run went on, from ``step`` on; what stayed is ``None``.

    ``epoch`` is in epochs done, with the fraction of the one that runs. ``metrics.jsonl`` keeps it between the epochs.
    """

    event: ClassVar[str] = "adjusted"
    step: int
    epoch: float
    learning_rate: float | None = None
    beta: float | None = None
    schedule: str | None = None
    epochs: int | None = None
    patience: int | None = None


@dataclass(frozen=True)
class Checkpoint(Event):
    """A whole checkpoint is safe on disk."""

    event: ClassVar[str] = "checkpoint"
    path: str
    step: int


@dataclass(frozen=True)
class Warned(Event):
    """Something the user should know; the run goes on."""

    event: ClassVar[str] = "warning"
    message: str


@dataclass(frozen=True)
class Finished(Event):
    """The run's end: all epochs done, or stopped early (``reason``), with the best model saved.

    ``best_epoch`` is the one that model is of, counted from 1; 0 where no epoch was done.
    """

    event: ClassVar[str] = "finished"
    run: str
    model: str
    epochs: int
    seconds: float
    reason: str = field(default="done")
    best_epoch: int = 0


def event_from(values: dict[str, Any]) -> Event | None:
    """The event that a line of ``metrics.jsonl`` holds (an ``Epoch`` or ``Adjusted``); ``None`` for any other line."""
    kinds: dict[str, type[Event]] = {kind.event: kind for kind in (Epoch, Adjusted)}
    kind = kinds.get(str(values.get("event")))
    if kind is None:
        return None
    fields = {field.name for field in dataclasses.fields(kind)}
    given: dict[str, Any] = {"validation": None} if kind is Epoch else {}
    given |= {name: value for name, value in values.items() if name in fields}
    if isinstance(given.get("kl_per_dimension"), list):
        given["kl_per_dimension"] = tuple(given["kl_per_dimension"])
    try:
        return kind(**given)
    except TypeError:  # a line of another version, with something missing
        return None
