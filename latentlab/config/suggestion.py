"""Suggested settings for a first training: recipe, networks, latent size, batch and epochs from the data."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from latentlab.config import RunConfig, TrainingConfig, with_settings
from latentlab.config.image_statistics import MEASURED_SIDE, ImageStatistics, LatentSize
from latentlab.config.recipes import recipe
from latentlab.config.run import full_name
from latentlab.config.training_cost import seconds_per_step
from latentlab.utils.text import pluralize

Effort = Literal["quick", "good"]
EFFORTS: tuple[Effort, ...] = ("good", "quick")

LARGEST_FOR_MLP = 32  # side in pixels up to which a fully connected network is as good, and many times faster
GREY = 0.25  # fraction of values between black and white from which grey images are not taken for black and white
# Processor time and optimizer steps of a first training. More steps than the most do not help these networks.
_SECONDS: dict[Effort, float] = {"quick": 90, "good": 300}
_MOST_STEPS: dict[Effort, int] = {"quick": 4000, "good": 8000}
_FEWEST_STEPS = 500
_STEPS_PER_EPOCH = 20  # at least, so that the curves have enough values
_BATCHES = (16, 32, 64, 128)
_LARGEST_BATCH = {"mlp": 128, "conv": 32}  # many small steps learn more than few large ones in the same time
_MIN_EPOCHS, _MAX_EPOCHS = 5, 400
# A whole map has two dimensions. Others are as many as half of the components that hold most of the variance; of images
# that a map can show as many as hold half of it, since a fully connected network gives up more (1 of 10 for digits).
_MAP, _QUICK = 2, 10
_SIZES = (10, 16, 24, 32, 48, 64)
_MOST, _HALF = 0.8, 0.5
# That hold half of the variance. With more, two latents show every image as the same blur, and a fully connected
# network learns single images by heart.
_MOST_COMPONENTS_OF_A_MAP = 12
_FEWEST_MEASURED = 100  # images: the components of fewer tell little about others
_COMPARED = (2, 5, 10, 16, 24, 32, 48, 64, 96, 128)


@dataclass(frozen=True)
class Suggestion:
    """Settings for a first training on some images, and the reasons for them in one line.

    Attributes
    ----------
    config
        Model and training; its data part has the defaults.
    reason
        The reasons, for the user.
    effort
        ``quick`` for a look after some two minutes, or ``good``.
    minutes
        Estimated processor time on a CPU, if no epoch is left out.
    sizes
        What other numbers of latents would buy, of principal components: error and rate. Empty for images that were
        not measured.
    """

    config: RunConfig
    reason: str
    effort: Effort = "good"
    minutes: float = 0.0
    sizes: tuple[LatentSize, ...] = ()


def suggest_settings(
    images: int,
    image_shape: tuple[int, int, int],
    recipe_name: str = "",
    settings: Iterable[str] = (),
    *,
    statistics: ImageStatistics | None = None,
    effort: Effort = "good",
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
    statistics
        What was measured of the images; ``None`` for images of which only number and shape are known. Of fewer than
        100 images the components are not used.
    effort
        ``quick``: some two minutes, and two latents where they can show the images as a map; ``good``: as many latents
        as the images need, and as long as it takes, some minutes.

    Returns
    -------
    Suggestion
        Bernoulli pixels for images that are nearly black and white, Gaussian pixels with optimal σ (Rybkin et al. 2021)
        and a sigmoid mean for others; convolutions with group normalisation, but two hidden layers for a quick look at
        small greys as a map. The batch size leaves at least 20 steps an epoch.

    Raises
    ------
    InputError
        For a setting that is refused.
    """
    settings = list(settings)
    channels, height, width = image_shape
    is_small_grey = max(height, width) <= LARGEST_FOR_MLP and channels == 1
    components = statistics if statistics is not None and statistics.images >= _FEWEST_MEASURED else None
    can_be_a_map = is_small_grey and (
        components is None or components.components_for(_HALF) <= _MOST_COMPONENTS_OF_A_MAP
    )
    is_binary = channels == 1 and (statistics is None or statistics.greys < GREY)
    # Convolutions learn more from small greys too, in no more time; a fully connected network draws a map of two
    # latents at once.
    is_mlp = can_be_a_map and (effort == "quick" or components is None)
    mirror, shift = _variations(images, image_shape, components, is_binary)
    convolutions = {"kind": "conv", "width": 16, "normalisation": "group", "activation": "silu"}
    # Principal components to begin with gain where the images are varied in training; elsewhere the networks learn as
    # much without, and overfit sooner with them.
    architecture = {"kind": "mlp", "layers": 2} if is_mlp else convolutions | {"linear_path": mirror or shift > 0}
    latent_dim = _latent_dim(can_be_a_map, components, effort)
    model = recipe("vae" if is_binary else "gaussian-vae").config(latent_dim=latent_dim, architecture=architecture)
    if recipe_name:
        model = recipe(recipe_name).suited(model)
    kind = "mlp" if model.architecture.kind == "mlp" else "conv"
    fitting = [size for size in _BATCHES if size * _STEPS_PER_EPOCH <= images and size <= _LARGEST_BATCH[kind]]
    batch = max(fitting, default=_BATCHES[0])
    fixed = {f"model.{part}" for part in recipe(recipe_name).values} if recipe_name else set()
    fixed |= _names_of(settings)
    if model.family == "evolved":
        mirror, shift = False, 0  # it keeps latents for each image as it is
    training = TrainingConfig(batch_size=batch, mirror=mirror, shift=shift)
    config = with_settings(RunConfig(model=model, training=training), settings)
    seconds = seconds_per_step(config.model, image_shape, min(images, config.training.batch_size))
    steps_per_epoch = math.ceil(images / config.training.batch_size)
    if "training.epochs" not in fixed:
        config = with_settings(config, [*_epochs(images, config, seconds, effort), *settings])
    minutes = config.training.epochs * steps_per_epoch * seconds / 60
    sizes = () if statistics is None else tuple(statistics.sizes(_COMPARED))
    reason = _reasons(images, image_shape, config, recipe_name, fixed, is_binary, minutes, sizes)
    return Suggestion(config, reason, effort, minutes, sizes)


def suggest_sizes(
    images: int,
    image_shape: tuple[int, int, int],
    start: RunConfig,
    settings: Iterable[str] = (),
    *,
    statistics: ImageStatistics | None = None,
    effort: Effort = "good",
) -> Suggestion | None:
    """Choose the size of the latents and the epochs for a recipe whose other settings stay.

    Parameters
    ----------
    images, image_shape, statistics, effort
        As for `suggest_settings`.
    start
        The recipe's settings.
    settings
        ``KEY=VALUE`` settings given by hand, which stay.

    Returns
    -------
    Suggestion or None
        ``None`` if both sizes are given by hand, or the latents' by the recipe and the epochs by hand.

    Raises
    ------
    InputError
        For a setting that is refused.
    """
    settings, name = list(settings), start.model.recipe
    fixed = {f"model.{part}" for part in recipe(name).values} | _names_of(settings)
    fixed |= {"model.latent_dim"} if start.model.family == "vq" else set()
    if {"model.latent_dim", "training.epochs"} <= fixed:
        return None
    found = suggest_settings(images, image_shape, name, statistics=statistics, effort=effort).config
    chosen = [] if "model.latent_dim" in fixed else [f"model.latent_dim={found.model.latent_dim}"]
    config = with_settings(start, [*chosen, *settings])
    seconds = seconds_per_step(config.model, image_shape, min(images, config.training.batch_size))
    if "training.epochs" not in fixed:
        config = with_settings(config, [*_epochs(images, config, seconds, effort), *settings])
    steps = math.ceil(images / config.training.batch_size)
    minutes = config.training.epochs * steps * seconds / 60
    sizes = () if statistics is None else tuple(statistics.sizes(_COMPARED))
    fixed |= {f"model.{part}" for part in ("architecture", "likelihood")} | {"training.batch_size"}
    fixed |= {"training.mirror", "training.shift"}
    reason = _reasons(images, image_shape, config, name, fixed, False, minutes, sizes)
    return Suggestion(config, reason, effort, minutes, sizes)


def _names_of(settings: Iterable[str]) -> set[str]:
    """Full names of ``KEY=VALUE`` settings."""
    return {full_name(setting.partition("=")[0].strip()) for setting in settings}


def _epochs(images: int, config: RunConfig, seconds: float, effort: Effort) -> list[str]:
    """Settings of the length of a first training whose steps take so many seconds."""
    steps_per_epoch = math.ceil(images / config.training.batch_size)
    steps = min(max(_SECONDS[effort] / seconds, _FEWEST_STEPS), _MOST_STEPS[effort])
    epochs = min(max(round(steps / steps_per_epoch), _MIN_EPOCHS), _MAX_EPOCHS)
    # Many epochs on few images overfit: stop when the validation ELBO no longer improves.
    return [f"training.epochs={epochs}", f"training.patience={20 if epochs > 20 else 0}"]


def _latent_dim(can_be_a_map: bool, statistics: ImageStatistics | None, effort: Effort) -> int:
    """Two for a map, where two can show the images; else as many as half of the components for most of the variance."""
    if statistics is None or not statistics.variances:
        return _MAP if can_be_a_map else _QUICK
    if effort == "quick" and can_be_a_map:
        return _MAP
    wanted = statistics.components_for(_HALF) if can_be_a_map else statistics.components_for(_MOST) / 2
    return next((size for size in _SIZES if size >= wanted), _SIZES[-1])


def _variations(
    images: int, image_shape: tuple[int, int, int], statistics: ImageStatistics | None, is_binary: bool
) -> tuple[bool, int]:
    """Whether to mirror training images, and by how many pixels to move them: where they are few, and as likely so."""
    if statistics is None:
        return False, 0
    # Writing has a direction, which the components of few characters do not tell.
    mirror = not is_binary and statistics.is_worth_varying(statistics.mirrored, images)
    moves = statistics.is_worth_varying(statistics.moved, images)
    return mirror, math.ceil(max(image_shape[1:]) / MEASURED_SIDE) if moves else 0


def _reasons(
    images: int,
    image_shape: tuple[int, int, int],
    config: RunConfig,
    recipe_name: str,
    fixed: Collection[str],
    is_binary: bool,
    minutes: float,
    sizes: Iterable[LatentSize],
) -> str:
    """What was chosen and why, except the settings ``fixed`` by the recipe or by hand."""
    channels, height, width = image_shape
    is_mlp = config.model.architecture.kind == "mlp"
    network = "a fully connected network (enough at this size, and fast)" if is_mlp else "convolutions"
    kind_of_pixels = "colours" if channels > 1 else "greys"
    pixels = "Bernoulli pixels (nearly black and white)" if is_binary else f"Gaussian pixels ({kind_of_pixels})"
    latent_dim = config.model.latent_dim
    size = f"{latent_dim} latent dimensions{' (a whole map)' if latent_dim == _MAP else ''}"
    parts = [
        text
        for name, text in (("architecture", network), ("likelihood", pixels), ("latent_dim", size))
        if not {f"model.{name}", f"model.{name}.kind"} & set(fixed)
    ]
    parts += _length(images, config.training, fixed)
    if varied := _how_varied(config.training, fixed):
        parts.append(f"training images {varied} by chance (as likely so, and they are few)")
    kind = f"{images:,} {'colour' if channels > 1 else 'grey'} images of {width} × {height}"
    chosen_for = f"{kind} and the recipe {recipe_name}" if recipe_name else kind
    chosen = f"Chosen for {chosen_for}: {', '.join(parts) or 'all given by hand'}."
    return f"{chosen} {_duration(minutes)}{_more(latent_dim, sizes)}"


def _how_varied(training: TrainingConfig, fixed: Collection[str]) -> str:
    """How training images are varied, where that was chosen."""
    ways = [
        text
        for name, is_on, text in (
            ("mirror", training.mirror, "mirrored"),
            ("shift", training.shift > 0, f"moved by up to {pluralize(training.shift, 'pixel')}"),
        )
        if is_on and f"training.{name}" not in fixed
    ]
    return " and ".join(ways)


def _duration(minutes: float) -> str:
    """The estimated time."""
    if minutes < 1.5:
        return f"It takes {'about' if minutes > 0.75 else 'less than'} a minute on a CPU."
    return f"It takes some {float(f'{minutes:.2g}'):,.0f} minutes on a CPU."


def _more(latent_dim: int, sizes: Iterable[LatentSize]) -> str:
    """What fewer and more latents would buy."""
    below = [each for each in sizes if each.dimensions <= latent_dim]
    above = [each for each in sizes if each.dimensions > latent_dim]
    shown = [*below[-1:], *above[:3:2]]
    if not shown:
        return ""
    figures = ", ".join(f"{each.dimensions}: {each.left:.0%} ({each.rate:.0f} nats)" for each in shown)
    return f" Variance that principal components leave out, and their rate: {figures}."


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
