"""One row of a table of runs, read from a run folder's small files, without its weights."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentlab.config import ModelConfig
from latentlab.config.events import ranking_term
from latentlab.config.layout import ACTIVE_KL, category_count
from latentlab.errors import InputError
from latentlab.storage.run_folder import RunFolder


@dataclass(frozen=True)
class RunSummary:
    """Settings of a run and metrics of its best epoch.

    ``elbo``, ``rate`` and ``distortion`` are of the validation images (of the training images without validation), in
    nats per image. ``active`` counts the dimensions, or categorical latents, with a KL above ``ACTIVE_KL``; ``None``
    where it is not defined.
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
    """Summarise a run; ``None`` before its first epoch ends, and where there is no run."""
    run = RunFolder(folder)
    try:
        record, lines = run.read_record(), run.read_metrics()
    except (InputError, OSError):
        return None
    lines = [line for line in lines if _means(line) is not None]
    if not lines:
        return None
    best = max(lines, key=lambda line: _rank(_means(line)))
    means, kls = _means(best), best.get("kl_per_dimension")
    model = record.config.model
    return RunSummary(
        folder=os.fspath(folder),
        recipe=model.recipe,
        data=str(record.data.get("name", "")),
        latent_dim=len(kls) if kls else model.latent_dim,  # of a quantised model it is not in the configuration
        seed=record.config.training.seed,
        epochs=len(lines),
        elbo=means["elbo"],
        rate=means["rate"],
        distortion=means["distortion"],
        active=None if kls is None else _active(kls, model),
        images_per_second=sum(line.get("images_per_second", 0.0) for line in lines) / len(lines),
        seconds=float(lines[-1].get("seconds", 0.0)),
    )


def _active(kls: Sequence[float], model: ModelConfig) -> int | None:
    """Number of active latents; ``None`` for codes, whose KL has no meaning per dimension."""
    if model.family == "vq":
        return None
    size = category_count(model) or 1
    return sum(sum(kls[start : start + size]) > ACTIVE_KL for start in range(0, len(kls), size))


def recent_runs(parent: Path, most: int) -> list[Path]:
    """The ``most`` run folders in ``parent`` whose metrics changed last, newest first."""
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
    """Means of the validation images, else of the training images; ``None`` if incomplete."""
    means = line.get("validation") or line.get("train")
    if not isinstance(means, dict):
        return None
    return means if all(isinstance(means.get(term), int | float) for term in ("elbo", "rate", "distortion")) else None


def _rank(means: dict[str, Any]) -> float:
    """The bound by which epochs are compared; an epoch without it is below the others."""
    value = means.get(ranking_term(means))
    return float(value) if isinstance(value, int | float) else -math.inf
