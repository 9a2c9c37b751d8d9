"""Disentanglement metrics: MIG, FactorVAE score and β-VAE score (numpy).

The papers generate new images with one factor fixed; here images are sampled from the dataset, with replacement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Latents sampled for the mutual information; each is evaluated under every image's posterior.
DRAWS = 2000
# Sets of images with one factor fixed: this many for training and as many for testing.
VOTES = 800
IMAGES_PER_VOTE = 64
# Latents with a smaller variance of the mean are ignored: their scaled variance would be noise over noise.
MIN_VARIANCE = 0.01
# Point posteriors have no density: they get this width, in standard deviations of their dimension.
POINT_WIDTH = 0.05


class Disentanglement(NamedTuple):
    """Scores in [0, 1].

    ``mig`` is the mutual information gap. ``factor_vae_score`` and ``beta_vae_score`` are the accuracies of a majority
    vote and of a linear classifier; chance level is one over the number of factors.
    """

    mig: float
    factor_vae_score: float
    beta_vae_score: float


def disentanglement(
    mean: ArrayLike, std: ArrayLike, factors: Mapping[str, NDArray[Any]], seed: int = 0
) -> Disentanglement:
    """Compute all three scores.

    Parameters
    ----------
    mean, std
        [N, d] each: posterior of every image; a standard deviation of 0 means a point.
    factors
        Generative factors of the images, [N] each; at least two must take several values.
    seed
        Seed of all sampling.

    Raises
    ------
    InputError
        When fewer than two factors vary.
    """
    means, stds = np.asarray(mean, np.float64), np.asarray(std, np.float64)
    levels = [np.unique(values, return_inverse=True)[1].reshape(-1) for values in factors.values()]
    levels = [level for level in levels if level.max(initial=0) > 0]
    if len(levels) < 2:
        raise InputError("disentanglement needs at least two factors that vary")
    rng = np.random.default_rng(seed)
    return Disentanglement(
        mutual_information_gap(means, stds, levels, rng),
        factor_vae_score(means, levels, rng),
        beta_vae_score(means, levels, rng),
    )


def mutual_information_gap(mean: Floats, std: Floats, levels: list[Integers], rng: np.random.Generator) -> float:
    """MIG (Chen et al. 2018, Isolating Sources of Disentanglement, section 4.1).

    For each factor: the difference between the two largest mutual informations with a latent, divided by the factor's
    entropy; then the mean over factors. I(z_j; v) = E[log q(z_j|v) − log q(z_j)], where both densities are means of
    q(z_j|n) over images n.

    Parameters
    ----------
    mean, std
        [N, d].
    levels
        Values of each factor as integers from 0, [N].
    rng
        Source of randomness.
    """
    information = np.array([_information(mean[:, j], std[:, j], levels, rng) for j in range(mean.shape[1])])
    ordered = np.sort(np.concatenate([np.zeros((1, len(levels))), information.clip(min=0)]), axis=0)
    entropies = np.array([_entropy(level) for level in levels])
    return float(((ordered[-1] - ordered[-2]) / entropies).mean())


def factor_vae_score(mean: Floats, levels: list[Integers], rng: np.random.Generator) -> float:
    """FactorVAE score (Kim & Mnih 2018, section 4).

    A set of images with one factor fixed votes for the latent with the smallest variance within the set, relative to
    its variance over all images. Each latent predicts the factor from which it got most votes. The score is the
    accuracy of these predictions on further sets; 0 when no latent varies.

    Parameters
    ----------
    mean
        [N, d].
    levels, rng
        As in ``mutual_information_gap``.
    """
    variances = mean.var(0)
    varying = variances > MIN_VARIANCE
    if not varying.any():
        return 0.0
    scaled = mean[:, varying] / np.sqrt(variances[varying])
    fixed, index = _fixed_factor_sets(levels, 2 * VOTES, IMAGES_PER_VOTE, rng)
    least = np.array([scaled[rows].var(0).argmin() for rows in index])
    table = np.zeros((scaled.shape[1], len(levels)))
    np.add.at(table, (least[:VOTES], fixed[:VOTES]), 1)
    return float((table.argmax(1)[least[VOTES:]] == fixed[VOTES:]).mean())


def beta_vae_score(mean: Floats, levels: list[Integers], rng: np.random.Generator) -> float:
    """β-VAE score (Higgins et al. 2017, section 3).

    Pairs of images share one factor; a linear classifier predicts which from the mean absolute difference of their
    latents. The score is its test accuracy.

    Parameters
    ----------
    mean
        [N, d].
    levels, rng
        As in ``mutual_information_gap``.
    """
    fixed, index = _fixed_factor_sets(levels, 2 * VOTES, 2 * IMAGES_PER_VOTE, rng)
    # A set shares one value of the factor: its two halves pair up into images that agree in it.
    differences = np.array([
        np.abs(mean[rows[:IMAGES_PER_VOTE]] - mean[rows[IMAGES_PER_VOTE:]]).mean(0) for rows in index
    ])  # fmt: skip
    weights = _softmax_regression(differences[:VOTES], fixed[:VOTES], len(levels))
    predicted = (_with_ones(differences[VOTES:], differences[:VOTES]) @ weights).argmax(1)
    return float((predicted == fixed[VOTES:]).mean())


def _information(mean: Floats, std: Floats, levels: list[Integers], rng: np.random.Generator) -> Floats:
    """I(z_j; v_k) of one latent with every factor, in nats."""
    spread = mean.std()
    if spread == 0:
        return np.zeros(len(levels))
    width = np.where(std > 0, std, POINT_WIDTH * spread)
    chosen = rng.choice(len(mean), min(DRAWS, len(mean)), replace=False)
    z = mean[chosen] + width[chosen] * rng.standard_normal(len(chosen))
    # Constants of a row cancel in the difference of logarithms; subtracting the maximum prevents underflow.
    log_density = -0.5 * ((z[:, None] - mean) / width) ** 2 - np.log(width)
    density = np.exp(log_density - log_density.max(1, keepdims=True))
    marginal = np.log(density.mean(1))
    found = []
    for level in levels:
        counts = np.bincount(level)
        of_level = density @ np.eye(len(counts))[level] / counts
        found.append((np.log(of_level[np.arange(len(z)), level[chosen]]) - marginal).mean())
    return np.array(found)


def _entropy(level: Integers) -> float:
    shares = np.bincount(level) / len(level)
    return float(-(shares * np.log(shares)).sum())


def _fixed_factor_sets(
    levels: list[Integers], sets: int, size: int, rng: np.random.Generator
) -> tuple[Integers, list[Integers]]:
    """The factor fixed in each set, and indices of its images: they share its value with a random image."""
    members = [[np.flatnonzero(level == value) for value in range(level.max() + 1)] for level in levels]
    fixed = rng.integers(len(levels), size=sets)
    firsts = rng.integers(len(levels[0]), size=sets)
    index = [rng.choice(members[k][levels[k][first]], size) for k, first in zip(fixed, firsts, strict=True)]
    return fixed, index


def _softmax_regression(features: Floats, target: Integers, classes: int, steps: int = 500) -> Floats:
    """Weights [d + 1, classes] of a linear classifier, by gradient descent with momentum on scaled features."""
    x = _with_ones(features, features)
    weights, velocity = np.zeros((x.shape[1], classes)), np.zeros((x.shape[1], classes))
    one_hot = np.eye(classes)[target]
    # The loss's curvature is at most λmax(XᵀX)/2N: this step is half of the largest stable one.
    rate = 1 / np.linalg.eigvalsh(x.T @ x / len(x))[-1]
    for _ in range(steps):
        scores = x @ weights
        probability = np.exp(scores - scores.max(1, keepdims=True))
        probability /= probability.sum(1, keepdims=True)
        velocity = 0.9 * velocity - rate * (x.T @ (probability - one_hot) / len(x))
        weights = weights + velocity
    return weights


def _with_ones(features: Floats, reference: Floats) -> Floats:
    """Features standardized by the mean and variance of ``reference``, with a column of ones."""
    spread = reference.std(0)
    scaled = (features - reference.mean(0)) / np.where(spread > 0, spread, 1)
    return np.concatenate([scaled, np.ones((len(features), 1))], axis=1)
