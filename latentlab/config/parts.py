"""The parts that a model is composed of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from latentlab.config.base import Config


class ArchitectureConfig(Config):
    """The networks of encoder and decoder.

    Attributes
    ----------
    kind
        ``mlp``: fully connected; ``conv``: strided convolutions, for images of any size; ``residual``: strided
        convolutions with a residual block at every level.
    hidden
        Units in each of the MLP's hidden layers.
    layers
        Number of the MLP's hidden layers; 0 for an affine map.
    width
        Channels of the first convolution; deeper ones have up to four times as many.
    activation
        Activation function between layers.
    """

    kind: Literal["mlp", "conv", "residual"] = "mlp"
    hidden: int = Field(default=500, ge=1, le=65536)
    layers: int = Field(default=1, ge=0, le=16)
    width: int = Field(default=32, ge=1, le=1024)
    activation: Literal["relu", "tanh", "elu", "silu", "softplus"] = "relu"


class PosteriorConfig(Config):
    """q(z|x).

    Attributes
    ----------
    kind
        ``diagonal`` or ``cholesky`` (full covariance) Gaussian; ``iaf`` or ``planar`` flow over a diagonal
        Gaussian; ``concrete`` categories; ``delta``: a point without a density.
    steps
        Number of steps of a flow.
    hidden
        Hidden units of each of IAF's networks.
    categories
        Number of categories of each concrete latent; ``latent_dim`` must be a multiple of it.
    temperature
        Initial temperature of the concrete relaxation; it decays exponentially.
    coldest
        The concrete relaxation's final temperature.
    cooling
        Epochs until the concrete relaxation reaches its final temperature.
    start
        Where each image's own q starts: at the encoder's output, or, without an encoder, at the prior.
    refine
        Steps by which each image's own q is improved from ``start``; 0 keeps the encoder's output.
    search
        How each image's own q is improved: by Adam on the ELBO's gradient, or without gradients by evolution.
    refine_rate
        Adam's learning rate, or the size of evolution's first step, for these improvements.
    """

    kind: Literal["diagonal", "cholesky", "iaf", "planar", "concrete", "delta"] = "diagonal"
    steps: int = Field(default=4, ge=0, le=64)
    hidden: int = Field(default=128, ge=1, le=8192)
    categories: int = Field(default=10, ge=2, le=1024)
    temperature: float = Field(default=1.0, gt=0.0, le=100.0)
    coldest: float = Field(default=0.5, gt=0.0, le=100.0)
    cooling: float = Field(default=10.0, gt=0.0)
    start: Literal["encoder", "prior"] = "encoder"
    refine: int = Field(default=0, ge=0, le=1000)
    search: Literal["gradient", "evolution"] = "gradient"
    refine_rate: float = Field(default=0.1, gt=0.0, le=10.0)


class PriorConfig(Config):
    """p(z).

    Attributes
    ----------
    kind
        ``standard`` normal; learned ``mixture`` of Gaussians; ``vamp``: mixture of the posteriors at learned
        pseudo-inputs; ``flow``: a learned autoregressive flow; ``categorical``: uniform, for concrete latents.
    components
        Number of components of the mixture, or of pseudo-inputs.
    steps
        Number of steps of the flow.
    hidden
        Hidden units of each of the flow's networks.
    """

    kind: Literal["standard", "mixture", "vamp", "flow", "categorical"] = "standard"
    components: int = Field(default=10, ge=1, le=10_000)
    steps: int = Field(default=2, ge=1, le=64)
    hidden: int = Field(default=128, ge=1, le=8192)


class LikelihoodConfig(Config):
    """p(x|z).

    Attributes
    ----------
    kind
        Distribution of a pixel.
    sigma
        σ of the Gaussian: ``fixed`` at ``sigma_value``; one ``learned`` number that starts there; ``optimal``: the best
        one for each batch; ``pixel``: one for each pixel, from the decoder.
    sigma_value
        The Gaussian's σ if ``sigma`` is fixed; its initial value if it is learned.
    """

    kind: Literal["bernoulli", "gaussian"] = "bernoulli"
    sigma: Literal["fixed", "learned", "optimal", "pixel"] = "fixed"
    sigma_value: float = Field(default=1.0, ge=1e-3, le=1e3)


class RateConfig(Config):
    """The rate's term in the objective.

    Attributes
    ----------
    kind
        ``beta``: β times the rate; ``capacity``: γ times its distance from a rising capacity; ``free-bits``: β times
        the rate, where each latent dimension (or layer of a hierarchy) counts at least ``free_bits``.
    warmup
        Epochs over which β rises from 0.
    gamma
        γ: weight of the rate's distance from the capacity.
    capacity
        The final capacity, in nats.
    epochs
        Epochs until the final capacity is reached.
    free_bits
        Minimum rate that each latent dimension (or layer of a hierarchy) counts with, in nats.
    """

    kind: Literal["beta", "capacity", "free-bits"] = "beta"
    warmup: float = Field(default=0.0, ge=0.0)
    gamma: float = Field(default=1000.0, ge=0.0)
    capacity: float = Field(default=25.0, ge=0.0)
    epochs: float = Field(default=20.0, gt=0.0)
    free_bits: float = Field(default=0.5, ge=0.0)


class DivergenceConfig(Config):
    """A further term λ · D(z, prior) of the objective.

    Attributes
    ----------
    kind
        ``mmd``: maximum mean discrepancy; ``sliced-wasserstein``; ``energy`` distance; ``kernel``: a Gaussian
        kernel's distance in closed form; ``total-correlation`` by minibatch weighting.
    weight
        λ, relative to errors summed over pixels.
    kernel
        Kernel of the MMD: inverse multiquadric or Gaussian.
    projections
        Number of directions of the sliced distance.
    """

    kind: Literal["none", "mmd", "sliced-wasserstein", "energy", "kernel", "total-correlation"] = "none"
    weight: float = Field(default=1.0, ge=0.0)
    kernel: Literal["imq", "rbf"] = "imq"
    projections: int = Field(default=50, ge=1, le=100_000)


class CorruptionConfig(Config):
    """How training images are corrupted before the encoder gets them.

    Attributes
    ----------
    kind
        ``noise`` is added, and the decoder reconstructs the clean image; or a ``mask`` hides pixels, and only the
        others count in the likelihood.
    level
        Standard deviation of the noise, or fraction of pixels hidden.
    """

    kind: Literal["none", "noise", "mask"] = "none"
    level: float = Field(default=0.25, ge=0.0, le=0.99)


class HierarchyConfig(Config):
    """Layers of latents, for the hierarchical families.

    Attributes
    ----------
    layers
        Number of layers; they share ``latent_dim``, each about twice as wide as the one above.
    hidden
        Units of the networks between layers.
    bottom_up
        For the ladder: half of the latents of each layer except the top are inferred bottom-up from the image, the
        others top-down.
    """

    layers: int = Field(default=3, ge=2, le=12)
    hidden: int = Field(default=200, ge=1, le=8192)
    bottom_up: bool = False


class CodebookConfig(Config):
    """Quantised latents.

    Attributes
    ----------
    size
        Number of entries of the codebook.
    dimension
        Size of each entry.
    commitment
        Weight of the encoder's distance to the entries.
    decay
        Decay of the moving averages that are the entries.
    levels
        Number of grids of codes: 1, or 2 (a coarse and a fine one).
    prior
        Prior over the grids: uniform, or learned, one code after another.
    """

    size: int = Field(default=512, ge=2, le=65536)
    dimension: int = Field(default=16, ge=1, le=1024)
    commitment: float = Field(default=0.25, ge=0.0)
    decay: float = Field(default=0.99, ge=0.0, lt=1.0)
    levels: Literal[1, 2] = 1
    prior: Literal["uniform", "autoregressive"] = "uniform"


class AdversaryConfig(Config):
    """A discriminator.

    Attributes
    ----------
    weight
        γ of the total correlation, or weight of the adversarial term.
    hidden
        Units of its layers.
    pixels
        For VAE-GAN: weight of the distortion of pixels beside that of features; 0 in the paper.
    margin
        For VAE-GAN: the discriminator is not trained while its cross-entropy is better than chance (log 2) by more than
        this many nats; the adversarial term is skipped while it is worse by more.
    """

    weight: float = Field(default=6.4, ge=0.0)
    hidden: int = Field(default=500, ge=1, le=8192)
    pixels: float = Field(default=0.1, ge=0.0)
    margin: float = Field(default=0.35, ge=0.0, le=0.69)


class SupervisionConfig(Config):
    """Labels of a few images, for semi-supervised training.

    Attributes
    ----------
    labels
        Number of labelled images used, equally many of each class: the first ones in training.
    weight
        α of the classification term, which is the mean cross-entropy in nats.
    """

    labels: int = Field(default=100, ge=1, le=100_000)
    weight: float = Field(default=50.0, ge=0.0)
