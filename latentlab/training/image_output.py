"""Write images as a picture, a film or an array."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.images.film import write_film
from latentlab.data.images.png_file import write_png
from latentlab.storage import atomic_write
from latentlab.utils.ahead import ahead
from latentlab.utils.pixels import as_pixels, to_bytes
from latentlab.utils.stamp import STAMP_KEY, Stamp


def write_images(
    out: Path,
    images: NDArray[np.float32],
    columns: int = 0,
    fps: int = 20,
    scale: int = 1,
    *,
    stamp: Stamp | None = None,
    **arrays: Any,
) -> None:
    """Write images float32 [N, C, H, W] in [0, 1] in the format of the file's name.

    Parameters
    ----------
    out
        ``.npz`` (``images`` and ``arrays``), ``.png`` (tiled left to right), or a film.
    images
        float32 [N, C, H, W].
    columns
        Of the tiles; about as many as rows by default.
    fps
        Frames a second of a film.
    scale
        Side of the square that a pixel of an image becomes in a film or a picture.
    stamp
        Where the images are from, which is written into the file.
    arrays
        Further arrays of an ``.npz`` file.
    """
    from latentlab.training.map_preview import tile

    suffix = out.suffix.lower()
    if suffix == ".npz":
        origin = {} if stamp is None else {STAMP_KEY: np.array(stamp.text())}
        atomic_write(out, lambda file: np.savez(file, images=images, **arrays, **origin))  # type: ignore[arg-type]
    elif suffix == ".png":
        picture = tile(_finite(images), columns or math.ceil(math.sqrt(len(images))))
        picture = picture.repeat(scale, axis=0).repeat(scale, axis=1)
        atomic_write(out, lambda file: write_png(file, picture, stamp))
    else:
        write_film_images(out, images, fps, scale, stamp)


def write_film_images(
    out: Path, images: Iterable[NDArray[np.float32]], fps: int = 20, scale: int = 1, stamp: Stamp | None = None
) -> None:
    """Write a film of images float32 [C, H, W] in [0, 1], each encoded while the next ones are made."""
    frames = (as_pixels(to_bytes(_finite(image))[None])[0] for image in images)
    atomic_write(out, lambda file: write_film(file, ahead(frames), out.suffix.lower(), fps, scale, stamp))


def _finite(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Images in which what is no number is black."""
    return np.nan_to_num(images, nan=0.0, posinf=0.0, neginf=0.0)
