"""Generates images: from the prior, from the aggregate posterior, from among selected images, along a direction."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import numpy as np

from latentlab.config.layout import latent_layout
from latentlab.engine.protocol.messages import Generate, Generated, GenerationProgress
from latentlab.engine.worker.selected_images import checked, selectable_images
from latentlab.engine.worker.selection_export import posteriors_of
from latentlab.engine.worker.workspace import Workspace, is_drawable
from latentlab.errors import InputError
from latentlab.latent.mixture import GaussianMixture, fit_mixture_in_steps
from latentlab.models.generate import draw_latents, require_mixture
from latentlab.models.inference import InferenceModel
from latentlab.storage import Points
from latentlab.utils.array_types import FloatArray, IntArray
from latentlab.utils.pixels import as_pixels, to_bytes

MAX_COUNT = 400
REACH = 2.0
"""At temperature 1 a direction is followed this many of its lengths to each side."""
Decoded = Callable[[InferenceModel, FloatArray, "IntArray | None"], Iterator[tuple[slice, FloatArray]]]


@dataclass(eq=False)
class _Fit:
    """A mixture that is fitted, and to what; a newer request that needs the same fit reuses it."""

    points: Points
    images: bytes
    count: int
    steps: Iterator[GaussianMixture | None]
    mixture: GaussianMixture | None = None


class ImageGenerator:
    """Answers ``Generate``.

    Parameters
    ----------
    workspace
        Holds the model and the encoded dataset.
    decoded
        Decodes latents in pieces that are shorter than a frame.
    """

    def __init__(self, workspace: Workspace, decoded: Decoded) -> None:
        self._workspace, self._decoded = workspace, decoded
        self._fit: _Fit | None = None  # the latest: other temperatures and seeds need no other

    def answer(self, request: Generate) -> Generator[None, None, None]:
        """Draw and decode, step by step; what cannot be drawn is said in the result."""
        workspace = self._workspace
        model, version = workspace.need_model(), workspace.version
        is_from_file = request.source == "prior"
        try:
            if not 1 <= request.count <= MAX_COUNT:
                raise InputError(f"1 to {MAX_COUNT} images are generated at a time, not {request.count}")
            points = _points_of(workspace, model)
            is_from_file = is_from_file or (request.source == "aggregate" and points is model.points)
            z = yield from self._draw(request, model, points)
            if not is_drawable(z).all():
                raise InputError("the model gives a latent that is not finite")
        except InputError as error:
            workspace.send(Generated(request.generation, version, None, None, problem=str(error)))
            return
        labels = model.classes_of_samples(len(z))
        parts = []
        for _, images in self._decoded(model, z, labels):
            parts.append(to_bytes(images))
            yield
        pixels = as_pixels(np.concatenate(parts))
        workspace.send(Generated(request.generation, version, pixels, z, labels, is_from_file))

    def _draw(
        self, request: Generate, model: InferenceModel, points: Points | None
    ) -> Generator[None, None, FloatArray]:
        """Latents [count, d]."""
        match request.source:
            case "prior":
                return draw_latents(model, request.count, "prior", request.temperature, request.seed)
            case "direction":
                return _along_direction(request, model)
        kind = latent_layout(model.header.model, model.image_shape).kind
        require_mixture(kind)
        is_selection = request.source == "selection"
        points = self._workspace.points if is_selection else points
        if points is None or not len(points.mean):
            raise InputError("there are no encoded images to draw from: open a dataset")
        mixture = yield from self._mixture(request, points, request.images if is_selection else None)
        return mixture.sample(request.count, request.seed, request.temperature)

    def _mixture(
        self, request: Generate, whole: Points, images: IntArray | None
    ) -> Generator[None, None, GaussianMixture]:
        """The mixture of all points, or of some images'."""
        if request.source == "selection" and images is None:
            raise InputError("select images on the map to generate from among them")
        key = b"" if images is None else images.tobytes()
        fit = self._fit
        if fit is None or fit.points is not whole or fit.images != key:
            mean, std = whole.mean, whole.std
            if images is not None:
                mean, std = yield from _selected(self._workspace, images)
            fit = self._fit = _Fit(whole, key, len(mean), iter(fit_mixture_in_steps(mean, std)))
        if fit.mixture is None:
            message = f"Fitting a mixture of Gaussians to {fit.count:,} encoded images …"
            self._workspace.send(GenerationProgress(request.generation, message))
        while fit.mixture is None:
            fit.mixture = next(fit.steps)
            yield
        return fit.mixture


def _points_of(workspace: Workspace, model: InferenceModel) -> Points | None:
    """The encoded dataset: as the model's file has it, as on the command line, else that of the map."""
    return model.points if model.points is not None else workspace.points


def _selected(workspace: Workspace, images: IntArray) -> Generator[None, None, tuple[FloatArray, FloatArray]]:
    """Means and standard deviations of images, by their numbers: as `latentlab generate` reads an exported table."""
    available = selectable_images(workspace)
    images = np.sort(checked(images, available))
    mean, std, rows = yield from posteriors_of(workspace, available, images)
    order = np.argsort(rows)
    return mean[order], std[order]


def _along_direction(request: Generate, model: InferenceModel) -> FloatArray:
    """Draws of the prior, one a row, each moved along the direction: [rows · steps, d]."""
    if request.vector is None or request.vector.size != model.latent_dim or request.origin is None:
        raise InputError("the direction is of another latent space")
    steps = max(1, min(request.steps, request.count))
    rows = -(-request.count // steps)
    vector = request.vector.astype(np.float64)
    z = draw_latents(model, rows, "prior", 1.0, request.seed).astype(np.float64)
    where = (z - request.origin) @ vector / max(float(vector @ vector), 1e-20)
    reach = REACH * request.temperature
    wanted = np.linspace(-reach, reach, steps) if steps > 1 else np.zeros(1)
    moved = z[:, None] + (wanted[None, :] - where[:, None])[..., None] * vector
    return moved.reshape(rows * steps, -1)[: request.count].astype(np.float32)
