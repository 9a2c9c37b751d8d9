"""The ``latentlab path`` command that writes the film of a path."""

from __future__ import annotations

import shlex

import numpy as np

from latentlab.config.info import ModelInfo
from latentlab.controllers.copied_commands import model_argument
from latentlab.engine.protocol.messages import SolvePath

_LONGEST = 50_000  # characters of all waypoints: shells take about twice as many


def path_command(request: SolvePath, model: ModelInfo, fps: int, scale: int, out: str = "path.gif") -> str:
    """The command that writes the same film, as one line for a POSIX shell."""
    words = [
        "latentlab",
        "path",
        model_argument(model.source),
        "--through",
        *map(_written, request.waypoints),
        "--kind",
        request.kind,
    ]
    words += ["--loop"] if request.is_closed else []
    words += ["--even"] if request.is_even else []
    if request.label is not None and model.conditional:
        known = request.label < len(model.classes)
        words += ["--label", model.classes[request.label] if known else str(request.label)]
    words += ["--frames", str(request.frames), "--fps", str(fps), "--scale", str(scale), "--out", out]
    return shlex.join(words)


def why_no_command(request: SolvePath, model: ModelInfo | None, run_is_active: bool, is_from_file: bool) -> str:
    """Why no command writes this film; empty if one does."""
    if run_is_active or model is None or not model.source:
        return "The model is being trained: its weights are in no file yet"
    if not is_from_file:
        return "The path leads through images that the model's file does not contain: save the model first"
    if request.waypoints.size * 8 > _LONGEST:
        return "The path has too many waypoints for a command: keep it on the Board"
    return ""


def _written(waypoint: np.ndarray) -> str:
    """A latent as the command line reads it: the same numbers to the last bit."""
    return ",".join(np.format_float_positional(value, unique=True, trim="-") for value in waypoint)
