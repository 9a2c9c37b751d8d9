"""Write images as a picture, a film or an array."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentlab.data.images.film import write_film
from latentlab.storage import atomic_write


def write_images(
    out: Path, images: NDArray[np.float32], columns: int = 0, fps: int = 20, scale: int = 1, **arrays: Any
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
    fps, scale
        Of a film.
    arrays
        Further arrays of an ``.npz`` file.
    """
    from latentlab.training.map_preview import tile

    suffix = out.suffix.lower()
    if suffix != ".npz":  # what is no number is black
        images = np.nan_to_num(images, nan=0.0, posinf=0.0, neginf=0.0)
    if suffix == ".npz":
        atomic_write(out, lambda file: np.savez(file, images=images, **arrays))
    elif suffix == ".png":
        picture = tile(images, columns or math.ceil(math.sqrt(len(images))))
        atomic_write(out, lambda file: Image.fromarray(picture).save(file, format="PNG"))
    else:
        frames = np.rint(images * 255).astype(np.uint8).transpose(0, 2, 3, 1)
        pixels = frames[..., 0] if frames.shape[-1] == 1 else frames
        atomic_write(out, lambda file: write_film(file, pixels, suffix, fps, scale))
