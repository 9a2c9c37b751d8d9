"""Decodes a latent of the current model and its counterpart in the compared one (see ``comparison``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentlab.engine.protocol.messages import BothDecoded, DecodeBoth
from latentlab.engine.worker.workspace import Workspace, is_drawable
from latentlab.models.inference import InferenceModel
from latentlab.storage import Points, Snapshot
from latentlab.utils.array_types import ByteArray, FloatArray
from latentlab.utils.pixels import as_pixels, to_bytes

if TYPE_CHECKING:
    from latentlab.engine.worker.comparison import Compared

NO_COUNTERPART = "no counterpart: the latent spaces are not aligned"
NO_WEIGHTS = "no image: the weights of past epochs are not kept"


def decode_both(workspace: Workspace, request: DecodeBoth) -> None:
    """Answer a request; nothing while no model is compared, or if the latent is of an earlier model."""
    model, held = workspace.model, workspace.compared
    if model is None or held is None or request.z.size != model.latent_dim:
        return
    if request.other_z is not None and request.other_z.size != held.info.latent_dim:
        return
    number = -1 if request.other_z is not None else _image_of(workspace, held, request.z)
    other_z = request.other_z if request.other_z is not None else _counterpart(workspace, held, request.z, number)
    if held.first is None:
        image, note = model.decode(request.z[None], request.label)[0], ""
    else:
        image, note = _stored_image(held.first, model.image_shape, model.header.model.conditional, request.z)
    other, other_note = None, NO_COUNTERPART
    if other_z is not None:
        other, other_note = _decoded(held, other_z, _other_label(model, held.info.classes, request.label))
    difference, mean = None, None
    if image is not None and other is not None and other.shape[-2:] == image.shape[-2:]:
        difference, mean = signed_difference(image, other)
    workspace.send(
        BothDecoded(
            generation=request.generation,
            z=request.z,
            other_z=other_z,
            image=None if image is None else _pixels(image),
            other_image=None if other is None else _pixels(other),
            difference=difference,
            mean_difference=mean,
            number=number,
            preview=request.preview,
            note="; ".join(dict.fromkeys(filter(None, (note, other_note)))),
        )
    )


def signed_difference(image: FloatArray, other: FloatArray) -> tuple[ByteArray, float]:
    """The second image minus the first, [C, H, W] in [0, 1] each: red where it is positive, blue where negative.

    Returns
    -------
    picture
        uint8 [H, W, 3], white where both are equal.
    mean
        Mean absolute difference.
    """
    difference = other.mean(axis=0) - image.mean(axis=0)
    strength = np.clip(np.abs(difference), 0, 1)[..., None]
    colour = np.where(difference[..., None] > 0, (0.70, 0.09, 0.17), (0.13, 0.40, 0.67))
    picture = np.rint(255 * (1 - strength * (1 - colour))).astype(np.uint8)
    return picture, float(np.abs(difference).mean())


def _image_of(workspace: Workspace, held: Compared, z: FloatArray) -> int:
    """The image whose latent this is exactly, or −1."""
    points = workspace.points if held.first is None else held.first
    if points is None or points.index is None or workspace.dataset_of_points() is None:
        return -1
    row = _row_of(points.mean, z)
    return -1 if row < 0 else int(points.index[row])


def _row_of(mean: FloatArray, z: FloatArray) -> int:
    candidates = np.flatnonzero(mean[:, 0] == z[0])  # one column first: a million points have ten
    rows = candidates[(mean[candidates] == z).all(axis=1)]
    return int(rows[0]) if len(rows) else -1


def _counterpart(workspace: Workspace, held: Compared, z: FloatArray, number: int) -> FloatArray | None:
    """The same image's latent, else the aligned one; equal numbers for snapshots of the current model's run."""
    if number >= 0:
        own = _own_latent(workspace, held, number)
        if own is not None:
            return own
    other: FloatArray | None = None
    if held.alignment is not None:
        other = held.alignment.inverse(z)
    elif z.size == held.info.latent_dim:
        other = z
    return other if other is not None and is_drawable(other).all() else None


def _own_latent(workspace: Workspace, held: Compared, number: int) -> FloatArray | None:
    """Posterior mean of an image of the open dataset by the compared model; ``None`` if it is not known."""
    points: Points | None = held.points
    dataset = workspace.dataset_of_points()
    if dataset is None or held.fingerprint != dataset.fingerprint:
        return None
    if points is not None and points.index is not None:
        rows = np.flatnonzero(points.index == number)
        if len(rows):
            own: FloatArray = points.mean[rows[0]]
            return own
    is_encoded = held.model is not None and held.model.capabilities.has_encoder and number < len(dataset)
    if held.model is None or not is_encoded or dataset.image_shape != held.model.image_shape:
        return None
    label = held.model.labels_of(dataset).labels[number : number + 1]
    mean: FloatArray = held.model.encode(np.asarray(dataset.images[number : number + 1]), label)[0][0]
    return mean


def _other_label(model: InferenceModel, classes: tuple[str, ...], label: int | None) -> int | None:
    """The class of the same name in the compared model's numbers."""
    names = model.header.classes
    if label is None or not 0 <= label < len(names) or names[label] not in classes:
        return 0 if classes else None
    return classes.index(names[label])


def _decoded(held: Compared, z: FloatArray, label: int | None) -> tuple[FloatArray | None, str]:
    """Image [C, H, W] in [0, 1] of a latent of the compared model, or ``None``; and what is to be said about it."""
    if held.model is not None:
        conditional = held.model.header.model.conditional
        return held.model.decode(z[None], label if conditional else None)[0], ""
    assert held.snapshot is not None
    return _stored_image(held.snapshot, held.info.image_shape, held.info.conditional, z)


def _stored_image(
    snapshot: Snapshot, image_shape: tuple[int, int, int], conditional: bool, z: FloatArray
) -> tuple[FloatArray | None, str]:
    """The nearest image of a snapshot's picture, as in `_decoded`."""
    from latentlab.training.snapshots import stored_image

    if conditional or z.size != 2:
        return None, NO_WEIGHTS
    tile = stored_image(snapshot, image_shape, z)
    if tile is None:
        return None, NO_WEIGHTS
    image = tile[None] if tile.ndim == 2 else tile.transpose(2, 0, 1)
    note = f"the nearest image that was stored at epoch {snapshot.epoch}"
    return np.asarray(image, np.float32) / np.float32(255), note


def _pixels(image: FloatArray) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = as_pixels(to_bytes(image[None]))[0]
    return pixels
