"""A model with a NumPy interface, the same for the window, the command line and Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from latentlab.config.capabilities import Capabilities, why_not_inspected
from latentlab.config.layout import latent_layout
from latentlab.data import Dataset
from latentlab.data.images.image_types import Ranges
from latentlab.data.images.to_array import prepare_array
from latentlab.data.match_classes import MatchedLabels, match_classes, with_folder_classes
from latentlab.errors import InputError, NotFiniteError
from latentlab.foreign.protocol import ModelProtocol
from latentlab.latent.mixture import CLUSTER_WEIGHTS, most_probable_components
from latentlab.models import build
from latentlab.models.base import Batch, LatentModel
from latentlab.models.device import resolve_device
from latentlab.models.foreign import ForeignModel
from latentlab.models.generate import draw_latents, points_to_fit, require_plain
from latentlab.models.latent_flow import LatentFlow, fit_latent_flow
from latentlab.models.priors import ClusterPrior
from latentlab.models.seeded_noise import fixed_noise
from latentlab.storage import ModelFile, ModelHeader, Points, check_weights, find_model, read_model, write_model
from latentlab.storage.explored_model import ExploredModel
from latentlab.storage.latent_table import LatentTable
from latentlab.storage.onnx_package import OnnxPackage
from latentlab.storage.validation import WEIGHT
from latentlab.utils.array_rules import ArrayRule
from latentlab.utils.plain_text import as_line

FloatArray = NDArray[np.float32]

CHUNK = 128
"""Images per forward pass; fixed, as the last bits of a matrix product may depend on its size."""


class InferenceModel:
    """A model on a device, with the header of its file.

    Also used for a model in training: every call uses the current weights, with the network in evaluation mode.

    Attributes
    ----------
    module
        The network.
    header
        The header of its file.
    device
        Device of the network.
    points, preview
        The encoded dataset and the preview of the manifold from the file, if any.
    flow
        The flow fitted to the latents, a learned prior; ``None`` before one is fitted.
    name
        What a model of another program calls itself; empty for others.

    Examples
    --------
    >>> model = load_model("bundled:mnist-2d", device="cpu")
    >>> images = model.decode(np.zeros((1, model.latent_dim)))
    >>> images.shape
    (1, 1, 28, 28)
    >>> mean, std = model.encode(images)
    >>> mean.shape
    (1, 2)
    """

    def __init__(self, module: LatentModel, header: ModelHeader, device: torch.device | str) -> None:
        self.module = module
        self.header = header
        self.device = torch.device(device)
        self.points: Points | None = None
        self.preview: NDArray[np.uint8] | None = None
        self.flow: LatentFlow | None = None
        self.name = ""

    @property
    def latent_dim(self) -> int:
        """Size d of the latent space."""
        return self.module.latent_dim

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.module.image_shape

    @property
    def value_range(self) -> tuple[float, float]:
        """Values of black and white in the images that ``decode`` gives and ``encode`` takes as floats."""
        return 0.0, 1.0

    @property
    def capabilities(self) -> Capabilities:
        """What the model offers."""
        return self.module.capabilities

    @property
    def value_ranges(self) -> Ranges | None:
        """The value ranges of its training images, for `load_dataset`; ``None`` if its file does not have them."""
        known = self.header.value_ranges
        return Ranges(known.get("eight"), known.get("whole"), known.get("real")) if known else None

    def images_of(self, dataset: Dataset) -> Dataset:
        """A dataset with its images as the model reads them: with the value range of its training images.

        The source is read again if its values have another range; ``levels`` other than "auto" are kept.

        Raises
        ------
        InputError
            When the source cannot be read any more, or has changed.
        """
        # Imported here: the first image that a model decodes needs no readers of datasets.
        from latentlab.data.sources.read_again import read_at_once

        return read_at_once(dataset, self.value_ranges)

    def labels_of(self, dataset: Dataset) -> MatchedLabels:
        """A dataset's labels in the model's numbers, by the names of the classes, if the model reads labels."""
        if not self.module.classes:
            return MatchedLabels(dataset.labels, {})
        classes = self.header.classes
        named = with_folder_classes(dataset, classes)
        return match_classes(named.labels, named.classes, classes)

    def encode(self, images: ArrayLike | Dataset, label: ArrayLike | None = None) -> tuple[FloatArray, FloatArray]:
        """Posterior mean and standard deviation of images.

        Parameters
        ----------
        images
            A dataset, whose classes are then matched to the model's by name, and which is read with the value range
            of the model's training images unless it was loaded with ``levels``; or [N, C, H, W], uint8 or floats in
            [0, 1]. Images of another shape than the model's are prepared as its training images were.
        label
            Classes for a conditional model: int [N] or names, one for all or [N]; −1 where unknown.

        Returns
        -------
        mean, std
            float32 [N, d] each.

        Raises
        ------
        InputError
            For what is not images, or a class that the model does not have.
        """
        if isinstance(images, Dataset):
            label = self.labels_of(images).labels if label is None else label
            images = self.images_of(images).images
        array = np.asarray(images)
        if array.ndim != 4 or array.shape[1] not in (1, 3) or 0 in array.shape[1:]:
            raise InputError(f"the model takes images of shape {list(self.image_shape)}, not {list(array.shape[1:])}")
        labels = self._labels(label, len(array))
        means, stds = [np.zeros((0, self.latent_dim), np.float32)], [np.zeros((0, self.latent_dim), np.float32)]
        with self._ready():
            for start in range(0, len(array), CHUNK):
                rows = slice(start, start + CHUNK)
                batch = Batch(self._images(self.fitted(array[rows])), None if labels is None else labels[rows])
                mean, std = self.module.encode(batch)
                means.append(_numpy(mean))
                stds.append(_numpy(std))
        return np.concatenate(means), np.concatenate(stds)

    def decode(self, z: ArrayLike, label: ArrayLike | None = None) -> FloatArray:
        """Mean of p(x|z).

        Parameters
        ----------
        z
            [N, d].
        label
            Classes for a conditional model: int [N] or names, or one for all; −1 where unknown.

        Returns
        -------
        ndarray
            float32 [N, C, H, W] in [0, 1].

        Raises
        ------
        InputError
            For latents of another size, or with values that are not finite, and for a class that the model does not
            have; a ``NotFiniteError``, which has the images, when a model of another program decodes to such values.
        """
        images = self._images_of(z, label, self.module.decode)
        if self.module.config.family == "foreign" and not np.isfinite(images).all():
            raise NotFiniteError("the model decodes this latent to values that are not finite", images)
        return images

    def pixel_std(self, z: ArrayLike, label: ArrayLike | None = None) -> FloatArray:
        """Standard deviation of each pixel under p(x|z), float32 [N, C, H, W].

        Of a Bernoulli likelihood it follows from the mean λ: √(λ (1 − λ)). Parameters and errors are those of
        ``decode``; a model whose likelihood is not known is refused too.

        Examples
        --------
        >>> model = load_model("bundled:mnist-2d", device="cpu")
        >>> bool(model.pixel_std([[0.0, 0.0]]).max() <= 0.5)
        True
        """
        module = self._with_likelihood()
        return self._images_of(z, label, lambda z, label: module.likelihood.std(module.decoder_output(z, label)))

    def sample_pixels(self, z: ArrayLike, label: ArrayLike | None = None, seed: int = 0) -> FloatArray:
        """Draw an image of p(x|z) for each latent, float32 [N, C, H, W] clamped to [0, 1]; the same for the same seed.

        Unlike ``decode``, which gives the mean, this has the noise of the pixels. Parameters and errors are those of
        ``pixel_std``.

        Examples
        --------
        >>> model = load_model("bundled:mnist-2d", device="cpu")
        >>> np.unique(model.sample_pixels([[0.0, 0.0]]))
        array([0., 1.], dtype=float32)
        """
        module = self._with_likelihood()

        def draw(z: Tensor, label: Tensor | None) -> Tensor:
            return module.likelihood.sample(module.decoder_output(z, label)).clamp(0, 1)

        with fixed_noise(self.device, seed):
            return self._images_of(z, label, draw)

    def _with_likelihood(self) -> LatentModel:
        """The network, if its p(x|z) is known."""
        reason = why_not_inspected(self.module.config)
        if reason:
            raise InputError(f"this model gives only the mean of p(x|z): {reason}")
        return self.module

    def _images_of(
        self, z: ArrayLike, label: ArrayLike | None, make: Callable[[Tensor, Tensor | None], Tensor]
    ) -> FloatArray:
        """Images [N, C, H, W] made of latents [N, d] and their labels, a chunk at a time."""
        latents = np.asarray(z, dtype=np.float32)
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim:
            raise InputError(f"the model takes latents of {self.latent_dim} numbers, not {list(latents.shape[1:])}")
        if not np.isfinite(latents).all():
            raise InputError("a latent has a value that is not finite")
        labels = self._labels(label, len(latents))
        images = [np.zeros((0, *self.image_shape), np.float32)]
        with self._ready():
            for start in range(0, len(latents), CHUNK):
                rows = slice(start, start + CHUNK)
                chunk = torch.from_numpy(latents[rows].copy()).to(self.device)
                images.append(_numpy(make(chunk, None if labels is None else labels[rows])))
        return np.concatenate(images)

    def log_likelihood(self, images: ArrayLike, z: ArrayLike, label: ArrayLike | None = None) -> FloatArray:
        """Log p(x|z) of images at given latents, in nats.

        Parameters
        ----------
        images
            [N, C, H, W], uint8 or floats in [0, 1].
        z
            [N, d], one for each image.
        label
            As for ``decode``.

        Returns
        -------
        ndarray
            float32 [N], summed over the pixels.

        Raises
        ------
        InputError
            When p(x|z) is not known, or there are not as many latents as images.

        Examples
        --------
        >>> model = load_model("bundled:mnist-2d", device="cpu")
        >>> images = model.decode([[0.0, 0.0]])
        >>> bool(model.log_likelihood(images, [[0.0, 0.0]]) > model.log_likelihood(images, [[3.0, 3.0]]))
        True
        """
        array, latents = np.asarray(images), np.asarray(z, np.float32)
        if array.shape != (len(latents), *self.image_shape):
            raise InputError(f"{len(latents)} images {list(self.image_shape)} are needed, not {list(array.shape)}")
        if isinstance(self.module, ForeignModel):
            if not self.capabilities.has_likelihood:
                raise InputError("this model's likelihood is not known")
            pixels = self._images(array).cpu().numpy()
            known = self._labels(label, len(latents))
            return self.module.functions.log_likelihood(pixels, latents, None if known is None else _numpy(known))
        labels = self._labels(label, len(latents))
        values = [np.zeros(0, np.float32)]
        with self._ready():
            for start in range(0, len(latents), CHUNK):
                rows = slice(start, start + CHUNK)
                chunk = torch.from_numpy(latents[rows].copy()).to(self.device)
                output = self.module.decoder_output(chunk, None if labels is None else labels[rows])
                values.append(_numpy(self.module.likelihood.log_prob(output[None], self._images(array[rows]))[0]))
        return np.concatenate(values)

    def jvp(self, z: ArrayLike, directions: ArrayLike, label: ArrayLike | None = None) -> FloatArray:
        """Derivative of ``decode`` at each latent [N, d] along its own direction [N, d]: float32 [N, C, H, W]."""
        return self.decoder_jacobian(z, np.asarray(directions, np.float32)[:, None], label)[:, 0]

    def decoder_derivative(self, z: ArrayLike, direction: ArrayLike, label: ArrayLike | None = None) -> FloatArray:
        """Derivative of the mean of p(x|z) along a direction of the latent space.

        Parameters
        ----------
        z
            [N, d].
        direction
            [d]; for a unit vector the result is how much each pixel changes for each unit of that dimension.
        label
            As for ``decode``.

        Returns
        -------
        ndarray
            float32 [N, C, H, W]: the Jacobian times the direction, by forward mode.

        Raises
        ------
        InputError
            For latents of another size, or with values that are not finite.

        Examples
        --------
        >>> model = load_model("bundled:mnist-2d", device="cpu")
        >>> model.decoder_derivative(np.zeros((1, 2)), [1.0, 0.0]).shape
        (1, 1, 28, 28)
        """
        along = np.asarray(direction, dtype=np.float32)
        return self.decoder_jacobian(z, along[None], label)[:, 0]

    def decoder_jacobian(
        self, z: ArrayLike, directions: ArrayLike | None = None, label: ArrayLike | None = None
    ) -> FloatArray:
        """Derivatives of the mean of p(x|z) along several directions of the latent space.

        Parameters
        ----------
        z
            [N, d].
        directions
            [k, d], or [N, k, d] with other directions for each latent; by default the d axes, which makes the result
            the Jacobian.
        label
            As for ``decode``.

        Returns
        -------
        ndarray
            float32 [N, k, C, H, W], by forward mode; 0 for a model of codes, which are discrete.

        Raises
        ------
        InputError
            For latents or directions of another size, or with values that are not finite.

        Examples
        --------
        >>> model = load_model("bundled:mnist-2d", device="cpu")
        >>> model.decoder_jacobian(np.zeros((3, 2))).shape
        (3, 2, 1, 28, 28)
        """
        latents = np.asarray(z, dtype=np.float32)
        along = np.eye(self.latent_dim, dtype=np.float32) if directions is None else np.asarray(directions, np.float32)
        for given, sizes in ((latents, (2,)), (along, (2, 3))):
            if given.ndim not in sizes or given.shape[-1] != self.latent_dim:
                raise InputError(f"the model takes latents of {self.latent_dim} numbers, not {list(given.shape[1:])}")
            if not np.isfinite(given).all():
                raise InputError("a latent or a direction has a value that is not finite")
        if along.ndim == 3 and len(along) != len(latents):
            raise InputError(f"directions are needed for each of {len(latents)} latents, not for {len(along)}")
        labels = self._labels(label, len(latents))
        count = along.shape[-2]
        parts = [np.zeros((0, count, *self.image_shape), np.float32)]
        at_once = max(1, CHUNK // max(1, count))
        tangents = torch.from_numpy(along.copy()).to(self.device)
        with self._ready():
            for start in range(0, len(latents), at_once):
                rows = slice(start, start + at_once)
                chunk = torch.from_numpy(latents[rows].copy()).to(self.device)
                label_rows = None if labels is None else labels[rows]
                of_rows = tangents[rows].transpose(0, 1) if tangents.ndim == 3 else tangents
                pushed = self.module.push_forward(chunk, of_rows, label_rows)
                parts.append(_numpy(pushed.transpose(0, 1)))
        return np.concatenate(parts)

    def sample_prior(self, count: int, seed: int = 0, temperature: float = 1.0) -> FloatArray:
        """Draw latents [count, d] from the prior; the same for the same seed.

        ``temperature`` is a factor of the standard deviation of the prior's noise; a learned prior over codes divides
        its logits by it.
        """
        with self._ready():
            return _numpy(self.module.sample_prior(count, torch.Generator().manual_seed(seed), temperature))

    def generate(
        self,
        count: int,
        source: str | Points | ArrayLike | None = None,
        *,
        temperature: float = 1.0,
        seed: int = 0,
        label: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Draw latents and decode them.

        Parameters
        ----------
        count
            Number of images.
        source
            ``prior``. ``aggregate``: a mixture of Gaussians fitted to the encoded dataset in the model's file, which
            is where the decoder was trained. ``flow``: the model's ``flow``, a normalizing flow fitted to the same.
            Or the latents [n, d] or ``Points`` of a selection: a mixture of them. By default the prior; the aggregate
            posterior of a model that encodes to points (``ae``, ``wae`` …), whose prior they do not follow, as in
            Ghosh et al. 2020 (arXiv:1903.12436).
        temperature
            Factor of the standard deviations drawn with, above 0.
        seed
            Of all draws.
        label
            As for ``decode``; by default a conditional model takes all its classes in turn.

        Returns
        -------
        images, z
            float32 [count, C, H, W] in [0, 1], and float32 [count, d].

        Raises
        ------
        InputError
            When this model's latents cannot be drawn in this way.

        Examples
        --------
        >>> model = load_model("bundled:mnist-2d", device="cpu")
        >>> images, z = model.generate(4, "aggregate", temperature=0.7)
        >>> images.shape, z.shape
        ((4, 1, 28, 28), (4, 2))
        """
        z = draw_latents(self, count, source, temperature, seed)
        return self.decode(z, self.classes_of_samples(count) if label is None else label), z

    def fit_flow(self, points: Points | None = None, seed: int = 0) -> LatentFlow:
        """Fit a normalizing flow to encoded images, a learned prior that ``generate(…, "flow")`` draws from.

        Takes some seconds; ``save`` writes it with the model.

        Parameters
        ----------
        points
            The encoded images; by default those of the model's file.
        seed
            Of the fit.

        Raises
        ------
        InputError
            When this model's latents are codes or categories, or there are no encoded images.
        """
        fitted = points_to_fit(self) if points is None else points
        require_plain(latent_layout(self.header.model, self.image_shape).kind)
        self.flow = fit_latent_flow(fitted.mean, fitted.std, seed=seed)
        return self.flow

    def as_file(self) -> ModelFile:
        """The content of its model file: weights, encoded dataset, preview, and the flow if one is fitted."""
        flow = None if self.flow is None else weights_of(self.flow)
        header = self.header.model_copy(update={"latent_flow": None if self.flow is None else self.flow.config})
        return ModelFile(header, weights_of(self.module), self.points, self.preview, flow)

    def save(self, path: str | Path) -> None:
        """Write its model file, atomically.

        Raises
        ------
        InputError, RunError
            When the file cannot be written.
        """
        self.header = write_model(path, self.as_file())

    def classes_of_samples(self, count: int) -> NDArray[np.int64] | None:
        """Classes to decode ``count`` samples of the prior with, cycling; ``None`` for an unconditional model."""
        classes = self.module.classes
        return np.arange(count, dtype=np.int64) % classes if classes else None

    def classes_of_images(self, images: ArrayLike, label: ArrayLike) -> NDArray[np.int64]:
        """The labels [N] of images, with the model's most probable class where the label is −1."""
        labels = np.array(np.broadcast_to(np.asarray(label, np.int64), (len(np.asarray(images)),)))
        unknown = np.flatnonzero(labels < 0)
        if self.module.classes and len(unknown):
            with self._ready():
                classes = self.module.classify(Batch(self._images(np.asarray(images)[unknown])))
            labels[unknown] = -1 if classes is None else _numpy(classes)
        return labels

    def clusters_of(self, z: ArrayLike) -> NDArray[np.int64] | None:
        """The cluster of each latent [N, d], int64 [N], as ``clusters``; ``None`` for a model that finds none."""
        prior = self.module.prior if self.header.model.prior.kind == "clusters" else None
        if not isinstance(prior, ClusterPrior):
            return None
        return most_probable_components(z, *(_numpy(getattr(prior, name)) for name in CLUSTER_WEIGHTS))

    def clusters(self, images: ArrayLike | Dataset) -> NDArray[np.int64]:
        """The cluster of each image, by a prior whose components are read as classes (``prior.kind=clusters``).

        Parameters
        ----------
        images
            As for ``encode``.

        Returns
        -------
        ndarray
            int64 [N], from 0.

        Raises
        ------
        InputError
            For a model that finds no clusters.
        """
        found = self.clusters_of(self.encode(images)[0])
        if found is None:
            raise InputError("this model finds no clusters: it needs prior.kind=clusters, as the recipe vade has")
        return found

    def codebooks(self) -> list[FloatArray]:
        """Entries [K, D] of each level's codebook, the coarse level first; empty if latents are not quantised."""
        return [_numpy(entries) for entries in self.module.codebook_entries()]

    @contextmanager
    def _ready(self) -> Iterator[None]:
        training = self.module.training
        if training:
            self.module.eval()
        try:
            # Not inference_mode: posteriors refined by gradient steps enable gradients inside.
            with torch.no_grad():
                yield
        finally:
            if training:
                self.module.train()

    def _images(self, images: NDArray[Any]) -> Tensor:
        x = torch.from_numpy(np.array(images)).to(self.device)
        x = x.to(torch.float32).div_(255) if x.dtype == torch.uint8 else x.to(torch.float32)
        return x.contiguous(memory_format=memory_format(self.module))

    def fitted(self, images: NDArray[Any]) -> NDArray[Any]:
        """Images [N, C, H, W], uint8 or floats in [0, 1], in the model's shape, with their values as they are.

        Raises
        ------
        InputError
            For other values, if the shape is another one.
        """
        if images.shape[1:] == self.image_shape:
            return images
        if images.dtype != np.uint8:
            if images.dtype.kind != "f" or not ((images >= 0) & (images <= 1)).all():
                raise InputError("images of another shape than the model's must be uint8, or floats from 0 to 1")
            images = np.rint(images * 255).astype(np.uint8)
        channels, height, width = self.image_shape
        config = self.header.data_config().model_copy(update={"channels": channels, "invert": False})
        return np.stack([prepare_array(image, (width, height), config) for image in images])

    def _labels(self, label: ArrayLike | None, count: int) -> Tensor | None:
        if label is None:
            return None
        given, classes = np.asarray(label), self.header.classes
        if given.dtype.kind == "U":
            absent = next((name for name in given.ravel().tolist() if name not in classes), None)
            if absent is not None:
                raise InputError(f"the model has no class {absent!r} (classes: {', '.join(classes) or 'none'})")
            given = np.array([classes.index(name) for name in given.ravel().tolist()]).reshape(given.shape)
        try:
            labels = np.array(np.broadcast_to(given.astype(np.int64), (count,)))
        except (TypeError, ValueError):
            raise InputError(f"{count} labels are needed, or one, not an array {list(given.shape)}") from None
        wrong = labels[(labels < -1) | (labels >= self.module.classes)] if self.module.classes else labels[:0]
        if len(wrong):
            raise InputError(f"there is no class {wrong[0]}: the model has {self.module.classes}, from 0")
        return torch.from_numpy(labels).to(self.device)


def load_model(source: str | Path, device: str = "auto") -> InferenceModel:
    """Open a trained model.

    Parameters
    ----------
    source
        A ``.safetensors`` file, a run folder, or ``bundled:NAME``.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises
    ------
    InputError
        When there is no such file or device, or the file is damaged or not a model.
    """
    where = resolve_device(device)
    path = find_model(source)
    return model_from(read_model(path), where, path)


def model_from(file: ModelFile, device: torch.device, path: Path) -> InferenceModel:
    """Build the model of a file; ``path`` names it in errors.

    Raises
    ------
    InputError
        When configuration and weights disagree.
    """
    header = file.header
    if file.package is not None:
        foreign = InferenceModel(_foreign(file.package, header, path), header, torch.device("cpu"))
        foreign.name = "" if isinstance(file.package, LatentTable) else as_line(file.package.description.name)
        foreign.points = file.points
        return foreign
    # First on the meta device: a header may describe far more than the file contains.
    with torch.device("meta"):
        outline = _build(header)
    check_weights(weight_rules(outline), file.weights, str(path))
    module = _build(header)
    put_weights(module, file.weights)
    loaded = InferenceModel(to_device(module, device).eval(), header, device)
    loaded.points, loaded.preview = file.points, file.preview
    if header.latent_flow is not None:
        loaded.flow = _flow_of(file, loaded.latent_dim, path)
    return loaded


def _build(header: ModelHeader) -> LatentModel:
    if header.autoencoder is None:
        return build(header.model, header.image_shape, len(header.classes))
    from latentlab.models.autoencoders import build_autoencoder  # few models are of diffusers

    return build_autoencoder(header.model, header.image_shape, header.autoencoder)


def _flow_of(file: ModelFile, latent_dim: int, path: Path) -> LatentFlow:
    """The flow of the latents in a model's file, on the CPU."""
    with torch.device("meta"):
        outline = LatentFlow(latent_dim, file.header.latent_flow)
    weights = file.flow or {}
    check_weights(tensor_rules(outline), weights, f"{path}, flow of its latents")
    flow = LatentFlow(latent_dim, file.header.latent_flow)
    put_weights(flow, weights)
    return flow.requires_grad_(False)


def _foreign(package: OnnxPackage | ExploredModel | LatentTable, header: ModelHeader, path: Path) -> ForeignModel:
    """The model of an ONNX package that has passed its test, of another process that answers, or a table."""
    # Imported here: few models are foreign.
    functions: ModelProtocol
    if isinstance(package, OnnxPackage):
        from latentlab.foreign.onnx_functions import OnnxFunctions
        from latentlab.foreign.self_test import self_test

        self_test(path)
        functions = OnnxFunctions(package)
    elif isinstance(package, LatentTable):
        from latentlab.foreign.table_functions import TableFunctions

        functions = TableFunctions(package)
    else:
        from latentlab.foreign.remote_functions import RemoteFunctions

        functions = RemoteFunctions(package)
    return ForeignModel(header.model, header.image_shape, len(header.classes), functions)


def weight_rules(module: LatentModel) -> dict[str, ArrayRule]:
    """What every weight and buffer of a model may be, by name; the only integers are classes of images."""
    return tensor_rules(module, module.classes)


def tensor_rules(module: nn.Module, classes: int = 0) -> dict[str, ArrayRule]:
    """What every weight and buffer of a module may be, by name."""
    rules = {}
    for name, tensor in module.state_dict().items():
        kind, shape = np.dtype(str(tensor.dtype).removeprefix("torch.")).kind, tuple(tensor.shape)
        least, most = (-1, classes - 1) if kind == "i" else (WEIGHT.least, WEIGHT.most)
        rules[name] = ArrayRule((kind,), (shape,), least, most)
    return rules


def to_device(module: LatentModel, device: torch.device) -> LatentModel:
    """Move a model to a device, in the memory format of its batches."""
    moved: LatentModel = nn.Module.to(module, device=device)
    if memory_format(module) is torch.channels_last:
        for parameter in moved.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return moved


def memory_format(module: LatentModel) -> torch.memory_format:
    """The fastest memory format of the model's batches: channels last for convolutions (1.5 times as fast)."""
    return torch.contiguous_format if module.config.architecture.kind == "mlp" else torch.channels_last


def weights_of(module: nn.Module) -> dict[str, NDArray[Any]]:
    """A copy of every weight and buffer by name."""
    return {name: np.array(_numpy(tensor)) for name, tensor in module.state_dict().items()}


@torch.no_grad()
def put_weights(module: nn.Module, weights: dict[str, NDArray[Any]]) -> None:
    """Copy weights into a module with the same names and shapes."""
    for name, tensor in module.state_dict().items():
        tensor.copy_(torch.from_numpy(np.array(weights[name])))


def _numpy(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().contiguous().numpy()
    return array
