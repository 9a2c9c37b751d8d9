"""``latentlab import``: a model of another program as a model file of its own."""

from __future__ import annotations

import argparse
from pathlib import Path

from latentlab.cli.console import write_json, write_line, write_note
from latentlab.cli.encode_decode import output_path
from latentlab.errors import InputError
from latentlab.storage import write_model
from latentlab.storage.diffusers_folder import folder_of_diffusers, read_diffusers
from latentlab.storage.model_file import ModelFile
from latentlab.storage.outputs import check_output
from latentlab.storage.pythae_folder import WEIGHTS, folder_of_pythae
from latentlab.utils.text import pluralize


def import_model(arguments: argparse.Namespace) -> int:
    """Write a model of another program as a model file."""
    out = output_path(arguments.out, (".safetensors",))
    check_output(out, arguments.source)
    file = _read(Path(arguments.source), arguments.image_size)
    header = write_model(out, file)
    values = {
        "out": str(out),
        "recipe": header.model.recipe,
        "latent_shape": list(header.model.latent_shape or (header.model.latent_dim,)),
        "image_shape": list(header.image_shape),
        "parameters": header.parameters,
        "sha256": header.sha256,
    }
    if arguments.json:
        write_json(values)
        return 0
    channels, height, width = header.image_shape
    latents = " × ".join(map(str, header.model.latent_shape or (header.model.latent_dim,)))
    write_line(
        f"{out}: {header.model.recipe}, {header.parameters:,} parameters, images of {width} × {height} pixels with "
        f"{pluralize(channels, 'channel')}, latents of {latents} numbers"
    )
    return 0


def _read(source: Path, image_size: int | None) -> ModelFile:
    if folder_of_diffusers(source) is not None:
        return read_diffusers(source, image_size)
    folder = folder_of_pythae(source)
    if folder is None:
        raise InputError(
            f"{source} is not a folder of a model that can be imported: one of diffusers has config.json and "
            "safetensors, one of Pythae model_config.json and model.pt"
        )
    if image_size is not None:
        raise InputError("--image-size is for models of diffusers: the networks of Pythae take images of one size")
    from latentlab.exchange.pythae import import_pythae

    note = "is a pickle: only weights are read of it, but import what you trust"
    write_note(f"latentlab: warning: {folder / WEIGHTS} {note}")
    return import_pythae(folder)
