"""How strongly a latent dimension goes with a column of the data: Pearson's r, and η for categories."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pearson(x: ArrayLike, y: ArrayLike) -> float | None:
    """Pearson's correlation coefficient of two columns, over the rows where both are finite.

    Parameters
    ----------
    x, y
        Numbers, [N] each.

    Returns
    -------
    float or None
        From −1 to 1; ``None`` if one of them is constant, or with fewer than three rows.
    """
    one, other = np.asarray(x, np.float64), np.asarray(y, np.float64)
    both = np.isfinite(one) & np.isfinite(other)
    one, other = one[both], other[both]
    if len(one) < 3:
        return None
    one, other = one - one.mean(), other - other.mean()
    lengths = float(np.sqrt((one @ one) * (other @ other)))
    largest = max(float(np.abs(one).max()), float(np.abs(other).max()))
    return float(np.clip(one @ other / lengths, -1.0, 1.0)) if lengths > 1e-14 * largest * len(one) else None


def correlation_ratio(x: ArrayLike, groups: ArrayLike) -> float | None:
    """How much of a column's variation is between groups: the square root of ε², which chance does not raise.

    η² is the share of the variance that lies between the groups' means. It is above 0 for random groups, the more so
    the more groups there are; ε² = 1 − (1 − η²)(N − 1)/(N − k) is 0 on average for these (Kelley 1935, "An unbiased
    correlation ratio measure").

    Parameters
    ----------
    x
        Numbers, [N].
    groups
        Group of each row, int [N]; rows with a negative one are left out.

    Returns
    -------
    float or None
        From 0 to 1; ``None`` with fewer than two groups, no more rows than groups, or a constant column.
    """
    values, members = np.asarray(x, np.float64), np.asarray(groups, np.int64)
    kept = (members >= 0) & np.isfinite(values)
    values, members = values[kept], members[kept]
    sizes = np.bincount(members)
    count, rows = int((sizes > 0).sum()), len(values)
    if count < 2 or rows <= count:
        return None
    centred = values - values.mean()
    total = float(centred @ centred)
    if total <= 0:
        return None
    sums = np.bincount(members, weights=centred)
    between = float((sums[sizes > 0] ** 2 / sizes[sizes > 0]).sum())
    epsilon_squared = 1.0 - (1.0 - between / total) * (rows - 1) / (rows - count)
    return float(np.sqrt(np.clip(epsilon_squared, 0.0, 1.0)))


def extreme_groups(
    x: ArrayLike, groups: ArrayLike, count: int = 2
) -> tuple[tuple[tuple[int, float], ...], tuple[tuple[int, float], ...]]:
    """The groups with the highest and the lowest mean of a column, each with its mean, outermost first.

    Parameters
    ----------
    x
        Numbers, [N].
    groups
        Group of each row, int [N]; rows with a negative one are left out.
    count
        At most so many of each; no group is in both.

    Examples
    --------
    >>> extreme_groups([1.0, 3.0, -2.0, 0.0], [0, 0, 1, 2], count=1)
    (((0, 2.0),), ((1, -2.0),))
    """
    values, members = np.asarray(x, np.float64), np.asarray(groups, np.int64)
    kept = (members >= 0) & np.isfinite(values)
    sizes = np.bincount(members[kept])
    present = np.flatnonzero(sizes)
    means = np.bincount(members[kept], weights=values[kept])[present] / sizes[present]
    order, taken = np.argsort(means, kind="stable"), min(count, len(present) // 2)
    low = tuple((int(present[each]), float(means[each])) for each in order[:taken])
    high = tuple((int(present[each]), float(means[each])) for each in order[::-1][:taken])
    return high, low


def groups_of(values: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number the distinct texts of a column, [N], −1 for empty ones; and these texts."""
    names, numbers = np.unique(values.astype(str), return_inverse=True)
    return np.where(names[numbers] == "", -1, numbers).astype(np.int64), tuple(names.tolist())
