"""Suggested settings for a first training: recipe, networks, latent size, batch and epochs from the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latentlab.config import ModelConfig, RunConfig, TrainingConfig
from latentlab.config.recipes import recipe

LARGEST_FOR_MLP = 32  # side in pixels up to which a fully connected network is as good, and many times faster
# Optimizer steps of a first training: a small model has then learned most of what it will learn, and one with
# convolutions, tens of times slower, enough to be of interest, in about ten minutes on two cores.
_STEPS_WANTED = {"mlp": 4000, "conv": 1200}
_STEPS_PER_EPOCH = 20  # at least, so that the curves have enough values
_BATCHES = (16, 32, 64, 128)
_MIN_EPOCHS, _MAX_EPOCHS = {"mlp": 20, "conv": 5}, 200


@dataclass(frozen=True)
class Suggestion:
    """Settings for a first training on some images, and the reasons for them in one line.

    Attributes
    ----------
    config
        Model and training; its data part has the defaults.
    reason
        The reasons, for the user.
    """

    config: RunConfig
    reason: str


def suggest_settings(images: int, image_shape: tuple[int, int, int], recipe_name: str = "") -> Suggestion:
    """Choose settings for a first training.

    Parameters
    ----------
    images
        Number of training images, at least 1.
    image_shape
        Channels, height and width in pixels.
    recipe_name
        The recipe to choose settings for, whose own settings stay; empty to choose the recipe too.

    Returns
    -------
    Suggestion
        Bernoulli pixels for grey images, Gaussian pixels with optimal σ for colour images (Rybkin et al. 2021);
        convolutions for images larger than ``LARGEST_FOR_MLP`` pixels; two latent dimensions for small grey images,
        so that the map shows everything, ten for others. The batch size leaves at least 20 steps an epoch, and all
        epochs together have about 4000 steps, 1200 with convolutions.
    """
    channels, height, width = image_shape
    colour, small = channels > 1, max(height, width) <= LARGEST_FOR_MLP
    latent_dim = 2 if small and not colour else 10
    kind = "mlp" if small and not colour else "conv"
    model = recipe("gaussian-vae" if colour else "vae").config(latent_dim=latent_dim, architecture={"kind": kind})
    if recipe_name:
        model = recipe(recipe_name).suited(model)
        kind = "mlp" if model.architecture.kind == "mlp" else "conv"
    batch = max((size for size in _BATCHES if size * _STEPS_PER_EPOCH <= images), default=_BATCHES[0])
    epochs = math.ceil(_STEPS_WANTED[kind] / math.ceil(images / batch))
    epochs = min(max(epochs, _MIN_EPOCHS[kind]), _MAX_EPOCHS)
    # Many epochs on few images overfit: stop when the validation ELBO no longer improves.
    training = TrainingConfig(batch_size=batch, epochs=epochs, patience=20 if epochs > 20 else 0)
    fixed = recipe(recipe_name).values if recipe_name else {}
    reason = _reasons(images, image_shape, model, training, recipe_name, fixed)
    return Suggestion(RunConfig(model=model, training=training), reason)


def _reasons(
    images: int,
    image_shape: tuple[int, int, int],
    model: ModelConfig,
    training: TrainingConfig,
    recipe_name: str,
    fixed: Mapping[str, Any],
) -> str:
    """What was chosen and why, except the settings that the recipe ``fixed``."""
    channels, height, width = image_shape
    is_mlp = model.architecture.kind == "mlp"
    network = "a fully connected network (enough at this size, and fast), " if is_mlp else "convolutions, "
    pixels = "Gaussian pixels (colours), " if channels > 1 else "Bernoulli pixels (greys), "
    size = f"{model.latent_dim} latent dimensions{' (a whole map)' if model.latent_dim == 2 else ''}, "
    steps = training.epochs * math.ceil(images / training.batch_size)
    parts = [
        f"Chosen for {images:,} {'colour' if channels > 1 else 'grey'} images of {width} × {height}"
        f"{f' and the recipe {recipe_name}' if recipe_name else ''}: ",
        "" if "architecture" in fixed else network,
        "" if "likelihood" in fixed else pixels,
        "" if "latent_dim" in fixed else size,
        f"{training.epochs} epochs in batches of {training.batch_size} (some {float(f'{steps:.2g}'):,.0f} steps",
        f"; fewer, after {training.patience} epochs without gain)." if training.patience else ").",
    ]
    return "".join(parts)
