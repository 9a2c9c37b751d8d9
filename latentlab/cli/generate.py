"""``latentlab generate``: images of latents drawn from a distribution; ``fit-prior``: a learned one."""

from __future__ import annotations

import argparse
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentlab.cli.console import write_json, write_line, write_note
from latentlab.cli.encode_decode import label_index, output_path
from latentlab.cli.image_output import note_if_inside_data, write_images
from latentlab.cli.open_data import points_of
from latentlab.data.latent_tables import check_size, read_latents
from latentlab.data.types import UNKNOWN
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
    is_file = (arguments.source or "").lower().endswith((".npz", ".npy", ".csv"))
    inputs = [arguments.model, *([arguments.source] if is_file else [])]
    check_output(out, *inputs, data=arguments.data or "")
    if not is_file and arguments.source not in (None, "prior", "aggregate", "flow"):
        raise InputError(
            "--from must be prior, aggregate, flow, or an .npz, .npy or .csv file of a selection, not "
            f"{arguments.source!r}"
        )
    from latentlab.models.generate import default_source
    from latentlab.models.inference import load_model

    model = load_model(arguments.model, arguments.device)
    label = label_index(arguments.label, model)
    name = arguments.source or default_source(model)
    source: str | Points | FloatArray = name
    if is_file:
        source = _selection(Path(name), model, arguments)
    elif name == "prior" and arguments.data is not None:
        write_note("latentlab: --data is not used: latents of the prior are drawn without images")
    elif name == "aggregate":
        source = "aggregate" if arguments.data is None else points_of(model, arguments)
    elif name == "flow" and (model.flow is None or arguments.data is not None):
        model.fit_flow(points_of(model, arguments))
    images, z = model.generate(
        arguments.count, source, temperature=arguments.temperature, seed=arguments.seed, label=label
    )
    from latentlab.exchange.encoded import stamp_of

    write_images(out, images, stamp=stamp_of(model, arguments.seed).of(z, label), z=z)
    note_if_inside_data(out, arguments.data, model.header.data.get("source"))
    if arguments.json:
        write_json({"out": str(out), "images": len(images), "from": name, "seed": arguments.seed})
    else:
        write_line(f"{out}: {pluralize(len(images), 'image')} from {name}, seed {arguments.seed}")
    return 0


def fit_prior(arguments: argparse.Namespace) -> int:
    """Fit a flow to the encoded images, and write the model with it."""
    out = output_path(arguments.out, (".safetensors",))
    check_output(out, arguments.model, data=arguments.data or "")
    from latentlab.models.inference import load_model

    model = load_model(arguments.model, arguments.device)
    points = points_of(model, arguments)
    model.fit_flow(points, arguments.seed)
    model.save(out)
    if arguments.json:
        write_json({"out": str(out), "images": len(points.mean), "seed": arguments.seed})
    else:
        write_line(f"{out}: a flow fitted to {pluralize(len(points.mean), 'encoded image')}; draw with --from flow")
    return 0


def _selection(path: Path, model: InferenceModel, arguments: argparse.Namespace) -> Points | FloatArray:
    """The latents of a selection, or the encoded points that it has the indices of, in the order of the images.

    The order matters: the mixture is fitted to them in it, and the window fits it in the dataset's.
    """
    index = _indices(path)
    if index is None:
        return _in_order(path, model)
    points = points_of(model, arguments)
    numbers = np.arange(len(points.mean)) if points.index is None else points.index
    absent = index[~np.isin(index, numbers)]
    if len(absent):
        where = f"the images of {arguments.data}" if arguments.data else "those encoded in the model's file"
        raise InputError(
            f"{path} selects image {absent[0]}, which is not among {where} ({len(numbers):,} images, "
            f"numbers {numbers.min():,} to {numbers.max():,})" + ("" if arguments.data else ": add --data DATA")
        )
    rows = np.flatnonzero(np.isin(numbers, index))
    return points.of(rows[np.argsort(numbers[rows], kind="stable")])


def _in_order(path: Path, model: InferenceModel) -> Points | FloatArray:
    """Latents from a file, as posteriors if it has their standard deviations, in the order of their images."""
    found = read_latents(path)
    rows = np.arange(len(found.z)) if found.images is None else np.argsort(found.images, kind="stable")
    if found.std is None:
        return found.z[rows]
    if found.z.shape[1] != model.latent_dim:
        raise InputError(f"the model's latents have {model.latent_dim} numbers, not [{found.z.shape[1]}]")
    if not (np.isfinite(found.std) & (found.std >= 0)).all():
        raise InputError(f"the standard deviations in {path} must be finite and not negative")
    return Points(found.z[rows], found.std[rows], np.full(len(rows), UNKNOWN))


def _indices(path: Path) -> NDArray[np.int64] | None:
    """``index`` of an ``.npz`` file without latents; ``None`` for any other file, which is read as latents."""
    if path.suffix.lower() != ".npz" or not os.path.isfile(path):
        return None
    try:
        check_size(path)
        with np.load(path, allow_pickle=False) as arrays:
            if "index" not in arrays.files or {"mean", "z"} & set(arrays.files):
                return None
            index = arrays["index"]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None  # refused when it is read as latents
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise InputError(f"index in {path} is {index.dtype} {list(index.shape)}, and must be whole numbers [n]")
    if not len(index):
        raise InputError(f"{path} selects no images: its index is empty")
    numbers: NDArray[np.int64] = index.astype(np.int64)
    return numbers
