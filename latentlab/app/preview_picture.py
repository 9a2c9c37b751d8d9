"""The picture of the manifold stored in a model file, read before anything else (no Qt, no torch, no config)."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from latentlab.paths import resource
from latentlab.utils.array_rules import PICTURE, Extent, extent_fault

_LARGEST_HEADER = 10_000_000  # bytes, as in latentlab.storage.tensors
_LARGEST_PICTURE = 64 << 20  # values


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
    path = _path(source)
    try:
        if not os.path.isfile(path) or _header_size(path) > _LARGEST_HEADER:
            return None
        with safe_open(path, "numpy") as file:
            edges = json.loads(file.metadata()["latentlab"])["preview_extent"]
            if math.prod(file.get_slice("preview").get_shape()) > _LARGEST_PICTURE:
                return None
            picture = file.get_tensor("preview")
        left, right, bottom, top = (float(edge) for edge in edges)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None
    extent = (left, right, bottom, top)
    if extent_fault(extent) is not None or PICTURE.fault(picture, {}) is not None:
        return None
    return picture, extent


def _header_size(path: Path) -> int:
    with path.open("rb") as file:
        return int.from_bytes(file.read(8), "little")


def _path(source: str) -> Path:
    if source.startswith("bundled:"):
        return resource("models", f"{source.removeprefix('bundled:')}.safetensors")
    path = Path(source)
    return path / "model.safetensors" if os.path.isdir(path) else path
