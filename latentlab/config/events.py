"""The events of a training: frozen dataclasses, the same in Python, as JSON lines, and in the window.

Rates, distortions and ELBOs are in nats per image (sum over pixels and latents, mean over images),
always at β = 1, whatever the weights of the objective.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
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
class Suggested(Event):
    """The settings were chosen for the images, as no recipe was given.

    ``why`` gives the choice and its reasons in one line; ``command`` states all settings and trains the same model.
    """

    event: ClassVar[str] = "suggested"
    why: str
    command: str


@dataclass(frozen=True)
class Started(Event):
    """The data is ready, and the first step follows. ``threads`` is the number of CPU threads of a step."""

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
    threads: int = 0


@dataclass(frozen=True)
class Progress(Event):
    """Progress of a run, about ten times a second; not part of ``--json``. ``epoch`` counts from 1.

    ``train`` holds the running means since the epoch's start by name: ``elbo``, ``rate``, ``distortion``,
    ``objective`` and the recipe's own terms, and ``gradient_norm`` if it is measured. ``recent`` holds the same means
    over the last half second, or the last five steps if these take longer: the epoch's means lag behind.
    ``remaining`` is in seconds, ``None`` while unknown; ``device_memory`` is the process's memory on the device in
    bytes (on the CPU: of the machine), ``None`` if unknown.
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
    """One pass over the training images is complete; ``epoch`` counts from 1."""

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
    """Settings were changed during the run, from ``step`` on; those that stayed are ``None``.

    ``epoch`` is the number of epochs done, with a fraction. ``metrics.jsonl`` keeps these events between the epochs.
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
    """A complete checkpoint is on disk."""

    event: ClassVar[str] = "checkpoint"
    path: str
    step: int


@dataclass(frozen=True)
class Warned(Event):
    """Something the user should know; the run continues."""

    event: ClassVar[str] = "warning"
    message: str


@dataclass(frozen=True)
class Finished(Event):
    """The run has ended, with all epochs or early (``reason``), and its best model is saved.

    ``best_epoch`` is that model's epoch, counted from 1; 0 if no epoch was completed.
    """

    event: ClassVar[str] = "finished"
    run: str
    model: str
    epochs: int
    seconds: float
    reason: str = field(default="done")
    best_epoch: int = 0


IMPORTANCE_BOUND = "importance_bound"
"""Name of the mean that is the importance-weighted bound, of models that are trained by it."""


def ranking_term(means: Collection[str]) -> str:
    """The mean by which epochs are ranked, the higher the better: the bound that is trained.

    The ELBO of an importance-weighted autoencoder may fall while its bound rises: its posteriors are trained for
    another bound.
    """
    return IMPORTANCE_BOUND if IMPORTANCE_BOUND in means else "elbo"


def event_from(values: dict[str, Any]) -> Event | None:
    """The event on a line of ``metrics.jsonl``: an ``Epoch`` or ``Adjusted``; ``None`` for any other line."""
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
    except TypeError:  # a line of another version, with a field missing
        return None
