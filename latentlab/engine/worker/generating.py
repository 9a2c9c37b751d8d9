"""Generates images: from the prior, from the aggregate posterior, from among selected images, along a direction."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from latentlab.config.layout import latent_layout
from latentlab.engine.protocol.messages import Generate, Generated, GenerationProgress
from latentlab.engine.worker.selected_images import checked, selectable_images
from latentlab.engine.worker.selection_export import posteriors_of
from latentlab.engine.worker.workspace import Workspace, is_drawable
from latentlab.errors import InputError
from latentlab.latent.mixture import fit_mixture_in_steps
from latentlab.models.generate import draw_latents, require_plain
from latentlab.models.inference import InferenceModel
from latentlab.models.latent_flow import LatentFlow, fit_latent_flow_in_steps
from latentlab.storage import Points
from latentlab.utils.array_types import FloatArray, IntArray
from latentlab.utils.pixels import as_pixels, to_bytes

MAX_COUNT = 400
REACH = 2.0
"""At temperature 1 a direction is followed this many of its lengths to each side."""
Decoded = Callable[[InferenceModel, FloatArray, "IntArray | None"], Iterator[tuple[slice, FloatArray]]]


class _Density(Protocol):
    """What latents are drawn from: a mixture of Gaussians, or a flow."""

    def sample(self, count: int, seed: int = 0, temperature: float = 1.0) -> FloatArray: ...


@dataclass(eq=False)
class _Fit:
    """A density that is fitted, and to what; a newer request that needs the same fit reuses it.

    ``steps`` are fractions done, or ``None`` where that is not known, and at last the density.
    """

    kind: Literal["mixture", "flow"]
    points: Points
    images: bytes
    count: int
    steps: Iterator[_Density | float | None]
    density: _Density | None = None

    @property
    def message(self) -> str:
        """What is under way."""
        what = "a mixture of Gaussians" if self.kind == "mixture" else "a flow"
        return f"Fitting {what} to {self.count:,} encoded images …"


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
        self._fits: dict[str, _Fit] = {}  # the latest of each kind: other temperatures and seeds need no other
        self._fitted_flow: LatentFlow | None = None  # the last one that was fitted here

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
            is_from_file = is_from_file or (request.source == "flow" and self._is_of_file(model))
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
        require_plain(latent_layout(model.header.model, model.image_shape).kind)
        is_selection = request.source == "selection"
        if request.source == "flow" and self._is_of_file(model):
            assert model.flow is not None
            return model.flow.sample(request.count, request.seed, request.temperature)
        points = self._workspace.points if is_selection else points
        if points is None or not len(points.mean):
            raise InputError("there are no encoded images to draw from: open a dataset")
        density = yield from self._fitted(request, points, request.images if is_selection else None)
        if isinstance(density, LatentFlow):
            model.flow = self._fitted_flow = density  # saved with the model
        return density.sample(request.count, request.seed, request.temperature)

    def _is_of_file(self, model: InferenceModel) -> bool:
        """Whether the model's flow is from its file: one that was fitted here is that of the points then encoded."""
        return model.flow is not None and model.flow is not self._fitted_flow

    def _fitted(self, request: Generate, whole: Points, images: IntArray | None) -> Generator[None, None, _Density]:
        """The mixture or the flow of all points, or the mixture of some images'."""
        if request.source == "selection" and images is None:
            raise InputError("select images on the map to generate from among them")
        kind: Literal["mixture", "flow"] = "flow" if request.source == "flow" else "mixture"
        key = b"" if images is None else images.tobytes()
        fit = self._fits.get(kind)
        if fit is None or fit.points is not whole or fit.images != key:
            mean, std = whole.mean, whole.std
            if images is not None:
                mean, std = yield from _selected(self._workspace, images)
            steps = fit_mixture_in_steps(mean, std) if kind == "mixture" else _flow_at_last(mean, std)
            fit = self._fits[kind] = _Fit(kind, whole, key, len(mean), iter(steps))
        if fit.density is None:
            self._workspace.send(GenerationProgress(request.generation, fit.message))
        while fit.density is None:
            step = next(fit.steps)
            fit.density = None if step is None or isinstance(step, float) else step
            yield
        return fit.density


def _flow_at_last(mean: FloatArray, std: FloatArray) -> Iterator[_Density | float]:
    """The steps of a flow's fit, and the flow."""
    yield (yield from fit_latent_flow_in_steps(mean, std))


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
