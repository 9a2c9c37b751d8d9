"""Looks at a model as it learns, for the history of its run: points, the manifold, reconstructions, samples."""

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
from latentlab.utils import duty_cycle
from latentlab.utils.pixels import as_pixels, shrink, to_bytes

SHARE = duty_cycle.SNAPSHOTS
"""Of a run's time that its history may take; the first and the last epoch are kept at any price."""
FRAMES = 30
"""So many epochs, spread over those that are planned, are kept besides, where they are cheap enough."""
GRANT = 3.0
"""Seconds that those may take together: nobody misses them, and a short run's history would be a few epochs without."""
IMAGES = 12
"""So many images, and samples of the prior, stand for what the model can do."""

_FEWEST_POINTS, _MOST_POINTS = 300, 2000
_SHARE_OF_IMAGES = 0.05
_MOST_NUMBERS, _FEWEST_OF_LARGE = 131_072, 64  # in a snapshot's points: 256 KB in half precision
_CELLS, _FEWEST_CELLS = 12, 6  # of the manifold, a side
_MANIFOLD_SECONDS = 0.25
_PICTURE_PIXELS, _IMAGE_PIXELS = 336, 64  # a side, at most
_PIECE = 0.016  # seconds between two looks of whoever advances the run: about a frame


class Snapshots:
    """Keeps epochs of one run, as long as they cost little of its time.

    What is random in them comes from generators of their own, so that the run is the same to the bit without.

    Parameters
    ----------
    history
        Where they are kept.
    model
        The network as it learns.
    dataset
        What it learns from. The points are the same images in every epoch, a twentieth of it as a rule; the images to
        reconstruct are held out from the training where there are enough.
    seconds
        How long the run has taken so far.

    Attributes
    ----------
    newest
        The newest epoch that is kept; 0 before the first.
    """

    def __init__(self, history: SnapshotFolder, model: InferenceModel, dataset: Dataset, seconds: float = 0.0) -> None:
        self._history, self._model, self._dataset = history, model, dataset
        self._since = seconds
        self._spent, self._taken = 0.0, 0
        self._first: int | None = None  # epochs done when it was first asked
        self._encoding, self._decoding = _Pace(), _Pace()
        self._points = _some_points(len(dataset), model.latent_dim)
        self._images = shown_images(dataset, IMAGES)
        self.newest = max((0, *history.epochs()))

    def due(self, seconds: float, done: int, planned: int) -> bool:
        """Whether another epoch may be kept: it costs as much as those before did on average.

        What may be spent by then is ``SHARE`` of the time, and of the price of ``FRAMES`` epochs, ``GRANT`` at most,
        as much as the square root of the part of the planned epochs that is done. So a run whose epochs are quicker
        than a look at them is still seen as a whole, more closely at first, as the history is thinned; and what it
        costs is bounded, however many epochs there are.

        Parameters
        ----------
        seconds
            Into the run.
        done, planned
            Epochs that are done, and to be done.
        """
        if self._first is None:
            self._first = done - 1
        if self.newest == 0 or not self._taken:
            return True
        cost = self._spent / self._taken
        part = min(1.0, (done - self._first) / max(1, planned - self._first))
        grant = min(GRANT, FRAMES * cost) * math.sqrt(part)
        return self._spent + cost <= grant + SHARE * (seconds - self._since)

    def take(self, epoch: int, metrics: dict[str, float]) -> Iterator[None]:
        """Keep the model as it is, a piece of the work with each step.

        Raises
        ------
        RunError
            When the disk is full or fails.
        """
        work, spent, over = self._work(epoch, metrics), 0.0, False
        while not over:
            began = time.perf_counter()
            over = next(work, _OVER) is _OVER
            spent += time.perf_counter() - began
            yield
        self._spent += spent
        self._taken += 1

    def _work(self, epoch: int, metrics: dict[str, float]) -> Iterator[None]:
        dataset, model = self._dataset, self._model
        mean = yield from self._encode(self._points)
        if not np.isfinite(mean).all():
            return  # the run is about to say so itself
        latents = yield from self._encode(self._images)
        labels = dataset.labels[self._images]
        reconstructions = yield from self._decode(latents, labels)
        samples = model.sample_prior(IMAGES)
        samples = yield from self._decode(samples, np.arange(IMAGES) % max(1, len(dataset.classes)))
        picture, extent = yield from self._manifold(mean)
        self._history.write(
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
            )
        )
        self.newest = epoch

    def _manifold(
        self, mean: NDArray[np.float32]
    ) -> Generator[None, None, tuple[NDArray[np.uint8], tuple[float, float, float, float]]]:
        """Decode the first two dimensions' plane through 0, where the prior or the points are."""
        columns = mean[:, :2] if mean.shape[1] > 1 else np.repeat(mean, 2, axis=1)
        low = np.minimum(np.percentile(columns, 1, axis=0), -PREVIEW_RANGE)
        high = np.maximum(np.percentile(columns, 99, axis=0), PREVIEW_RANGE)
        affordable = math.isqrt(int(_MANIFOLD_SECONDS / self._decoding.per_image))
        cells = max(_FEWEST_CELLS, min(_CELLS, affordable))
        places = linear_grid(cells, cells, (low[0], high[0]), (low[1], high[1]))
        z = from_the_top(plane_through(places[0, :, 0], places[:, 0, 1], self._model.latent_dim))
        images = yield from self._decode(z, np.zeros(len(z), np.int64))
        picture = tile(shrink(images, _PICTURE_PIXELS // cells), cells)
        return picture, (float(low[0]), float(high[0]), float(low[1]), float(high[1]))

    def _encode(self, index: NDArray[np.int64]) -> Generator[None, None, NDArray[np.float32]]:
        dataset, model = self._dataset, self._model

        def mean_of(part: slice) -> NDArray[np.float32]:
            chosen = index[part]
            return model.encode(np.asarray(dataset.images[chosen]), dataset.labels[chosen])[0]

        return (yield from self._encoding.in_pieces(mean_of, len(index)))

    def _decode(self, z: NDArray[np.float32], labels: NDArray[np.int64]) -> Generator[None, None, NDArray[np.float32]]:
        model = self._model
        conditional = model.header.model.conditional

        def images_of(part: slice) -> NDArray[np.float32]:
            return model.decode(z[part], labels[part] if conditional else None)

        return (yield from self._decoding.in_pieces(images_of, len(z)))


class _Pace:
    """Does work on many images in pieces shorter than a frame, learning by measuring how many that are.

    Attributes
    ----------
    per_image
        Seconds that one image takes.
    """

    def __init__(self) -> None:
        self.per_image = _PIECE / 4  # until something has been measured

    def in_pieces(
        self, work: Callable[[slice], NDArray[np.float32]], count: int
    ) -> Generator[None, None, NDArray[np.float32]]:
        """The work's results for images 0 to ``count``, joined."""
        parts, start = [], 0
        while start < count:
            piece = slice(start, min(count, start + max(1, int(_PIECE / self.per_image))))
            began = time.perf_counter()
            parts.append(work(piece))
            took = (time.perf_counter() - began) / (piece.stop - piece.start)
            self.per_image += 0.5 * (max(took, 1e-7) - self.per_image)
            start = piece.stop
            yield
        return np.concatenate(parts)


def shown_images(dataset: Dataset, count: int, seed: int = 0) -> NDArray[np.int64]:
    """Places of ``count`` images the model was not trained on, in order; of all, where too few were held out."""
    training, validation = dataset.split()
    pool = validation if len(validation) >= count else training
    chosen = np.random.default_rng(seed).choice(pool, min(count, len(pool)), replace=False)
    return np.sort(chosen).astype(np.int64)


def _some_points(images: int, latent_dim: int) -> NDArray[np.int64]:
    """Places of the images that are a history's points, in order."""
    wanted = int(np.clip(_SHARE_OF_IMAGES * images, _FEWEST_POINTS, _MOST_POINTS))
    count = min(images, wanted, max(_FEWEST_OF_LARGE, _MOST_NUMBERS // latent_dim))
    return np.sort(np.random.default_rng(0).choice(images, count, replace=False)).astype(np.int64)


def _small(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Images float32 [N, C, H, W] in [0, 1] as small pixels, uint8 [N, h, w] or [N, h, w, 3]."""
    pixels: NDArray[np.uint8] = as_pixels(to_bytes(shrink(images, _IMAGE_PIXELS)))
    return pixels


_OVER = object()
