"""The encoded images of a model, in order: those of a dataset, or those in the model's file."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from latentlab.data import Dataset
from latentlab.data.types import Labels
from latentlab.errors import InputError
from latentlab.models.inference import CHUNK, InferenceModel
from latentlab.utils.array_types import FloatArray, IntArray
from latentlab.utils.stamp import Stamp

_T = TypeVar("_T")
Progress = tuple[int, int]
"""How many of how many are done."""
_FEW = 16  # images at once of a network that is slower than a fully connected one


@dataclass(frozen=True)
class Encoded:
    """Posteriors of images.

    Attributes
    ----------
    mean, std
        float32 [N, d].
    label
        int64 [N], index into ``classes``, −1 where unknown.
    classes
        Names of the classes.
    paths
        A unique name for each image, N.
    index
        int64 [N]: the images' numbers in their dataset.
    images
        uint8 [N, C, H, W], the images themselves, which may be in a file; ``None`` for points of a model's file, whose
        images are not open.
    """

    mean: FloatArray
    std: FloatArray
    label: Labels
    classes: tuple[str, ...]
    paths: Sequence[str]
    index: IntArray
    images: Any = None

    def __len__(self) -> int:
        """How many images."""
        return len(self.mean)


def encoding(
    model: InferenceModel, dataset: Dataset, labels: Labels | None = None
) -> Generator[Progress, None, tuple[FloatArray, FloatArray]]:
    """Encode a dataset, whose images are as the model reads them, in the same pieces wherever it is done.

    A matrix product may differ in its last bit with the number of its rows: the window and the command encode as many
    images at once, so that they write the same bytes.

    Parameters
    ----------
    model, dataset
        The encoder and the images.
    labels
        In the model's numbers; by default those of the dataset.

    Returns
    -------
    mean, std
        float32 [N, d] each.
    """
    known = model.labels_of(dataset).labels if labels is None else labels
    total, at_once = len(dataset), piece_of(model)
    means, stds = [np.zeros((0, model.latent_dim), np.float32)], [np.zeros((0, model.latent_dim), np.float32)]
    for start in range(0, total, at_once):
        rows = slice(start, min(start + at_once, total))
        mean, std = model.encode(np.asarray(dataset.images[rows]), known[rows])
        means.append(mean)
        stds.append(std)
        yield rows.stop, total
    return np.concatenate(means), np.concatenate(stds)


def decoding(
    model: InferenceModel, z: FloatArray, label: int | Labels | None = None
) -> Generator[Progress, None, FloatArray]:
    """Decode latents [N, d] in the same pieces wherever it is done; returns images float32 [N, C, H, W]."""
    at_once = piece_of(model)
    parts = [np.zeros((0, *model.image_shape), np.float32)]
    for start in range(0, len(z), at_once):
        rows = slice(start, min(start + at_once, len(z)))
        parts.append(model.decode(z[rows], label[rows] if isinstance(label, np.ndarray) else label))
        yield rows.stop, len(z)
    return np.concatenate(parts)


def decoding_each(
    model: InferenceModel, z: FloatArray, label: int | None = None
) -> Generator[Progress, None, FloatArray]:
    """Decode each latent [d] of z [N, d] by itself, as it is when it is played; returns float32 [N, C, H, W]."""
    images = np.zeros((len(z), *model.image_shape), np.float32)
    for number, image in enumerate(decoded_each(model, z, label)):
        images[number] = image
        yield number + 1, len(z)
    return images


def decoded_each(model: InferenceModel, z: FloatArray, label: int | None = None) -> Iterator[FloatArray]:
    """The image float32 [C, H, W] of each latent [d] of z [N, d], decoded by itself when it is asked for."""
    for number in range(len(z)):
        yield model.decode(z[number : number + 1], label)[0]


def result_of(steps: Generator[Progress, None, _T]) -> _T:
    """What a generator of these returns, all of its pieces done at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _T = end.value
            return result


def piece_of(model: InferenceModel) -> int:
    """Images at once, which take about a frame: many of a fully connected network, few of any other."""
    config = model.module.config
    return CHUNK if config.family != "foreign" and config.architecture.kind == "mlp" else _FEW


def encoded_images(
    model: InferenceModel, dataset: Dataset | None, labels: Labels | None = None
) -> Generator[Progress, None, Encoded]:
    """Encode a dataset; without one, take the points in the model's file.

    Raises
    ------
    InputError
        When there is neither.
    """
    if dataset is not None:
        mean, std = yield from encoding(model, dataset, labels)
        fits = dataset.image_shape == model.image_shape
        images = dataset.images if fits else None
        return Encoded(mean, std, dataset.labels, dataset.classes, dataset.paths, np.arange(len(dataset)), images)
    points = model.points
    if points is None or not len(points.mean):
        raise InputError("the model has no encoded images in its file: open the images")
    index = np.arange(len(points.mean)) if points.index is None else points.index
    names = tuple(f"image {number}" for number in index.tolist())
    return Encoded(points.mean, points.std, points.label, tuple(model.header.classes), names, index)


def stamp_of(model: InferenceModel, seed: int | None = None) -> Stamp:
    """The stamp of what a model makes."""
    return Stamp(model.header.sha256 or "", seed)
