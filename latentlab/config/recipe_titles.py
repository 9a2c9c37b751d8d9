"""Plain names of the recipes, in groups: what the window lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

OTHERS = "Others"
GROUPS: Mapping[str, Mapping[str, str]] = {
    "First": {
        "vae": "Variational autoencoder",
        "gaussian-vae": "VAE with Gaussian pixels",
        "ae": "Plain autoencoder",
        "full-covariance-vae": "VAE with a full-covariance posterior",
    },
    "Other objectives": {
        "iwae": "Importance-weighted autoencoder",
        "score-function-vae": "VAE by the score-function gradient",
        "beta-vae": "β-VAE",
        "capacity-vae": "VAE with a rising capacity",
        "tc-vae": "β-TCVAE, total correlation",
        "factor-vae": "FactorVAE",
    },
    "With labels": {
        "cvae": "Conditional VAE",
        "semi-supervised-vae": "Semi-supervised VAE, M2",
    },
    "Matching the prior as a whole": {
        "mmd-vae": "InfoVAE, maximum mean discrepancy",
        "wae": "Wasserstein autoencoder",
        "swae": "Sliced-Wasserstein autoencoder",
        "energy-vae": "Autoencoder by the energy distance",
        "kernel-vae": "Autoencoder by a kernel distance",
        "vae-gan": "VAE-GAN",
    },
    "Codes and categories": {
        "vq-vae": "VQ-VAE, learned codes",
        "vq-vae-2": "VQ-VAE-2, two grids of codes",
        "fsq-vae": "Finite scalar quantisation",
        "rvq-vae": "Residual quantisation",
        "concrete-vae": "Categorical latents, concrete",
    },
    "Richer posteriors": {
        "iaf-vae": "Inverse autoregressive flow",
        "planar-vae": "Planar flow",
        "ladder-vae": "Ladder VAE, several layers",
        "hierarchical-vae": "Hierarchical VAE, maps of latents",
        "per-datapoint-vae": "VAE refined for each image",
    },
    "Richer priors": {
        "vamp-vae": "VampPrior",
        "vade": "Clusters, VaDE",
        "sphere-vae": "Latents on a sphere",
    },
    "Trained otherwise": {
        "helmholtz": "Helmholtz machine, wake and sleep",
        "evolved-binary-vae": "Binary latents by evolution",
        "decoder-only-vae": "Decoder only",
    },
}


def title_of(name: str) -> str:
    """The plain name of a recipe; its own name if it has none.

    Examples
    --------
    >>> title_of("beta-vae"), title_of("my-vae")
    ('β-VAE', 'my-vae')
    """
    return next((titles[name] for titles in GROUPS.values() if name in titles), name)


def grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """The names by group, in the order of the groups; those of no group come last, under *Others*.

    Examples
    --------
    >>> grouped(["my-vae", "cvae", "vae"])
    {'First': ['vae'], 'With labels': ['cvae'], 'Others': ['my-vae']}
    """
    left = list(names)
    found = {group: [name for name in titles if name in left] for group, titles in GROUPS.items()}
    found[OTHERS] = [name for name in left if not any(name in titles for titles in GROUPS.values())]
    return {group: inside for group, inside in found.items() if inside}
