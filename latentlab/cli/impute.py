"""``latentlab impute``: fill in the hidden part of an image."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentlab.cli.console import write_line, write_note
from latentlab.cli.encode_decode import label_index, output_path
from latentlab.config import DataConfig, validated
from latentlab.data.images.image_file import ANY_FRAMES, Ranges, UnreadableError, read_image_info
from latentlab.data.images.to_array import decode_known
from latentlab.errors import InputError
from latentlab.storage import atomic_write
from latentlab.storage.outputs import check_output


def impute(arguments: argparse.Namespace) -> int:
    """Write the image with the expected values of its hidden pixels."""
    out = output_path(arguments.out, (".png", ".npz"))
    check_output(out, arguments.model, arguments.image, arguments.mask)
    size, mask_size = _size(arguments.image), _size(arguments.mask)
    if size != mask_size:
        raise InputError(
            f"the mask has {mask_size[0]} × {mask_size[1]} pixels and the image {size[0]} × {size[1]}: "
            "they must have the same size"
        )
    from latentlab.evaluation import impute_images
    from latentlab.models.inference import load_model

    model = load_model(arguments.model, arguments.device)
    config, known = model.header.data_config(), model.value_ranges
    if arguments.levels is not None:
        config, known = validated(DataConfig, config.model_dump() | {"levels": arguments.levels}), None
    _, height, width = model.image_shape
    image = _read(arguments.image, (width, height), config, known)
    mask = _read(arguments.mask, (width, height), DataConfig(channels=1, fit=config.fit, background="black"))[0] > 127
    filled = impute_images(model, image, mask, arguments.samples, label_index(arguments.label, model), arguments.seed)
    if out.suffix.lower() == ".npz":
        atomic_write(out, lambda file: np.savez(file, images=filled[None], mask=mask))
    else:
        from latentlab.training import tile

        picture = tile(filled[None], 1)
        atomic_write(out, lambda file: Image.fromarray(picture).save(file, format="PNG"))
    write_line(f"{out}: {int(mask.sum()):,} of {mask.size:,} pixels filled in")
    return 0


def _size(path: str) -> tuple[int, int]:
    try:
        return read_image_info(path)[0]
    except UnreadableError as error:
        raise _unreadable(path, error) from None


def _read(path: str, size: tuple[int, int], config: DataConfig, known: Ranges | None = None) -> NDArray[np.uint8]:
    """An image file as uint8 [C, height, width] for ``size`` (width, height); what is not used of it is said."""
    try:
        found = decode_known(path, size, config, known, ANY_FRAMES)
    except UnreadableError as error:
        raise _unreadable(path, error) from None
    if found.note:
        write_note(f"latentlab: {path}: {found.note}")
    return found.pixels


def _unreadable(path: str, error: UnreadableError) -> InputError:
    return InputError(f"cannot read {path}: {error}" if Path(path).exists() else f"there is no file {path}")
