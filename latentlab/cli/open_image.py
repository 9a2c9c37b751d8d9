"""Open one image file for a command."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentlab.cli.console import write_note
from latentlab.config import DataConfig, validated
from latentlab.data.images.image_file import ANY_FRAMES, Ranges, UnreadableError, read_image_info
from latentlab.data.images.to_array import decode_known
from latentlab.errors import InputError

if TYPE_CHECKING:
    from latentlab.models.inference import InferenceModel


def size_of_image(path: str) -> tuple[int, int]:
    """(width, height) of an image file."""
    try:
        return read_image_info(path)[0]
    except UnreadableError as error:
        raise _unreadable(path, error) from None


def read_image(path: str, size: tuple[int, int], config: DataConfig, known: Ranges | None = None) -> NDArray[np.uint8]:
    """An image file as uint8 [C, height, width] for ``size`` (width, height); what is not used of it is said."""
    try:
        found = decode_known(path, size, config, known, ANY_FRAMES)
    except UnreadableError as error:
        raise _unreadable(path, error) from None
    if found.note:
        write_note(f"latentlab: {path}: {found.note}")
    return found.pixels


def image_for_model(
    path: str, model: InferenceModel, levels: str | None = None, *, is_prepared: bool = False
) -> NDArray[np.uint8]:
    """An image file as uint8 [C, H, W], prepared like the model's training images; ``levels`` as for ``--levels``.

    ``is_prepared`` says that its values are those that the model reads already, as in files that ``latentlab decode``
    writes: they are not inverted and not stretched.
    """
    config, known = model.header.data_config(), model.value_ranges
    if is_prepared:
        channels = model.image_shape[0]
        config = config.model_copy(update={"invert": False, "levels": "type", "channels": channels})
        known = None
    if levels is not None:
        config, known = validated(DataConfig, config.model_dump() | {"levels": levels}), None
    _, height, width = model.image_shape
    return read_image(path, (width, height), config, known)


def _unreadable(path: str, error: UnreadableError) -> InputError:
    if not path.strip():
        return InputError("the name of an image is empty")
    return InputError(f"cannot read {path}: {error}" if os.path.lexists(path) else f"there is no file {path}")
