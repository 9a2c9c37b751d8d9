"""How a model is trained: ``TrainingConfig``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from latentlab.config.base import Config

DEVICES = r"^(auto|cpu|mps|cuda(:\d+)?)$"


class TrainingConfig(Config):
    """One training: how long, how fast, where.

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
        Largest gradient norm; 0 for no clipping.
    schedule
        Of the learning rate: constant, or a cosine to 0 over the run.
    patience
        Stop after so many epochs without a better validation ELBO; 0 for never. It is the ELBO itself (β = 1) that
        counts, here and for which epoch's model is kept, whatever β or divergence is trained with: a bound on the
        likelihood, comparable between runs and while β is changed, which the objective is not.
    seed
        Of initial weights, permutations and sampling.
    device
        ``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    threads
        Of the processor, for a run on the CPU: the last bits of the result depend on it. 0 for a number that
        depends on the model's size and on the machine's cores alone.
    precision
        In what the networks compute while training: ``float32``, ``bfloat16``, or ``auto``: bfloat16 on a CUDA device
        that has it and a model large enough to gain, as long as the ELBO stays within its noise. All else is float32.
    graphs
        ``auto`` records a step on a CUDA device and replays it, where model and step allow it; ``off`` never does.
    binarise
        ``none`` keeps grey values; ``static`` draws each pixel once with the data's seed; ``dynamic`` draws
        anew at every use (Burda et al. 2016). Likelihoods are comparable only within one of them.
    checkpoint_minutes
        A checkpoint is written at the end of an epoch, and within an epoch after so many minutes.
    history
        Keep small pictures of epochs in the run folder, so that the map's learning can be replayed; what that may
        take of the run's time is bounded, and the model is the same to the bit without.
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
