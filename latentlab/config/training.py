"""How a model is trained: ``TrainingConfig``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from latentlab.config.base import DEVICES, Config

EndReason = Literal["done", "patience", "stopped"]
"""Why a run ended: all epochs are trained, patience is exhausted, or it was asked to stop."""


class TrainingConfig(Config):
    """How long, how fast and where a model is trained."""

    epochs: int = Field(default=20, ge=1, le=1_000_000, description="Passes over the training images.")
    batch_size: int = Field(default=128, ge=1, le=1_000_000, description="Images in one optimizer step.")
    optimizer: Literal["adam", "sgd", "rmsprop", "adagrad"] = Field(
        default="adam",
        description="``adam``; ``sgd``, stochastic gradient descent with ``momentum``; ``rmsprop``; or ``adagrad``, as "
        "Kingma & Welling 2014. Only Adam's steps are recorded as CUDA graphs.",
    )
    learning_rate: float = Field(
        default=1e-3,
        gt=0.0,
        le=10.0,
        description="The optimizer's step size. The default suits Adam; SGD needs a smaller one, Adagrad a larger one.",
    )
    momentum: float = Field(default=0.9, ge=0.0, lt=1.0, description="Momentum of SGD.")
    weight_decay: float = Field(
        default=0.0,
        ge=0.0,
        description="Weight decay: decoupled with Adam (AdamW when above 0), else added to the gradient.",
    )
    gradient_clip: float = Field(default=0.0, ge=0.0, description="Maximum gradient norm; 0 for no clipping.")
    schedule: Literal["constant", "cosine"] = Field(
        default="constant", description="Schedule of the learning rate: constant, or a cosine to 0 over the run."
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Stop after this many epochs without a better validation ELBO; 0 for never. Here and for the "
        "choice of the best epoch, the ELBO at β = 1 counts, even if the objective has another β or a divergence: a "
        "bound on the likelihood is comparable between runs and while β changes, the objective is not. With "
        "``bound=importance`` it is that bound; for points, which have no rate, the reconstruction alone counts.",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of initial weights, permutations and sampling.")
    device: str = Field(
        default="auto",
        pattern=DEVICES,
        description="``auto`` (CUDA, then MPS, then CPU), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="Number of CPU threads for a run on the CPU; the last bits of the result depend on it. 0 or "
        "``auto`` tries one to all cores (at most ``OMP_NUM_THREADS``, if that is set) for a few steps and takes the "
        "fastest; small steps get one. The number is kept with the run, and ``latentlab info`` of the model says it.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="Precision of the networks during training: ``float32``, ``bfloat16``, or ``auto``: bfloat16 on "
        "a CUDA device that supports it, if the model is large enough to gain and the ELBO stays within its noise. "
        "All else is float32.",
    )
    graphs: Literal["auto", "off"] = Field(
        default="auto",
        description="``auto`` records a step on a CUDA device and replays it, if model and step allow it; ``off`` "
        "never does.",
    )
    binarise: Literal["none", "static", "dynamic"] = Field(
        default="none",
        description="``none`` keeps grey values; ``static`` draws each pixel once with the data's seed; ``dynamic`` "
        "draws it again at every use (Burda et al. 2016). Only likelihoods of the same kind are comparable.",
    )
    mirror: bool = Field(
        default=False,
        description="Mirror half of the training images from left to right, drawn anew at every use. For images that "
        "are as likely mirrored.",
    )
    shift: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Move training images by up to this many pixels in any direction, drawn anew at every use; the "
        "border is continued by its pixels. For images whose subject may be anywhere.",
    )
    standardise: bool = Field(
        default=True,
        description="Save the model with latents that are shifted and scaled so that those of all training images "
        "together have mean 0 and standard deviation 1, as the prior has: its samples then lie where the decoder was "
        "trained. Reconstructions stay as they are, and the rate can only fall. For diagonal posteriors with the "
        "standard prior, ``bound=elbo`` and a rate that is not held at a capacity; others are saved as trained.",
    )
    checkpoint_minutes: float = Field(
        default=5.0,
        gt=0.0,
        description="A checkpoint is written at the end of each epoch, and within an epoch after this many minutes.",
    )
    latent_flow: bool = Field(
        default=False,
        description="At the end of the run, fit a normalizing flow to the encoded images: a learned prior, which is "
        "saved with the model and drawn from with ``--from flow``.",
    )
    history: bool = Field(
        default=True,
        description="Keep small snapshots of epochs in the run folder, so that the training can be replayed on the "
        "map. The time they take is bounded, and the model is bit-identical without them.",
    )

    @field_validator("threads", mode="before")
    @classmethod
    def _read_auto(cls, value: object) -> object:
        return 0 if value == "auto" else value


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
