"""How well single latents stand for single known factors: MIG, FactorVAE score and β-VAE score (numpy).

The papers draw images anew with a factor held; here they are drawn, with replacement, from the images there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Latents drawn for the mutual information, each held against every image's posterior.
DRAWS = 2000
# Sets of images, each with one factor held, to learn from and again as many to be judged by.
VOTES = 800
IMAGES_A_VOTE = 64
# A latent whose mean varies by less is left out: its scaled variance would be noise over noise.
LEAST_VARIANCE = 0.01
# Points have no density: they are given this width, in standard deviations of their dimension.
POINT_WIDTH = 0.05


class Disentanglement(NamedTuple):
    """Scores in [0, 1] (β-VAE's and FactorVAE's are accuracies, whose chance is one over the number of factors).

    ``mig`` is the mutual information gap, ``factor_vae_score`` the majority vote's and ``beta_vae_score`` the linear
    classifier's accuracy.
    """

    mig: float
    factor_vae_score: float
    beta_vae_score: float


def disentanglement(
    mean: ArrayLike, std: ArrayLike, factors: Mapping[str, NDArray[Any]], seed: int = 0
) -> Disentanglement:
    """Compute the three scores.

    Parameters
    ----------
    mean, std
        [N, d] each: every image's posterior; a standard deviation of 0 means a point.
    factors
        The factors the images were made from, [N] each; at least two must take several values.
    seed
        Of what is drawn.

    Raises
    ------
    InputError
        When fewer than two factors vary.
    """
    means, stds = np.asarray(mean, np.float64), np.asarray(std, np.float64)
    levels = [np.unique(values, return_inverse=True)[1].reshape(-1) for values in factors.values()]
    levels = [level for level in levels if level.max(initial=0) > 0]
    if len(levels) < 2:
        raise InputError("disentanglement is measured where at least two factors vary")
    rng = np.random.default_rng(seed)
    return Disentanglement(
        mutual_information_gap(means, stds, levels, rng),
        factor_vae_score(means, levels, rng),
        beta_vae_score(means, levels, rng),
    )


def mutual_information_gap(mean: Floats, std: Floats, levels: list[Integers], rng: np.random.Generator) -> float:
    """MIG (Chen et al. 2018, Isolating Sources of Disentanglement, section 4.1).

    For each factor the mutual information with the latent that knows most of it, less that with the second, over
    the factor's entropy; the mean over factors. I(z_j; v) = E[log q(z_j|v) − log q(z_j)], both the mean of q(z_j|n)
    over images n.

    Parameters
    ----------
    mean, std
        [N, d].
    levels
        Each factor's values as integers from 0, [N].
    rng
        Source of the draws.
    """
    information = np.array([_information(mean[:, j], std[:, j], levels, rng) for j in range(mean.shape[1])])
    ordered = np.sort(np.concatenate([np.zeros((1, len(levels))), information.clip(min=0)]), axis=0)
    entropies = np.array([_entropy(level) for level in levels])
    return float(((ordered[-1] - ordered[-2]) / entropies).mean())


def factor_vae_score(mean: Floats, levels: list[Integers], rng: np.random.Generator) -> float:
    """FactorVAE score (Kim & Mnih 2018, section 4).

    A set of images with one factor held votes for the latent that varies least in it, over its variance in all
    images; each latent is taken to mean the factor it got most votes for. Returned is the share of further sets
    whose factor is so told; 0 when no latent varies.

    Parameters
    ----------
    mean
        [N, d].
    levels, rng
        As of ``mutual_information_gap``.
    """
    variances = mean.var(0)
    varying = variances > LEAST_VARIANCE
    if not varying.any():
        return 0.0
    scaled = mean[:, varying] / np.sqrt(variances[varying])
    held, index = _held_sets(levels, 2 * VOTES, IMAGES_A_VOTE, rng)
    least = np.array([scaled[rows].var(0).argmin() for rows in index])
    table = np.zeros((scaled.shape[1], len(levels)))
    np.add.at(table, (least[:VOTES], held[:VOTES]), 1)
    return float((table.argmax(1)[least[VOTES:]] == held[VOTES:]).mean())


def beta_vae_score(mean: Floats, levels: list[Integers], rng: np.random.Generator) -> float:
    """β-VAE score (Higgins et al. 2017, section 3).

    Pairs of images agree in one factor; a linear classifier is to tell which from the mean absolute difference of
    their latents. Returned is its accuracy on sets it has not seen.

    Parameters
    ----------
    mean
        [N, d].
    levels, rng
        As of ``mutual_information_gap``.
    """
    held, index = _held_sets(levels, 2 * VOTES, 2 * IMAGES_A_VOTE, rng)
    # Every set shares one value of the factor, so that its halves pair up into images that agree in it.
    differences = np.array([
        np.abs(mean[rows[:IMAGES_A_VOTE]] - mean[rows[IMAGES_A_VOTE:]]).mean(0) for rows in index
    ])  # fmt: skip
    weights = _softmax_regression(differences[:VOTES], held[:VOTES], len(levels))
    told = (_with_ones(differences[VOTES:], differences[:VOTES]) @ weights).argmax(1)
    return float((told == held[VOTES:]).mean())


def _information(mean: Floats, std: Floats, levels: list[Integers], rng: np.random.Generator) -> Floats:
    """I(z_j; v_k) of one latent with every factor, in nats."""
    spread = mean.std()
    if spread == 0:
        return np.zeros(len(levels))
    width = np.where(std > 0, std, POINT_WIDTH * spread)
    drawn = rng.choice(len(mean), min(DRAWS, len(mean)), replace=False)
    z = mean[drawn] + width[drawn] * rng.standard_normal(len(drawn))
    # Factors common to a row cancel in the difference of logarithms; the largest keeps the row from vanishing.
    log_density = -0.5 * ((z[:, None] - mean) / width) ** 2 - np.log(width)
    density = np.exp(log_density - log_density.max(1, keepdims=True))
    marginal = np.log(density.mean(1))
    found = []
    for level in levels:
        counts = np.bincount(level)
        of_level = density @ np.eye(len(counts))[level] / counts
        found.append((np.log(of_level[np.arange(len(z)), level[drawn]]) - marginal).mean())
    return np.array(found)


def _entropy(level: Integers) -> float:
    shares = np.bincount(level) / len(level)
    return float(-(shares * np.log(shares)).sum())


def _held_sets(
    levels: list[Integers], sets: int, size: int, rng: np.random.Generator
) -> tuple[Integers, list[Integers]]:
    """Which factor each set holds, and its images: those that agree in that factor with one drawn at random."""
    members = [[np.flatnonzero(level == value) for value in range(level.max() + 1)] for level in levels]
    held = rng.integers(len(levels), size=sets)
    firsts = rng.integers(len(levels[0]), size=sets)
    index = [rng.choice(members[k][levels[k][first]], size) for k, first in zip(held, firsts, strict=True)]
    return held, index


def _softmax_regression(features: Floats, target: Integers, classes: int, steps: int = 500) -> Floats:
    """Weights [d + 1, classes] of a linear classifier, by gradient descent with momentum on scaled features."""
    x = _with_ones(features, features)
    weights, speed = np.zeros((x.shape[1], classes)), np.zeros((x.shape[1], classes))
    wanted = np.eye(classes)[target]
    # The loss's curvature is at most λmax(XᵀX)/2N: this step is half of the longest that cannot diverge.
    rate = 1 / np.linalg.eigvalsh(x.T @ x / len(x))[-1]
    for _ in range(steps):
        scores = x @ weights
        likely = np.exp(scores - scores.max(1, keepdims=True))
        likely /= likely.sum(1, keepdims=True)
        speed = 0.9 * speed - rate * (x.T @ (likely - wanted) / len(x))
        weights = weights + speed
    return weights


def _with_ones(features: Floats, reference: Floats) -> Floats:
    """Features scaled as those of ``reference`` would be to mean 0 and variance 1, and a column of ones."""
    spread = reference.std(0)
    scaled = (features - reference.mean(0)) / np.where(spread > 0, spread, 1)
    return np.concatenate([scaled, np.ones((len(features), 1))], axis=1)
