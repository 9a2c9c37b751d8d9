"""Which image of the data a latent is that of, and what it is called."""

from __future__ import annotations

import numpy as np

from latentlab.engine.protocol.messages import FloatArray, PointsChanged


def row_of_latent(points: PointsChanged, latent: FloatArray) -> int | None:
    """The first point whose mean [d] is exactly this latent, by its row; ``None`` if there is none."""
    if not latent.size or points.mean.shape[1:] != latent.shape:
        return None
    # One dimension first: of a million points few have the same number there.
    rows = np.flatnonzero(points.mean[:, 0] == latent[0])
    rows = rows[(points.mean[rows] == latent).all(axis=1)]
    return int(rows[0]) if len(rows) else None


def image_name(points: PointsChanged, row: int) -> str:
    """What an image is called: its number in the dataset, from 0, and its class if that is known."""
    number = row if points.index is None else int(points.index[row])
    label = int(points.label[row]) if row < len(points.label) else -1
    name = f"image {number:,}"
    return f"{name} · {points.classes[label]}" if 0 <= label < len(points.classes) else name
