"""How a model is trained: ``TrainingConfig``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from latentlab.config.base import DEVICES, Config

EndReason = Literal["done", "patience", "stopped"]
"""Why a run ended: all epochs are trained, patience is exhausted, or it was asked to stop."""


class TrainingConfig(Config):
    """How long, how fast and where a model is trained.

    Attributes
    ----------
    epochs
        Passes over the training images.
    batch_size
        Images in one optimizer step.
    learning_rate
        Adam's step size.
    weight_decay
        Decoupled weight decay (AdamW when above 0).
    gradient_clip
        Maximum gradient norm; 0 for no clipping.
    schedule
        Schedule of the learning rate: constant, or a cosine to 0 over the run.
    patience
        Stop after this many epochs without a better validation ELBO; 0 for never. Here and for the choice of the best
        epoch, the ELBO at β = 1 counts, even if the objective has another β or a divergence: a bound on the
        likelihood is comparable between runs and while β changes, the objective is not.
    seed
        Seed of initial weights, permutations and sampling.
    device
        ``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    threads
        Number of CPU threads for a run on the CPU; the last bits of the result depend on it. 0 chooses a number from
        the model's size and the machine's cores alone.
    precision
        Precision of the networks during training: ``float32``, ``bfloat16``, or ``auto``: bfloat16 on a CUDA device
        that supports it, if the model is large enough to gain and the ELBO stays within its noise. All else is
        float32.
    graphs
        ``auto`` records a step on a CUDA device and replays it, if model and step allow it; ``off`` never does.
    binarise
        ``none`` keeps grey values; ``static`` draws each pixel once with the data's seed; ``dynamic`` draws it again at
        every use (Burda et al. 2016). Only likelihoods of the same kind are comparable.
    checkpoint_minutes
        A checkpoint is written at the end of each epoch, and within an epoch after this many minutes.
    history
        Keep small snapshots of epochs in the run folder, so that the training can be replayed on the map. The time
        they take is bounded, and the model is bit-identical without them.
    """

    epochs: int = Field(default=20, ge=1, le=1_000_000)
    batch_size: int = Field(default=128, ge=1, le=1_000_000)
    learning_rate: float = Field(default=1e-3, gt=0.0, le=10.0)
    weight_decay: float = Field(default=0.0, ge=0.0)
    gradient_clip: float = Field(default=0.0, ge=0.0)
    schedule: Literal["constant", "cosine"] = "constant"
    patience: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**63)
    device: str = Field(default="auto", pattern=DEVICES)
    threads: int = Field(default=0, ge=0, le=1024)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    graphs: Literal["auto", "off"] = "auto"
    binarise: Literal["none", "static", "dynamic"] = "none"
    checkpoint_minutes: float = Field(default=5.0, gt=0.0)
    history: bool = True


def end_reason(epochs: int, patience: int, epochs_done: int, stale_epochs: int) -> EndReason:
    """Why a run with these settings ends, or ended, after ``epochs_done`` epochs; ``stopped`` if not by itself.

    Parameters
    ----------
    epochs, patience
        As in `TrainingConfig`.
    epochs_done, stale_epochs
        Completed epochs, and how many of them followed the best one.
    """
    if epochs_done >= epochs:
        return "done"
    return "patience" if 0 < patience <= stale_epochs else "stopped"
