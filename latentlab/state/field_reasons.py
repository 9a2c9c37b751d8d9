"""Why a quantity cannot be shown at every place of the map, for the model and images that are open (no Qt)."""

from __future__ import annotations

import numpy as np

from latentlab.config.info import ModelInfo
from latentlab.state.map_axes import EMBEDDINGS
from latentlab.state.session import Session

ROUND_TRIP, MAGNIFICATION, UNCERTAINTY, CLASSES = "round_trip", "magnification", "uncertainty", "classes"
ASSIGNMENT = "assignment"
FIELDS = (ROUND_TRIP, MAGNIFICATION, UNCERTAINTY, CLASSES, ASSIGNMENT)

NO_MODEL = "Open a model first"
OF_AN_EPOCH = "Not for a viewed epoch: it is computed with the newest weights"
CODES = "The latents are codes, which change by jumps"
CATEGORIES = "The latents are categories, which change by jumps"
NO_ENCODER = "The model has no encoder"
NO_DECODER = "A table of latents has no decoder"
FITTED = "The model has no encoder: it finds latents by a search, which takes too long for every place"
SEARCHES = "The model improves each image's latent by a search, which takes too long for every place"
ONE_SIGMA = "The likelihood has one σ for all pixels and images: it is the same everywhere"
NO_LIKELIHOOD = "The model's likelihood is not known, since it was made by another program"
NO_PLANE = "A terrain is not a plane of the latent space"
NO_TERRAIN = "Only for a terrain: choose PCA terrain, t-SNE or UMAP as the map's axes"
NO_POINTS = "No images are encoded: open a dataset"
ON_A_SPHERE = "Images are encoded on a sphere, which most places of the map are not on"
NO_CLASSES = "The encoded images have no classes"


def refused_fields(session: Session) -> tuple[tuple[str, str], ...]:
    """Name of each of ``FIELDS`` that cannot be shown now, and the reason in a sentence."""
    found = ((name, _reason(session, name)) for name in FIELDS)
    return tuple((name, reason) for name, reason in found if reason)


def _reason(session: Session, name: str) -> str:
    model = session.model
    if model is None:
        return NO_MODEL
    if session.viewed_epoch is not None:
        return OF_AN_EPOCH
    reason = _not_of_surface(session, name)
    if reason or name == ASSIGNMENT:
        return reason
    return _no_classes(session) if name == CLASSES else _not_of_model(model, session.layout.kind, name)


def _not_of_surface(session: Session, name: str) -> str:
    method = EMBEDDINGS.get(session.axes.embedding, "")
    if not method:
        return NO_TERRAIN if name == ASSIGNMENT else ""
    if session.embedding is None or session.embedding.terrain is None:
        return f"The {method} layout is still computed: nothing is decoded meanwhile"
    return NO_PLANE if name == MAGNIFICATION else ""


def _no_classes(session: Session) -> str:
    points = session.points
    if points is None or not len(points.mean):
        return NO_POINTS if session.model is None or session.model.has_encoder else NO_ENCODER
    return "" if np.any(points.label >= 0) else NO_CLASSES


def _not_of_model(model: ModelInfo, kind: str, name: str) -> str:
    if not model.has_decoder:
        return NO_DECODER
    if name == UNCERTAINTY and model.config.get("family") == "foreign":
        return NO_LIKELIHOOD
    if name == UNCERTAINTY:
        likelihood = model.config.get("likelihood", {})
        has_sigma = likelihood.get("kind") in ("gaussian", "discretised-logistic")
        return ONE_SIGMA if has_sigma and likelihood.get("sigma") != "pixel" else ""
    if kind != "plain":
        return CODES if kind == "codes" else CATEGORIES
    return _no_round_trip(model) if name == ROUND_TRIP else ""


def _no_round_trip(model: ModelInfo) -> str:
    if not model.has_encoder:
        return NO_ENCODER
    posterior = model.config.get("posterior", {})
    if posterior.get("kind") == "von-mises-fisher":
        return ON_A_SPHERE
    if posterior.get("start") == "prior":
        return FITTED
    return SEARCHES if posterior.get("refine", 0) > 0 else ""
