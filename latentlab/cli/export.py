"""``latentlab export``: what other programs read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentlab.cli.console import write_json, write_line
from latentlab.cli.encode_decode import label_index, output_path, write_encoded
from latentlab.cli.image_output import write_images
from latentlab.cli.latent_arguments import class_to_decode, of_model, parse_latent
from latentlab.cli.open_data import model_and_data, with_progress
from latentlab.errors import InputError
from latentlab.storage.outputs import check_output
from latentlab.utils.array_types import FloatArray
from latentlab.utils.memory import format_bytes
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.data import Dataset
    from latentlab.data.types import Labels
    from latentlab.models.inference import InferenceModel

_OF_MODEL = ("card", "latents", "projector", "traversals", "html", "onnx")
_OF_RUN = ("history", "curves", "map")  # what needs no model in this process


def export(arguments: argparse.Namespace) -> int:
    """Write all that is asked for."""
    wanted = {name: out for name in (*_OF_RUN, *_OF_MODEL) if (out := getattr(arguments, name)) is not None}
    if not wanted:
        names = ", ".join(f"--{name}" for name in ("map", *_OF_MODEL, "history", "curves"))
        raise InputError(f"say what to write: one or more of {names}")
    for out in wanted.values():
        check_output(out, arguments.model, data=arguments.data or "")
    answer: dict[str, object] = {}
    for name in [each for each in _OF_RUN if each in wanted]:
        answer[name] = _WRITERS_OF_RUNS[name](arguments)
    of_model = [each for each in _OF_MODEL if each in wanted]
    if of_model:
        opened = _Opened(arguments)
        for name in of_model:
            answer[name] = _WRITERS_OF_MODELS[name](arguments, opened)
    if arguments.json:
        write_json(answer)
    return 0


class _Opened:
    """The model, and the images to encode if there are any."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.model: InferenceModel
        self.dataset: Dataset | None = None
        self.labels: Labels | None = None
        if arguments.data is not None:
            self.model, self.dataset, self.labels = model_and_data(arguments)
        else:
            from latentlab.models.inference import load_model

            self.model = load_model(arguments.model, arguments.device)


# --- of a run -----------------------------------------------------------------------------------------


def _write_history(arguments: argparse.Namespace) -> dict[str, object]:
    from latentlab.exchange.history_film import writing_history

    out = output_path(arguments.history, (".gif", ".webp", ".mp4"))
    steps = writing_history(
        arguments.model, out, arguments.of, arguments.frames, fps=arguments.fps, scale=arguments.scale
    )
    frames = with_progress(steps, "Reading epochs")
    _tell(arguments, f"{out}: {pluralize(frames, 'frame')} of {arguments.of}")
    return {"out": str(out), "frames": frames, "of": arguments.of}


def _write_curves(arguments: argparse.Namespace) -> dict[str, object]:
    from latentlab.exchange.curves_table import write_curves

    out = output_path(arguments.curves, (".csv",))
    epochs = write_curves(arguments.model, out)
    _tell(arguments, f"{out}: {pluralize(epochs, 'epoch')}")
    return {"out": str(out), "epochs": epochs}


def _write_map(arguments: argparse.Namespace) -> dict[str, object]:
    from latentlab.cli.map_picture import write_map

    out = output_path(arguments.map, (".png", ".svg"))
    width, height = write_map(arguments, out)
    _tell(arguments, f"{out}: {width} × {height} pixels")
    return {"out": str(out), "width": width, "height": height}


# --- of a model ---------------------------------------------------------------------------------------


def _write_card(arguments: argparse.Namespace, opened: _Opened) -> dict[str, object]:
    from latentlab.exchange.model_card import write_model_card

    write_model_card(opened.model.header, output_path(arguments.card, (".md",)), arguments.model, opened.model.name)
    _tell(arguments, f"{arguments.card}: written")
    return {"out": arguments.card}


def _write_latents(arguments: argparse.Namespace, opened: _Opened) -> dict[str, object]:
    from latentlab.exchange.encoded import encoded_images
    from latentlab.exchange.latents_file import LATENTS_SUFFIXES, check_latents_file

    out = output_path(arguments.latents, LATENTS_SUFFIXES)
    check_latents_file(out.suffix.lower())
    encoded = with_progress(encoded_images(opened.model, opened.dataset, opened.labels), "Encoding images")
    write_encoded(out, opened.model, encoded, is_quiet=arguments.json)
    return {"out": str(out), "images": len(encoded)}


def _write_projector(arguments: argparse.Namespace, opened: _Opened) -> dict[str, object]:
    from latentlab.exchange.encoded import encoded_images, stamp_of
    from latentlab.exchange.projector import writing_projector
    from latentlab.storage.onnx_package import require_new_folder

    folder = Path(arguments.projector)
    require_new_folder(folder)
    encoded = with_progress(encoded_images(opened.model, opened.dataset, opened.labels), "Encoding images")
    steps = writing_projector(opened.model, encoded, folder, stamp_of(opened.model))
    written = with_progress(steps, "Drawing the sprite")
    _tell(arguments, f"{folder}: {pluralize(len(encoded), 'image')}; show it with tensorboard --logdir {folder}")
    return {"out": str(folder), **written}


def _write_traversals(arguments: argparse.Namespace, opened: _Opened) -> dict[str, object]:
    from latentlab.exchange.encoded import decoding, stamp_of
    from latentlab.exchange.traversals import traversal_latents

    model, out = opened.model, output_path(arguments.traversals, (".png", ".npz"))
    centre = np.zeros(model.latent_dim, np.float32)
    if arguments.z is not None:
        centre = of_model(parse_latent(arguments.z), model)
    dimensions, values = _dimensions(arguments.dimensions, model.latent_dim), _values(arguments)
    z = traversal_latents(centre, dimensions, values)
    label = class_to_decode(label_index(arguments.label, model), model)
    images = with_progress(decoding(model, z, label), "Decoding")
    write_images(out, images, len(values), scale=arguments.scale, stamp=stamp_of(model).of(z, label), z=z)
    _tell(arguments, f"{out}: {pluralize(len(dimensions), 'dimension')}, {pluralize(len(values), 'image')} each")
    return {"out": str(out), "rows": len(dimensions), "columns": len(values)}


def _dimensions(text: str | None, latent_dim: int) -> list[int]:
    if text is None:
        return list(range(latent_dim))
    try:
        return [int(part) - 1 for part in text.split(",")]
    except ValueError:
        raise InputError(f"--dimensions must be whole numbers with commas between them, not {text!r}") from None


def _values(arguments: argparse.Namespace) -> FloatArray:
    limits = numbers("--from-to", arguments.from_to)
    if len(limits) != 2:
        raise InputError("--from-to must be two numbers, such as -3,3")
    return np.linspace(limits[0], limits[1], int(arguments.steps)).astype(np.float32)


def _write_page(arguments: argparse.Namespace, opened: _Opened) -> dict[str, object]:
    from latentlab.exchange.html_page import title_of_model, writing_html

    model, out = opened.model, output_path(arguments.html, (".html", ".htm"))
    label = label_index(arguments.label, model)
    steps = writing_html(model, out, opened.dataset, label, title_of_model(arguments.model))
    written = with_progress(steps, "Encoding and decoding")
    shown = f"{written['points']:,} of {written['of']:,} points"
    decoder = (
        "its decoder runs in the page" if written["decoder"] == "network" else "its images were decoded beforehand"
    )
    _tell(arguments, f"{out}: {format_bytes(int(written['bytes']))}, {shown}; {decoder}")
    return {"out": str(out), **written}


def _write_onnx(arguments: argparse.Namespace, opened: _Opened) -> dict[str, object]:
    from latentlab.exchange.onnx_export import export_onnx

    differences = export_onnx(opened.model, arguments.onnx)
    _tell(arguments, of_package(arguments.onnx, differences))
    return {"out": arguments.onnx, "differences": differences}


_WRITERS_OF_RUNS: dict[str, Callable[[argparse.Namespace], dict[str, object]]] = {
    "history": _write_history,
    "curves": _write_curves,
    "map": _write_map,
}
_WRITERS_OF_MODELS: dict[str, Callable[[argparse.Namespace, _Opened], dict[str, object]]] = {
    "card": _write_card,
    "latents": _write_latents,
    "projector": _write_projector,
    "traversals": _write_traversals,
    "html": _write_page,
    "onnx": _write_onnx,
}


# --- texts --------------------------------------------------------------------------------------------


def numbers(option: str, text: str) -> list[float]:
    """Numbers with commas between them, given to an option.

    Raises
    ------
    InputError
        Names the option.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} must be numbers with commas between them, not {text!r}") from None


def of_package(folder: str, differences: dict[str, float]) -> str:
    """The line that describes an exported ONNX package."""
    listed = ", ".join(f"{name} {difference:.1e}" for name, difference in differences.items())
    return f"{folder}: tested with onnxruntime; largest differences: {listed}"


def _tell(arguments: argparse.Namespace, text: str) -> None:
    if not arguments.json:
        write_line(text)
