"""``latentlab encode`` and ``decode``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentlab.cli.console import write_line, write_note
from latentlab.cli.image_output import note_if_inside_data, write_images
from latentlab.cli.open_data import model_and_data
from latentlab.config.layout import latent_layout
from latentlab.data.latent_tables import Latents, read_latents
from latentlab.data.match_classes import match_classes
from latentlab.data.sources.extras import import_extra
from latentlab.errors import InputError
from latentlab.storage.outputs import check_output
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.exchange.encoded import Encoded
    from latentlab.models.inference import InferenceModel


def encode(arguments: argparse.Namespace) -> int:
    """Write the posterior means and standard deviations of a dataset."""
    out = output_path(arguments.out, (".npz", ".csv", ".parquet"))
    check_output(out, arguments.model, data=arguments.data)
    if out.suffix.lower() == ".parquet":
        import_extra("pyarrow", "pyarrow", "hf", "a .parquet file is written")
    model, dataset, labels = model_and_data(arguments)
    from latentlab.exchange.encoded import encoded_images, result_of

    # A table alone: what describes it would be a second file, perhaps among images.
    write_encoded(out, model, result_of(encoded_images(model, dataset, labels)), has_stamp=out.suffix.lower() != ".csv")
    return 0


def write_encoded(
    out: Path, model: InferenceModel, encoded: Encoded, *, has_stamp: bool = True, is_quiet: bool = False
) -> None:
    """Write encoded images, and say how many there are and which of them have no numbers."""
    from latentlab.exchange.encoded import stamp_of
    from latentlab.exchange.latents_file import write_latents

    if not_finite := _not_finite_message(encoded):
        write_note(f"latentlab: {not_finite}")
    write_latents(out, encoded, stamp_of(model) if has_stamp else None)
    if not is_quiet:
        write_line(f"{out}: {len(encoded)} latents")


def _not_finite_message(encoded: Encoded) -> str:
    """How many images the model encodes as numbers that are not finite, and the first of them."""
    rows = np.flatnonzero(~(np.isfinite(encoded.mean).all(axis=1) & np.isfinite(encoded.std).all(axis=1)))
    if not len(rows):
        return ""
    first = ", ".join(encoded.paths[row] for row in rows[:3].tolist()) + (", …" if len(rows) > 3 else "")
    return (
        f"warning: {len(rows):,} of {pluralize(len(encoded), 'latent')} are not finite (of {first}): "
        "the model gives no number for these images"
    )


def decode(arguments: argparse.Namespace) -> int:
    """Write the images of given latents, of samples, or of a grid."""
    out = output_path(arguments.out, (".png", ".npz"))
    check_output(out, arguments.model, *([] if arguments.z_file is None else [arguments.z_file]))
    # Files are read before torch is imported, so that errors in them are reported at once.
    latents = None if arguments.z_file is None else read_latents(Path(arguments.z_file))
    if arguments.source is not None and arguments.samples is None:
        write_note("latentlab: --from is not used: it is for --samples")
    from latentlab.exchange.encoded import stamp_of
    from latentlab.models.inference import load_model

    model = load_model(arguments.model, arguments.device)
    label = label_index(arguments.label, model)
    columns = 0
    if arguments.grid is not None:
        z, columns = _grid(arguments.grid, model), arguments.grid
    elif arguments.samples is not None:
        from latentlab.models.generate import draw_latents

        z = draw_latents(model, arguments.samples, arguments.source, seed=arguments.seed)
    else:
        z = _parse_latents(arguments.z) if latents is None else latents.z
    classes = _classes(label, model, len(z), arguments.samples is not None)
    if latents is not None and label is None:
        classes = _classes_in_file(latents, model, classes)
    images = _pixels(model, z, classes, arguments)
    has_noise = arguments.samples is not None or arguments.pixels == "sampled"
    stamp = stamp_of(model, arguments.seed if has_noise else None).of(z, label)
    write_images(out, images, columns, scale=arguments.scale, stamp=stamp, z=z)
    note_if_inside_data(out, model.header.data.get("source"))
    others = model.latent_dim - 2
    rest = "the third is 0" if others == 1 else f"the other {others} are 0"
    note = f", over the first two latents; {rest}" if columns and others > 0 else ""
    write_line(f"{out}: {pluralize(len(images), 'image')}{note}")
    return 0


def _pixels(
    model: InferenceModel,
    z: NDArray[np.float32],
    classes: int | NDArray[np.int64] | None,
    arguments: argparse.Namespace,
) -> NDArray[np.float32]:
    """Mean, a draw or the standard deviation of p(x|z)."""
    match arguments.pixels:
        case "sampled":
            return model.sample_pixels(z, classes, arguments.seed)
        case "std":
            return model.pixel_std(z, classes)
    return model.decode(z, classes)


def _classes_in_file(
    latents: Latents, model: InferenceModel, default: int | NDArray[np.int64] | None
) -> int | NDArray[np.int64] | None:
    """The model's classes of latents in a file, by name if it has names; ``default`` if it has no labels."""
    if latents.labels is None or model.classes_of_samples(1) is None:
        return default
    names = latents.class_names or model.header.classes
    matched = match_classes(latents.labels, names, model.header.classes)
    if matched.sentence:
        write_note(f"latentlab: {matched.sentence}")
    return matched.labels


def output_path(name: str, suffixes: tuple[str, ...]) -> Path:
    """The file to write, checked before any work: its suffix is one of ``suffixes``, and its folder exists."""
    path = Path(name)
    if path.suffix.lower() not in suffixes:
        raise InputError(f"cannot write {name}: its name must end in {' or '.join(suffixes)}")
    if not os.path.isdir(path.absolute().parent):
        raise InputError(f"cannot write {name}: there is no folder {path.absolute().parent}")
    return path


def _parse_latents(texts: list[str]) -> NDArray[np.float32]:
    try:
        rows = [[float(number) for number in text.split(",")] for text in texts]
    except ValueError:
        raise InputError(f"--z needs numbers separated by commas, not {' '.join(texts)!r}") from None
    if len({len(row) for row in rows}) > 1:
        raise InputError("all --z must have equally many numbers")
    with np.errstate(over="ignore"):  # infinite values are refused with the others that are not finite
        return np.array(rows, np.float32)


def _grid(cells: int, model: InferenceModel) -> NDArray[np.float32]:
    """Latents of an even grid, the highest z₂ first; refused for latents that are not plain numbers."""
    kind = latent_layout(model.header.model, model.image_shape).kind
    if kind != "plain":
        raise InputError(f"--grid needs latents that are plain numbers, and this model's are {kind}: use --samples 64")
    from latentlab.latent.grids import quantile_grid
    from latentlab.training import from_the_top

    return from_the_top(quantile_grid(cells, model.latent_dim))


def _classes(label: int | None, model: InferenceModel, count: int, are_samples: bool) -> int | NDArray[np.int64] | None:
    """The given class; without one, a conditional model's samples take all classes in turn, other latents the first."""
    in_turn = model.classes_of_samples(count)
    if label is not None or in_turn is None:
        return label
    return in_turn if are_samples else 0


def label_index(text: str | None, model: InferenceModel) -> int | None:
    """Index of the class given to ``--label`` by name or number."""
    if text is None:
        return None
    classes = model.header.classes
    if model.classes_of_samples(1) is None:
        raise InputError("--label is for conditional models, and this model is not conditional: omit it")
    if text in classes:
        return classes.index(text)
    if text.isdecimal() and int(text) < len(classes):
        return int(text)
    raise InputError(f"there is no class {text!r}; the classes are: {', '.join(classes) or 'none'}")
