"""Latents as arguments: numbers separated by commas, or an image that is encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentlab.cli.open_image import image_for_model
from latentlab.errors import InputError

if TYPE_CHECKING:
    from latentlab.models.inference import InferenceModel


def parse_latent(text: str) -> NDArray[np.float32]:
    """A latent float32 [d] written as numbers separated by commas.

    Raises
    ------
    InputError
        When it is not that.
    """
    try:
        with np.errstate(over="ignore"):  # infinite values are refused with the others that are not finite
            return np.array([float(number) for number in text.split(",")], np.float32)
    except ValueError:
        raise InputError(f"--z needs numbers separated by commas, not {text!r}") from None


def waypoint(text: str, model: InferenceModel, label: int | None, levels: str | None) -> NDArray[np.float32]:
    """The latent [d] of ``Z_OR_IMAGE``: numbers separated by commas, or an image file."""
    try:
        z = parse_latent(text)
    except InputError:
        return encoded_image(text, model, label, levels)
    return of_model(z, model)


def encoded_image(path: str, model: InferenceModel, label: int | None, levels: str | None) -> NDArray[np.float32]:
    """The posterior mean [d] of an image file; of an unknown class, for a conditional model without a label."""
    image = image_for_model(path, model, levels)[None]
    given = label
    if given is None and model.module.classes:
        given = int(model.classes_of_images(image, -1)[0])
    mean, _ = model.encode(image, given)
    z: NDArray[np.float32] = mean[0]
    return z


def of_model(z: NDArray[np.float32], model: InferenceModel) -> NDArray[np.float32]:
    """The latent, if it is one of the model's.

    Raises
    ------
    InputError
        For another number of dimensions, or a value that is not finite.
    """
    if len(z) != model.latent_dim:
        raise InputError(f"the model takes latents of {model.latent_dim} numbers, not {len(z)}")
    if not np.isfinite(z).all():
        raise InputError("a latent has a value that is not finite")
    return z


def class_to_decode(label: int | None, model: InferenceModel) -> int | None:
    """The class that latents are decoded for: the given one, or the first of a conditional model."""
    return 0 if label is None and model.module.classes else label
