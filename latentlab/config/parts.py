"""The parts that a model is composed of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from latentlab.config.base import Config


class ArchitectureConfig(Config):
    """The networks of encoder and decoder."""

    kind: Literal["mlp", "conv", "residual", "attention"] = Field(
        default="mlp",
        description="``mlp``: fully connected; ``conv``: strided convolutions, for images of any size; "
        "``residual``: strided convolutions with a residual block at every level; ``attention``: with normalised "
        "residual blocks, and self-attention where maps are small, for images of 64 to 256 pixels a side.",
    )
    hidden: int = Field(default=500, ge=1, le=65536, description="Units in each of the MLP's hidden layers.")
    layers: int = Field(default=1, ge=0, le=16, description="Number of the MLP's hidden layers; 0 for an affine map.")
    width: int = Field(
        default=32,
        ge=1,
        le=1024,
        description="Channels of the first convolution; deeper ones have up to four times as many.",
    )
    attention: int = Field(
        default=16,
        ge=0,
        le=64,
        description="For ``attention``: the largest side of a map with self-attention; 0 for none. Its work grows with "
        "the fourth power of the side.",
    )
    activation: Literal["relu", "tanh", "elu", "silu", "softplus"] = Field(
        default="relu", description="Activation function between layers."
    )
    normalisation: Literal["none", "group"] = Field(
        default="none",
        description="Normalisation after every convolution but the last: ``none``, or that of ``group``s of channels "
        "(Wu & He 2018), which does not depend on the other images of the batch.",
    )
    linear_path: bool = Field(
        default=False,
        description="An affine path beside the networks, from the image's principal components to the latents and from "
        "the latents to the image. Training begins with it alone: with as many principal components as latents, which "
        "the networks then improve.",
    )


class PosteriorConfig(Config):
    """q(z|x)."""

    kind: Literal["diagonal", "cholesky", "iaf", "planar", "concrete", "von-mises-fisher", "delta"] = Field(
        default="diagonal",
        description="``diagonal`` or ``cholesky`` (full covariance) Gaussian; ``iaf`` or ``planar`` flow over a "
        "diagonal Gaussian; ``concrete`` categories; ``von-mises-fisher``: on the unit sphere; ``delta``: a point "
        "without a density.",
    )
    steps: int = Field(default=4, ge=0, le=64, description="Number of steps of a flow.")
    hidden: int = Field(default=128, ge=1, le=8192, description="Hidden units of each of IAF's networks.")
    categories: int = Field(
        default=10,
        ge=2,
        le=1024,
        description="Number of categories of each concrete latent; ``latent_dim`` must be a multiple of it.",
    )
    temperature: float = Field(
        default=1.0,
        gt=0.0,
        le=100.0,
        description="Initial temperature of the concrete relaxation; it decays exponentially.",
    )
    coldest: float = Field(default=0.5, gt=0.0, le=100.0, description="The concrete relaxation's final temperature.")
    cooling: float = Field(
        default=10.0, gt=0.0, description="Epochs until the concrete relaxation reaches its final temperature."
    )
    start: Literal["encoder", "prior"] = Field(
        default="encoder",
        description="Where each image's own q starts: at the encoder's output, or, without an encoder, at the prior.",
    )
    refine: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Steps by which each image's own q is improved from ``start``; 0 keeps the encoder's output.",
    )
    search: Literal["gradient", "evolution"] = Field(
        default="gradient",
        description="How each image's own q is improved: by Adam on the ELBO's gradient, or without gradients by "
        "evolution.",
    )
    refine_rate: float = Field(
        default=0.1,
        gt=0.0,
        le=10.0,
        description="Adam's learning rate, or the size of evolution's first step, for these improvements.",
    )


class PriorConfig(Config):
    """p(z)."""

    kind: Literal["standard", "mixture", "clusters", "vamp", "flow", "categorical", "sphere"] = Field(
        default="standard",
        description="``standard`` normal; learned ``mixture`` of Gaussians; ``clusters``: one with learned weights, "
        "placed by a fit to the latents after ``pretraining``, whose components are read as classes; ``vamp``: mixture "
        "of the posteriors at "
        "learned pseudo-inputs; ``flow``: a learned autoregressive flow; ``categorical``: uniform, for concrete "
        "latents; ``sphere``: uniform, for latents on the unit sphere. With points "
        "(``posterior.kind=delta``) a prior is not learned.",
    )
    components: int = Field(
        default=10, ge=1, le=10_000, description="Number of components of the mixture, or of pseudo-inputs."
    )
    pretraining: float = Field(
        default=5.0,
        ge=0.0,
        description="For ``clusters``: epochs without a rate, at most a third of the run, before the components are "
        "placed.",
    )
    steps: int = Field(default=2, ge=1, le=64, description="Number of steps of the flow.")
    hidden: int = Field(default=128, ge=1, le=8192, description="Hidden units of each of the flow's networks.")


class LikelihoodConfig(Config):
    """p(x|z)."""

    kind: Literal["bernoulli", "gaussian", "continuous-bernoulli", "discretised-logistic"] = Field(
        default="bernoulli",
        description="Distribution of a pixel: ``bernoulli``, for black and white; ``gaussian``; "
        "``continuous-bernoulli``, a density of grey values; ``discretised-logistic``: the probability of each of 256 "
        "levels, for bits per dimension that can be compared.",
    )
    sigma: Literal["fixed", "learned", "optimal", "pixel"] = Field(
        default="fixed",
        description="σ of the Gaussian, or the logistic distribution's scale: ``fixed`` at ``sigma_value``; one "
        "``learned`` number that starts there; ``optimal``: the best one for each batch, its samples weighted alike; "
        "``pixel``: one for each pixel, from the decoder.",
    )
    sigma_value: float = Field(
        default=1.0,
        ge=1e-3,
        le=1e3,
        description="σ if ``sigma`` is fixed; its initial value if it is learned.",
    )
    mean: Literal["linear", "sigmoid"] = Field(
        default="linear",
        description="The Gaussian's mean: the decoder's output itself, or its ``sigmoid``, which stays between black "
        "and white.",
    )


class RateConfig(Config):
    """The rate's term in the objective."""

    kind: Literal["beta", "capacity", "free-bits"] = Field(
        default="beta",
        description="``beta``: β times the rate; ``capacity``: γ times its distance from a rising capacity; "
        "``free-bits``: β times the rate, where each latent dimension (or layer of a hierarchy) counts at least "
        "``free_bits``.",
    )
    warmup: float = Field(default=0.0, ge=0.0, description="Epochs over which β rises from 0.")
    cycle: float = Field(
        default=0.0,
        ge=0.0,
        description="Epochs after which the warm-up begins again (cyclical annealing, Fu et al. 2019); 0 for once.",
    )
    gamma: float = Field(default=1000.0, ge=0.0, description="γ: weight of the rate's distance from the capacity.")
    capacity: float = Field(default=25.0, ge=0.0, description="The final capacity, in nats.")
    epochs: float = Field(default=20.0, gt=0.0, description="Epochs until the final capacity is reached.")
    free_bits: float = Field(
        default=0.5,
        ge=0.0,
        description="Minimum rate that each latent dimension (or layer of a hierarchy) counts with, in nats. Where the "
        "rate has no part for each dimension (a flow, a learned prior, a sampled rate), all count with as much.",
    )


class DivergenceConfig(Config):
    """A further term λ · D(z, prior) of the objective."""

    kind: Literal["none", "mmd", "sliced-wasserstein", "energy", "kernel", "total-correlation"] = Field(
        default="none",
        description="``mmd``: maximum mean discrepancy; ``sliced-wasserstein``; ``energy`` distance; ``kernel``: a "
        "Gaussian kernel's distance in closed form; ``total-correlation``, estimated from the batch.",
    )
    weight: float = Field(default=1.0, ge=0.0, description="λ, relative to errors summed over pixels.")
    kernel: Literal["imq", "rbf"] = Field(
        default="imq", description="Kernel of the MMD: inverse multiquadric or Gaussian."
    )
    projections: int = Field(default=50, ge=1, le=100_000, description="Number of directions of the sliced distance.")


class CorruptionConfig(Config):
    """How training images are corrupted before the encoder gets them."""

    kind: Literal["none", "noise", "mask"] = Field(
        default="none",
        description="``noise`` is added, and the decoder reconstructs the clean image; or a ``mask`` hides pixels, "
        "and only the others count in the likelihood.",
    )
    level: float = Field(
        default=0.25, ge=0.0, le=0.99, description="Standard deviation of the noise, or fraction of pixels hidden."
    )


class HierarchyConfig(Config):
    """Layers of latents, for the hierarchical families."""

    layers: int = Field(
        default=3,
        ge=2,
        le=12,
        description="Number of layers; they share ``latent_dim``, each about twice as wide as the one above. With "
        "``family=hierarchical`` the top one has ``latent_dim`` numbers, and each other is a map with sides twice as "
        "long as those of the one above.",
    )
    channels: int = Field(
        default=2,
        ge=1,
        le=64,
        description="For ``family=hierarchical``: latents at each position of a map.",
    )
    hidden: int = Field(default=200, ge=1, le=8192, description="Units of the networks between layers.")
    bottom_up: bool = Field(
        default=False,
        description="For the ladder: half of the latents of each layer except the top are inferred bottom-up from "
        "the image, the others top-down.",
    )


class CodebookConfig(Config):
    """Quantised latents."""

    kind: Literal["learned", "finite-scalar", "residual"] = Field(
        default="learned",
        description="``learned`` entries, moving averages of the vectors assigned to them; ``finite-scalar``: fixed "
        "entries, each number rounded to one of ``values``; ``residual``: several learned codebooks for one grid, each "
        "for what the ones before have left.",
    )
    size: int = Field(default=512, ge=2, le=65536, description="Number of entries of a learned codebook.")
    dimension: int = Field(default=16, ge=1, le=1024, description="Size of each entry.")
    values: int = Field(
        default=5,
        ge=2,
        le=256,
        description="For ``finite-scalar``: values that each of the ``dimension`` numbers of an entry can take; there "
        "are ``values`` to the power ``dimension`` entries, at most 65,536.",
    )
    depth: int = Field(default=4, ge=2, le=32, description="For ``residual``: number of codebooks.")
    commitment: float = Field(default=0.25, ge=0.0, description="Weight of the encoder's distance to the entries.")
    decay: float = Field(default=0.99, ge=0.0, lt=1.0, description="Decay of the moving averages that are the entries.")
    levels: Literal[1, 2] = Field(default=1, description="Number of grids of codes: 1, or 2 (a coarse and a fine one).")
    prior: Literal["uniform", "autoregressive"] = Field(
        default="uniform", description="Prior over the grids: uniform, or learned, one code after another."
    )
    prior_alone: float = Field(
        default=0.35,
        ge=0.0,
        le=1.0,
        description="Fraction of the run, at its end, in which the learned prior is trained alone, on codes that no "
        "longer change.",
    )

    @property
    def entries(self) -> int:
        """Number of entries of each codebook."""
        return self.values**self.dimension if self.kind == "finite-scalar" else self.size


class AdversaryConfig(Config):
    """A discriminator."""

    weight: float = Field(
        default=6.4, ge=0.0, description="γ of the total correlation, or weight of the adversarial term."
    )
    hidden: int = Field(default=500, ge=1, le=8192, description="Units of its layers.")
    pixels: float = Field(
        default=0.1,
        ge=0.0,
        description="For VAE-GAN: weight of the distortion of pixels beside that of features; 0 in the paper.",
    )
    margin: float = Field(
        default=0.35,
        ge=0.0,
        le=0.69,
        description="For VAE-GAN: the discriminator is not trained while its cross-entropy is better than chance "
        "(log 2) by more than this many nats; the adversarial term is skipped while it is worse by more.",
    )


class SupervisionConfig(Config):
    """Labels of a few images, for semi-supervised training."""

    labels: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="Number of labelled images used, equally many of each class: the first ones in training.",
    )
    weight: float = Field(
        default=50.0, ge=0.0, description="α of the classification term, which is the mean cross-entropy in nats."
    )


class LatentFlowConfig(Config):
    """Size of a flow that is fitted to a trained model's latents."""

    steps: int = Field(default=4, ge=1, le=64, description="Number of coupling steps.")
    hidden: int = Field(default=64, ge=1, le=4096, description="Units of the two hidden layers of each step.")
    bins: int = Field(default=8, ge=2, le=128, description="Bins of each spline.")


class EvolutionConfig(Config):
    """Sets of binary latents that are found by evolution, for ``family=evolved``."""

    states: int = Field(default=16, ge=2, le=1024, description="Latents kept for each image: the best found so far.")
    children: int = Field(default=16, ge=1, le=1024, description="New latents tried for each image and generation.")
    generations: int = Field(
        default=1, ge=1, le=1000, description="Generations in each step of training, from the image's kept latents."
    )
    search: int = Field(
        default=20, ge=0, le=10_000, description="Generations for an image that no latents are kept for."
    )
    pool: int = Field(
        default=256,
        ge=1,
        le=65536,
        description="Good latents of training images, saved with the model; the search for another image begins with "
        "the best of them.",
    )
