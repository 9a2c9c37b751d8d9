"""The commands, and the Python code, that write what the Export window writes (no widgets are changed)."""

from __future__ import annotations

import shlex

import numpy as np

from latentlab.controllers.copied_commands import model_argument
from latentlab.controllers.path import PathController
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.export_dialog import ExportChoice
from latentlab.gui.style.theme import current_theme
from latentlab.state.session import Session
from latentlab.storage.explored_model import is_explored
from latentlab.utils.array_types import FloatArray
from latentlab.utils.source_names import absolute_source

MAP_LAYERS = ("manifold", "density", "trust", "points", "neighbours", "cursor")
"""The layers that ``latentlab export --map`` draws."""
_NO_FILE = "The model is in no file yet: save it first"


def why_no_export_command(kind: str, session: Session, latent_map: LatentMap, path: PathController) -> str:
    """Why no command writes the same; empty if one does."""
    model = session.model
    if kind == "strip":
        return "The filmstrip is a picture of the window: export traversals or the path for a command"
    if kind in ("history", "curves"):
        return ""
    if kind == "path":
        return path.why_no_command()
    if model is None or not model.source or session.is_learning:
        return _NO_FILE
    if is_explored(model.source):
        return "The model is in another program's memory: no command can open it"
    return _why_no_map(session, latent_map) if kind == "map" else ""


def _why_no_map(session: Session, latent_map: LatentMap) -> str:
    others = [layer.title for layer in latent_map.layer_stack if layer.name not in MAP_LAYERS and layer.is_shown()]
    points = session.points
    if others:
        return f"The command draws no {others[0].lower()}: switch that layer off"
    if session.viewed_epoch is not None:
        return "The command draws no earlier epoch: return to now"
    if session.selection is not None or session.colour_by or latent_map.layer_stack.points.hidden:
        return "The command draws all points by their class: select none, and show all classes"
    if session.axes.directions or session.axes.embedding:
        return "The command draws dimensions and principal components only: choose these axes"
    if points is not None and not points.fingerprint and session.model is not None:
        return ""
    return ""


def export_command(
    choice: ExportChoice,
    path: str,
    session: Session,
    latent_map: LatentMap,
    paths: PathController,
    run: str,
    dimensions: tuple[int, ...],
) -> str:
    """One line for a POSIX shell that writes the same bytes to ``path``."""
    kind, model = choice.kind, session.model
    if kind == "history":
        words = [run, "--history", path, "--of", choice.of, "--fps", str(choice.fps), "--scale", str(choice.scale)]
        return shlex.join(["latentlab", "export", *words])
    if kind == "curves":
        return shlex.join(["latentlab", "export", run, "--curves", path])
    if kind == "path":
        return paths.command(path, choice.scale)
    assert model is not None
    source, z = model_argument(model.source), written(session.latent)
    label = ["--label", str(session.label)] if model.conditional and session.label is not None else []
    scale = ["--scale", str(choice.scale)]
    if kind == "image":
        return shlex.join(["latentlab", "decode", source, f"--z={z}", *label, *scale, "--out", path])
    words = ["latentlab", "export", source]
    match kind:
        case "traversals":
            shown = ",".join(str(number + 1) for number in dimensions)
            words += ["--traversals", path, f"--z={z}", "--dimensions", shown, *label, *scale]
        case "map":
            words += ["--map", path, *_map_words(choice, session, latent_map), *label]
        case _:
            words += [f"--{kind}", path]
            if kind == "html":
                words += label
    dataset = session.dataset
    takes_images = kind in ("latents", "projector", "html") and choice.with_images and model.has_encoder
    if takes_images and dataset is not None and dataset.image_shape == model.image_shape:
        words += ["--data", absolute_source(dataset.source)]
        if dataset.config.limit is not None:
            words += ["--limit", str(dataset.config.limit)]
    return shlex.join(words)


def _map_words(choice: ExportChoice, session: Session, latent_map: LatentMap) -> list[str]:
    view, axes = latent_map.view(), session.axes
    ranges = ",".join(repr(float(value)) for value in (*view.x_range, *view.y_range))
    layers = [layer for layer in latent_map.layers() if layer.name in MAP_LAYERS and layer.visible]
    has_neighbours = latent_map.layer_stack.neighbours.is_shown()  # else the command would wait for them
    layers = [layer for layer in layers if layer.name != "neighbours" or has_neighbours]
    words = ["--size", f"{choice.width}x{choice.height}", "--detail", str(choice.detail), f"--view={ranges}"]
    words += ["--axes", f"{axes.x},{axes.y}", f"--z={written(session.latent)}"]
    words += ["--layers", ",".join(f"{layer.name}:{layer.opacity:g}" for layer in layers)]
    words += ["--theme", "dark" if current_theme().is_dark else "light"]
    dataset, points = session.dataset, session.points
    is_encoded = dataset is not None and points is not None and points.fingerprint == dataset.fingerprint != ""
    if dataset is not None and is_encoded and session.model is not None and session.model.has_encoder:
        words += ["--data", absolute_source(dataset.source)]
        if dataset.config.limit is not None:
            words += ["--limit", str(dataset.config.limit)]
    return words


def written(latent: FloatArray) -> str:
    """A latent as the command line reads it: the same numbers to the last bit."""
    return ",".join(np.format_float_positional(value, unique=True, trim="-") for value in latent)
