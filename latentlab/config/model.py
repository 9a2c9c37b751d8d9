"""What a model computes, as a composition of parts: ``ModelConfig``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from latentlab.config.base import Config


class ArchitectureConfig(Config):
    """The networks of encoder and decoder.

    ``hidden`` and ``layers`` size the MLP; ``width`` is the channels of the first convolution.
    """

    kind: Literal["mlp", "conv", "residual"] = "mlp"
    hidden: int = Field(default=500, ge=1, le=65536)
    layers: int = Field(default=1, ge=1, le=16)
    width: int = Field(default=32, ge=1, le=1024)
    activation: Literal["relu", "tanh", "elu", "silu", "softplus"] = "relu"


class PosteriorConfig(Config):
    """q(z|x): the family the encoder's output parametrises."""

    kind: Literal["diagonal", "delta"] = "diagonal"


class PriorConfig(Config):
    """p(z)."""

    kind: Literal["standard"] = "standard"


class LikelihoodConfig(Config):
    """p(x|z). ``sigma`` is the Gaussian's: fixed at ``sigma_value``, or one learned number."""

    kind: Literal["bernoulli", "gaussian"] = "bernoulli"
    sigma: Literal["fixed", "learned"] = "fixed"
    sigma_value: float = Field(default=1.0, gt=0.0)


class ModelConfig(Config):
    """A model: which recipe it came from, and the parts it is composed of."""

    recipe: str = "vae"
    latent_dim: int = Field(default=2, ge=1, le=4096)
    architecture: ArchitectureConfig = ArchitectureConfig()
    posterior: PosteriorConfig = PosteriorConfig()
    prior: PriorConfig = PriorConfig()
    likelihood: LikelihoodConfig = LikelihoodConfig()
    beta: float = Field(default=1.0, ge=0.0)
    samples: int = Field(default=1, ge=1, le=10_000)
