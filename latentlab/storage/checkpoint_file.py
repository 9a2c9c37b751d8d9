"""The checkpoint of a run: its progress, and the tensors from which it is resumed to the bit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from latentlab.errors import InputError
from latentlab.storage.tensors import DAMAGED, Arrays, digest, read_metadata, read_tensors, write_tensors
from latentlab.storage.validation import (
    LARGEST_COUNT,
    WEIGHT,
    Claim,
    Count,
    Epochs,
    FileContentError,
    Name,
    Seconds,
    check_arrays,
    described,
    json_object,
    shortened,
)
from latentlab.utils.array_rules import ArrayRule

_KEY = "latentlab_checkpoint"
MOMENTS = {
    "adam": {"exp_avg", "exp_avg_sq", "step"},
    "sgd": {"momentum_buffer"},
    "rmsprop": {"square_avg", "step"},
    "adagrad": {"sum", "step"},
}
"""What each optimizer keeps of a parameter."""
_MEANS_OF_SQUARES = ("exp_avg_sq", "square_avg", "sum")
_FINITE = ("float32", "float64")


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint: progress of the run (plain values), and all tensors needed to resume it.

    Attributes
    ----------
    position
        As `CheckpointPosition` describes it; what an earlier version did not write is absent.
    tensors
        Weights: ``model.NAME``, and after the first epoch ``best.NAME``. ``optimizer.PHASE.NAME/MOMENT``.
        States of random number generators: ``random.KIND``. What is kept of each training image: ``images.NAME``.
        Sums of the current epoch's terms: ``epoch_sums``.
    """

    position: dict[str, Any]
    tensors: Arrays


class _Progress(Claim):
    """`latentlab.training.checkpoint.RunProgress`."""

    step: Count
    epochs_done: Epochs
    stale_epochs: Epochs
    micro_batch: Annotated[int, Field(ge=1, le=1_000_000)]
    seconds: Seconds
    adjustments: Count = 0
    precision: Literal["", "float32", "bfloat16"] = ""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0


class _Best(Claim):
    """The best epoch so far; 0 before the first one ends."""

    epoch: Epochs
    step: Count
    # An infinite ELBO of the validation images is compared as it is.
    metrics: Annotated[dict[Name, Annotated[float, Field(allow_inf_nan=True)]], Field(max_length=1000)]
    beta: Annotated[float, Field(ge=0.0)] | None = None


_Pair = Field(min_length=2, max_length=2)
_Rate = Annotated[float, Field(gt=0.0, le=10.0)]


class CheckpointPosition(Claim):
    """The progress of a run, and of each setting that may be changed: as configured, and as it is now."""

    position: _Progress
    best: _Best
    epoch_terms: Annotated[list[Name], Field(max_length=1000)]
    epoch_images: Annotated[list[Count], Field(max_length=1000)] | Count
    learning_rate: Annotated[list[_Rate], _Pair]
    beta: Annotated[list[Annotated[float, Field(ge=0.0)]], _Pair]
    schedule: Annotated[list[Literal["constant", "cosine"]], _Pair]
    epochs: Annotated[list[Epochs], _Pair] | Epochs
    patience: Annotated[list[Epochs], _Pair] = Field(default_factory=lambda: [0, 0])


class _Description(Claim):
    position: CheckpointPosition
    sha256: Annotated[str, Field(max_length=64)]


def write_checkpoint(path: Path, checkpoint: CheckpointFile) -> None:
    """Replace a checkpoint atomically."""
    text = json.dumps({"position": checkpoint.position, "sha256": digest(checkpoint.tensors)})
    write_tensors(path, _KEY, text, checkpoint.tensors)


def read_checkpoint(path: Path) -> CheckpointFile:
    """Read a checkpoint.

    What is not known here is compared when it is loaded: the weights with the configuration, the optimizers' tensors
    with their parameters.

    Raises
    ------
    InputError
        One sentence: why it is damaged.
    """
    text, tensors = read_tensors(path, _KEY, DAMAGED)
    try:
        description = _described(text)
        if digest(tensors) != description.sha256:
            raise FileContentError("its tensors' SHA-256 does not match")
        _check_tensors(tensors, description.position)
    except FileContentError as fault:
        raise InputError(f"{path} {DAMAGED}: {fault}") from None
    return CheckpointFile(_values(description), tensors)


def read_position(path: Path) -> dict[str, Any]:
    """Read the progress stored in a checkpoint, without its tensors.

    Raises
    ------
    InputError
        When its description is damaged.
    """
    text = read_metadata(path, _KEY, DAMAGED)
    try:
        return _values(_described(text))
    except FileContentError as fault:
        raise InputError(f"{path} {DAMAGED}: {fault}") from None


def _values(description: _Description) -> dict[str, Any]:
    return description.position.model_dump(exclude_unset=True)


def _described(text: str) -> _Description:
    """Check the description; its numbers must also fit each other."""
    description = described(_Description, json_object(text))
    position = description.position
    progress, best, images = position.position, position.best, position.epoch_images
    for name, value, most in (
        ("position.epochs_done", progress.epochs_done, progress.step),
        ("position.stale_epochs", progress.stale_epochs, progress.epochs_done),
        ("best.epoch", best.epoch, progress.epochs_done),
        ("best.step", best.step, progress.step),
    ):
        if value > most:
            raise FileContentError(f"position.{name}: {value} is too large for the step {progress.step}")
    if isinstance(images, list) and len(images) != len(position.epoch_terms):
        raise FileContentError(f"position.epoch_images: there are {len(images)} for {len(position.epoch_terms)} terms")
    return description


def _check_tensors(tensors: Arrays, position: CheckpointPosition) -> None:
    """Check values and shapes of all tensors: the optimizers' have the shape of their parameter."""
    rules = {"epoch_sums": ArrayRule(_FINITE, ((len(position.epoch_terms),),))}
    if "epoch_sums" not in tensors:
        raise FileContentError("tensor epoch_sums is missing")
    for name in tensors:
        part, _, rest = name.partition(".")
        if part == "model":
            rules[name] = WEIGHT
        elif part == "best" and f"model.{rest}" in tensors:
            model = tensors[f"model.{rest}"]
            rules[name] = ArrayRule((model.dtype.name,), (model.shape,), WEIGHT.least, WEIGHT.most)
        elif part == "optimizer":
            rules[name] = _moment_rule(rest, tensors)
        elif part == "images":
            rules[name] = ArrayRule(("uint8",))
        elif part == "random":
            rules[name] = ArrayRule(("uint8",), ((range(1, 1 << 16),),))
        elif name != "epoch_sums":
            raise FileContentError(f"tensor {shortened(name)} is not one of a checkpoint's")
    check_arrays(tensors, rules)
    _check_complete(tensors)


def _moment_rule(name: str, tensors: Arrays) -> ArrayRule:
    """The rule of the optimizer's tensor ``PHASE.PARAMETER/MOMENT``."""
    path, _, moment = name.rpartition("/")
    _, _, parameter = path.partition(".")
    weight = tensors.get(f"model.{parameter}")
    if not any(moment in kept for kept in MOMENTS.values()) or weight is None:
        raise FileContentError(f"tensor optimizer.{shortened(name)} belongs to none of its parameters")
    if moment == "step":
        return ArrayRule(("float32",), ((),), 0.0, LARGEST_COUNT)
    return ArrayRule((weight.dtype.name,), (weight.shape,), 0.0 if moment in _MEANS_OF_SQUARES else -math.inf)


def _check_complete(tensors: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Refuse a checkpoint that has some of the best weights, or some of a parameter's moments."""
    weights, best = (
        {name.removeprefix(prefix) for name in tensors if name.startswith(prefix)} for prefix in ("model.", "best.")
    )
    if best and best != weights:
        raise FileContentError(f"tensor best.{shortened(min(weights ^ best))} is missing")
    moments: dict[str, set[str]] = {}
    for path, _, moment in (name.rpartition("/") for name in tensors if name.startswith("optimizer.")):
        moments.setdefault(path, set()).add(moment)
    every = set().union(*moments.values())
    # The optimizer that has most of them in common, and the fewest besides.
    expected = max(MOMENTS.values(), key=lambda kept: (len(kept & every), -len(kept)))
    for parameter, found in moments.items():
        if missing := sorted(expected - found):
            raise FileContentError(f"tensor {shortened(parameter)}/{missing[0]} is missing")
        if foreign := sorted(found - expected):
            raise FileContentError(f"tensor {shortened(parameter)}/{foreign[0]} belongs to none of its parameters")
