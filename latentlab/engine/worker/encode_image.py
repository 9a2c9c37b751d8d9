"""Encodes one image: from a file, prepared as the model's training images were, or as it is painted."""

from __future__ import annotations

import numpy as np

from latentlab.config import DataConfig, validated
from latentlab.data.images.image_file import UnreadableError
from latentlab.data.images.to_array import DecodedImage, decode_known
from latentlab.engine.protocol.messages import DrawingEncoded, EncodeDrawing, EncodeImage, ImageEncoded
from latentlab.engine.worker.workspace import Workspace, require_drawable
from latentlab.errors import InputError
from latentlab.evaluation import quick_bound
from latentlab.models.inference import InferenceModel
from latentlab.utils.array_types import ByteArray
from latentlab.utils.pixels import as_pixels, to_bytes

_COLOUR_MODES = ("RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")


def encode_image(workspace: Workspace, request: EncodeImage) -> None:
    """Encode one image file, prepared as the model's training data was.

    Raises
    ------
    InputError
        When it is not an image, or the model encodes it beyond the range of the map.
    """
    model = workspace.need_model()
    channels, height, width = model.image_shape
    config = validated(DataConfig, {**model.header.data.get("config", {}), "channels": channels})
    try:
        found = decode_known(request.path, (width, height), config, model.value_ranges)
    except UnreadableError as error:
        raise InputError(f"{request.path}: {error}") from None
    pixels = found.pixels
    if pixels.shape != model.image_shape:
        pixels = np.ascontiguousarray(np.broadcast_to(pixels, model.image_shape))
    workspace.send(_encoded(workspace, model, pixels, request.path, request.label, _note(found, model)))


def encode_drawing(workspace: Workspace, request: EncodeDrawing) -> None:
    """Encode one painted image, fitted to the model's shape.

    Raises
    ------
    InputError
        When the model encodes it beyond the range of the map.
    """
    model = workspace.need_model()
    image = request.image[None] if request.image.ndim == 2 else request.image.transpose(2, 0, 1)
    pixels = model.fitted(np.ascontiguousarray(image)[None])[0]
    encoded = _encoded(workspace, model, pixels, request.name, request.label, is_drawing=True)
    workspace.send(DrawingEncoded(request.generation, encoded))


def _encoded(
    workspace: Workspace,
    model: InferenceModel,
    pixels: ByteArray,
    path: str,
    wanted: int | None,
    note: str = "",
    is_drawing: bool = False,
) -> ImageEncoded:
    """An image uint8 [C, H, W] as the model encodes it."""
    label = None
    if model.header.model.conditional:
        # A model that classifies decides itself; for others the window's class is used.
        (guess,) = model.classes_of_images(pixels[None], -1)
        label = int(guess) if guess >= 0 else wanted
    labels = None if label is None else np.array([label])
    mean, std = model.encode(pixels[None], labels)
    # A model of another program may have no ELBO: the image is shown all the same, with its error.
    bound = None if model.capabilities.why_no_bound else quick_bound(model.module, pixels[None], labels)
    decoded = model.decode(mean, labels)
    difference = pixels[None].astype(np.float32) / 255 - decoded
    return ImageEncoded(
        model_version=workspace.version,
        path=path,
        mean=require_drawable(mean[0]),
        std=require_drawable(std[0]),
        image=as_pixels(pixels[None])[0],
        reconstruction=as_pixels(to_bytes(decoded))[0],
        distortion=None if bound is None else bound.distortion,
        rate=None if bound is None else bound.rate,
        label=label,
        note=note,
        is_drawing=is_drawing,
        pixel_error=float(np.sqrt(np.mean(difference**2))),
    )


def _note(found: DecodedImage, model: InferenceModel) -> str:
    """What was changed about a file to fit the model."""
    channels, height, width = model.image_shape
    parts = []
    if found.size != (width, height):
        parts.append(f"{found.size[0]:,} × {found.size[1]:,} pixels, resized to {width} × {height}")
    if channels == 1 and found.mode in _COLOUR_MODES:
        parts.append("colours as greys")
    if found.note:
        parts.append(found.note)
    return "; ".join(parts)
