"""The state of a run: saved in a checkpoint, from which the run resumes to the bit."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.config import RunConfig
from latentlab.config.events import IMPORTANCE_BOUND, ranking_term
from latentlab.errors import InputError
from latentlab.models.base import LatentModel
from latentlab.models.inference import put_weights, weight_rules, weights_of
from latentlab.storage import CheckpointFile, RunRecord, check_weights
from latentlab.training.running_means import RunningMeans
from latentlab.training.seeding import RandomStream
from latentlab.training.step.optimizers import Optimizers

# Settings that may differ when a run is resumed; with any other change it is a different run.
_MAY_CHANGE = {
    "model.beta",
    *(
        f"training.{name}"
        for name in (
            "epochs",
            "learning_rate",
            "schedule",
            "patience",
            "gradient_clip",
            "device",
            "precision",
            "graphs",
            "threads",
            "checkpoint_minutes",
            "history",
            "standardise",
        )
    ),
}


@dataclass
class RunProgress:
    """How far a run is, and the values determined during it.

    Attributes
    ----------
    step
        Optimizer steps done.
    epochs_done
        Epochs done, including their validation.
    stale_epochs
        Epochs since the best one.
    micro_batch
        Images that fit into the device's memory at a time.
    seconds
        Duration so far, without pauses.
    adjustments
        Changes of settings by the user so far.
    precision
        Precision of the networks while training; empty before the first step.
    threads
        CPU threads of the steps; 0 in checkpoints of earlier versions.
    """

    step: int = 0
    epochs_done: int = 0
    stale_epochs: int = 0
    micro_batch: int = 1
    seconds: float = 0.0
    adjustments: int = 0
    precision: str = ""
    threads: int = 0


@dataclass
class RunLimits:
    """How far a run may go; may be changed while it runs.

    Attributes
    ----------
    epochs, patience
        As in ``TrainingConfig``.
    """

    epochs: int
    patience: int


@dataclass
class BestModel:
    """The best model so far.

    Attributes
    ----------
    epoch, step
        When it was reached; ``epoch`` is 0 until an epoch is done.
    metrics
        Its means: ``validation_elbo`` and so on, nats per image.
    weights
        A copy of its weights; empty until an epoch is done.
    saved
        Whether the model file holds it.
    beta
        The weight of the rate in its objective; ``None`` until an epoch is done.
    """

    epoch: int = 0
    step: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    saved: bool = False
    beta: float | None = None

    def offer(
        self,
        progress: RunProgress,
        train: dict[str, float],
        validation: dict[str, float] | None,
        model: LatentModel,
    ) -> bool:
        """Keep ``model`` if its validation bound is the highest so far; without validation, always keep it.

        The bound is the ELBO, or the importance-weighted one where that is trained; an epoch of an earlier version, for
        which it was not measured, is below any other.
        """
        if validation is not None and self.epoch:
            term = ranking_term(validation)
            if validation[term] <= self.metrics.get(f"validation_{term}", -math.inf):
                return False
        self.epoch, self.step, self.beta = progress.epochs_done, progress.step, float(model.beta)
        train = {name: train[name] for name in ("elbo", "rate", "distortion", IMPORTANCE_BOUND) if name in train}
        self.metrics = named_by_split(train, validation)
        self.weights = weights_of(model)
        self.saved = False
        return True


def named_by_split(train: dict[str, float], validation: dict[str, float] | None) -> dict[str, float]:
    """Means by name, as ``train_elbo`` and ``validation_elbo``."""
    splits = {"train": train, "validation": validation or {}}
    return {f"{split}_{name}": value for split, means in splits.items() for name, value in means.items()}


@dataclass(frozen=True)
class TrainerState:
    """Everything of a run that a checkpoint holds."""

    config: RunConfig
    model: LatentModel
    optimizers: Optimizers
    stream: RandomStream
    means: RunningMeans
    progress: RunProgress
    best: BestModel
    limits: RunLimits

    def state_dict(self) -> CheckpointFile:
        """The run's state as it is now."""
        names, images, sums = self.means.state()
        tensors = {
            **_prefixed("model.", weights_of(self.model)),
            **_prefixed("best.", self.best.weights),
            **_prefixed("optimizer.", _arrays(self.optimizers.state_dict())),
            **_prefixed("random.", _arrays(self.stream.state_dict())),
            **_prefixed("images.", _arrays(self.model.run_state())),
            "epoch_sums": sums.cpu().numpy(),
        }
        best = {name: getattr(self.best, name) for name in ("epoch", "step", "metrics", "beta")}
        # Of each setting that may be changed during the run: as configured, and as it is now.
        position = {
            "position": dataclasses.asdict(self.progress),
            "best": best,
            "epoch_terms": list(names),
            "epoch_images": images,
            "learning_rate": [self.config.training.learning_rate, self.optimizers.learning_rate],
            "beta": [self.config.model.beta, self.model.beta],
            "schedule": [self.config.training.schedule, self.optimizers.schedule],
            "epochs": [self.config.training.epochs, self.limits.epochs],
            "patience": [self.config.training.patience, self.limits.patience],
        }
        return CheckpointFile(position, tensors)

    def load_state_dict(self, checkpoint: CheckpointFile, path: str) -> None:
        """Continue from a checkpoint; ``path`` names it in errors.

        Raises
        ------
        InputError
            When it does not belong to this run, or its tensors are not those of this model and these optimizers.
        """
        values = checkpoint.position
        prefixes = ("model", "best", "optimizer", "random", "images")
        parts = {prefix: _part(checkpoint.tensors, f"{prefix}.") for prefix in prefixes}
        check_weights(weight_rules(self.model), parts["model"], path)
        for name, value in values["position"].items():
            setattr(self.progress, name, value)
        best = values["best"]
        self.best.epoch, self.best.step, self.best.metrics = best["epoch"], best["step"], best["metrics"]
        self.best.beta = best.get("beta")  # absent in early versions
        names, images = tuple(values["epoch_terms"]), values["epoch_images"]
        if isinstance(images, int):  # in early versions one number for all terms
            images = [images] * len(names)
        self.means.load_state(names, images, torch.from_numpy(checkpoint.tensors["epoch_sums"].copy()))
        self._load_settings(values)
        put_weights(self.model, parts["model"])
        self.best.weights, self.best.saved = parts["best"], bool(parts["best"])
        try:
            self.optimizers.load_state_dict(_tensors(parts["optimizer"]))
            self.stream.load_state_dict(_tensors(parts["random"]))
            self.model.load_run_state(_tensors(parts["images"]))
        except ValueError as error:
            raise InputError(f"{path} is damaged: {error}") from None

    def _load_settings(self, values: dict[str, Any]) -> None:
        """Keep the settings that were changed during the run, except those that are now configured differently."""
        training = self.config.training
        configured, current = values["learning_rate"]
        if configured == training.learning_rate:
            self.optimizers.learning_rate = current
        configured, current = values["beta"]
        if configured == self.config.model.beta:
            self.model.beta = current
        configured, current = values["schedule"]
        if configured == training.schedule:
            self.optimizers.schedule = current
        # In early versions one number, and no patience.
        epochs = values["epochs"]
        configured, current = epochs if isinstance(epochs, list) else (epochs, epochs)
        if configured == training.epochs:
            self.limits.epochs = current
        if self.limits.epochs > current:
            # More epochs are asked for, even if patience was exhausted.
            self.progress.stale_epochs = 0
        configured, current = values.get("patience", [training.patience] * 2)
        if configured == training.patience:
            self.limits.patience = current


def check_same_run(record: RunRecord, config: RunConfig, fingerprint: str, path: str) -> None:
    """Refuse to resume with other data, another model, or another order of the images.

    Raises
    ------
    InputError
        Naming the first setting that differs.
    """
    if record.data.get("fingerprint") != fingerprint:
        raise InputError(f"the run in {path} was trained on other images than these; it cannot be resumed with them")
    before, now = _flat(record.config.model_dump(mode="json")), _flat(config.model_dump(mode="json"))
    # ``data.split`` last: a validation fraction that was given changes it too, and the fraction is what was typed.
    for name in sorted(now, key=lambda name: name == "data.split"):
        value = now[name]
        if name not in _MAY_CHANGE and before.get(name) != value:
            raise InputError(
                f"the run in {path} has {name} {before.get(name)!r}, not {value!r}; it cannot be resumed so"
            )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _prefixed(prefix: str, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {prefix + name: array for name, array in arrays.items()}


def _part(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _arrays(tensors: dict[str, Tensor]) -> dict[str, NDArray[Any]]:
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}


def _tensors(arrays: dict[str, NDArray[Any]]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
