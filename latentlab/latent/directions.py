"""Directions between groups of latents, and along a column of numbers, with scores on points held out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.latent.arrays import FloatArray, as_latents, as_vector, same_dimensions
from latentlab.latent.held_out import NOTHING, HeldOut, HeldOutRidge, Ridge, upper_half

FOLDS = 5
PERMUTATIONS = 40
_MAX_SCORED = 4000  # points of each group that the scores use: their standard error is then about 0.02
_MAX_VALUES = 1 << 22  # numbers that one pass of the scores reads
_NAN = float("nan")

_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction of latent space through an origin.

    Attributes
    ----------
    vector
        float64 [d], not of unit length: the step from one group's mean to the other's, or the step for one standard
        deviation of a column.
    origin
        float64 [d], on the direction, where `project` is 0: halfway between the groups' means, or the mean latent.
    cohens_d
        Difference of the groups' positions along the direction in units of their pooled standard deviation (Cohen
        1988), on points that did not take part in finding it: about 0 for groups that do not differ, in any number of
        dimensions. NaN if a group has fewer than two points.
    random_cohens_d
        Mean of the same for random groups of the same sizes from the same points; about 0.
    random_spread
        Standard deviation of the same over these random groups: a ``cohens_d`` within about two of it may be chance.
    p_value
        Share of random groups whose score is as great or greater (permutation test; the groups themselves count as
        one), at least 1 / (random groups + 1).
    accuracy
        Share of held-out points on the right side of the origin, the mean over both groups: 0.5 for chance.
    r2
        For a column: share of its variance that is predicted on held-out points, negative where the prediction is
        worse than the mean. NaN for groups.
    counts
        Number of points of both groups.
    """

    vector: FloatArray
    origin: FloatArray
    cohens_d: float = _NAN
    random_cohens_d: float = _NAN
    random_spread: float = _NAN
    p_value: float = _NAN
    accuracy: float = _NAN
    r2: float = _NAN
    counts: tuple[int, int] = (0, 0)

    @property
    def length(self) -> float:
        """Euclidean length of ``vector``."""
        return float(np.linalg.norm(self.vector))

    @property
    def unit(self) -> FloatArray:
        """The vector at length 1."""
        return self.vector / self.length

    @property
    def scores(self) -> dict[str, float]:
        """The scores by name, without those that are not defined."""
        names = ("cohens_d", "random_cohens_d", "random_spread", "p_value", "accuracy", "r2")
        return {name: value for name in names if np.isfinite(value := getattr(self, name))}

    def apply(self, z: ArrayLike, amount: ArrayLike) -> NDArray[np.float32]:
        """Move latents along the direction.

        Parameters
        ----------
        z
            [d] or [n, d].
        amount
            In units of ``vector``: a number, or [m] for m steps.

        Returns
        -------
        ndarray
            float32, shape of ``z``; with m steps [m, d] or [n, m, d].
        """
        start, steps = np.asarray(z, np.float64), np.asarray(amount, np.float64)
        if steps.ndim:
            start = start[..., None, :]
        return (start + steps[..., None] * self.vector).astype(np.float32)


def direction(
    a: ArrayLike, b: ArrayLike, *, folds: int = FOLDS, permutations: int = PERMUTATIONS, seed: int = 0
) -> Direction:
    """The direction a − b: from the mean of the latents ``b`` to the mean of the latents ``a``.

    The scores are those of cross-validation: for each of ``folds`` parts the difference of means of the other parts is
    found, and the part's points are projected on it. Points that helped to find a direction would flatter it: with
    more dimensions than points, random groups lie apart along the difference of their means.

    Parameters
    ----------
    a, b
        [n, d] and [m, d].
    folds
        Parts of the cross-validation, at least 2; at most as many as the smaller group has points.
    permutations
        Random groups that ``random_cohens_d`` is the mean of; 0 for none.
    seed
        Of the parts, the random groups, and the points that are scored when there are more than 4,000 in a group.

    Returns
    -------
    Direction
        ``vector`` is mean(a) − mean(b), ``origin`` halfway between the means.

    Raises
    ------
    InputError
        For empty groups, groups of different dimensions or with the same mean.

    Examples
    --------
    >>> import numpy as np
    >>> from latentlab.latent import direction
    >>> points = np.random.default_rng(0).normal(size=(400, 10))
    >>> found = direction(points[:200] + 2 * np.eye(10)[0], points[200:])
    >>> 1.6 < found.cohens_d < 2.4 and abs(found.random_cohens_d) < 0.1
    True
    """
    return _last(direction_in_steps(a, b, folds=folds, permutations=permutations, seed=seed))


def direction_in_steps(
    a: ArrayLike, b: ArrayLike, *, folds: int = FOLDS, permutations: int = PERMUTATIONS, seed: int = 0
) -> Iterator[Direction]:
    """As :func:`direction`, in steps of a few milliseconds: what is known so far, the last one complete.

    The first has ``vector`` and ``origin``, the second ``cohens_d`` and ``accuracy``, and then one for each random
    grouping.
    """
    first, second = as_latents(a, "the first group"), as_latents(b, "the second group")
    same_dimensions(first, second, "the groups")
    ends = first.mean(axis=0), second.mean(axis=0)
    vector = ends[0] - ends[1]
    if not vector.any():
        raise InputError("the two groups have the same mean: there is no direction between them")
    found = Direction(vector, (ends[0] + ends[1]) / 2, counts=(len(first), len(second)))
    yield found
    parts = min(folds, len(first), len(second))
    if parts < 2:
        return
    random = np.random.default_rng(seed)
    most = max(parts, min(_MAX_SCORED, _MAX_VALUES // (2 * first.shape[1])))
    points = np.concatenate([_sample(first, most, random), _sample(second, most, random)]) - found.origin
    is_first = np.arange(len(points)) < min(most, len(first))
    scores = HeldOut(points, parts)
    scored = scores.of(is_first, random)
    found = replace(found, cohens_d=scored.cohens_d, accuracy=scored.accuracy)
    yield found
    others: list[float] = []
    for _ in range(permutations):
        others.append(scores.of(random.permutation(is_first), random).cohens_d)
        yield found
    if others:
        yield _with_random(found, others)


def regression_direction(
    latents: ArrayLike,
    values: ArrayLike,
    *,
    ridge: float | None = None,
    folds: int = FOLDS,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Direction:
    """The direction along which a column of numbers is predicted to rise fastest, by ridge regression.

    Parameters
    ----------
    latents
        [n, d], n ≥ 2. Of more than 8,000, a random 8,000 are used; fewer above 524 dimensions.
    values
        [n]: a number for each latent; NaN where unknown: such latents do not take part.
    ridge
        Penalty on the squared weights beside the sum of squared residuals (Hoerl & Kennard 1970); ``None``: the one
        of 25 with the least generalised cross-validation error (Golub, Heath & Wahba 1979), anew for every part.
    folds, permutations, seed
        As for :func:`direction`.

    Returns
    -------
    Direction
        A step of ``vector`` raises the predicted value by one standard deviation of the values; ``origin`` is the mean
        latent. ``r2`` is that of predictions on held-out points; ``cohens_d`` and ``accuracy`` are those of the
        held-out points above the median against the others, and random groups those of shuffled values.

    Raises
    ------
    InputError
        For fewer than two values, or values that are all equal.

    References
    ----------
    Golub, Heath & Wahba (1979). Generalized cross-validation as a method for choosing a good ridge parameter.
    """
    return _last(
        regression_direction_in_steps(latents, values, ridge=ridge, folds=folds, permutations=permutations, seed=seed)
    )


def regression_direction_in_steps(
    latents: ArrayLike,
    values: ArrayLike,
    *,
    ridge: float | None = None,
    folds: int = FOLDS,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Iterator[Direction]:
    """As :func:`regression_direction`, in steps: what is known so far, the last one complete."""
    points, column = as_latents(latents, "the latents"), np.asarray(values, np.float64)
    if column.shape != (len(points),):
        raise InputError(f"there must be one value for each of {len(points)} latents, not {list(column.shape)}")
    is_known = np.isfinite(column)
    points, column = points[is_known], column[is_known]
    if len(points) < 2:
        raise InputError("a direction along a column needs at least two latents with a value")
    if (column == column[0]).all():
        raise InputError("the column has the same value everywhere: there is no direction along it")
    random = np.random.default_rng(seed)
    chosen = _choose(len(points), max(8, min(2 * _MAX_SCORED, _MAX_VALUES // points.shape[1])), random)
    scored_points, scored_values = points[chosen], column[chosen]
    fit = Ridge(scored_points).fit(scored_values, ridge)
    steepness = float(fit.weights @ fit.weights)
    if steepness == 0:
        raise InputError("the column does not change with the latents: there is no direction along it")
    vector = fit.weights * (column.std() / steepness)
    is_high = upper_half(scored_values)
    counts = int(is_high.sum()), int((~is_high).sum())
    found = Direction(vector, points.mean(axis=0), counts=counts)
    yield found
    parts = min(folds, len(chosen) // 2)
    if parts < 2:
        return
    scores = HeldOutRidge(scored_points, parts, ridge, random)
    scored = scores.of(scored_values)
    found = replace(found, cohens_d=scored.cohens_d, accuracy=scored.accuracy, r2=scored.r2)
    yield found
    others: list[float] = []
    for _ in range(permutations):
        others.append(scores.of(random.permutation(scored_values)).cohens_d)
        yield found
    if others:
        yield _with_random(found, others)


def orthogonalise(vector: ArrayLike | Direction, against: Sequence[ArrayLike | Direction]) -> Direction:
    """The part of a direction that is orthogonal to all others: moving along it leaves their projections as they are.

    Parameters
    ----------
    vector
        A direction, or its vector [d].
    against
        Directions or vectors [d]; they need not be orthogonal to each other.

    Returns
    -------
    Direction
        Without scores: they were those of another direction. The origin is that of ``vector``, 0 without one.

    Raises
    ------
    InputError
        When nothing is left.
    """
    given = vector if isinstance(vector, Direction) else _of_vector(as_vector(vector, "the direction"))
    remainder = given.vector
    others = [each.vector if isinstance(each, Direction) else as_vector(each, "a direction") for each in against]
    for each in others:
        same_dimensions(given.vector, each, "the directions")
    lengths = [float(np.linalg.norm(each)) for each in others]
    matrix = np.array([each / length for each, length in zip(others, lengths, strict=True) if length > 0])
    if len(matrix):
        # By singular vectors, as the others may depend on each other.
        _, strength, axes = np.linalg.svd(matrix, full_matrices=False)
        axes = axes[strength > NOTHING]
        for _ in range(2):  # twice is enough for full precision (Kahan's and Parlett's rule)
            remainder = remainder - axes.T @ (axes @ remainder)
    if np.linalg.norm(remainder) <= NOTHING * given.length:
        raise InputError("the direction lies within the others: nothing of it is orthogonal to them")
    return Direction(remainder, given.origin, counts=given.counts)


def project(latents: ArrayLike, along: Direction | ArrayLike) -> NDArray[np.float64]:
    """Positions along a direction.

    Parameters
    ----------
    latents
        [n, d], or [d].
    along
        A direction, or its vector [d] through the origin of latent space.

    Returns
    -------
    ndarray
        float64 [n], or a scalar array: signed distance from the direction's origin, in units of latent space.
    """
    axis = along if isinstance(along, Direction) else _of_vector(as_vector(along, "the direction"))
    points = np.asarray(latents, np.float64)
    same_dimensions(points, axis.vector, "the latents and the direction")
    if axis.length == 0:
        raise InputError("the direction has length 0")
    positions: NDArray[np.float64] = (points - axis.origin) @ axis.unit
    return positions


def analogy(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> NDArray[np.float32]:
    """``a − b + c``: what ``a`` is to ``b``, the result is to ``c`` (Mikolov et al. 2013, arXiv:1301.3781).

    Parameters
    ----------
    a, b, c
        [d] or [n, d] each. A group of latents [n, d] is taken by its mean, except ``c``: each of its latents is moved.

    Returns
    -------
    ndarray
        float32 in the shape of ``c``.
    """
    means = []
    for values, name in ((a, "a"), (b, "b")):
        array = np.asarray(values, np.float64)
        means.append(as_latents(array, name).mean(axis=0) if array.ndim == 2 else as_vector(array, name))
    start = np.asarray(c, np.float64)
    same_dimensions(means[0], means[1], "a and b")
    same_dimensions(means[0], start, "a and c")
    return (start + (means[0] - means[1])).astype(np.float32)


def _with_random(found: Direction, others: list[float]) -> Direction:
    values = np.array(others)
    as_great = int((values >= found.cohens_d).sum())
    return replace(
        found,
        random_cohens_d=float(values.mean()),
        random_spread=float(values.std()),
        p_value=(1 + as_great) / (1 + len(values)),
    )


def _sample(points: FloatArray, most: int, random: np.random.Generator) -> FloatArray:
    return points[_choose(len(points), most, random)]


def _choose(count: int, most: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Indices of all points, or of ``most`` random ones, in order."""
    return np.arange(count) if count <= most else np.sort(random.choice(count, most, replace=False))


def _of_vector(vector: FloatArray) -> Direction:
    return Direction(vector, np.zeros(len(vector)))


def _last(steps: Iterator[_T]) -> _T:
    *_, last = steps
    return last
