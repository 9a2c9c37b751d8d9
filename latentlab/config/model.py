"""What a model computes, as a composition of parts: ``ModelConfig``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from latentlab.config.base import Config


class ArchitectureConfig(Config):
    """The networks of encoder and decoder.

    Attributes
    ----------
    kind
        ``mlp``: fully connected; ``conv``: strided convolutions, for images of any size.
    hidden, layers
        Units and number of the MLP's hidden layers; no layer leaves an affine map.
    width
        Channels of the first convolution; deeper ones have up to four times as many.
    activation
        Between layers.
    """

    kind: Literal["mlp", "conv"] = "mlp"
    hidden: int = Field(default=500, ge=1, le=65536)
    layers: int = Field(default=1, ge=0, le=16)
    width: int = Field(default=32, ge=1, le=1024)
    activation: Literal["relu", "tanh", "elu", "silu", "softplus"] = "relu"


class PosteriorConfig(Config):
    """q(z|x): ``diagonal`` Gaussian, or ``delta``, a point without a density."""

    kind: Literal["diagonal", "delta"] = "diagonal"


class PriorConfig(Config):
    """p(z)."""

    kind: Literal["standard"] = "standard"


class LikelihoodConfig(Config):
    """p(x|z). ``sigma`` is the Gaussian's: fixed at ``sigma_value``, or one learned number that starts there."""

    kind: Literal["bernoulli", "gaussian"] = "bernoulli"
    sigma: Literal["fixed", "learned"] = "fixed"
    sigma_value: float = Field(default=1.0, ge=1e-3, le=1e3)


class ModelConfig(Config):
    """A model: which recipe it came from, and the parts it is composed of.

    Attributes
    ----------
    latent_dim
        Size of z.
    beta
        Weight of the rate in the objective.
    samples
        Latents K drawn per image and step.
    kl
        Rate in closed form where there is one, or as the mean of log q − log p over the samples.
    """

    recipe: str = "vae"
    latent_dim: int = Field(default=2, ge=1, le=4096)
    architecture: ArchitectureConfig = ArchitectureConfig()
    posterior: PosteriorConfig = PosteriorConfig()
    prior: PriorConfig = PriorConfig()
    likelihood: LikelihoodConfig = LikelihoodConfig()
    beta: float = Field(default=1.0, ge=0.0)
    samples: int = Field(default=1, ge=1, le=10_000)
    kl: Literal["analytic", "monte-carlo"] = "analytic"
