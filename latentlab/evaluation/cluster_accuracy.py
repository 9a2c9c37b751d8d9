"""How well clusters agree with classes that they were found without."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def cluster_accuracy(counts: Mapping[tuple[int, int], int]) -> float:
    """Fraction of images whose cluster is matched to their class, with the best matching of one to one.

    Parameters
    ----------
    counts
        Number of images, by cluster and class; at least one.

    Examples
    --------
    >>> cluster_accuracy({(0, 7): 9, (1, 7): 1, (1, 3): 10})
    0.95

    References
    ----------
    Yang et al. 2010, Image Clustering Using Local Discriminant Models and Global Integration; the matching is that of
    Kuhn 1955, The Hungarian Method for the Assignment Problem.
    """
    clusters, classes = (sorted({pair[place] for pair in counts}) for place in (0, 1))
    size = max(len(clusters), len(classes))
    table = np.zeros((size, size), np.int64)
    for (cluster, label), count in counts.items():
        table[clusters.index(cluster), classes.index(label)] = count
    matched = best_matching(table)
    return float(table[np.arange(size), matched].sum() / table.sum())


def best_matching(gain: NDArray[np.int64]) -> NDArray[np.int64]:
    """The column of each row, all different, whose total gain is greatest: int64 [n], of gains [n, n].

    The Hungarian method with potentials, n³ operations. SciPy has one, which is not needed for anything else here.
    """
    size = len(gain)
    cost = gain.max() - gain
    row_potential, column_potential = np.zeros(size + 1, np.int64), np.zeros(size + 1, np.int64)
    row_of = np.full(size + 1, -1)  # of each column; the last column is where a row's search begins
    for row in range(size):
        row_of[size] = row
        column, before = size, np.full(size, size)
        slack, is_done = np.full(size, np.iinfo(np.int64).max), np.zeros(size + 1, bool)
        while row_of[column] >= 0:
            is_done[column] = True
            current = row_of[column]
            reduced = cost[current] - row_potential[current] - column_potential[:size]
            better = ~is_done[:size] & (reduced < slack)
            slack[better], before[better] = reduced[better], column
            open_columns = np.flatnonzero(~is_done[:size])
            column = int(open_columns[slack[open_columns].argmin()])
            step = slack[column]
            row_potential[row_of[is_done]] += step
            column_potential[is_done] -= step
            slack[open_columns] -= step
        while column != size:  # every column on the way takes the row of the one before
            row_of[column] = row_of[before[column]]
            column = int(before[column])
    matched = np.empty(size, np.int64)
    matched[row_of[:size]] = np.arange(size)
    return matched
