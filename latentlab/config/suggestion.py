"""A first try that just works: recipe, networks, latent size, batch and epochs from the data (no Qt, no torch)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latentlab.config import ModelConfig, RunConfig, TrainingConfig
from latentlab.config.recipes import recipe

LARGEST_FOR_MLP = 32  # side in pixels up to which a fully connected network is as good, and many times faster
# Optimizer steps of a first try: after so many a small model has learned most of what it will, and one with
# convolutions, tens of times slower, enough to be worth a look, in some ten minutes on two cores.
_STEPS_WANTED = {"mlp": 4000, "conv": 1200}
_STEPS_PER_EPOCH = 20  # at least, so that the curves have something to show
_BATCHES = (16, 32, 64, 128)
_FEWEST_EPOCHS, _MOST_EPOCHS = {"mlp": 20, "conv": 5}, 200


@dataclass(frozen=True)
class Suggestion:
    """Settings for a first try on some images, and in one line why these.

    Attributes
    ----------
    config
        Model and training; its data part is the default.
    why
        For people.
    """

    config: RunConfig
    why: str


def suggest_settings(images: int, image_shape: tuple[int, int, int], recipe_name: str = "") -> Suggestion:
    """Choose settings for a first try.

    Parameters
    ----------
    images
        How many are trained on, 1 at least.
    image_shape
        Channels, height and width in pixels.
    recipe_name
        The recipe to choose settings for: its own settings stay. Empty for a recipe that suits the images.

    Returns
    -------
    Suggestion
        Grey pixels are Bernoulli, colours Gaussian with the best σ (Rybkin et al. 2021); images wider than
        ``LARGEST_FOR_MLP`` pixels get convolutions; two latent dimensions where they carry enough to be seen as
        a map, ten elsewhere. The batch leaves 20 steps to an epoch, and the epochs make about 4000 steps, 1200
        of convolutions.
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
    epochs = min(max(epochs, _FEWEST_EPOCHS[kind]), _MOST_EPOCHS)
    # A hundred epochs over few images learn them by heart: stop when images held out no longer gain.
    training = TrainingConfig(batch_size=batch, epochs=epochs, patience=20 if epochs > 20 else 0)
    own = recipe(recipe_name).values if recipe_name else {}
    why = _why(images, image_shape, model, training, recipe_name, own)
    return Suggestion(RunConfig(model=model, training=training), why)


def _why(
    images: int,
    image_shape: tuple[int, int, int],
    model: ModelConfig,
    training: TrainingConfig,
    recipe_name: str,
    own: Mapping[str, Any],
) -> str:
    """What was chosen, and for which reason each; not what is the given recipe's ``own``."""
    channels, height, width = image_shape
    mlp = model.architecture.kind == "mlp"
    network = "a fully connected network (enough at this size, and fast), " if mlp else "convolutions, "
    pixels = "Gaussian pixels (colours), " if channels > 1 else "Bernoulli pixels (greys), "
    size = f"{model.latent_dim} latent dimensions{' (a whole map)' if model.latent_dim == 2 else ''}, "
    steps = training.epochs * math.ceil(images / training.batch_size)
    parts = [
        f"Chosen for {images:,} {'colour' if channels > 1 else 'grey'} images of {width} × {height}"
        f"{f' and the recipe {recipe_name}' if recipe_name else ''}: ",
        "" if "architecture" in own else network,
        "" if "likelihood" in own else pixels,
        "" if "latent_dim" in own else size,
        f"{training.epochs} epochs in batches of {training.batch_size} (some {float(f'{steps:.2g}'):,.0f} steps",
        f"; fewer, after {training.patience} epochs without gain)." if training.patience else ").",
    ]
    return "".join(parts)
