"""``latentlab generate``: images of latents drawn from a distribution."""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentlab.cli.console import write_json, write_line
from latentlab.cli.encode_decode import label_index, output_path
from latentlab.cli.image_output import write_images
from latentlab.cli.latent_tables import read_latents
from latentlab.cli.open_data import points_of
from latentlab.errors import InputError
from latentlab.storage import Points
from latentlab.storage.outputs import check_output
from latentlab.utils.array_types import FloatArray
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.models.inference import InferenceModel


def generate(arguments: argparse.Namespace) -> int:
    """Draw latents, decode them and write the images."""
    out = output_path(arguments.out, (".png", ".npz"))
    is_file = arguments.source.lower().endswith((".npz", ".npy", ".csv"))
    inputs = [arguments.model, *([arguments.source] if is_file else [])]
    check_output(out, *inputs, data=arguments.data or "")
    if not is_file and arguments.source not in ("prior", "aggregate"):
        raise InputError(f"--from must be prior, aggregate or an .npz file of a selection, not {arguments.source!r}")
    from latentlab.models.inference import load_model

    model = load_model(arguments.model, arguments.device)
    label = label_index(arguments.label, model)
    source: str | Points | FloatArray = arguments.source
    if is_file:
        source = _selection(Path(arguments.source), model, arguments)
    elif arguments.source == "aggregate":
        source = "aggregate" if arguments.data is None else points_of(model, arguments)
    images, z = model.generate(
        arguments.count, source, temperature=arguments.temperature, seed=arguments.seed, label=label
    )
    write_images(out, images, z=z)
    if arguments.json:
        write_json({"out": str(out), "images": len(images), "from": arguments.source, "seed": arguments.seed})
    else:
        write_line(f"{out}: {pluralize(len(images), 'image')} from {arguments.source}, seed {arguments.seed}")
    return 0


def _selection(path: Path, model: InferenceModel, arguments: argparse.Namespace) -> Points | FloatArray:
    """The latents of a selection, or the encoded points that it has the indices of."""
    index = _indices(path)
    if index is None:
        return read_latents(path).z
    points = points_of(model, arguments)
    numbers = np.arange(len(points.mean)) if points.index is None else points.index
    rows = np.flatnonzero(np.isin(numbers, index))
    if not len(rows):
        raise InputError(f"none of the images that {path} selects is among the {len(numbers):,} encoded ones")
    return points.of(rows)


def _indices(path: Path) -> NDArray[np.int64] | None:
    """``index`` of an ``.npz`` file without latents; ``None`` for any other file, which is read as latents."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if "index" not in arrays.files or {"mean", "z"} & set(arrays.files):
                return None
            index = arrays["index"]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None  # refused when it is read as latents
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise InputError(f"index in {path} is {index.dtype} {list(index.shape)}, and must be whole numbers [n]")
    numbers: NDArray[np.int64] = index.astype(np.int64)
    return numbers
