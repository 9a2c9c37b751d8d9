"""What a run came to, in one row: read from its folder's small files, without its weights."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.config import ModelConfig
from latentlab.errors import InputError
from latentlab.storage.run_folder import RunFolder

ACTIVE = 0.01  # nats: a dimension that carries more takes part


@dataclass(frozen=True)
class RunSummary:
    """A run's settings, and its best epoch's numbers; ``None`` where there is none.

    ``elbo``, ``rate`` and ``distortion`` are of the images held out (of the training where none were), in nats per
    image; ``active`` counts the dimensions, or categorical latents, that carry more than 0.01 nat.
    """

    folder: str
    recipe: str
    data: str
    latent_dim: int
    seed: int
    epochs: int
    elbo: float
    rate: float
    distortion: float
    active: int | None
    images_per_second: float
    seconds: float


def summarise_run(folder: str | Path) -> RunSummary | None:
    """The run's summary; ``None`` before its first epoch is done, and where there is no run."""
    run = RunFolder(folder)
    try:
        record, lines = run.read_record(), run.read_metrics()
    except (InputError, OSError):
        return None
    lines = [line for line in lines if _means(line) is not None]
    if not lines:
        return None
    best = max(lines, key=lambda line: _means(line)["elbo"])
    means, carried = _means(best), best.get("kl_per_dimension")
    model = record.config.model
    return RunSummary(
        folder=os.fspath(folder),
        recipe=model.recipe,
        data=str(record.data.get("name", "")),
        latent_dim=len(carried) if carried else model.latent_dim,  # a quantised model's is not its configuration's
        seed=record.config.training.seed,
        epochs=len(lines),
        elbo=means["elbo"],
        rate=means["rate"],
        distortion=means["distortion"],
        active=None if carried is None else _active(carried, model),
        images_per_second=sum(line.get("images_per_second", 0.0) for line in lines) / len(lines),
        seconds=float(lines[-1].get("seconds", 0.0)),
    )


def _active(carried: Sequence[float], model: ModelConfig) -> int | None:
    """How many latents carry something; codes carry it together, so that there is nothing to count."""
    if model.family == "vq":
        return None
    together = model.posterior.categories if model.posterior.kind == "concrete" else 1
    return sum(sum(carried[start : start + together]) > ACTIVE for start in range(0, len(carried), together))


def recent_runs(parent: Path, most: int) -> list[Path]:
    """The run folders in ``parent`` whose numbers changed last, newest first."""
    found = []
    try:
        with os.scandir(parent) as entries:
            for entry in entries:
                try:
                    found.append((os.stat(RunFolder(entry.path).metrics).st_mtime, entry.path))
                except OSError:
                    continue
    except OSError:
        return []
    return [Path(path) for _, path in sorted(found, reverse=True)[:most]]


def _means(line: dict[str, Any]) -> Any:
    """The means an epoch is judged by: of the images held out, or of the training."""
    means = line.get("validation") or line.get("train")
    if not isinstance(means, dict):
        return None
    return means if all(isinstance(means.get(term), int | float) for term in ("elbo", "rate", "distortion")) else None
