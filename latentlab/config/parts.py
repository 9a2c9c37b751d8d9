"""The parts a model is composed of, each a small description of its own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from latentlab.config.base import Config


class ArchitectureConfig(Config):
    """The networks of encoder and decoder.

    Attributes
    ----------
    kind
        ``mlp``: fully connected; ``conv``: strided convolutions, for images of any size; ``residual``: the same
        with a residual block at every level.
    hidden
        Units in each of the MLP's hidden layers.
    layers
        Number of the MLP's hidden layers; with 0 it is an affine map.
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
        Gaussian; ``concrete`` categories; ``delta``, a point without a density.
    steps
        Number of a flow's steps.
    hidden
        Hidden units of each of IAF's networks.
    categories
        Of each concrete latent; ``latent_dim`` is a multiple of it.
    temperature
        Of the concrete relaxation, at the start; it falls exponentially.
    coldest
        The concrete relaxation's final temperature.
    cooling
        Epochs until the concrete relaxation has its final temperature.
    start
        Where an image's own q begins: at the encoder's output, or, without an encoder, at the prior.
    refine
        Steps of improvement of each image's own q, beginning at ``start``; 0 leaves the encoder's output.
    search
        How each image's own q is improved: by Adam on the ELBO's gradient, or without gradients by evolution.
    refine_rate
        Adam's learning rate, or the size of evolution's first step, when each image's own q is improved.
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
        Of the mixture, or pseudo-inputs.
    steps
        Number of the flow's steps.
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
        Of the pixels.
    sigma
        The Gaussian's: ``fixed`` at ``sigma_value``; one number ``learned``, which starts there; ``optimal``, the
        one that suits the batch best; or one for each ``pixel``, which the decoder tells.
    sigma_value
        The Gaussian's σ if ``sigma`` is fixed; if it is learned, where it starts.
    """

    kind: Literal["bernoulli", "gaussian"] = "bernoulli"
    sigma: Literal["fixed", "learned", "optimal", "pixel"] = "fixed"
    sigma_value: float = Field(default=1.0, ge=1e-3, le=1e3)


class RateConfig(Config):
    """What the rate costs in the objective.

    Attributes
    ----------
    kind
        ``beta``: β times it; ``capacity``: γ times its distance from a capacity that rises; ``free-bits``: β times
        it, where each latent dimension (or layer of a hierarchy) is charged for ``free_bits`` at least.
    warmup
        Epochs over which β rises from 0.
    gamma
        γ: weight of the rate's distance from the capacity.
    capacity
        The final capacity, in nats.
    epochs
        Epochs until the final capacity is reached.
    free_bits
        Least rate that each latent dimension (or layer of a hierarchy) is charged for, in nats.
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
        λ, against errors summed over pixels.
    kernel
        MMD's: inverse multiquadric or Gaussian.
    projections
        Directions of the sliced distance.
    """

    kind: Literal["none", "mmd", "sliced-wasserstein", "energy", "kernel", "total-correlation"] = "none"
    weight: float = Field(default=1.0, ge=0.0)
    kernel: Literal["imq", "rbf"] = "imq"
    projections: int = Field(default=50, ge=1, le=100_000)


class CorruptionConfig(Config):
    """What is done to an image before the encoder sees it in training.

    Attributes
    ----------
    kind
        ``noise`` is added, and the clean image asked for; or pixels are hidden by a ``mask``, and only those that
        are left carry likelihood.
    level
        Standard deviation of the noise, or share of the pixels hidden.
    """

    kind: Literal["none", "noise", "mask"] = "none"
    level: float = Field(default=0.25, ge=0.0, le=0.99)


class HierarchyConfig(Config):
    """Layers of latents, for the families that have them.

    Attributes
    ----------
    layers
        How many; they share ``latent_dim``, each about twice as wide as the one above.
    hidden
        Units of the networks between layers.
    bottom_up
        The ladder's: half of each layer's latents, but the top's, are inferred on the way up from the image, the
        others on the way down.
    """

    layers: int = Field(default=3, ge=2, le=12)
    hidden: int = Field(default=200, ge=1, le=8192)
    bottom_up: bool = False


class CodebookConfig(Config):
    """Quantised latents.

    Attributes
    ----------
    size
        Number of the codebook's entries.
    dimension
        Numbers in each entry.
    commitment
        Weight of the encoder's distance from the entries.
    decay
        Of the moving averages that the entries are.
    levels
        Grids of codes: 1, or 2 (a coarse and a fine one).
    prior
        Over the grids: uniform, or learned, one code after another.
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
        Of what it says: γ of the total correlation, or of the adversarial term.
    hidden
        Units of its layers.
    pixels
        VAE-GAN's: weight of the pixels' distortion beside the features'; 0 is the paper's.
    margin
        VAE-GAN's: the discriminator rests while its cross-entropy is better than chance's (log 2) by more than so
        many nats; the adversarial term rests while it is worse by more.
    """

    weight: float = Field(default=6.4, ge=0.0)
    hidden: int = Field(default=500, ge=1, le=8192)
    pixels: float = Field(default=0.1, ge=0.0)
    margin: float = Field(default=0.35, ge=0.0, le=0.69)


class SupervisionConfig(Config):
    """Labels of a few images.

    Attributes
    ----------
    labels
        Labelled images used, equally many of each class: the first met in training.
    weight
        α of the classification term, in nats of the mean cross-entropy.
    """

    labels: int = Field(default=100, ge=1, le=100_000)
    weight: float = Field(default=50.0, ge=0.0)
