"""Scores of latents made for the purpose, whose disentanglement is known."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.evaluation import disentanglement

GRID = np.stack(np.meshgrid(*[np.arange(5.0)] * 4, indexing="ij")).reshape(4, -1).T
FACTORS = {name: GRID[:, k] for k, name in enumerate("abcd")}
STD = np.full(GRID.shape, 0.02)


def test_one_latent_for_each_factor_is_perfect():
    # The order, scale and sign of the latents do not matter, nor do latents that say nothing.
    mean = np.concatenate([GRID[:, ::-1] * [1, -2, 0.5, 3], np.zeros((len(GRID), 2))], axis=1)
    scores = disentanglement(mean, np.concatenate([STD, np.ones((len(GRID), 2))], axis=1), FACTORS)
    assert scores.mig == pytest.approx(1, abs=0.02)
    assert scores.factor_vae_score == 1
    assert scores.beta_vae_score > 0.97


def test_latents_that_share_every_factor_have_no_gap():
    # A Hadamard rotation mixes all four factors in equal parts into each latent.
    rotation = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
    scores = disentanglement(GRID @ rotation, STD, FACTORS)
    assert scores.mig < 0.05
    assert scores.factor_vae_score < 0.6
    assert scores.beta_vae_score < 0.6


def test_noise_scores_at_chance():
    mean = np.random.default_rng(1).standard_normal((len(GRID), 4))
    scores = disentanglement(mean, np.full(GRID.shape, 0.5), FACTORS)
    assert scores.mig < 0.05
    assert scores.factor_vae_score < 0.4
    assert scores.beta_vae_score < 0.4


def test_a_factor_in_two_latents_has_no_gap():
    mean = np.concatenate([GRID, GRID[:, :1]], axis=1)
    scores = disentanglement(mean, np.full(mean.shape, 0.02), FACTORS)
    assert scores.mig == pytest.approx(3 / 4, abs=0.02)
    assert scores.factor_vae_score == 1


def test_point_posteriors_are_scored_and_wide_ones_score_lower():
    assert disentanglement(GRID, np.zeros(GRID.shape), FACTORS).mig == pytest.approx(1, abs=0.02)
    # Two values ±1 seen through noise of standard deviation 1 tell .4859 bits of one.
    mean = 2 * np.stack(np.meshgrid([0, 1], [0, 1], np.arange(500), indexing="ij")[:2]).reshape(2, -1).T - 1.0
    scores = disentanglement(mean, np.ones(mean.shape), {"a": mean[:, 0], "b": mean[:, 1]})
    assert scores.mig == pytest.approx(0.4859, abs=0.05)


def test_constant_latents_and_constant_factors():
    flat = disentanglement(np.zeros(GRID.shape), np.ones(GRID.shape), FACTORS)
    assert (flat.mig, flat.factor_vae_score) == (0, 0)
    with pytest.raises(InputError, match="at least two factors"):
        disentanglement(GRID, STD, {"a": GRID[:, 0], "constant": np.zeros(len(GRID))})
