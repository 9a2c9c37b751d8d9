"""``latentlab compare``: two models on the same images."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.cli.console import write_json, write_line, write_note
from latentlab.cli.evaluate import held_out_part, rounded
from latentlab.cli.open_data import model_and_data
from latentlab.errors import InputError
from latentlab.latent.alignment import procrustes

_FIGURES = ("elbo", "rate", "distortion", "log_likelihood", "bits_per_dimension", "active_units")


def compare(arguments: argparse.Namespace) -> int:
    """Report the figures of both models, and the Procrustes disparity of their latents."""
    sources = arguments.model, arguments.other
    found, latents = [], []
    for source in sources:
        values, mean = _measured(argparse.Namespace(**(vars(arguments) | {"model": source})))
        found.append(values)
        latents.append(mean)
    first, second = latents
    if len(first) != len(second):
        raise InputError(f"the models see {len(first):,} and {len(second):,} images of the data, and not the same ones")
    disparity = procrustes(first, second).disparity
    if found[0]["image_shape"] != found[1]["image_shape"]:
        write_note("latentlab: the models have images of different shapes: their figures in nats cannot be compared")
    if arguments.json:
        write_json({"models": found, "images": len(first), "procrustes": disparity})
        return 0
    width = max(10, *map(len, sources))
    rows: list[tuple[str, tuple[str, ...]]] = [("model", sources)]
    rows += [(name, tuple(rounded(each[name]) for each in found)) for name in ("latent_dim", *_FIGURES)]
    for name, cells in rows:
        write_line(f"{name:<20}{'  '.join(f'{cell:>{width}}' for cell in cells)}")
    write_line(f"procrustes disparity of the latents of {len(first):,} images: {disparity:.3f} (0: the same shape)")
    return 0


def _measured(arguments: argparse.Namespace) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """The figures of one model, and the posterior means of the images."""
    from latentlab import evaluation

    model, whole, _ = model_and_data(arguments)
    dataset = whole.part(arguments.split or held_out_part(whole))
    labels = model.labels_of(dataset).labels
    report = evaluation.evaluate(
        model.module,
        dataset.images,
        labels,
        importance_samples=arguments.importance_samples,
        binarise=model.header.training.get("binarise", "none"),
        seed=arguments.seed,
    )
    values = {
        "model": arguments.model,
        "recipe": model.header.model.recipe,
        "latent_dim": model.latent_dim,
        "image_shape": list(model.image_shape),
        **{name: getattr(report, name) for name in _FIGURES},
        "importance_samples": report.importance_samples,
    }
    return values, model.encode(dataset.images, labels)[0]
