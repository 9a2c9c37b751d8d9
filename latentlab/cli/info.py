"""The commands ``latentlab info``, ``recipes`` and ``doctor``."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from operator import attrgetter
from pathlib import Path
from typing import Any

from latentlab import __version__, paths
from latentlab.cli.console import write_json, write_line, write_table
from latentlab.config.layout import latent_layout
from latentlab.config.recipes import RECIPES
from latentlab.data import LeftOut
from latentlab.data.types import summarize_left_out
from latentlab.storage import ModelFile, RunFolder, find_model, read_model
from latentlab.storage.explored_model import is_explored
from latentlab.storage.latent_table import LatentTable
from latentlab.storage.open_model import is_foreign
from latentlab.storage.other_formats import REFUSED
from latentlab.utils.thread_priority import available_cores

_PACKAGES = ("torch", "torchvision", "numpy", "Pillow", "PySide6-Essentials", "pyqtgraph", "safetensors", "pydantic")

_NO_LATENTS = (
    "it is read as a table about the images of its folder, since it has no columns of latents: those are called "
    "mean_0, mean_1, … (or z_, latent_, umap_, tsne_, pc_), or x and y"
)


def info(arguments: argparse.Namespace) -> int:
    """Describe a model, a run or a dataset."""
    values = _model_info(arguments.source) if _is_model(arguments.source) else _dataset_info(arguments.source)
    if arguments.json:
        write_json(values)
        return 0
    skipped, notes = values.pop("skipped", []), values.pop("notes", [])
    value_range = values.pop("value_range", {})
    if value_range:
        values["value_range"] = value_range["sentence"]
    write_table({name: _short(value) for name, value in values.items() if value not in ({}, [], ())})
    if value_range.get("warning"):
        write_line("")
        write_line(f"warning: {value_range['warning']}")
    if notes:
        write_line("")
        for sentence in notes:
            write_line(f"note: {sentence}")
    if skipped:
        _print_left_out([LeftOut(**each) for each in skipped])
    return 0


def _print_left_out(left_out: list[LeftOut]) -> None:
    """Print the unreadable images first, then the files that are not images."""
    write_line("")
    write_line(f"{summarize_left_out(left_out, has_example=False)}:")
    for each in sorted(left_out, key=attrgetter("is_not_image_file")):
        write_line(f"{each.path}: {each.reason}")


def recipes(arguments: argparse.Namespace) -> int:
    """List the recipes."""
    if arguments.json:
        write_json([{"name": r.name, "summary": r.summary, "paper": r.paper} for r in RECIPES.values()])
        return 0
    for recipe in RECIPES.values():
        for line in (recipe.name, f"    {recipe.summary}", f"    {recipe.formula}", f"    {recipe.paper}"):
            write_line(line)
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """Show versions, devices and folders."""
    from latentlab.models.device import available_devices

    devices = available_devices()
    values = {
        "latentlab": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "device": devices[0],
        "devices": devices,
        "cores": available_cores(),
        "paths": {
            "program": str(Path(sys.argv[0]).absolute()),
            "resources": str(paths.resource()),
            "data": str(paths.data_folder()),
            "runs": str(paths.runs_folder()),
            "cache": str(paths.cache_folder()),
        },
    }
    if arguments.json:
        write_json(values)
    else:
        write_table({name: _short(value) for name, value in values.items()})
    return 0


def _is_model(source: str) -> bool:
    if not source.strip():
        return False  # not the working folder
    path = Path(source)
    if is_explored(path) or is_foreign(path):
        return True
    if source.startswith("bundled:") or path.suffix.lower() in {".safetensors", *REFUSED}:
        return True
    return os.path.isdir(path) and (os.path.exists(RunFolder(path).record) or os.path.exists(RunFolder(path).model))


def _model_info(source: str) -> dict[str, Any]:
    path = find_model(source)
    file = read_model(path)
    header = file.header
    if header.model.family == "foreign":
        return _foreign_info(path, file)
    values = {
        "kind": "model",
        "path": str(path),
        "recipe": header.model.recipe,
        "latent_dim": latent_layout(header.model, header.image_shape).latent_dim,
        "image_shape": list(header.image_shape),
        "parameters": header.parameters,
        "classes": list(header.classes),
        "latent_shape": list(header.model.latent_shape or ()),
        "metrics": header.metrics,
        "points": 0 if file.points is None else len(file.points.mean),
        "model": header.model.model_dump(mode="json"),
        "training": header.training,
        "data": header.data,
        "schema_version": header.schema_version,
        "sha256": header.sha256,
    }
    if isinstance(file.package, LatentTable):
        values["notes"] = [file.package.note]
    folder = RunFolder(Path(source))
    if os.path.exists(folder.record):
        lines = folder.read_metrics()
        epochs_done = sum(line.get("event") == "epoch" for line in lines)
        values["run"] = {"epochs_done": epochs_done, "checkpoint": os.path.exists(folder.checkpoint)}
        adjusted = [line for line in lines if line.get("event") == "adjusted"]
        if adjusted:
            values["changed_by_hand"] = [
                {name: value for name, value in line.items() if name != "event"} for line in adjusted
            ]
    return values


def _foreign_info(path: Path, file: ModelFile) -> dict[str, Any]:
    """A model of another program, or a table of latents: what is known of it, and not the settings of our networks."""
    header, can = file.header, file.capabilities
    table = file.package if isinstance(file.package, LatentTable) else None
    has_images = table is None or bool(len(table.rows))
    package = None if isinstance(file.package, LatentTable) else file.package
    return {
        "kind": "model",
        "path": str(path),
        "name": "" if package is None else package.description.name,
        "recipe": header.model.recipe,
        "latent_dim": latent_layout(header.model, header.image_shape).latent_dim,
        "latent_shape": list(header.model.latent_shape or ()),
        "image_shape": list(header.image_shape) if has_images else [],
        "parameters": header.parameters,
        "classes": list(header.classes),
        "encoder": "yes" if can.has_encoder else "no",
        "decoder": "yes" if can.has_decoder else "no",
        "likelihood": "known" if can.has_likelihood else "none" if table is not None else "not known",
        "prior": "standard normal" if can.has_prior else "none" if table is not None else "not known",
        "conditional": header.model.conditional,
        "metrics": header.metrics,
        "points": 0 if file.points is None else len(file.points.mean),
        "autoencoder": {} if header.autoencoder is None else header.autoencoder.model_dump(mode="json"),
        "data": header.data,
        "schema_version": header.schema_version,
        "sha256": header.sha256,
        "notes": [] if table is None else [table.note],
    }


def _dataset_info(source: str) -> dict[str, Any]:
    # Imported here: the other functions do not need the readers of images.
    from latentlab.cli.open_data import open_data
    from latentlab.config import DataConfig
    from latentlab.data import summary

    found = summary(open_data(source, DataConfig(), is_quiet=True))
    if Path(source).suffix.lower() in (".csv", ".tsv") and len(found["metadata"]) > 1:
        found["notes"] = [*found["notes"], _NO_LATENTS]
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _short(value: Any, most: int = 8) -> str:
    """A value as text: nested values in one line, long lists cut."""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        shown = ", ".join(_short(item) for item in value[:most])
        return shown if len(value) <= most else f"{shown} … ({len(value)} in total)"
    return str(value)
