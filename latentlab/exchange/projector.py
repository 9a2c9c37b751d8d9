"""Writes encoded images for TensorBoard's embedding projector: latents, labels, and a sprite of the images.

``tensorboard --logdir FOLDER`` opens the folder, and https://projector.tensorflow.org its tables; TensorBoard is not
needed to write them.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path

import numpy as np
from PIL import Image

from latentlab.data.images.png_file import write_png
from latentlab.exchange.encoded import Encoded, Progress, decoding
from latentlab.models.inference import InferenceModel
from latentlab.storage import atomic_write
from latentlab.storage.onnx_package import require_new_folder
from latentlab.utils.array_types import ByteArray, FloatArray
from latentlab.utils.pixels import as_pixels, to_bytes
from latentlab.utils.plain_text import as_line
from latentlab.utils.stamp import Stamp

TENSORS, METADATA, SPRITE, CONFIG = "tensors.tsv", "metadata.tsv", "sprite.png", "projector_config.pbtxt"
MAX_SPRITE_SIDE = 8192  # pixels: what browsers draw
_SMALLEST = 4  # px of an image in the sprite; without a sprite, points are drawn
_IMAGES_AT_ONCE = 256
_LONGEST_NAME = 300


def writing_projector(
    model: InferenceModel, encoded: Encoded, folder: str | Path, stamp: Stamp
) -> Generator[Progress, None, dict[str, int]]:
    """Write the folder in pieces.

    Parameters
    ----------
    model
        Decodes the latents where the images are not open: the sprite then has reconstructions.
    encoded
        The images.
    folder
        A new or empty folder.
    stamp
        Where they are from; the sprite's text.

    Returns
    -------
    dict
        ``images``, and ``sprite``, the side of each image in the sprite in pixels; 0 without a sprite, which more than
        4 million images have no room in.

    Raises
    ------
    InputError, RunError
        When the folder is not empty, or cannot be written.
    """
    path = Path(folder)
    require_new_folder(path)
    side = sprite_side(len(encoded), max(model.image_shape[1:]))
    if side:
        sprite = yield from _sprite(model, encoded, side)
        atomic_write(path / SPRITE, lambda file: write_png(file, sprite, stamp))
    atomic_write(path / TENSORS, "".join(map(_row, encoded.mean)).encode())
    atomic_write(path / METADATA, _metadata(encoded).encode("utf-8", "backslashreplace"))
    atomic_write(path / CONFIG, _config(encoded, side).encode())
    return {"images": len(encoded), "sprite": side}


def sprite_side(count: int, image_side: int) -> int:
    """Side in pixels of each of so many images in a square sprite; 0 if there is no room for them."""
    side = min(image_side, MAX_SPRITE_SIDE // max(1, math.ceil(math.sqrt(count))))
    return side if side >= _SMALLEST else 0


def _sprite(model: InferenceModel, encoded: Encoded, side: int) -> Generator[Progress, None, ByteArray]:
    """All images in rows of as many as there are rows."""
    count, across = len(encoded), math.ceil(math.sqrt(len(encoded)))
    channels = model.image_shape[0]
    shape = (across * side, across * side) if channels == 1 else (across * side, across * side, 3)
    sprite = np.zeros(shape, np.uint8)
    for start in range(0, count, _IMAGES_AT_ONCE):
        rows = slice(start, min(start + _IMAGES_AT_ONCE, count))
        if encoded.images is None:
            labels = encoded.label[rows].clip(0) if model.module.classes else None
            pixels = to_bytes((yield from _among(decoding(model, encoded.mean[rows], labels), rows.start, count)))
        else:
            pixels = np.asarray(encoded.images[rows])
        for number, image in enumerate(as_pixels(pixels), rows.start):
            top, left = (number // across) * side, (number % across) * side
            small = _shrunk(image, side)
            sprite[top : top + small.shape[0], left : left + small.shape[1]] = small
        yield rows.stop, count
    return sprite


def _among(
    steps: Generator[Progress, None, FloatArray], before: int, total: int
) -> Generator[Progress, None, FloatArray]:
    """A part of the images; its progress is that among all of them."""
    while True:
        try:
            done, _ = next(steps)
        except StopIteration as end:
            images: FloatArray = end.value
            return images
        yield before + done, total


def _shrunk(image: ByteArray, side: int) -> ByteArray:
    """An image whose longer side is ``side`` at most."""
    height, width = image.shape[:2]
    if max(height, width) <= side:
        return image
    size = max(1, round(width * side / max(height, width))), max(1, round(height * side / max(height, width)))
    small: ByteArray = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    return small


def _metadata(encoded: Encoded) -> str:
    """A line for each image, below a header, which a table of two columns has."""
    classes = [_cell(name) for name in encoded.classes]
    lines = ["name\tclass"]
    for path, label in zip(encoded.paths, encoded.label.tolist(), strict=True):
        name = classes[label] if 0 <= label < len(classes) else ("unknown" if label < 0 else str(label))
        lines.append(f"{_cell(path)}\t{name}")
    return "\n".join(lines) + "\n"


def _row(latent: FloatArray) -> str:
    """A line of numbers, each the same to the last bit when it is read again."""
    return "\t".join(map(str, latent)) + "\n"


def _cell(text: str) -> str:
    return as_line(text, _LONGEST_NAME).replace("\t", " ") or " "


def _config(encoded: Encoded, side: int) -> str:
    """The description that TensorBoard reads, a text of protocol buffers."""
    count, size = encoded.mean.shape
    lines = [
        "embeddings {",
        '  tensor_name: "latents"',
        f'  tensor_path: "{TENSORS}"',
        f"  tensor_shape: {count}",
        f"  tensor_shape: {size}",
        f'  metadata_path: "{METADATA}"',
    ]
    if side:
        lines += [
            "  sprite {",
            f'    image_path: "{SPRITE}"',
            f"    single_image_dim: {side}",
            f"    single_image_dim: {side}",
            "  }",
        ]
    return "\n".join([*lines, "}", ""])
