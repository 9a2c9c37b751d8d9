"""The class of most of some neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def majority(labels: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The most frequent class in each row, as of a k-nearest-neighbour classifier.

    Parameters
    ----------
    labels
        Classes of the neighbours, int [n, k], k ≥ 1 and 0 or more each.

    Returns
    -------
    winner, share
        int64 [n], of equally frequent ones the lowest number; float32 [n], the part of the k that has it.

    Examples
    --------
    >>> winner, share = majority([[2, 0, 2, 1], [1, 1, 0, 0]])
    >>> winner.tolist(), share.tolist()
    ([2, 0], [0.5, 0.5])
    """
    rows = np.asarray(labels, np.int64)
    counts = np.zeros((len(rows), int(rows.max(initial=0)) + 1), np.int64)
    np.add.at(counts, (np.arange(len(rows))[:, None], rows), 1)
    winner = counts.argmax(axis=1)
    share = counts[np.arange(len(rows)), winner] / max(1, rows.shape[1])
    return winner, share.astype(np.float32)
