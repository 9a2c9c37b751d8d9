"""``latentlab impute``: fill in the hidden part of an image."""

from __future__ import annotations

import argparse

import numpy as np

from latentlab.cli.console import write_line
from latentlab.cli.encode_decode import label_index, output_path
from latentlab.cli.image_output import note_if_inside_data, write_images
from latentlab.cli.open_image import image_for_model, read_image, size_of_image
from latentlab.config import DataConfig
from latentlab.errors import InputError
from latentlab.storage.outputs import check_output

SAMPLES, DRAW_SAMPLES = 100, 256


def impute(arguments: argparse.Namespace) -> int:
    """Write the image with the expected values of its hidden pixels, or several images that agree with the others."""
    out = output_path(arguments.out, (".png", ".npz"))
    check_output(out, arguments.model, arguments.image, arguments.mask)
    if arguments.expected and arguments.draws is None:
        raise InputError("--expected needs --draws: without it the expected image alone is written")
    size, mask_size = size_of_image(arguments.image), size_of_image(arguments.mask)
    if size != mask_size:
        raise InputError(
            f"the mask has {mask_size[0]} × {mask_size[1]} pixels and the image {size[0]} × {size[1]}: "
            "they must have the same size"
        )
    from latentlab.evaluation import fill_in, impute_images
    from latentlab.models.inference import load_model

    model = load_model(arguments.model, arguments.device)
    image = image_for_model(arguments.image, model, arguments.levels, is_prepared=arguments.prepared)
    _, height, width = model.image_shape
    mask_config = DataConfig(channels=1, fit=model.header.data_config().fit, background="black")
    mask = read_image(arguments.mask, (width, height), mask_config)[0] > 127
    label, seed = label_index(arguments.label, model), arguments.seed
    if arguments.draws is None:
        filled = impute_images(model, image, mask, arguments.samples or SAMPLES, label, seed)
        write_images(out, filled[None], 1, mask=mask)
    else:
        drawn = fill_in(model, image, mask, arguments.draws, arguments.samples or DRAW_SAMPLES, label, seed)
        images = np.concatenate([drawn.expected[None], drawn.draws]) if arguments.expected else drawn.draws
        write_images(out, images, mask=mask, expected=drawn.expected, z=drawn.z)
    note_if_inside_data(out, model.header.data.get("source"))
    write_line(f"{out}: {int(mask.sum()):,} of {mask.size:,} pixels filled in")
    return 0
