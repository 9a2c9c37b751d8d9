"""``latentlab path``: the images along a path through latents."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentlab.cli.console import write_json, write_line, write_note
from latentlab.cli.encode_decode import label_index, output_path
from latentlab.cli.image_output import note_if_inside_data, write_film_images, write_images
from latentlab.cli.latent_arguments import class_to_decode, waypoint
from latentlab.cli.open_data import points_of
from latentlab.config.layout import latent_layout, why_no_path
from latentlab.data.images.film import FILM_SUFFIXES, check_film, check_film_size
from latentlab.errors import InputError
from latentlab.latent.path_plan import PathPlan
from latentlab.latent.paths import plan_path
from latentlab.latent.way import check_kind
from latentlab.storage.outputs import check_output
from latentlab.utils.text import pluralize

if TYPE_CHECKING:
    from latentlab.models.inference import InferenceModel

_ONE_ROW = 20


def path(arguments: argparse.Namespace) -> int:
    """Write the images along the path, and report its lengths."""
    out = output_path(arguments.out, (".npz", ".png", *FILM_SUFFIXES))
    check_kind(arguments.kind)
    check_film(out.suffix.lower())
    check_output(out, arguments.model, *arguments.through, data=arguments.data or "")
    from latentlab.exchange.encoded import decoded_each, stamp_of
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
    to_decode = class_to_decode(label, model)
    _check_kind_of_model(arguments.kind, model)
    plan = plan_path(
        model,
        waypoints,
        arguments.frames,
        arguments.kind,
        loop=arguments.loop,
        is_even=arguments.even,
        points=points,
        label=to_decode,
    )
    z = plan.frames
    images, stamp = decoded_each(model, z, to_decode), stamp_of(model).of(z, to_decode)
    if out.suffix.lower() in FILM_SUFFIXES:
        write_film_images(out, images, arguments.fps, arguments.scale, stamp)
    else:
        columns = len(z) if len(z) <= _ONE_ROW else 0
        write_images(out, np.stack(list(images)), columns, scale=arguments.scale, stamp=stamp, z=z, waypoints=waypoints)
    note_if_inside_data(out, arguments.data, model.header.data.get("source"))
    _report(arguments, out, plan)
    return 0


def _check_kind_of_model(kind: str, model: InferenceModel) -> None:
    reason = why_no_path(kind, latent_layout(model.header.model, model.image_shape).kind)
    if reason:
        raise InputError(f"there is no {kind} path in this model: {reason}")


def _report(arguments: argparse.Namespace, out: Path, plan: PathPlan) -> None:
    """Lengths of the whole path, whatever the number of images, beside those of straight lines."""
    if arguments.json:
        values = {"out": str(out), "kind": arguments.kind, "frames": len(plan.frames)}
        lengths = {f"{name}_length": value for name, value in asdict(plan.lengths).items()}
        beside = {f"straight_{name}_length": value for name, value in asdict(plan.straight).items()}
        write_json(values | lengths | beside)
        return
    latent, pixel, metric = (
        f"{value:.2f}" + ("" if arguments.kind == "linear" else f" (straight {straight:.2f})")
        for value, straight in zip(asdict(plan.lengths).values(), asdict(plan.straight).values(), strict=True)
    )
    write_line(
        f"{out}: {pluralize(len(plan.frames), 'image')}; the path is {latent} long in latents, "
        f"{pixel} in pixel values, {metric} in the decoder's metric"
    )
