"""What can be computed with a model of a configuration, and why something cannot."""

from __future__ import annotations

from dataclasses import dataclass

from latentlab.config.layout import category_count
from latentlab.config.model import ModelConfig

CODES = "its latents are codes, which change by jumps and not by gradient steps"
CATEGORIES = "its latents are categories, which change by jumps and not by gradient steps"
SPHERE = "its latents are on a sphere, which steps in all directions leave"
LIKELIHOOD = "its likelihood is not known, since it was made by another program"
LAYERS = "its latents are in several layers whose posteriors depend on each other"


NO_ENCODER = "it has no encoder"
NO_DECODER = "it is a table of latents, which has no decoder"
NO_WEIGHTS = "it was made by another program: copy its own files"
NO_PRIOR = "the prior of this model is not known"


@dataclass(frozen=True)
class Capabilities:
    """What a model offers; one of another program may lack parts.

    Attributes
    ----------
    has_encoder
        Whether images can be encoded.
    has_likelihood
        Whether log p(x|z) of an image is known, and with it the ELBO.
    has_prior
        Whether latents can be drawn from the prior.
    has_jvp
        Whether derivatives of the decoder are known; else they are differences of decoded images.
    has_decoder
        Whether latents are decoded; else the nearest image of a table is shown instead.
    has_weights
        Whether its weights are known here, and can be saved as a model file.
    """

    has_encoder: bool = True
    has_likelihood: bool = True
    has_prior: bool = True
    has_jvp: bool = True
    has_decoder: bool = True
    has_weights: bool = True

    @property
    def why_not_encoded(self) -> str:
        """Why images cannot be encoded; empty if they can."""
        return "" if self.has_encoder else NO_ENCODER

    @property
    def why_not_decoded(self) -> str:
        """Why latents have no images; empty if they have."""
        return "" if self.has_decoder else NO_DECODER

    @property
    def why_not_saved(self) -> str:
        """Why it cannot be saved as a model file; empty if it can."""
        return "" if self.has_weights else NO_WEIGHTS

    @property
    def why_no_bound(self) -> str:
        """Why images have no ELBO; empty if they have one."""
        if self.why_not_encoded or not self.has_likelihood:
            return self.why_not_encoded or LIKELIHOOD
        return "" if self.has_prior else NO_PRIOR


ALL = Capabilities()
"""Of every model that was trained here."""
OF_TABLES = Capabilities(False, False, False, False, False, False)
"""Of tables of latents, which are no models."""
OF_AUTOENCODERS = Capabilities(has_likelihood=False, has_prior=False)
"""Of autoencoders whose networks are known and built here."""


def why_not_inspected(config: ModelConfig) -> str:
    """Why nothing can be said of images by p(x|z), neither an ELBO nor the spread of a pixel; empty if it can."""
    return LIKELIHOOD if config.family == "foreign" else ""


def why_not_refined(config: ModelConfig) -> str:
    """Why the posterior of one image cannot be refined by gradient steps; empty if it can."""
    if config.family in ("ladder", "hierarchical", "wake-sleep"):
        return LAYERS
    return why_not_imputed(config)


def why_not_imputed(config: ModelConfig) -> str:
    """Why hidden pixels cannot be filled in by sampling latents; empty if they can."""
    if reason := why_not_inspected(config):
        return reason
    if config.family == "vq":
        return CODES
    if config.posterior.kind == "von-mises-fisher":
        return SPHERE
    return CATEGORIES if category_count(config) else ""
