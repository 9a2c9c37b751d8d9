"""``latentlab inspect``: what a model says of one image."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latentlab.cli.console import write_json, write_line, write_table
from latentlab.cli.encode_decode import label_index, output_path
from latentlab.cli.image_output import note_if_inside_data, write_images
from latentlab.cli.open_data import model_and_data
from latentlab.cli.open_image import image_for_model
from latentlab.storage.outputs import check_output

if TYPE_CHECKING:
    from latentlab.evaluation import Inspection
    from latentlab.models.inference import InferenceModel

_NATS = "nats"


def inspect(arguments: argparse.Namespace) -> int:
    """Measure one image, refine its posterior if asked to, and write its pictures."""
    out = None if arguments.out is None else output_path(arguments.out, (".png", ".npz"))
    if out is not None:
        check_output(out, arguments.model, arguments.image, data=arguments.data or "")
    from latentlab import evaluation
    from latentlab.models.inference import load_model

    model = load_model(arguments.model, arguments.device)
    image = image_for_model(arguments.image, model, arguments.levels, is_prepared=arguments.prepared)
    label, seed = label_index(arguments.label, model), arguments.seed
    found = evaluation.inspect_image(model, image, arguments.samples, label=label, seed=seed)
    values: dict[str, Any] = {"elbo": found.elbo, "rate": found.rate, "distortion": found.distortion}
    if arguments.refine:
        refined = evaluation.refine_image(model, image, arguments.refine, label, seed)
        values |= {"encoded_elbo": refined.encoded_elbo, "refined_elbo": refined.elbo, "gap": refined.gap}
    sentence = ""
    compared: dict[str, Any] = {}
    if arguments.data is not None:
        sentence, compared = _typical(model, found, arguments)
    if out is not None:
        write_images(out, _sheet(image, found), columns=len(found.samples), mean=found.mean, std=found.std, z=found.z)
        note_if_inside_data(out, arguments.data, model.header.data.get("source"))
    if arguments.json:
        write_json(values | compared)
    else:
        write_table({name: f"{value:.2f} {_NATS}" for name, value in values.items()})
        if sentence:
            write_line(f"note: {sentence}")
    return 0


def _typical(model: InferenceModel, found: Inspection, arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Whether the image is typical of ``--data``, in words and in numbers."""
    from latentlab import evaluation

    _, dataset, _ = model_and_data(arguments)
    index = evaluation.compared_images(model, dataset)
    elbos = evaluation.elbos_of(model, dataset, index)
    share = evaluation.share_below(found.elbo, elbos)
    sentence = evaluation.typical_of_dataset(model, dataset, found.elbo, elbos)
    return sentence, {"share_below": share, "compared_images": len(index), "typical": sentence}


def _sheet(image: NDArray[np.uint8], found: Inspection) -> NDArray[np.float32]:
    """Rows of tiles: the image, its reconstruction, |error| and σ; samples of q(z|x); the images drawn from p(x|z)."""
    pixels = image.astype(np.float32) / 255
    first: list[NDArray[Any]] = [
        pixels,
        found.reconstruction,
        np.abs(pixels - found.reconstruction),
        np.clip(found.std, 0, 1),
    ]
    empty = np.ones_like(pixels)
    first = (first + [empty] * len(found.samples))[: max(4, len(found.samples))]
    return np.concatenate([np.stack(first), found.samples, found.draws]).astype(np.float32)
