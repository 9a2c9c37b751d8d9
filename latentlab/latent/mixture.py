"""Mixtures of Gaussians fitted to latents: the aggregate posterior as a distribution to draw from."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.latent.arrays import FloatArray, as_latents, same_dimensions

Covariance = Literal["auto", "full", "diagonal"]

CLUSTER_WEIGHTS = ("means", "log_stds", "logits")
"""Names of the weights of a prior of clusters, in the order of `most_probable_components`."""

_MAX_POINTS = 8000
_COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_MAX_FULL = 64  # dimensions
_HELD_OUT = 0.2
_MAX_COMPARED = 3000  # points that the fits which are compared have
_ITERATIONS, _ITERATIONS_COMPARED = 100, 30
_TOLERANCE = 1e-3  # nats per point
_FLOOR = 1e-6  # added to variances, relative to the mean variance of the points


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """A mixture of Gaussians.

    Attributes
    ----------
    weights
        float64 [K], of sum 1.
    means
        float64 [K, d].
    factors
        float64 [K, d, d]: lower Cholesky factors of the covariances; diagonal ones too.
    is_full
        Whether the covariances are full matrices.
    """

    weights: FloatArray
    means: FloatArray
    factors: FloatArray
    is_full: bool

    @property
    def covariances(self) -> FloatArray:
        """float64 [K, d, d]."""
        covariances: FloatArray = self.factors @ self.factors.swapaxes(1, 2)
        return covariances

    def log_density(self, points: ArrayLike) -> NDArray[np.float64]:
        """Log-density at points [n, d], in nats: float64 [n]."""
        given = as_latents(points, "the points", least=0)
        same_dimensions(given, self.means, "the points and the mixture")
        return _log_sum_exp(_log_joint(given, self))

    def sample(self, count: int, seed: int = 0, temperature: float = 1.0) -> NDArray[np.float32]:
        """Draw latents.

        Parameters
        ----------
        count
            Number of latents.
        seed
            The same seed gives the same latents, and the same noise at any temperature.
        temperature
            Factor of the components' standard deviations.

        Returns
        -------
        ndarray
            float32 [count, d].
        """
        random = np.random.default_rng(seed)
        component = random.choice(len(self.weights), count, p=self.weights)
        noise = random.normal(size=(count, self.means.shape[1]))
        drawn = np.empty_like(noise)
        for number in np.unique(component):
            rows = component == number
            drawn[rows] = self.means[number] + temperature * noise[rows] @ self.factors[number].T
        return drawn.astype(np.float32)


def most_probable_components(
    points: ArrayLike, means: FloatArray, log_stds: FloatArray, log_weights: FloatArray
) -> NDArray[np.int64]:
    """The diagonal Gaussian that each point most probably comes from, int64 [n].

    Parameters
    ----------
    points
        [n, d].
    means, log_stds
        [K, d] each: of the Gaussians.
    log_weights
        [K], up to a constant.

    Examples
    --------
    >>> import numpy as np
    >>> centres = np.array([[-3.0], [3.0]])
    >>> most_probable_components([[-2.0], [4.0]], centres, np.zeros((2, 1)), np.zeros(2)).tolist()
    [0, 1]
    """
    given = as_latents(points, "the points", least=0)
    factors = np.stack([np.diag(np.exp(each)) for each in log_stds.astype(np.float64)])
    weights = np.exp(log_weights.astype(np.float64) - log_weights.max())
    mixture = GaussianMixture(weights / weights.sum(), means.astype(np.float64), factors, is_full=False)
    nearest: NDArray[np.int64] = _log_joint(given, mixture).argmax(axis=1)
    return nearest


def fit_mixture(
    points: ArrayLike,
    std: ArrayLike | None = None,
    *,
    components: int | None = None,
    covariance: Covariance = "auto",
    seed: int = 0,
) -> GaussianMixture:
    """Fit a mixture of Gaussians by expectation maximisation (Dempster, Laird & Rubin 1977).

    Parameters
    ----------
    points
        [n, d], n ≥ 1, such as the means of posteriors. Of more than 8,000, a random 8,000 are used.
    std
        [n, d], the posteriors' standard deviations: one draw of each posterior is then fitted instead of its mean, so
        that the mixture is one of the aggregate posterior (Makhzani et al. 2015, arXiv:1511.05644).
    components
        Number K of Gaussians; by default 1, 2, 3, 4, 6, 8, 12 … 64, whichever has the highest density at held-out
        points.
    covariance
        ``full``, ``diagonal``, or ``auto``: the one with the higher density at points held out, up to 64 dimensions.
    seed
        Of the choice of points, the draws, and the start (k-means++).

    Returns
    -------
    GaussianMixture

    Raises
    ------
    InputError
        For no points, values that are not finite, or more components than points.

    Examples
    --------
    >>> import numpy as np
    >>> from latentlab.latent import fit_mixture
    >>> random = np.random.default_rng(0)
    >>> points = np.concatenate([random.normal(-5, 1, (500, 2)), random.normal(5, 1, (500, 2))])
    >>> mixture = fit_mixture(points, components=2)
    >>> np.sort(mixture.means[:, 0]).round().tolist()
    [-5.0, 5.0]
    """
    *_, last = fit_mixture_in_steps(points, std, components=components, covariance=covariance, seed=seed)
    assert last is not None
    return last


def fit_mixture_in_steps(
    points: ArrayLike,
    std: ArrayLike | None = None,
    *,
    components: int | None = None,
    covariance: Covariance = "auto",
    seed: int = 0,
) -> Iterator[GaussianMixture | None]:
    """As :func:`fit_mixture`, one iteration of one fit at a time: ``None`` until the last, which is the mixture."""
    random = np.random.default_rng(seed)
    chosen = _drawn(points, std, random)
    if components is not None and not 1 <= components <= len(chosen):
        raise InputError(f"a mixture of {len(chosen)} points has 1 to {len(chosen)} components, not {components}")
    full = {"full": (True,), "diagonal": (False,)}.get(covariance) or _kinds(*chosen.shape)
    best: tuple[int, bool] = components or 1, full[0]
    if len(full) > 1 or components is None:
        held = max(1, round(_HELD_OUT * len(chosen))) if len(chosen) > 4 else 0
        if held:
            best = yield from _choose(chosen[held:][:_MAX_COMPARED], chosen[:held], components, full, random)
        else:
            best = components or 1, False
    yield (yield from _fit(chosen, *best, random))


def _drawn(points: ArrayLike, std: ArrayLike | None, random: np.random.Generator) -> FloatArray:
    """At most 8,000 of the points in random order, each drawn from its posterior if there are deviations."""
    given = as_latents(points, "the points")
    order = random.permutation(len(given))[:_MAX_POINTS]
    chosen = given[order]
    if std is None:
        return chosen
    deviations = as_latents(std, "the standard deviations")
    if deviations.shape != given.shape:
        raise InputError(
            f"the standard deviations must have the shape of the points, {list(given.shape)}, "
            f"not {list(deviations.shape)}"
        )
    drawn: FloatArray = chosen + deviations[order] * random.normal(size=chosen.shape)
    return drawn


def _kinds(count: int, size: int) -> tuple[bool, ...]:
    """Whether covariances may be full: too many dimensions take too long, too few points do not determine them."""
    return (True, False) if size <= _MAX_FULL and count > 2 * size else (False,)


def _choose(
    points: FloatArray,
    held_out: FloatArray,
    components: int | None,
    full: tuple[bool, ...],
    random: np.random.Generator,
) -> Generator[None, None, tuple[int, bool]]:
    """The number of components and the kind of covariance with the highest held-out density."""
    best, highest = (components or 1, full[-1]), -np.inf
    for is_full in full:
        worse = 0
        for count in (components,) if components else _COUNTS:
            needed = count * (points.shape[1] + 1 if is_full else 2)
            if count > len(points) or (count > 1 and needed > len(points)) or worse == 2:
                break
            mixture = yield from _fit(points, count, is_full, random, _ITERATIONS_COMPARED)
            density = float(mixture.log_density(held_out).mean())
            worse = 0 if density > highest else worse + 1
            if density > highest:
                best, highest = (count, is_full), density
    return best


def _fit(
    points: FloatArray, components: int, is_full: bool, random: np.random.Generator, most: int = _ITERATIONS
) -> Generator[None, None, GaussianMixture]:
    """Expectation maximisation from k-means++ seeds until the density rises by less than the tolerance."""
    floor = _FLOOR * float(points.var(axis=0).mean()) or _FLOOR
    nearest = _seeded(points, components, random)
    responsibilities = np.zeros((len(points), components))
    responsibilities[np.arange(len(points)), nearest] = 1
    mixture = _maximised(points, responsibilities, is_full, floor)
    before = -np.inf
    for _ in range(most if components > 1 else 0):
        joint = _log_joint(points, mixture)
        density = _log_sum_exp(joint)
        mixture = _maximised(points, np.exp(joint - density[:, None]), is_full, floor)
        yield
        if density.mean() - before < _TOLERANCE:
            break
        before = density.mean()
    return mixture


def _seeded(points: FloatArray, components: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Of each point, the nearest of seeds that lie far apart (k-means++, Arthur & Vassilvitskii 2007): int64 [n]."""
    squared = np.full(len(points), np.inf)
    nearest = np.zeros(len(points), np.int64)
    row = int(random.integers(len(points)))
    for number in range(components):
        distance = ((points - points[row]) ** 2).sum(axis=1)
        closer = distance < squared
        nearest[closer], squared[closer] = number, distance[closer]
        total = squared.sum()
        row = int(random.choice(len(points), p=squared / total)) if total > 0 else int(random.integers(len(points)))
    return nearest


def _maximised(points: FloatArray, responsibilities: FloatArray, is_full: bool, floor: float) -> GaussianMixture:
    """The mixture of the highest expected density given responsibilities [n, K]."""
    size = points.shape[1]
    counts = responsibilities.sum(axis=0) + 10 * np.finfo(np.float64).eps
    means = responsibilities.T @ points / counts[:, None]
    factors = np.zeros((len(counts), size, size))
    for number, mean in enumerate(means):
        difference = points - mean
        weighted = responsibilities[:, number, None] * difference
        if is_full:
            covariance = weighted.T @ difference / counts[number]
            covariance[np.diag_indices(size)] += floor
            factors[number] = np.linalg.cholesky(covariance)
        else:
            variance = (weighted * difference).sum(axis=0) / counts[number] + floor
            factors[number][np.diag_indices(size)] = np.sqrt(variance)
    return GaussianMixture(counts / counts.sum(), means, factors, is_full)


def _log_joint(points: FloatArray, mixture: GaussianMixture) -> FloatArray:
    """Log of weight times density of each component, [n, K]."""
    size = points.shape[1]
    joint = np.empty((len(points), len(mixture.weights)))
    for number, (mean, factor) in enumerate(zip(mixture.means, mixture.factors, strict=True)):
        diagonal = np.diagonal(factor)
        difference = points - mean
        whitened = difference @ np.linalg.inv(factor).T if mixture.is_full else difference / diagonal
        squares = np.einsum("nd,nd->n", whitened, whitened)
        joint[:, number] = -0.5 * (squares + size * math.log(2 * math.pi)) - np.log(diagonal).sum()
    return joint + np.log(mixture.weights)


def _log_sum_exp(values: FloatArray) -> FloatArray:
    most = values.max(axis=1, keepdims=True)
    total: FloatArray = most[:, 0] + np.log(np.exp(values - most).sum(axis=1))
    return total
