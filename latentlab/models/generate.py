"""Latents to make images of: drawn from the prior, from the aggregate posterior, or from among given latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.config.layout import encodes_to_points, latent_layout
from latentlab.errors import InputError
from latentlab.latent.mixture import GaussianMixture, fit_mixture
from latentlab.storage import Points

if TYPE_CHECKING:
    from latentlab.models.inference import InferenceModel

SOURCES = ("prior", "aggregate", "flow")
MAX_TEMPERATURE = 100.0


def draw_latents(
    model: InferenceModel,
    count: int,
    source: str | Points | ArrayLike | None = None,
    temperature: float = 1.0,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Draw latents [count, d]; see ``InferenceModel.generate``."""
    source = default_source(model) if source is None else source
    if count < 1:
        raise InputError(f"at least 1 image must be asked for, not {count}")
    _check_temperature(model, source, temperature)
    if isinstance(source, str) and source == "prior":
        return model.sample_prior(count, seed, temperature)
    if isinstance(source, str) and source == "flow":
        require_plain(latent_layout(model.header.model, model.image_shape).kind)
        flow = model.flow or model.fit_flow()  # the fit is the same for every seed
        return flow.sample(count, seed, temperature)
    return mixture_of(model, source).sample(count, seed, temperature)  # the fit is the same for every seed


def mixture_of(model: InferenceModel, source: str | Points | ArrayLike = "aggregate", seed: int = 0) -> GaussianMixture:
    """The mixture of Gaussians that latents are drawn from: of the aggregate posterior, or of given latents.

    Raises
    ------
    InputError
        When the latents are not plain numbers, or there are none.
    """
    require_plain(latent_layout(model.header.model, model.image_shape).kind)
    if isinstance(source, str):
        if source != "aggregate":
            names = f"{', '.join(SOURCES[:-1])} or {SOURCES[-1]}"
            raise InputError(f"there is no source {source!r} of latents: use {names}, or give latents")
        source = points_to_fit(model)
    if isinstance(source, Points):
        return fit_mixture(source.mean, source.std, seed=seed)
    latents = np.asarray(source)
    if latents.ndim != 2 or latents.shape[1] != model.latent_dim:
        raise InputError(f"the model's latents have {model.latent_dim} numbers, not {list(latents.shape[1:])}")
    return fit_mixture(latents, seed=seed)


def default_source(model: InferenceModel) -> str:
    """Where a model's samples come from unless one says otherwise: ``prior`` or ``aggregate``."""
    has_points = model.points is not None and len(model.points.mean) > 0
    return "aggregate" if has_points and encodes_to_points(model.header.model) else "prior"


def points_to_fit(model: InferenceModel) -> Points:
    """The encoded images in the model's file, whose distribution the aggregate posterior is.

    Raises
    ------
    InputError
        When there are none, or the latents are not plain numbers.
    """
    require_plain(latent_layout(model.header.model, model.image_shape).kind)
    if model.points is None or not len(model.points.mean):
        raise InputError("the model's file has no encoded points, whose distribution the aggregate posterior is")
    return model.points


def require_plain(kind: str) -> None:
    """Refuse a kind of latents that neither a mixture of Gaussians nor a flow describes.

    Raises
    ------
    InputError
        For ``codes`` and ``categories``.
    """
    if kind != "plain":
        raise InputError(
            f"this model's latents are {kind}, which a mixture of Gaussians does not describe, nor a flow: draw from "
            "its prior"
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
    if config.prior.kind == "sphere":
        raise InputError("this model's prior draws every direction with equal probability, which has no temperature")
