"""``latentlab path``: the images along a path through latents."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentlab.cli.console import write_json, write_line, write_note
from latentlab.cli.encode_decode import label_index, output_path
from latentlab.cli.image_output import note_if_inside_data, write_images
from latentlab.cli.latent_arguments import class_to_decode, waypoint
from latentlab.cli.open_data import points_of
from latentlab.data.images.film import FILM_SUFFIXES, check_film, check_film_size
from latentlab.errors import InputError
from latentlab.latent.paths import at_even_speed, check_kind, interpolate, path_length
from latentlab.storage.outputs import check_output
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.models.inference import InferenceModel

_ONE_ROW = 20
_STEPS_PER_FRAME, _MAX_STEPS = 8, 4000


def path(arguments: argparse.Namespace) -> int:
    """Write the images along the path, and report its lengths."""
    out = output_path(arguments.out, (".npz", ".png", *FILM_SUFFIXES))
    check_kind(arguments.kind)
    check_film(out.suffix.lower())
    check_output(out, arguments.model, *arguments.through, data=arguments.data or "")
    from latentlab.models.inference import load_model

    model = load_model(arguments.model, arguments.device)
    if out.suffix.lower() in FILM_SUFFIXES:
        check_film_size(arguments.frames, *model.image_shape[1:], arguments.scale)
    label = label_index(arguments.label, model)
    waypoints = np.stack([waypoint(text, model, label, arguments.levels) for text in arguments.through])
    if len(waypoints) < 2:
        raise InputError("a path leads through at least two waypoints, and --through has one")
    if arguments.data is not None and arguments.kind != "graph":
        write_note(f"latentlab: --data is not used: only --kind graph needs images, and this path is {arguments.kind}")
    points = points_of(model, arguments).mean if arguments.kind == "graph" else None
    z = _latents(arguments, model, waypoints, points, class_to_decode(label, model))
    images = model.decode(z, class_to_decode(label, model))
    columns = len(z) if len(z) <= _ONE_ROW else 0
    write_images(out, images, columns, arguments.fps, arguments.scale, z=z, waypoints=waypoints)
    note_if_inside_data(out, arguments.data, model.header.data.get("source"))
    lengths = path_length(z, arguments.loop), path_length(images, arguments.loop)
    if arguments.json:
        values = {"out": str(out), "kind": arguments.kind, "frames": len(z)}
        write_json(values | {"latent_length": lengths[0], "pixel_length": lengths[1]})
    else:
        write_line(
            f"{out}: {pluralize(len(z), 'image')}; the path is {lengths[0]:.2f} long in latents, {lengths[1]:.2f} in "
            "pixel values"
        )
    return 0


def _latents(
    arguments: argparse.Namespace,
    model: InferenceModel,
    waypoints: NDArray[np.float32],
    points: NDArray[np.float32] | None,
    label: int | None,
) -> NDArray[np.float32]:
    kind, loop, frames = arguments.kind, arguments.loop, arguments.frames
    if not arguments.even or len(waypoints) < 2:
        return interpolate(waypoints, frames, kind=kind, loop=loop, points=points)
    steps = max(frames, min(_MAX_STEPS, _STEPS_PER_FRAME * frames))
    fine = interpolate(waypoints, max(2, steps), kind=kind, loop=loop, points=points)
    return at_even_speed(fine, model.decode(fine, label), frames, loop)
