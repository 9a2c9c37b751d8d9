"""Recipes: named model configurations, as plain data (no torch)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from latentlab.config import ModelConfig, validated
from latentlab.errors import InputError


@dataclass(frozen=True)
class Recipe:
    """A named model configuration.

    Attributes
    ----------
    name, summary, formula, paper
        What the picker and ``latentlab recipes`` show: two sentences, the objective, the reference.
    values
        What differs from ``ModelConfig``'s defaults, nested by part.
    matters
        Dotted names of the few settings worth offering first.
    """

    name: str
    summary: str
    formula: str
    paper: str
    values: Mapping[str, Any] = field(default_factory=dict)
    matters: tuple[str, ...] = ("latent_dim", "architecture.kind", "beta")

    def config(self, **changes: Any) -> ModelConfig:
        """The recipe's configuration, with top-level fields replaced by ``changes``."""
        return validated(ModelConfig, {"recipe": self.name, **self.values, **changes})


_ALL = (
    Recipe(
        "vae",
        "The variational autoencoder: an encoder and a decoder trained together to maximise the ELBO. "
        "Rate and distortion are weighed equally.",
        "E_q[log p(x|z)] − KL(q(z|x) ‖ p(z))",
        "Kingma & Welling 2014, Auto-Encoding Variational Bayes (arXiv:1312.6114)",
    ),
    Recipe(
        "ae",
        "A plain autoencoder: reconstruction alone, with nothing that shapes the latent space. "
        "The contrast: its samples from the prior fail.",
        "log p(x|z = μ(x))",
        "Hinton & Salakhutdinov 2006, Reducing the Dimensionality of Data with Neural Networks",
        {"posterior": {"kind": "delta"}, "beta": 0.0},
        ("latent_dim", "architecture.kind"),
    ),
    Recipe(
        "beta-vae",
        "The ELBO with its KL term weighted by β. Above 1 it trades reconstruction for simpler, "
        "more separated latents; β = 1 is the VAE.",
        "E_q[log p(x|z)] − β · KL(q(z|x) ‖ p(z))",
        "Higgins et al. 2017, beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
        {"beta": 4.0},
        ("latent_dim", "beta", "architecture.kind"),
    ),
    Recipe(
        "gaussian-vae",
        "A VAE whose pixels are Gaussian, for grey and colour images. "
        "σ is fixed, or one learned number that balances rate and distortion by itself.",
        "E_q[log N(x; μ(z), σ²)] − KL(q(z|x) ‖ p(z))",
        "Rybkin, Daniilidis & Levine 2021, Simple and Effective VAE Training with Calibrated Decoders",
        {"likelihood": {"kind": "gaussian", "sigma": "learned"}},
        ("latent_dim", "likelihood.sigma", "architecture.kind"),
    ),
)

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in _ALL}


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises
    ------
    InputError
        Naming those there are.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise InputError(f"there is no recipe {name!r}; those there are: {', '.join(RECIPES)}") from None
