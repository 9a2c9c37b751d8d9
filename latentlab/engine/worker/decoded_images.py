"""Images for the window of latents that a model may decode to values that are not finite (no torch)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from latentlab.errors import NotFiniteError
from latentlab.utils.array_types import FloatArray

if TYPE_CHECKING:
    from latentlab.engine.worker.decode_service import Decoder
    from latentlab.engine.worker.workspace import Workspace


def decode_for_display(
    workspace: Workspace, decoder: Decoder, z: FloatArray, label: ArrayLike | None = None
) -> FloatArray:
    """Decode latents [N, d]; images that are not finite are crossed out and reported once per model.

    Parameters
    ----------
    workspace
        Tells the window.
    decoder
        The model, or what replaces it.
    z, label
        As for the model's ``decode``.

    Returns
    -------
    ndarray
        float32 [N, C, H, W] in [0, 1]; of a table of latents its nearest images.
    """
    model = workspace.model
    if model is not None and model is decoder and not model.capabilities.has_decoder:
        return model.module.nearest_images(z)  # type: ignore[operator, no-any-return]
    try:
        return decoder.decode(z, label)
    except NotFiniteError as error:
        workspace.report_not_finite()
        rows = ~np.isfinite(error.images).all(axis=(1, 2, 3))
        shown = error.images.copy()
        shown[rows] = crossed_out(*shown.shape[2:])
        return shown


def crossed_out(height: int, width: int) -> FloatArray:
    """A grey image [H, W] with a dark cross from corner to corner."""
    rows, columns = np.indices((height, width))
    across = columns * max(1, height - 1) / max(1, width - 1)
    thickness = max(0.75, 0.04 * height)
    is_line = (np.abs(rows - across) < thickness) | (np.abs(height - 1 - rows - across) < thickness)
    image: FloatArray = np.where(is_line, 0.15, 0.5).astype(np.float32)
    return image
