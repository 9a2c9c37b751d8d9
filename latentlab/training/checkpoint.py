"""Where a run is, as something that can be written down and gone on from to the bit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.config import RunConfig
from latentlab.errors import InputError
from latentlab.models.base import LatentModel
from latentlab.models.inference import put_weights, weights_of
from latentlab.storage import CheckpointFile, RunRecord, check_weights
from latentlab.training.metrics import RunningMeans
from latentlab.training.seeding import RandomStream
from latentlab.training.step.optimizers import Optimizers

# What may be another when a run goes on; everything else makes it a different run.
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
            "checkpoint_minutes",
            "history",
        )
    ),
}


@dataclass
class RunProgress:
    """How far a run is.

    Attributes
    ----------
    step
        Optimizer steps done.
    epochs_done
        Epochs done, their validation included.
    stale_epochs
        Epochs since the best one.
    micro_batch
        Images that fit on the device at a time.
    seconds
        It took so far.
    adjustments
        Changes made by hand so far.
    precision
        What the networks compute in while training; empty before the first step.
    """

    step: int = 0
    epochs_done: int = 0
    stale_epochs: int = 0
    micro_batch: int = 1
    seconds: float = 0.0
    adjustments: int = 0
    precision: str = ""


@dataclass
class Schedule:
    """How long a run is to be; it may be changed while the run goes on.

    Attributes
    ----------
    epochs, patience
        As of ``TrainingConfig``.
    """

    epochs: int
    patience: int


@dataclass(frozen=True)
class DatasetSize:
    """How large a run is.

    Attributes
    ----------
    training, validation
        Images trained on, and held out.
    batch
        Images of a step; an epoch's last may have fewer.
    """

    training: int
    validation: int
    batch: int

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch."""
        return -(-self.training // self.batch)


@dataclass
class BestModel:
    """The best model so far.

    Attributes
    ----------
    epoch, step
        When it was; ``epoch`` 0 while no epoch is done.
    metrics
        Its means: ``validation_elbo`` and so on, nats per image.
    weights
        A copy of its weights; empty while no epoch is done.
    saved
        Whether the model file holds it.
    beta
        The rate's weight as it was trained with last; ``None`` while no epoch is done.
    """

    epoch: int = 0
    step: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    saved: bool = False
    beta: float | None = None

    def offer(
        self,
        position: RunProgress,
        train: dict[str, float],
        validation: dict[str, float] | None,
        model: LatentModel,
    ) -> bool:
        """Keep ``model`` if its validation ELBO is the highest yet; without validation, the newest is the best."""
        if validation is not None and self.epoch and validation["elbo"] <= self.metrics["validation_elbo"]:
            return False
        shown = {
            "train": {name: train[name] for name in ("elbo", "rate", "distortion")},
            "validation": validation or {},
        }
        self.epoch, self.step, self.beta = position.epochs_done, position.step, float(model.beta)
        self.metrics = {f"{split}_{name}": value for split, means in shown.items() for name, value in means.items()}
        self.weights = weights_of(model)
        self.saved = False
        return True


@dataclass(frozen=True)
class RunState:
    """The parts of a running training that a checkpoint holds."""

    config: RunConfig
    model: LatentModel
    optimisers: Optimizers
    stream: RandomStream
    meter: RunningMeans
    position: RunProgress
    best: BestModel
    plan: Schedule

    def pack(self) -> CheckpointFile:
        """Everything that is needed to go on."""
        names, images, sums = self.meter.state()
        tensors = {
            **_prefixed("model.", weights_of(self.model)),
            **_prefixed("best.", self.best.weights),
            **_prefixed("optimizer.", _arrays(self.optimisers.state())),
            **_prefixed("random.", _arrays(self.stream.state())),
            "epoch_sums": sums.cpu().numpy(),
        }
        position = {
            "position": dataclasses.asdict(self.position),
            "best": {
                "epoch": self.best.epoch,
                "step": self.best.step,
                "metrics": self.best.metrics,
                "beta": self.best.beta,
            },
            "epoch_terms": list(names),
            "epoch_images": images,
            "learning_rate": [self.config.training.learning_rate, self.optimisers.learning_rate],
            "beta": [self.config.model.beta, self.model.beta],
            "schedule": [self.config.training.schedule, self.optimisers.schedule],
            "epochs": [self.config.training.epochs, self.plan.epochs],
            "patience": [self.config.training.patience, self.plan.patience],
        }
        return CheckpointFile(position, tensors)

    def unpack(self, checkpoint: CheckpointFile, path: str) -> None:
        """Go on from a checkpoint.

        Raises
        ------
        InputError
            When it is not one of this run.
        """
        values = checkpoint.position
        parts = {prefix: _part(checkpoint.tensors, f"{prefix}.") for prefix in ("model", "best", "optimizer", "random")}
        expected = {name: tuple(tensor.shape) for name, tensor in self.model.state_dict().items()}
        check_weights(expected, parts["model"], path)
        try:
            for name, value in values["position"].items():
                setattr(self.position, name, value)
            best = values["best"]
            self.best.epoch, self.best.step, self.best.metrics = best["epoch"], best["step"], best["metrics"]
            self.best.beta = best.get("beta")  # once it was not written down
            names, images = tuple(values["epoch_terms"]), values["epoch_images"]
            if isinstance(images, int):  # one number for all terms, as it once was
                images = [images] * len(names)
            self.meter.restore(names, images, torch.from_numpy(checkpoint.tensors["epoch_sums"].copy()))
            # A value changed while the run went on lives longer than the run, unless another is now asked for.
            asked, live = values["learning_rate"]
            if asked == self.config.training.learning_rate:
                self.optimisers.learning_rate = live
            asked, live = values["beta"]
            if asked == self.config.model.beta:
                self.model.beta = live
            asked, live = values["schedule"]
            if asked == self.config.training.schedule:
                self.optimisers.schedule = live
            # Once it was one number, and patience was not written down.
            before = values["epochs"] if isinstance(values["epochs"], list) else [values["epochs"]] * 2
            asked, live = before
            if asked == self.config.training.epochs:
                self.plan.epochs = live
            if self.plan.epochs > live:
                # More epochs are asked for, also where patience had come to its end.
                self.position.stale_epochs = 0
            asked, live = values.get("patience", [self.config.training.patience] * 2)
            if asked == self.config.training.patience:
                self.plan.patience = live
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is damaged: its description is not readable ({error})") from None
        put_weights(self.model, parts["model"])
        self.best.weights, self.best.saved = parts["best"], bool(parts["best"])
        self.optimisers.restore(_tensors(parts["optimizer"]))
        self.stream.restore(_tensors(parts["random"]))


def check_same_run(record: RunRecord, config: RunConfig, fingerprint: str, path: str) -> None:
    """Refuse to go on with other data, another model, or another order of the images.

    Raises
    ------
    InputError
        Naming the first setting that differs.
    """
    if record.data.get("fingerprint") != fingerprint:
        raise InputError(f"the run in {path} was trained on other images than these; it cannot be resumed with them")
    before, now = _flat(record.config.model_dump(mode="json")), _flat(config.model_dump(mode="json"))
    for name, value in now.items():
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
