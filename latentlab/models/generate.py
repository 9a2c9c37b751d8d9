"""Latents to make images of: drawn from the prior, from the aggregate posterior, or from among given latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.config.layout import latent_layout
from latentlab.errors import InputError
from latentlab.latent.mixture import GaussianMixture, fit_mixture
from latentlab.storage import Points

if TYPE_CHECKING:
    from latentlab.models.inference import InferenceModel

SOURCES = ("prior", "aggregate")
MAX_TEMPERATURE = 100.0


def draw_latents(
    model: InferenceModel,
    count: int,
    source: str | Points | ArrayLike = "prior",
    temperature: float = 1.0,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Draw latents [count, d]; see ``InferenceModel.generate``."""
    if count < 1:
        raise InputError(f"at least 1 image must be asked for, not {count}")
    _check_temperature(model, source, temperature)
    if isinstance(source, str) and source == "prior":
        return model.sample_prior(count, seed, temperature)
    return mixture_of(model, source).sample(count, seed, temperature)  # the fit is the same for every seed


def mixture_of(model: InferenceModel, source: str | Points | ArrayLike = "aggregate", seed: int = 0) -> GaussianMixture:
    """The mixture of Gaussians that latents are drawn from: of the aggregate posterior, or of given latents.

    Raises
    ------
    InputError
        When the latents are not plain numbers, or there are none.
    """
    kind = latent_layout(model.header.model, model.image_shape).kind
    require_mixture(kind)
    if isinstance(source, str):
        if source != "aggregate":
            raise InputError(f"there is no source {source!r} of latents: use {' or '.join(SOURCES)}, or give latents")
        if model.points is None or not len(model.points.mean):
            raise InputError("the model's file has no encoded points, whose distribution the aggregate posterior is")
        source = model.points
    if isinstance(source, Points):
        return fit_mixture(source.mean, source.std, seed=seed)
    latents = np.asarray(source)
    if latents.ndim != 2 or latents.shape[1] != model.latent_dim:
        raise InputError(f"the model's latents have {model.latent_dim} numbers, not {list(latents.shape[1:])}")
    return fit_mixture(latents, seed=seed)


def require_mixture(kind: str) -> None:
    """Refuse a kind of latents that a mixture of Gaussians does not describe.

    Raises
    ------
    InputError
        For ``codes`` and ``categories``.
    """
    if kind != "plain":
        raise InputError(
            f"this model's latents are {kind}, which a mixture of Gaussians does not describe: draw from its prior"
        )


def _check_temperature(model: InferenceModel, source: str | Points | ArrayLike, temperature: float) -> None:
    if not 0 < temperature <= MAX_TEMPERATURE:
        raise InputError(f"the temperature must be above 0 and at most {MAX_TEMPERATURE:g}, not {temperature:g}")
    if temperature == 1 or not (isinstance(source, str) and source == "prior"):
        return
    config = model.header.model
    kind = latent_layout(config, model.image_shape).kind
    is_uniform = config.codebook.prior == "uniform" if kind == "codes" else kind == "categories"
    if is_uniform:
        raise InputError(f"this model's prior draws {kind} with equal probability, which has no temperature")
