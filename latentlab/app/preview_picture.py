"""The picture of the manifold stored in a model file, read before anything else (no Qt, no torch, no config)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from latentlab.paths import resource

Extent = tuple[float, float, float, float]


def preview_picture(source: str) -> tuple[npt.NDArray[np.uint8], Extent] | None:
    """Read the picture for the window's first paint.

    The worker reads and checks the whole file later; here only the picture is read.

    Parameters
    ----------
    source
        A model file, a run folder, or ``bundled:NAME``.

    Returns
    -------
    picture, extent
        uint8 [H, W] or [H, W, 3], and (left, right, bottom, top) in units of the map's axes; ``None`` when there is
        no picture, for any reason: the worker reports it.
    """
    try:
        with safe_open(_path(source), "numpy") as file:
            extent = json.loads(file.metadata()["latentlab"])["preview_extent"]
            picture = file.get_tensor("preview")
        left, right, bottom, top = (float(edge) for edge in extent)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or not left < right or not bottom < top:
        return None
    return picture, (left, right, bottom, top)


def _path(source: str) -> Path:
    if source.startswith("bundled:"):
        return resource("models", f"{source.removeprefix('bundled:')}.safetensors")
    path = Path(source)
    return path / "model.safetensors" if path.is_dir() else path
