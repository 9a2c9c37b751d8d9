"""Snapshots of a model during its training: points, the manifold, reconstructions and samples."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data import Dataset
from latentlab.latent.grids import linear_grid, plane_through
from latentlab.models.inference import InferenceModel
from latentlab.storage import Snapshot, SnapshotFolder
from latentlab.training.map_preview import PREVIEW_RANGE, from_the_top, tile
from latentlab.training.timing import RunClock
from latentlab.utils import duty_cycle
from latentlab.utils.adaptive_batch_size import AdaptiveBatchSize
from latentlab.utils.pixels import as_pixels, shrink, to_bytes

SHARE = duty_cycle.SNAPSHOTS
"""Fraction of a run's time that its snapshots may take; the first and the last epoch are kept at any cost."""
FRAMES = 30
"""Number of further epochs that are kept, spread over the planned ones, if they are cheap enough."""
GRANT = 3.0
"""Seconds that those may take together; without them, the snapshots of a short run would be only a few epochs."""
IMAGES = 12
"""Number of reconstructed images, and of samples from the prior, in a snapshot."""

_MIN_POINTS, _MAX_POINTS = 300, 2000
_FRACTION_OF_IMAGES = 0.05
_MAX_VALUES, _MIN_OF_LARGE = 131_072, 64  # of a snapshot's points: 256 KB in half precision
_CELLS, _MIN_CELLS = 12, 6  # per side of the manifold
_MANIFOLD_SECONDS = 0.25
_PICTURE_PIXELS, _IMAGE_PIXELS = 336, 64  # per side, at most
_CHUNK_SECONDS = 0.016  # of work between two yields: about a frame


class SnapshotTaker:
    """Takes snapshots of one run's epochs, as long as they take little of its time.

    Their random numbers come from separate generators, so that the run is the same to the bit without them.

    Parameters
    ----------
    folder
        The snapshots' folder.
    model
        The network in training.
    dataset
        The run's data. The points are the same images in every epoch, usually a twentieth of it; the images to
        reconstruct are validation images if there are enough.
    clock
        The run's clock, which counts the time of the snapshots too.

    Attributes
    ----------
    newest
        The newest epoch that has a snapshot; 0 before the first.
    """

    def __init__(self, folder: SnapshotFolder, model: InferenceModel, dataset: Dataset, clock: RunClock) -> None:
        self._folder, self._model, self._dataset, self._clock = folder, model, dataset, clock
        self._since = clock.seconds
        self._spent, self._taken = 0.0, 0
        self._first: int | None = None  # epochs done when is_due was first called
        self._encoding, self._decoding = (AdaptiveBatchSize(_CHUNK_SECONDS, 4, _MAX_POINTS) for _ in range(2))
        self._points = point_indices(len(dataset), model.latent_dim)
        self._images = shown_images(dataset, IMAGES)
        self.newest = max((0, *folder.epochs()))

    def is_due(self, done: int, planned: int) -> bool:
        """Whether to take a snapshot of this epoch: its expected cost is the average of those before.

        The budget is ``SHARE`` of the run's time so far, plus the cost of ``FRAMES`` snapshots (at most ``GRANT``)
        times the square root of the fraction of planned epochs that is done. So a run whose epochs are shorter than a
        snapshot still has snapshots over its whole length, more at first, as the history is thinned; and their cost is
        bounded, however many epochs there are.

        Parameters
        ----------
        done, planned
            Number of epochs.
        """
        if self._first is None:
            self._first = done - 1
        if self.newest == 0 or not self._taken:
            return True
        cost = self._spent / self._taken
        fraction = min(1.0, (done - self._first) / max(1, planned - self._first))
        grant = min(GRANT, FRAMES * cost) * math.sqrt(fraction)
        return self._spent + cost <= grant + SHARE * (self._clock.seconds - self._since)

    def take(self, epoch: int, metrics: dict[str, float]) -> Iterator[None]:
        """Save a snapshot of the model as it is, a chunk of the work per step.

        An epoch that was stopped is saved under its number without metrics; resuming replaces it.

        Raises
        ------
        RunError
            When the disk is full or fails.
        """
        work, done = self._work(epoch, metrics), False
        while not done:
            began = time.perf_counter()
            done = next(work, _DONE) is _DONE
            self._spent += time.perf_counter() - began
            self._clock.tick()
            yield
            self._clock.resume()
        self._taken += 1

    def _work(self, epoch: int, metrics: dict[str, float]) -> Iterator[None]:
        dataset, model = self._dataset, self._model
        mean = yield from self._encode(self._points)
        if not np.isfinite(mean).all():
            return  # the run is about to fail with a message
        latents = yield from self._encode(self._images)
        labels = dataset.labels[self._images]
        reconstructions = yield from self._decode(latents, labels)
        samples = model.sample_prior(IMAGES)
        samples = yield from self._decode(samples, np.arange(IMAGES) % max(1, len(dataset.classes)))
        picture, extent, cells = yield from self._manifold(mean)
        self._folder.write(
            Snapshot(
                epoch=epoch,
                metrics=metrics,
                mean=mean,
                label=dataset.labels[self._points].astype(np.int64),
                index=self._points,
                classes=dataset.classes,
                fingerprint=dataset.fingerprint,
                picture=picture,
                extent=extent,
                originals=_small(np.asarray(dataset.images[self._images], np.float32) / 255),
                reconstructions=_small(reconstructions),
                samples=_small(samples),
                cells=cells,
            )
        )
        self.newest = epoch

    def _manifold(
        self, mean: NDArray[np.float32]
    ) -> Generator[None, None, tuple[NDArray[np.uint8], tuple[float, float, float, float], int]]:
        """Decode the plane of the first two dimensions through 0, over the range of the prior and the points.

        Returns the picture, its extent, and the number of cells per side.
        """
        columns = mean[:, :2] if mean.shape[1] > 1 else np.repeat(mean, 2, axis=1)
        low = np.minimum(np.percentile(columns, 1, axis=0), -PREVIEW_RANGE)
        high = np.maximum(np.percentile(columns, 99, axis=0), PREVIEW_RANGE)
        affordable = math.isqrt(int(_MANIFOLD_SECONDS / self._decoding.seconds_per_image))
        cells = max(_MIN_CELLS, min(_CELLS, affordable))
        grid = linear_grid(cells, cells, (low[0], high[0]), (low[1], high[1]))
        z = from_the_top(plane_through(grid[0, :, 0], grid[:, 0, 1], self._model.latent_dim))
        images = yield from self._decode(z, np.zeros(len(z), np.int64))
        picture = tile(shrink(images, _PICTURE_PIXELS // cells), cells)
        return picture, (float(low[0]), float(high[0]), float(low[1]), float(high[1])), cells

    def _encode(self, index: NDArray[np.int64]) -> Generator[None, None, NDArray[np.float32]]:
        dataset, model = self._dataset, self._model

        def encode(chunk: slice) -> NDArray[np.float32]:
            chosen = index[chunk]
            return model.encode(np.asarray(dataset.images[chosen]), dataset.labels[chosen])[0]

        return (yield from _processed(encode, len(index), self._encoding))

    def _decode(self, z: NDArray[np.float32], labels: NDArray[np.int64]) -> Generator[None, None, NDArray[np.float32]]:
        model = self._model
        conditional = model.header.model.conditional

        def decode(chunk: slice) -> NDArray[np.float32]:
            return model.decode(z[chunk], labels[chunk] if conditional else None)

        return (yield from _processed(decode, len(z), self._decoding))


def _processed(
    work: Callable[[slice], NDArray[np.float32]], count: int, batch_size: AdaptiveBatchSize
) -> Generator[None, None, NDArray[np.float32]]:
    """The results of ``work`` for images 0 to ``count``, a chunk at a time, concatenated."""
    parts, start = [], 0
    while start < count:
        chunk = slice(start, min(count, start + batch_size.images))
        began = time.perf_counter()
        parts.append(work(chunk))
        batch_size.record(chunk.stop - chunk.start, time.perf_counter() - began)
        start = chunk.stop
        yield
    return np.concatenate(parts)


def shown_images(dataset: Dataset, count: int, seed: int = 0) -> NDArray[np.int64]:
    """Sorted indices of ``count`` validation images, or of training images if there are too few."""
    training, validation = dataset.split()
    candidates = validation if len(validation) >= count else training
    chosen = np.random.default_rng(seed).choice(candidates, min(count, len(candidates)), replace=False)
    return np.sort(chosen).astype(np.int64)


def point_indices(images: int, latent_dim: int) -> NDArray[np.int64]:
    """Sorted indices of the images that are the points of a run's snapshots."""
    wanted = int(np.clip(_FRACTION_OF_IMAGES * images, _MIN_POINTS, _MAX_POINTS))
    count = min(images, wanted, max(_MIN_OF_LARGE, _MAX_VALUES // latent_dim))
    return np.sort(np.random.default_rng(0).choice(images, count, replace=False)).astype(np.int64)


def stored_image(
    snapshot: Snapshot, image_shape: tuple[int, int, int], z: NDArray[np.float32]
) -> NDArray[np.uint8] | None:
    """The cell of a snapshot's manifold nearest to a latent of two dimensions.

    Parameters
    ----------
    snapshot
        Of a model with two latent dimensions.
    image_shape
        (C, H, W) of its images.
    z
        [2].

    Returns
    -------
    ndarray or None
        uint8 [h, w] or [h, w, 3], the model's image at the cell's centre; ``None`` beyond the picture, or if an
        earlier version wrote it and its size does not tell how many cells it has.
    """
    height, width = snapshot.picture.shape[:2]
    sides = [snapshot.cells] if snapshot.cells else _possible_cells((height, width), image_shape)
    left, right, bottom, top = snapshot.extent
    if len(sides) != 1 or not (left <= z[0] <= right and bottom <= z[1] <= top):
        return None
    cells = sides[0]
    column = min(cells - 1, int((z[0] - left) / (right - left) * cells))
    row = min(cells - 1, int((top - z[1]) / (top - bottom) * cells))
    tall, wide = height // cells, width // cells
    return snapshot.picture[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]


def _possible_cells(size: tuple[int, int], image_shape: tuple[int, int, int]) -> list[int]:
    """Numbers of cells per side that a picture of this size may have."""
    return [count for count in range(_MIN_CELLS, _CELLS + 1) if _picture_size(count, image_shape) == size]


def _picture_size(cells: int, image_shape: tuple[int, int, int]) -> tuple[int, int]:
    """Height and width of a manifold's picture, by the rule of :func:`~latentlab.utils.pixels.shrink`."""
    _, height, width = image_shape
    factor = math.ceil(max(height, width) / max(1, _PICTURE_PIXELS // cells))
    return cells * math.ceil(height / factor), cells * math.ceil(width / factor)


def _small(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Images float32 [N, C, H, W] in [0, 1] shrunk to uint8 [N, h, w] or [N, h, w, 3]."""
    pixels: NDArray[np.uint8] = as_pixels(to_bytes(shrink(images, _IMAGE_PIXELS)))
    return pixels


_DONE = object()
