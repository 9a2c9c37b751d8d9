"""Recipes: named model configurations, as plain data."""

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
        What the window and ``latentlab recipes`` show: two sentences, the objective, the reference.
    values
        Differences from ``ModelConfig``'s defaults, nested by part.
    key_settings
        Dotted names of the few most important settings.
    """

    name: str
    summary: str
    formula: str
    paper: str
    values: Mapping[str, Any] = field(default_factory=dict)
    key_settings: tuple[str, ...] = ("latent_dim", "architecture.kind", "beta")

    def config(self, **changes: Any) -> ModelConfig:
        """The recipe's configuration, with top-level fields replaced by ``changes``."""
        return validated(ModelConfig, {"recipe": self.name, **self.values, **changes})

    def suited(self, to: ModelConfig | None) -> ModelConfig:
        """The recipe's configuration with networks, likelihood and latent size of ``to``, unless it has its own.

        ``to`` suits some images (:mod:`latentlab.config.suggestion`); the recipe's own settings stay.
        """
        if to is None:
            return self.config()
        free = [part for part in ("architecture", "likelihood", "latent_dim") if part not in self.values]
        values = to.model_dump(include=set(free))
        if "architecture" in free and not self.config().can_have_linear_path:
            values["architecture"]["linear_path"] = False
        return self.config(**values)


_FIRST = (
    Recipe(
        "vae",
        "The variational autoencoder: an encoder and a decoder trained together to maximise the ELBO. "
        "Rate and distortion are weighted equally.",
        "E_q[log p(x|z)] − KL(q(z|x) ‖ p(z))",
        "Kingma & Welling 2014, Auto-Encoding Variational Bayes (arXiv:1312.6114)",
    ),
    Recipe(
        "ae",
        "A plain autoencoder: reconstruction alone, with nothing that shapes the latent space. "
        "For comparison: samples from the prior fail.",
        "log p(x|z = μ(x))",
        "Hinton & Salakhutdinov 2006, Reducing the Dimensionality of Data with Neural Networks",
        {"posterior": {"kind": "delta"}, "beta": 0.0},
        ("latent_dim", "architecture.kind"),
    ),
    Recipe(
        "gaussian-vae",
        "A VAE whose pixels are Gaussian, for grey and colour images. "
        "σ is optimal for each batch, one learned number, one per pixel, or fixed; it balances rate and distortion.",
        "E_q[log N(x; μ(z), σ²)] − KL(q(z|x) ‖ p(z))",
        "Rybkin, Daniilidis & Levine 2021, Simple and Effective VAE Training with Calibrated Decoders "
        "(arXiv:2006.13202)",
        {"likelihood": {"kind": "gaussian", "sigma": "optimal", "mean": "sigmoid"}},
        ("latent_dim", "likelihood.sigma", "architecture.kind"),
    ),
    Recipe(
        "full-covariance-vae",
        "The posterior's dimensions may depend on each other: z = μ + L ε with a lower triangular L. "
        "The bound is tighter if the true posterior is correlated.",
        "E_q[log p(x|z)] − KL(N(μ, L Lᵀ) ‖ N(0, I))",
        "Kingma & Welling 2019, An Introduction to Variational Autoencoders, section 2.5.1 (arXiv:1906.02691)",
        {"posterior": {"kind": "cholesky"}},
        ("latent_dim", "architecture.kind"),
    ),
)

_OBJECTIVES = (
    Recipe(
        "iwae",
        "The importance-weighted autoencoder: K latents per image, and the logarithm of their mean weight. "
        "The bound tightens with K, even for a simple posterior.",
        "E[log 1/K Σ_k p(x, z_k) / q(z_k|x)]",
        "Burda, Grosse & Salakhutdinov 2016, Importance Weighted Autoencoders (arXiv:1509.00519)",
        {"bound": "importance", "samples": 5, "kl": "monte-carlo"},
        ("latent_dim", "samples", "architecture.kind"),
    ),
    Recipe(
        "score-function-vae",
        "The encoder's gradient by REINFORCE, with the other samples as baseline, instead of through the sample. "
        "For comparison: the curves show how much larger its variance is.",
        "∇ E_q[f(z)] = E_q[(f(z) − b) ∇ log q(z|x)]",
        "Mnih & Rezende 2016, Variational Inference for Monte Carlo Objectives (arXiv:1602.06725), for the baseline; "
        "Williams 1992, Simple statistical gradient-following algorithms",
        {"estimator": "score", "samples": 8},
        ("latent_dim", "samples", "architecture.kind"),
    ),
    Recipe(
        "beta-vae",
        "The ELBO with its KL term weighted by β. Above 1 it trades reconstruction for simpler, "
        "more disentangled latents; β = 1 is the VAE.",
        "E_q[log p(x|z)] − β · KL(q(z|x) ‖ p(z))",
        "Higgins et al. 2017, beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
        {"beta": 4.0},
        ("latent_dim", "beta", "architecture.kind"),
    ),
    Recipe(
        "capacity-vae",
        "The rate is held at a capacity C that rises during training. "
        "Latents learn the factors of the images one after another, the most important first.",
        "E_q[log p(x|z)] − γ · |KL(q(z|x) ‖ p(z)) − C|",
        "Burgess et al. 2018, Understanding disentangling in β-VAE (arXiv:1804.03599)",
        {"latent_dim": 10, "rate": {"kind": "capacity"}},
        ("latent_dim", "rate.capacity", "rate.epochs", "rate.gamma"),
    ),
    Recipe(
        "tc-vae",
        "Only the total correlation is penalised: the part of the KL that measures how the dimensions depend on each "
        "other. It is estimated from the batch, too low where posteriors are sharp.",
        "ELBO − (β − 1) · KL(q(z) ‖ Π q(z_i)), β − 1 = divergence.weight",
        "Chen et al. 2018, Isolating Sources of Disentanglement in Variational Autoencoders (arXiv:1802.04942)",
        {"latent_dim": 10, "divergence": {"kind": "total-correlation", "weight": 5.0}},
        ("latent_dim", "divergence.weight", "architecture.kind"),
    ),
    Recipe(
        "factor-vae",
        "The total correlation, estimated by a discriminator between real and shuffled latents. "
        "The two networks are trained alternately.",
        "ELBO − γ · KL(q(z) ‖ Π q(z_i)), γ = adversary.weight",
        "Kim & Mnih 2018, Disentangling by Factorising (arXiv:1802.05983)",
        {"family": "factor", "latent_dim": 10},
        ("latent_dim", "adversary.weight", "architecture.kind"),
    ),
)

_LABELS = (
    Recipe(
        "cvae",
        "Encoder and decoder get the label, so that z represents everything else. Choose a class and keep the style.",
        "E_q[log p(x|z, c)] − KL(q(z|x, c) ‖ p(z))",
        "Sohn, Lee & Yan 2015, Learning Structured Output Representation using Deep Conditional Generative Models",
        {"conditional": True},
        ("latent_dim", "architecture.kind", "beta"),
    ),
    Recipe(
        "semi-supervised-vae",
        "M2: a class and a continuous latent per image, with known classes of only a few images. "
        "Unknown classes are marginalised; a classifier is learned too.",
        "Σ_y q(y|x) [ELBO(x, y) − log q(y|x)] + N_l/N · ELBO of the N_l labelled of N − α · cross-entropy",
        "Kingma et al. 2014, Semi-supervised Learning with Deep Generative Models (arXiv:1406.5298)",
        {"family": "semi-supervised", "conditional": True, "latent_dim": 10},
        ("latent_dim", "supervision.labels", "supervision.weight"),
    ),
)

_DIVERGENCES = (
    Recipe(
        "mmd-vae",
        "InfoVAE: the maximum mean discrepancy pulls the aggregate posterior to the prior, the KL each single one only "
        "a little. The latents stay informative.",
        "E_q[log p(x|z)] − β · KL(q(z|x) ‖ p(z)) − λ · MMD²(q(z), p(z))",
        "Zhao, Song & Ermon 2019, InfoVAE (arXiv:1706.02262)",
        {"beta": 0.5, "divergence": {"kind": "mmd", "weight": 10.0}},
        ("latent_dim", "divergence.weight", "divergence.kernel", "beta"),
    ),
    Recipe(
        "wae",
        "The Wasserstein autoencoder: points instead of posteriors, whose distribution the maximum mean discrepancy "
        "pulls to the prior. Sharper than a VAE, without a likelihood to report.",
        "log p(x|z = μ(x)) − λ · MMD²(q(z), p(z))",
        "Tolstikhin et al. 2018, Wasserstein Auto-Encoders (arXiv:1711.01558)",
        {"posterior": {"kind": "delta"}, "beta": 0.0, "divergence": {"kind": "mmd", "weight": 100.0}},
        ("latent_dim", "divergence.weight", "divergence.kernel"),
    ),
    Recipe(
        "swae",
        "Points, whose distribution is compared with the prior along random directions, where sorting solves the "
        "transport problem. Large batches (500) work best.",
        "log p(x|z = μ(x)) − λ · SW²(q(z), p(z))",
        "Kolouri et al. 2019, Sliced-Wasserstein Autoencoder (arXiv:1804.01947)",
        {"posterior": {"kind": "delta"}, "beta": 0.0, "divergence": {"kind": "sliced-wasserstein", "weight": 100.0}},
        ("latent_dim", "divergence.weight", "divergence.projections"),
    ),
    Recipe(
        "energy-vae",
        "Points, pulled to the prior by the energy distance, whose term with the prior has a closed form. "
        "No samples and no choice of kernel are needed.",
        "log p(x|z = μ(x)) − λ · (2 E‖Z − Y‖ − E‖Z − Z′‖ − E‖Y − Y′‖), Y ~ N(0, I)",
        "Turinici 2021, Radon-Sobolev Variational Auto-Encoders (arXiv:1911.13135)",
        {"posterior": {"kind": "delta"}, "beta": 0.0, "divergence": {"kind": "energy", "weight": 100.0}},
        ("latent_dim", "divergence.weight", "architecture.kind"),
    ),
    Recipe(
        "kernel-vae",
        "Points, pulled to the prior by a Gaussian kernel's distance, whose term with the prior has a closed "
        "form. The batch is the only source of noise in the gradient.",
        "log p(x|z = μ(x)) − λ · (E k(Z, Z′) − 2 E k(Z, Y) + E k(Y, Y′)), Y ~ N(0, I)",
        "Gretton et al. 2012, A Kernel Two-Sample Test, in closed form against N(0, I)",
        {"posterior": {"kind": "delta"}, "beta": 0.0, "divergence": {"kind": "kernel", "weight": 1000.0}},
        ("latent_dim", "divergence.weight", "architecture.kind"),
    ),
    Recipe(
        "vae-gan",
        "The reconstruction error is measured on the features of a discriminator that learns to tell real images from "
        "samples. Sharper images, at the cost of the likelihood.",
        "KL(q(z|x) ‖ p(z)) + ½‖D_l(x) − D_l(x̃)‖² − ω · log p(x|z) + λ · adversarial, ω = adversary.pixels",
        "Larsen et al. 2016, Autoencoding beyond pixels using a learned similarity metric (arXiv:1512.09300)",
        {"family": "vae-gan", "latent_dim": 10, "adversary": {"weight": 1.0, "pixels": 0.5}},
        ("latent_dim", "adversary.weight", "adversary.pixels", "architecture.kind"),
    ),
)

_DISCRETE = (
    Recipe(
        "vq-vae",
        "A grid of codes per image, each the nearest of a learned codebook: sharp reconstructions. "
        "An autoregressive prior over the grid is learned too, at last alone, so that it can generate images.",
        "log p(x|e) + log p(codes) − ¼ ‖z(x) − e‖²",
        "van den Oord, Vinyals & Kavukcuoglu 2017, Neural Discrete Representation Learning (arXiv:1711.00937)",
        {"family": "vq", "architecture": {"kind": "residual"}, "codebook": {"prior": "autoregressive"}},
        ("codebook.size", "codebook.dimension", "codebook.prior"),
    ),
    Recipe(
        "vq-vae-2",
        "Two grids of codes, a coarse one for the global structure and a fine one for the details. "
        "A prior over both is learned too, so that it can generate images.",
        "log p(x|e) + log p(codes) − ¼ ‖z(x) − e‖²",
        "Razavi, van den Oord & Vinyals 2019, Generating Diverse High-Fidelity Images with VQ-VAE-2 (arXiv:1906.00446)",
        {
            "family": "vq",
            "architecture": {"kind": "residual"},
            "codebook": {"levels": 2, "prior": "autoregressive"},
        },
        ("codebook.size", "codebook.dimension"),
    ),
    Recipe(
        "fsq-vae",
        "A grid of codes per image without a codebook to learn: each of a few numbers is rounded to one of five "
        "values. No code can die, and nothing but the rounding is added to an autoencoder.",
        "log p(x|e) + log p(codes), e = round(tanh z(x))",
        "Mentzer et al. 2024, Finite Scalar Quantization: VQ-VAE Made Simple (arXiv:2309.15505)",
        {
            "family": "vq",
            "architecture": {"kind": "residual"},
            "codebook": {"kind": "finite-scalar", "dimension": 4, "values": 5, "prior": "autoregressive"},
        },
        ("codebook.values", "codebook.dimension", "codebook.prior"),
    ),
    Recipe(
        "rvq-vae",
        "A grid of codes per image from several codebooks, each for what the ones before have left: the first gives "
        "the image's coarse form, the last its details.",
        "log p(x|Σ_l e_l) + log p(codes) − ¼ Σ_l ‖r_l(x) − e_l‖², r_{l+1} = r_l − e_l",
        "Lee et al. 2022, Autoregressive Image Generation using Residual Quantization (arXiv:2203.01941)",
        {
            "family": "vq",
            "architecture": {"kind": "residual"},
            "codebook": {"kind": "residual", "size": 64, "depth": 4, "prior": "autoregressive"},
        },
        ("codebook.depth", "codebook.size", "codebook.dimension", "codebook.prior"),
    ),
    Recipe(
        "concrete-vae",
        "Categorical latents, relaxed during training so that gradients exist, with a falling temperature. "
        "Evaluated with hard categories.",
        "E_q[log p(x|z)] − Σ_n KL(Cat(π_n) ‖ uniform)",
        "Jang, Gu & Poole 2017, Categorical Reparameterization with Gumbel-Softmax (arXiv:1611.01144); Maddison, Mnih "
        "& Teh 2017, The Concrete Distribution (arXiv:1611.00712)",
        {"latent_dim": 200, "posterior": {"kind": "concrete"}, "prior": {"kind": "categorical"}},
        ("latent_dim", "posterior.categories", "posterior.coldest", "posterior.cooling"),
    ),
)

_RICHER = (
    Recipe(
        "iaf-vae",
        "The posterior is a Gaussian transformed by inverse autoregressive steps, each a masked network. "
        "It can have any shape, and the bound tightens.",
        "E[log p(x|z_T)] − E[log q₀(z₀) − Σ_t log|det ∂z_t/∂z_{t−1}| − log p(z_T)]",
        "Kingma et al. 2016, Improving Variational Inference with Inverse Autoregressive Flow (arXiv:1606.04934)",
        {"latent_dim": 10, "posterior": {"kind": "iaf", "steps": 2}},
        ("latent_dim", "posterior.steps", "posterior.hidden"),
    ),
    Recipe(
        "planar-vae",
        "The posterior is a Gaussian deformed along a few planes, which the encoder chooses for each image. "
        "The simplest flow.",
        "z_t = z_{t−1} + û tanh(wᵀ z_{t−1} + b), log q = log q₀ − Σ log|1 + ûᵀ ψ|",
        "Rezende & Mohamed 2015, Variational Inference with Normalizing Flows (arXiv:1505.05770)",
        {"latent_dim": 10, "posterior": {"kind": "planar", "steps": 4}},
        ("latent_dim", "posterior.steps"),
    ),
    Recipe(
        "vamp-vae",
        "The prior is a mixture of the posteriors of learned pseudo-inputs, so that it matches the images. "
        "The rate falls without a loss of detail.",
        "E_q[log p(x|z)] − KL(q(z|x) ‖ 1/K Σ_k q(z|u_k))",
        "Tomczak & Welling 2018, VAE with a VampPrior (arXiv:1705.07120)",
        {"latent_dim": 10, "prior": {"kind": "vamp", "components": 500}, "rate": {"warmup": 5.0}},
        ("latent_dim", "prior.components", "rate.warmup"),
    ),
    Recipe(
        "vade",
        "The prior is a mixture of Gaussians, and each image belongs to the component that its latent most probably "
        "comes from: clusters without labels. They are placed by a fit to the latents of a plain autoencoder.",
        "E_q[log p(x|z) + log Σ_c π_c N(z; μ_c, σ_c²) − log q(z|x)]",
        "Jiang et al. 2017, Variational Deep Embedding (arXiv:1611.05148)",
        {"latent_dim": 10, "prior": {"kind": "clusters", "components": 10}},
        ("latent_dim", "prior.components", "prior.pretraining", "architecture.kind"),
    ),
    Recipe(
        "sphere-vae",
        "Latents on a sphere, where the prior is uniform and no place is its centre. "
        "The posterior is a von Mises–Fisher distribution.",
        "E_q[log p(x|z)] − KL(vMF(μ(x), κ(x)) ‖ uniform)",
        "Davidson et al. 2018, Hyperspherical Variational Auto-Encoders (arXiv:1804.00891)",
        {"latent_dim": 3, "posterior": {"kind": "von-mises-fisher"}, "prior": {"kind": "sphere"}},
        ("latent_dim", "architecture.kind", "beta"),
    ),
    Recipe(
        "ladder-vae",
        "Several layers of latents, inferred top-down: each from the image and the prediction of the layers above. "
        "Half of each layer can be inferred bottom-up instead, as in BIVA.",
        "E_q[log p(x|z)] − Σ_l KL(q(z_l|x, z_{<l}) ‖ p(z_l|z_{<l}))",
        "after Sønderby et al. 2016, Ladder Variational Autoencoders (arXiv:1602.02282); bottom-up: Maaløe et al. "
        "2019, BIVA (arXiv:1902.02102)",
        {"family": "ladder", "latent_dim": 28, "rate": {"kind": "free-bits", "warmup": 5.0}},
        ("latent_dim", "hierarchy.layers", "hierarchy.bottom_up", "rate.free_bits", "rate.warmup"),
    ),
    Recipe(
        "hierarchical-vae",
        "Latents at several resolutions: a vector for the whole image, then maps of growing size, inferred top-down. "
        "Maps add the details that a single vector blurs.",
        "E_q[log p(x|z)] − Σ_l KL(q(z_l|x, z_{<l}) ‖ p(z_l|z_{<l})), z_l a map",
        "after Child 2021, Very Deep VAEs Generalize Autoregressive Models and Can Outperform Them on Images "
        "(arXiv:2011.10650); Vahdat & Kautz 2020, NVAE (arXiv:2007.03898)",
        {
            "family": "hierarchical",
            "latent_dim": 10,
            "architecture": {"kind": "residual", "width": 16},
            # With half a nat for each layer the largest map says everything, and the layers above nothing.
            "rate": {"kind": "free-bits", "free_bits": 8.0, "warmup": 5.0},
        },
        ("latent_dim", "hierarchy.layers", "hierarchy.channels", "rate.free_bits", "architecture.width", "rate.warmup"),
    ),
    Recipe(
        "helmholtz",
        "Two layers of Gaussian latents trained by wake and sleep: the decoder learns from images, the encoder from "
        "dreams. For comparison: its ELBO is lower than one that is maximised directly.",
        "wake: −log p(x, z), z ~ q; sleep: −log q(z|x), (x, z) ~ p",
        "Hinton et al. 1995, The wake-sleep algorithm for unsupervised neural networks, whose layers are binary",
        {"family": "wake-sleep", "latent_dim": 18, "hierarchy": {"layers": 2}},
        ("latent_dim", "hierarchy.layers"),
    ),
    Recipe(
        "per-datapoint-vae",
        "Each image's posterior is improved by gradient steps from the encoder's output. "
        "The gain is the amortisation gap: the cost of one encoder for all images.",
        "max_λ E_{q_λ}[log p(x|z)] − KL(q_λ ‖ p(z)) for each x, λ from the encoder",
        "Krishnan, Liang & Hoffman 2018, On the challenges of learning with inference networks (arXiv:1710.06085)",
        {"posterior": {"refine": 20}},
        ("latent_dim", "posterior.refine", "posterior.kind"),
    ),
    Recipe(
        "evolved-binary-vae",
        "Binary latents and no encoder: each image keeps a set of latents, which evolution improves without gradients. "
        "Its posterior is the exact one, restricted to this set.",
        "log Σ_{z ∈ Φ(x)} p(x|z) p(z), Φ(x) evolved, p(z) = Π_h Bernoulli(z_h; π_h)",
        "Drefs, Guiraud & Lücke 2022, Evolutionary Variational Optimization of Generative Models (arXiv:2012.12294); "
        "Guiraud, Drefs & Lücke 2020, Direct Evolutionary Optimization of Variational Autoencoders with Binary Latents "
        "(arXiv:2011.13704)",
        {"family": "evolved", "latent_dim": 64},
        ("latent_dim", "evolution.states", "evolution.generations", "evolution.children"),
    ),
    Recipe(
        "decoder-only-vae",
        "No encoder: each image's latent is found by gradient steps or by evolution. "
        "To generate images, a decoder is enough.",
        "max_θ log p(x|z*) with z* = argmax_z log p(x|z) + log p(z)",
        "after Bojanowski et al. 2018, Optimizing the Latent Space of Generative Networks (arXiv:1707.05776)",
        {"posterior": {"kind": "delta", "start": "prior", "refine": 30, "refine_rate": 0.3}},
        ("latent_dim", "posterior.search", "posterior.refine"),
    ),
)

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe for recipe in (*_FIRST, *_OBJECTIVES, *_LABELS, *_DIVERGENCES, *_DISCRETE, *_RICHER)
}


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises
    ------
    InputError
        When there is none of this name.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise InputError(f"there is no recipe {name!r}; the recipes are: {', '.join(RECIPES)}") from None
