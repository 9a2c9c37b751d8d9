"""Real samples of a dataset in one picture."""

from __future__ import annotations

import numpy as np

from latentlab.data.dataset import Dataset
from latentlab.data.types import Images

GAP = 1


def contact_sheet(dataset: Dataset, rows: int = 6, columns: int = 10, seed: int = 0) -> Images:
    """Tile images drawn from a dataset, as they will be trained on.

    Parameters
    ----------
    dataset
        Of at least one image; cells beyond the last stay empty.
    rows, columns
        Of tiles.
    seed
        The same seed draws the same images. They are drawn in equal numbers from all classes as far as they go, and
        stand sorted by class.

    Returns
    -------
    uint8 [rows · (H + 1) − 1, columns · (W + 1) − 1] or the same with 3 channels last: lines between tiles and empty
    cells are mid-grey.
    """
    chosen = _drawn(dataset, rows * columns, seed)
    channels, height, width = dataset.image_shape
    sheet = np.full((rows, height + GAP, columns, width + GAP, channels), 128, dtype=np.uint8)
    for cell, number in enumerate(chosen.tolist()):
        row, column = divmod(cell, columns)
        sheet[row, :height, column, :width] = dataset.images[number].transpose(1, 2, 0)
    flat = sheet.reshape(rows * (height + GAP), columns * (width + GAP), channels)[:-GAP, :-GAP]
    return flat[..., 0] if channels == 1 else flat


def _drawn(dataset: Dataset, count: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    order = np.random.default_rng([seed, 0xC0]).permutation(len(dataset))
    labels = dataset.labels[order]
    by_class = np.argsort(labels, kind="stable")
    _, starts, sizes = np.unique(labels[by_class], return_index=True, return_counts=True)
    turn = np.empty(len(order), dtype=np.int64)  # first of each class, then second of each …
    turn[by_class] = np.arange(len(order)) - np.repeat(starts, sizes)
    chosen = order[np.argsort(turn, kind="stable")[:count]]
    return chosen[np.argsort(dataset.labels[chosen], kind="stable")]
