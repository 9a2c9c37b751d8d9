"""Inspects, refines and fills in the image that the user has opened or painted, in pieces."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from latentlab.config.capabilities import why_not_inspected
from latentlab.engine.protocol.messages import (
    ImageImputed,
    ImageInspected,
    ImageRefined,
    ImputeImage,
    InspectImage,
    RefineImage,
    StopImageWork,
)
from latentlab.engine.worker.workspace import Workspace, is_drawable
from latentlab.errors import InputError
from latentlab.evaluation.imputer import Filling, Imputer
from latentlab.evaluation.inspection import SHOWN, Inspection, inspecting
from latentlab.evaluation.refinement import Refiner
from latentlab.evaluation.single_image import refined_of, refiner_of, target_of
from latentlab.evaluation.typical import compared_images, measuring_elbos, typical_of_dataset
from latentlab.models.inference import InferenceModel
from latentlab.models.posteriors import VariationalPosterior
from latentlab.utils.array_types import ByteArray, FloatArray
from latentlab.utils.pixels import as_pixels, to_bytes

Steps = Generator[None, None, None]
_MAX_STEPS = 2000
_MAX_DRAWS = 64
_MAX_SAMPLES = 10_000


class SingleImage:
    """Answers ``InspectImage``, ``RefineImage`` and ``ImputeImage``.

    Each works on a copy of the model's weights, so that what it compares is of the same weights also during a run.

    Parameters
    ----------
    workspace
        Holds the model and the dataset.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._refined: VariationalPosterior | None = None  # of the last refinement, with the model it is of
        self._refined_by: object = None
        self._elbos: tuple[object, FloatArray] | None = None  # of images of the dataset, and of what they are
        self._stopped: set[str] = set()

    def stop(self, request: StopImageWork) -> None:
        """End a refinement or an imputation at its next piece."""
        self._stopped.add(request.what)

    # --- inspecting -----------------------------------------------------------------------------------

    def inspecting(self, request: InspectImage) -> Steps:
        """Send what the model makes of the image, then whether it is typical."""
        workspace = self._workspace
        model, version = workspace.need_model(), workspace.version
        image = _channels_first(request.image)
        if why_not_inspected(model.module.config):
            workspace.send(_inspected_without_likelihood(model, version, image, request))
            return
        q = self._refined_posterior(model, request.mean)
        found: Inspection | None = None
        for each in inspecting(target_of(model, image, request.label), seed=request.seed, q=q):
            found = each
            yield
        assert found is not None
        difference = image.astype(np.float32) / 255 - found.reconstruction
        result = ImageInspected(
            request.generation, version, difference.mean(0), found.std.mean(0), _bytes(found.samples),
            _bytes(found.draws), found.z, found.elbo, found.rate, found.distortion, done=not request.compare,
        )  # fmt: skip
        workspace.send(result)
        if request.compare:
            elbo = found.elbo if request.encoded_elbo is None else request.encoded_elbo
            typical = yield from self._typical(model, elbo)
            workspace.send(replace(result, typical=typical, done=True))

    def _refined_posterior(self, model: InferenceModel, mean: FloatArray) -> VariationalPosterior | None:
        """The posterior of the last refinement, if it is the one with this mean."""
        if self._refined is None or self._refined_by is not model:
            return None
        of_last = self._refined.mean[0].detach().cpu().numpy()
        return self._refined if np.array_equal(of_last, mean) else None

    def _typical(self, model: InferenceModel, elbo: float) -> Generator[None, None, str]:
        """Whether an image of this ELBO is typical of the open dataset, or why that is not known."""
        dataset, version = self._workspace.dataset, self._workspace.version
        if dataset is None:
            return "Open the training images to see whether it is typical of them."
        if dataset.image_shape != model.image_shape:
            return f"It is not compared with {dataset.name}, whose images have another shape."
        index = compared_images(model, dataset)
        key = version, dataset.fingerprint, index.tobytes()
        if self._elbos is None or self._elbos[0] != key:
            elbos = yield from measuring_elbos(model, dataset, index)
            self._elbos = key, elbos
        return typical_of_dataset(model, dataset, elbo, self._elbos[1]) + "."

    # --- refining -------------------------------------------------------------------------------------

    def refining(self, request: RefineImage) -> Steps:
        """Refine the posterior, and send the best after some steps."""
        workspace, model = self._workspace, self._workspace.need_model()
        version = workspace.version
        self._stopped.discard("refine")
        try:
            if not 1 <= request.steps <= _MAX_STEPS:
                raise InputError(f"1 to {_MAX_STEPS} steps are taken at a time, not {request.steps}")
            refiner = refiner_of(target_of(model, _channels_first(request.image), request.label), request.steps)
        except InputError as error:
            empty = np.zeros(0, np.float32)
            workspace.send(
                ImageRefined(request.generation, version, empty, empty, None, (), (), problem=str(error), done=True)
            )
            return
        sent = 0
        for _ in refiner.run():
            if len(refiner.history) > sent:
                sent = len(refiner.history)
                self._send_refined(request, model, version, refiner)
            if "refine" in self._stopped and sent:
                break
            yield
        self._refined, self._refined_by = refiner.best, model
        self._send_refined(request, model, version, refiner, done=True)

    def _send_refined(
        self, request: RefineImage, model: InferenceModel, version: int, refiner: Refiner, done: bool = False
    ) -> None:
        found = refined_of(refiner)
        if not (is_drawable(found.mean).all() and is_drawable(found.std).all()):
            return
        self._workspace.send(
            ImageRefined(
                request.generation,
                version,
                found.mean,
                found.std,
                _bytes(model.decode(found.mean[None], request.label))[0],
                tuple(step.step for step in found.history),
                tuple(step.elbo for step in found.history),
                is_bound=refiner.best.has_density,
                done=done,
            )
        )

    # --- filling in -----------------------------------------------------------------------------------

    def imputing(self, request: ImputeImage) -> Steps:
        """Fill in the hidden pixels, and send each better filling."""
        workspace, model = self._workspace, self._workspace.need_model()
        version = workspace.version
        self._stopped.discard("impute")
        try:
            if not (1 <= request.draws <= _MAX_DRAWS and 2 <= request.samples <= _MAX_SAMPLES):
                raise InputError(f"1 to {_MAX_DRAWS} fillings are drawn from 2 to {_MAX_SAMPLES:,} samples")
            target = target_of(model, _channels_first(request.image), request.label, request.hidden)
            imputer = Imputer(target, request.draws, request.samples, request.seed)
        except InputError as error:
            workspace.send(ImageImputed(request.generation, version, None, None, None, problem=str(error), done=True))
            return
        last: Filling | None = None
        for filling in imputer.run():
            if filling is not None:
                last = filling
                self._send_filling(request, version, filling)
            if "impute" in self._stopped and last is not None:
                break
            yield
        if last is not None:
            self._send_filling(request, version, last, done=True)

    def _send_filling(self, request: ImputeImage, version: int, filling: Filling, done: bool = False) -> None:
        self._workspace.send(
            ImageImputed(
                request.generation,
                version,
                _bytes(filling.expected[None])[0],
                _bytes(filling.draws),
                filling.z,
                filling.effective_samples,
                filling.method,
                done=done,
            )
        )


def _inspected_without_likelihood(
    model: InferenceModel, version: int, image: ByteArray, request: InspectImage
) -> ImageInspected:
    """What a model whose p(x|z) is not known makes of an image [C, H, W]: its error, and decoded latents of q(z|x)."""
    mean, std = model.encode(image[None], request.label)
    # A posterior that is a point has no other latents than its mean.
    noise = np.random.default_rng(request.seed).standard_normal((SHOWN if std.any() else 0, mean.shape[1]))
    z = (mean + std * noise).astype(np.float32)
    decoded = model.decode(np.concatenate([mean, z]), request.label)
    error = (image.astype(np.float32) / 255 - decoded[0]).mean(0)
    return ImageInspected(
        request.generation, version, error, None, _bytes(decoded[1:]), None, z, None, None, None, done=True
    )


def _channels_first(image: ByteArray) -> ByteArray:
    """An image [H, W] or [H, W, 3] as [C, H, W]."""
    return image[None] if image.ndim == 2 else np.ascontiguousarray(image.transpose(2, 0, 1))


def _bytes(images: FloatArray) -> ByteArray:
    """Images [n, C, H, W] as [n, H, W] or [n, H, W, 3]."""
    return as_pixels(to_bytes(images))
