"""Suggested settings for a first training: recipe, networks, latent size, batch and epochs from the data."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from latentlab.config import RunConfig, TrainingConfig, with_settings
from latentlab.config.recipes import recipe
from latentlab.config.run import full_name

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


def suggest_settings(
    images: int, image_shape: tuple[int, int, int], recipe_name: str = "", settings: Iterable[str] = ()
) -> Suggestion:
    """Choose settings for a first training.

    Parameters
    ----------
    images
        Number of training images, at least 1.
    image_shape
        Channels, height and width in pixels.
    recipe_name
        The recipe to choose settings for, whose own settings stay; empty to choose the recipe too.
    settings
        ``KEY=VALUE`` settings given by hand, as for `latentlab.config.with_settings`: they stay, and the others are
        chosen as without them, but there is no patience if the epochs are given.

    Returns
    -------
    Suggestion
        Bernoulli pixels for grey images, Gaussian pixels with optimal σ for colour images (Rybkin et al. 2021);
        convolutions for images larger than ``LARGEST_FOR_MLP`` pixels; two latent dimensions for small grey images,
        so that the map shows everything, ten for others. The batch size leaves at least 20 steps an epoch, and all
        epochs together have about 4000 steps, 1200 with convolutions.

    Raises
    ------
    InputError
        For a setting that is refused.
    """
    settings = list(settings)
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
    fixed = {f"model.{part}" for part in recipe(recipe_name).values} if recipe_name else set()
    fixed |= {full_name(setting.partition("=")[0].strip()) for setting in settings}
    # Many epochs on few images overfit: stop when the validation ELBO no longer improves; not before given epochs.
    patience = 20 if epochs > 20 and "training.epochs" not in fixed else 0
    training = TrainingConfig(batch_size=batch, epochs=epochs, patience=patience)
    config = with_settings(RunConfig(model=model, training=training), settings)
    return Suggestion(config, _reasons(images, image_shape, config, recipe_name, fixed))


def _reasons(
    images: int,
    image_shape: tuple[int, int, int],
    config: RunConfig,
    recipe_name: str,
    fixed: Collection[str],
) -> str:
    """What was chosen and why, except the settings ``fixed`` by the recipe or by hand."""
    channels, height, width = image_shape
    is_mlp = config.model.architecture.kind == "mlp"
    network = "a fully connected network (enough at this size, and fast)" if is_mlp else "convolutions"
    pixels = "Gaussian pixels (colours)" if channels > 1 else "Bernoulli pixels (greys)"
    latent_dim = config.model.latent_dim
    size = f"{latent_dim} latent dimensions{' (a whole map)' if latent_dim == 2 else ''}"
    parts = [
        text
        for name, text in (("architecture", network), ("likelihood", pixels), ("latent_dim", size))
        if not {f"model.{name}", f"model.{name}.kind"} & set(fixed)
    ]
    parts += _length(images, config.training, fixed)
    kind = f"{images:,} {'colour' if channels > 1 else 'grey'} images of {width} × {height}"
    chosen_for = f"{kind} and the recipe {recipe_name}" if recipe_name else kind
    return f"Chosen for {chosen_for}: {', '.join(parts) or 'all given by hand'}."


def _length(images: int, training: TrainingConfig, fixed: Collection[str]) -> list[str]:
    """The chosen epochs and batch size, with the steps they make."""
    has_epochs, has_batch = "training.epochs" not in fixed, "training.batch_size" not in fixed
    steps = training.epochs * math.ceil(images / training.batch_size)
    fewer = f"; fewer, after {training.patience} epochs without gain" if training.patience else ""
    length = f" (some {float(f'{steps:.2g}'):,.0f} steps{fewer})" if has_epochs else ""
    epochs = f"{training.epochs} epochs" if has_epochs else ""
    batch = f"batches of {training.batch_size}" if has_batch else ""
    text = " in ".join(part for part in (epochs, batch) if part)
    return [text + length] if text else []
