"""Writes a model as one HTML page, the map of its latent space with a decoder, which any browser opens offline."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Generator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from latentlab.data import Dataset
from latentlab.errors import InputError
from latentlab.exchange.encoded import Progress, decoding, encoding, result_of
from latentlab.latent.components import principal_components
from latentlab.latent.grids import linear_grid
from latentlab.models.inference import InferenceModel
from latentlab.models.networks.mlp import MLPDecoder
from latentlab.paths import resource
from latentlab.storage import Points, atomic_write
from latentlab.utils.array_types import ByteArray, FloatArray
from latentlab.utils.palettes import UNLABELLED, class_colours
from latentlab.utils.text import pluralize

_MOST_POINTS = 100_000
_THUMBNAIL_BYTES = 4 << 20
_LARGEST_NETWORK = 4_000_000  # weights; the page has 5.4 bytes for each
_CELLS = 33
_MANIFOLD_CELLS = 20
_MOST_CLASSES = 255
_ACTIVATIONS = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.ELU: "elu", nn.SiLU: "silu", nn.Softplus: "softplus"}
_SAME = 1e-4  # of pixels: a network in the page gives the model's own images to this


@dataclass(frozen=True)
class _Plane:
    """The plane of the map: ``origin`` [d], orthonormal ``axes`` [2, d], and (left, right, bottom, top)."""

    origin: FloatArray
    axes: FloatArray
    extent: tuple[float, float, float, float]

    def positions(self, z: FloatArray) -> FloatArray:
        """[N, 2] of latents [N, d]."""
        projected: FloatArray = ((z - self.origin) @ self.axes.T).astype(np.float32)
        return projected

    def latents(self, cells: int) -> FloatArray:
        """Latents [cells², d] of a grid, the lowest row first."""
        left, right, bottom, top = self.extent
        grid = linear_grid(cells, cells, (left, right), (bottom, top)).reshape(-1, 2)
        z: FloatArray = (self.origin + grid @ self.axes).astype(np.float32)
        return z


def export_html(
    model: InferenceModel, path: str | Path, dataset: Dataset | None = None, label: int | None = None, title: str = ""
) -> dict[str, Any]:
    """Write the page at once: all of `writing_html`."""
    return result_of(writing_html(model, path, dataset, label, title))


def writing_html(
    model: InferenceModel, path: str | Path, dataset: Dataset | None = None, label: int | None = None, title: str = ""
) -> Generator[Progress, None, dict[str, Any]]:
    """Write the page in pieces.

    The decoder of a small fully connected model runs in the page; of any other model the page has a grid of images that
    were decoded beforehand, shows the nearest of them, and says so.

    Parameters
    ----------
    model
        Any model with plain latents of at least two dimensions.
    path
        The ``.html`` file.
    dataset
        Images to encode; by default the points in the model's file, whose pictures are then reconstructions.
    label
        The class that a conditional model decodes with (the first).
    title
        Of the page.

    Returns
    -------
    dict
        ``points`` shown and ``of`` all, ``decoder`` (``network`` or ``grid``), and the ``bytes`` of the page.

    Raises
    ------
    InputError, RunError
        When the model's latents are no plain numbers, or the page cannot be written.
    """
    if model.latent_dim < 2 or model.module.codebook_entries():
        raise InputError("the page is a map of plain latents of at least two dimensions, and this model has none")
    points, names, pictures = yield from _points(model, dataset)
    total = len(points.mean)
    order = np.random.default_rng(0).permutation(total)[:_MOST_POINTS]
    points = points.of(order)
    known = 0 if label is None else label
    labels = np.full(_CELLS**2, known) if model.module.classes else None
    plane = _plane_of(points.mean, model.latent_dim)
    size = int(np.prod(model.image_shape))
    stored = order[: max(16, _THUMBNAIL_BYTES // size)]
    if pictures is not None:
        images = np.asarray(pictures[stored])
    else:
        images = yield from _reconstructed(model, points, len(stored))
    network = None if model.module.classes else _network(model)
    manifold = yield from _manifold(model, plane, labels)
    content: dict[str, Any] = {
        "title": title or str(model.header.data.get("name", "")) or model.module.config.recipe,
        "image_shape": list(model.image_shape),
        "origin": plane.origin.tolist(),
        "axes": plane.axes.tolist(),
        "extent": list(plane.extent),
        "ranges": _ranges(points.mean, model.latent_dim),
        "classes": list(model.header.classes[:_MOST_CLASSES]),
        "colours": _colours(len(model.header.classes[:_MOST_CLASSES])),
        "points": {
            "positions": _floats(plane.positions(points.mean)),
            "latents": _floats(points.mean),
            "labels": _bytes(np.where((points.label < 0) | (points.label >= _MOST_CLASSES), 255, points.label)),
            "names": [] if names is None else [str(names[row]) for row in order],
            "thumbnails": _bytes(images),
            "pictures": len(stored),
        },
        "manifold": manifold,
        "network": network,
        "facts": _facts(model, len(order), total, pictures is not None),
        "footer": _footer(model, network is not None),
    }
    if network is None:
        content["fixed"] = _fixed(plane, model.latent_dim)
        decoded = _pixels((yield from decoding(model, plane.latents(_CELLS), labels)))
        content["grid"] = {"cells": _CELLS, "size": size, "extent": list(plane.extent), "pixels": _bytes(decoded)}
    page = _page(content).encode()
    atomic_write(path, page)
    return {
        "points": len(order),
        "of": total,
        "decoder": "grid" if network is None else "network",
        "bytes": len(page),
    }


def title_of_model(source: str) -> str:
    """The title of a model's page: the name that it is opened by, without folders."""
    path = Path(source.removeprefix("bundled:"))
    return path.parent.name if path.name == "model.safetensors" else path.stem


def _points(model: InferenceModel, dataset: Dataset | None) -> Generator[Progress, None, tuple[Points, Any, Any]]:
    """The points of the map, their names, and their pictures [N, C, H, W] if the images are there."""
    if dataset is not None:
        read = model.images_of(dataset)
        mean, std = yield from encoding(model, read)
        label = np.asarray(model.labels_of(dataset).labels if model.module.classes else dataset.labels, np.int64)
        same = tuple(read.images.shape[1:]) == model.image_shape
        return Points(mean, std, label), dataset.paths, read.images if same else None
    if model.points is not None:
        return model.points, None, None
    empty = np.zeros((0, model.latent_dim), np.float32)
    return Points(empty, empty, np.zeros(0, np.int64)), None, None


def _reconstructed(model: InferenceModel, points: Points, count: int) -> Generator[Progress, None, ByteArray]:
    """What the first ``count`` points decode to."""
    labels = points.label[:count].clip(0) if model.module.classes else None
    return _pixels((yield from decoding(model, points.mean[:count], labels)))


def _plane_of(mean: FloatArray, latent_dim: int) -> _Plane:
    """The first two dimensions, or of more than two the points' principal components."""
    origin = np.zeros(latent_dim, np.float32)
    axes = np.eye(2, latent_dim, dtype=np.float32)
    if latent_dim > 2 and len(mean) > 2:
        found = principal_components(mean, 2)
        if len(found) == 2:
            origin, axes = mean.mean(axis=0), found
    positions = (mean - origin) @ axes.T
    if not len(positions):
        return _Plane(origin, axes, (-3.0, 3.0, -3.0, 3.0))
    low, high = np.percentile(positions, [0.5, 99.5], axis=0)
    margin = 0.08 * np.maximum(high - low, 1e-3)
    (left, bottom), (right, top) = (low - margin).tolist(), (high + margin).tolist()
    return _Plane(origin, axes, (left, right, bottom, top))


def _ranges(mean: FloatArray, latent_dim: int) -> list[list[float]]:
    """What each slider reaches."""
    if not len(mean):
        return [[-3.0, 3.0]] * latent_dim
    low, high = np.percentile(mean, [0.1, 99.9], axis=0)
    return [[min(-3.0, float(a)), max(3.0, float(b))] for a, b in zip(low, high, strict=True)]


def _colours(classes: int) -> dict[str, Any]:
    """The colours of the classes, those of the window's map, and of points without a class."""
    # Those for a dark ground: the decoded images are below the points.
    return {
        "classes": ["#{:02x}{:02x}{:02x}".format(*colour) for colour in class_colours(classes).tolist()],
        "unlabelled": "#{:02x}{:02x}{:02x}".format(*UNLABELLED),
    }


def _fixed(plane: _Plane, latent_dim: int) -> str:
    """A sentence on what is fixed in images that were decoded beforehand; empty if nothing is."""
    if latent_dim <= 2:
        return ""
    if not plane.origin.any():
        others = "z3 is" if latent_dim == 3 else f"z3 to z{latent_dim} are"
        return f"The images are those of z1 and z2: {others} fixed at 0."
    origin = ", ".join(f"{value:.2f}" for value in plane.origin[:10]) + (", …" if latent_dim > 10 else "")
    return (
        "The images are those of the plane of the first two principal components "
        f"through z = ({origin}): nothing moves across it."
    ).replace("-", "−")


def _network(model: InferenceModel) -> dict[str, Any] | None:
    """The layers of a fully connected decoder, if they alone give the model's images."""
    decoder = getattr(model.module, "decoder", None)
    if not isinstance(decoder, MLPDecoder) or sum(p.numel() for p in decoder.parameters()) > _LARGEST_NETWORK:
        return None
    linear = [layer for layer in decoder.layers if isinstance(layer, nn.Linear)] + [decoder.pixels]
    kinds = {type(layer) for layer in decoder.layers if not isinstance(layer, nn.Linear)}
    activation = _ACTIVATIONS.get(next(iter(kinds), nn.ReLU)) if len(kinds) <= 1 else None
    if activation is None or linear[0].in_features != model.latent_dim:
        return None
    weights = [(layer.weight.detach().cpu().numpy(), layer.bias.detach().cpu().numpy()) for layer in linear]
    z = np.random.default_rng(0).standard_normal((16, model.latent_dim)).astype(np.float32)
    expected = model.decode(z).reshape(len(z), -1)
    for mean in ("sigmoid", "clip"):
        computed = _computed(weights, activation, mean, z)
        if computed.shape == expected.shape and np.abs(computed - expected).max() < _SAME:
            layers = [
                {"inputs": w.shape[1], "outputs": w.shape[0], "weight": _floats(w), "bias": _floats(b)}
                for w, b in weights
            ]
            return {"activation": activation, "mean": mean, "layers": layers}
    return None


def _computed(weights: list[tuple[FloatArray, FloatArray]], activation: str, mean: str, z: FloatArray) -> FloatArray:
    """What the page computes from its layers."""
    apply: dict[str, Any] = {
        "relu": lambda x: np.maximum(x, 0),
        "tanh": np.tanh,
        "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
        "silu": lambda x: x / (1 + np.exp(-x)),
        "softplus": lambda x: np.logaddexp(x, 0),
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "clip": lambda x: np.clip(x, 0, 1),
    }
    values = z.astype(np.float64)
    with np.errstate(over="ignore"):
        for number, (weight, bias) in enumerate(weights, 1):
            values = apply[activation if number < len(weights) else mean](values @ weight.T + bias)
    return values.astype(np.float32)


def _manifold(
    model: InferenceModel, plane: _Plane, labels: NDArray[np.int64] | None
) -> Generator[Progress, None, dict[str, Any]]:
    """A picture of images decoded over the plane."""
    count = _MANIFOLD_CELLS
    of_cells = None if labels is None else labels[: count**2]
    decoded = _pixels((yield from decoding(model, plane.latents(count), of_cells)))
    channels, height, width = model.image_shape
    tiles = decoded.reshape(count, count, channels, height, width)[::-1]  # the highest row first
    picture = tiles.transpose(0, 3, 1, 4, 2).reshape(count * height, count * width, channels)
    buffer = io.BytesIO()
    shown = picture[:, :, 0] if channels < 3 else np.ascontiguousarray(picture[:, :, :3])
    image = Image.fromarray(shown)
    image.thumbnail((1280, 1280))
    image.save(buffer, "png")
    return {
        "picture": "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode(),
        "extent": list(plane.extent),
    }


def _facts(model: InferenceModel, shown: int, total: int, has_images: bool) -> str:
    _, height, width = model.image_shape
    parts = [
        model.module.config.recipe,
        pluralize(model.latent_dim, "latent"),
        f"{width} × {height} pixels",
        pluralize(total, "image") if shown == total else f"{shown:,} of {total:,} images, chosen at random",
    ]
    elbo = model.header.metrics.get("validation_elbo")
    if elbo is not None:
        parts.append(f"ELBO {elbo:.1f} nats".replace("-", "−"))
    if total and not has_images:
        parts.append("pictures of points are reconstructions")
    return " · ".join(parts)


def _footer(model: InferenceModel, has_network: bool) -> str:
    decoder = (
        "Images are decoded in this page."
        if has_network
        else f"Images are the nearest of {_CELLS} × {_CELLS} that were decoded beforehand."
    )
    program, digest = version("latentlab"), model.header.sha256 or "unknown"
    return f"{decoder} Made by latentlab {program} from the model with SHA-256 {digest}."


def _page(content: dict[str, Any]) -> str:
    # A name from outside cannot end the script that it stands in.
    data = json.dumps(content, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    parts = {
        "/*STYLE*/": _text("page.css"),
        "/*DATA*/": data,
        "/*DECODER*/": _text("decoder.js"),
        "/*PAGE*/": _text("page.js"),
    }
    # All at once: a name from outside may read like one of the marks.
    return re.sub("|".join(map(re.escape, parts)), lambda mark: parts[mark[0]], _text("page.html"))


def _text(name: str) -> str:
    return resource("page", name).read_text(encoding="utf-8")


def _pixels(images: FloatArray) -> ByteArray:
    pixels: ByteArray = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return pixels


def _floats(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def _bytes(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, np.uint8).tobytes()).decode()
