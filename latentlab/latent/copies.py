"""Whether a decoded image is a copy of an image of the data, by distances in pixel space (numpy; no Qt)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.utils.text import pluralize

FloatArray = NDArray[np.float32]

AROUND = 50
"""Number of nearest images whose mean distance is the scale of an image's surroundings."""
COPY = 0.5
"""Fraction of the usual distance below which an image counts as a copy."""
_MAX_SAMPLED = 64
_BLOCK_VALUES = 1 << 20  # pixels compared at a time


def is_copy(distance: float, typical: float, around: float) -> bool:
    """Whether an image is a copy of its nearest image.

    It is when it is much nearer than the images of the data are to each other, and much nearer than to the other images
    around it (Carlini et al. 2023, "Extracting training data from diffusion models", arXiv:2301.13188, section 5.1):
    in a dense part of the data everything is near to something.

    Parameters
    ----------
    distance
        To the nearest image.
    typical
        Median distance of an image of the data to its nearest other one.
    around
        Mean distance to the ``AROUND`` nearest images.
    """
    return bool(distance < COPY * typical and distance < COPY * around)


@dataclass(frozen=True)
class PixelNeighbours:
    """Distances of one image to the images of the data, in pixels.

    Attributes
    ----------
    index
        Of the nearest image.
    distance
        To it.
    around
        Mean distance to the ``AROUND`` nearest images.
    """

    index: int
    distance: float
    around: float


@dataclass(frozen=True, eq=False)
class Memorisation:
    """Distances of decoded images to the images of the data: Euclidean, of pixels from 0 to 1.

    Attributes
    ----------
    index
        int64 [n]: of each decoded image, the nearest image of the data.
    distance
        float64 [n], to that image.
    around
        float64 [n]: mean distance to the ``AROUND`` nearest images.
    typical
        Median distance of an image of the data to its nearest other one; infinite for a single image.
    """

    index: NDArray[np.int64]
    distance: NDArray[np.float64]
    around: NDArray[np.float64]
    typical: float

    @property
    def ratio(self) -> NDArray[np.float64]:
        """``distance`` / ``typical``, float64 [n]: well below 1 for copies."""
        if self.typical > 0:
            return self.distance / self.typical
        return np.where(self.distance > 0, np.inf, 0.0)

    @property
    def is_copy(self) -> NDArray[np.bool_]:
        """What :func:`is_copy` says of each image, bool [n]."""
        return (self.distance < COPY * self.typical) & (self.distance < COPY * self.around)

    def __str__(self) -> str:
        """Say in one sentence how many are copies, and how near the nearest is."""
        count, copies = len(self.distance), int(self.is_copy.sum())
        if not count:
            return "No decoded image was compared."
        if not np.isfinite(self.typical) or self.typical <= 0:
            return "Images of the data have no typical distance from each other: copies cannot be recognised."
        found = (
            f"{copies or 'None'} of {pluralize(count, 'decoded image')} {'is a copy' if copies < 2 else 'are copies'}"
        )
        return f"{found}: the nearest to an image of the data is at {self.ratio.min():.2g} × the typical distance."


def memorisation(decoded: ArrayLike, images: ArrayLike, seed: int = 0) -> Memorisation:
    """Compare decoded images with all images of the data, pixel by pixel, to tell copies from new images.

    Parameters
    ----------
    decoded
        [n, C, H, W], floats in [0, 1] or uint8.
    images
        [N, C, H, W], N ≥ 1, uint8 or floats in [0, 1].
    seed
        Draws the 64 images that the typical distance is measured for.

    Raises
    ------
    InputError
        For no images of the data, or images of different shapes.

    References
    ----------
    Carlini et al. (2023). Extracting training data from diffusion models. arXiv:2301.13188.

    Examples
    --------
    >>> import numpy as np
    >>> from latentlab.latent import memorisation
    >>> images = np.random.default_rng(0).random((50, 1, 4, 4))
    >>> found = memorisation(images[3:4] + 0.01, images)
    >>> found.index.tolist(), found.is_copy.tolist()
    ([3], [True])
    >>> print(found)
    1 of 1 decoded image is a copy: the nearest to an image of the data is at 0.038 × the typical distance.
    """
    made, real = np.asarray(decoded), np.asarray(images)
    if made.shape[1:] != real.shape[1:] or real.ndim < 2:
        raise InputError(f"images of one shape are compared, not {list(made.shape[1:])} and {list(real.shape[1:])}")
    if not len(real):
        raise InputError("there are no images to compare with")
    searches = [PixelSearch(target) for target in (made / 255 if made.dtype == np.uint8 else made)]
    typical = TypicalPixelDistance(len(real), seed)
    typical.set_sampled(real[typical.sampled])
    rows = max(1, _BLOCK_VALUES // max(1, made[:1].size))
    for start in range(0, len(real), rows):
        block = real[start : start + rows]
        typical.add(start, block)
        for search in searches:
            search.add(block)
    found = [search.result() for search in searches]
    return Memorisation(
        np.array([each.index for each in found], np.int64),
        np.array([each.distance for each in found]),
        np.array([each.around for each in found]),
        typical.result(),
    )


class PixelSearch:
    """Distances from one image to all others, in blocks, so that other work can be done between two of them.

    Parameters
    ----------
    target
        float [C, H, W] in [0, 1].

    Examples
    --------
    >>> images = np.zeros((3, 1, 2, 2), np.uint8)
    >>> images[2] = 255
    >>> search = PixelSearch(np.ones((1, 2, 2)))
    >>> search.add(images)
    >>> search.result().index
    2
    """

    def __init__(self, target: NDArray[np.floating]) -> None:
        self._target = np.asarray(target, np.float32).reshape(-1)
        self._distances: list[FloatArray] = []

    def add(self, images: NDArray[Any]) -> None:
        """Compare with the next images, uint8 [n, C, H, W]."""
        difference = _rows(images)
        difference -= self._target
        self._distances.append(np.sqrt(np.einsum("np,np->n", difference, difference)))

    def result(self) -> PixelNeighbours:
        """The nearest of the images so far, at least one; of equally near ones the first."""
        distances = np.concatenate(self._distances)
        index = int(distances.argmin())
        count = min(AROUND, len(distances))
        nearest = np.partition(distances, count - 1)[:count]
        return PixelNeighbours(index, float(distances[index]), float(nearest.mean(dtype=np.float64)))


class TypicalPixelDistance:
    """The median distance of an image to its nearest other one, measured for 64 images against all, in blocks.

    Parameters
    ----------
    count
        Number of images.
    seed
        Draws the images that are measured.

    Attributes
    ----------
    sampled
        Sorted indices of those images, int64 [k].
    """

    def __init__(self, count: int, seed: int = 0) -> None:
        chosen = np.random.default_rng(seed).choice(count, min(_MAX_SAMPLED, count), replace=False)
        self.sampled: NDArray[np.int64] = np.sort(chosen).astype(np.int64)
        self._images: FloatArray | None = None
        self._squared = np.full(len(self.sampled), np.inf)

    def set_sampled(self, images: NDArray[Any]) -> None:
        """Give the pixels of the ``sampled`` images, uint8 [k, C, H, W]; to be called before ``add``."""
        self._images = _centred(images)

    def add(self, start: int, images: NDArray[Any]) -> None:
        """Compare with the images ``start``, ``start + 1``, …, uint8 [n, C, H, W]."""
        assert self._images is not None
        block, own = _centred(images), self._images
        squared = np.einsum("np,np->n", own, own)[:, None] + np.einsum("np,np->n", block, block) - 2 * (own @ block.T)
        itself = self.sampled - start
        inside = np.flatnonzero((itself >= 0) & (itself < len(block)))
        squared[inside, itself[inside]] = np.inf
        np.minimum(self._squared, squared.min(axis=1), out=self._squared)

    def result(self) -> float:
        """The median; infinite for fewer than two images."""
        return float(np.sqrt(max(float(np.median(self._squared)), 0.0)))


def _centred(images: NDArray[Any]) -> FloatArray:
    """Images as rows of numbers from −0.5 to 0.5, whose products lose fewer digits."""
    rows = _rows(images)
    rows -= 0.5
    return rows


def _rows(images: NDArray[Any]) -> FloatArray:
    """Images, uint8 or floats in [0, 1], as rows of numbers from 0 to 1: float32 [n, pixels]."""
    rows: FloatArray = images.reshape(len(images), -1).astype(np.float32)
    if images.dtype == np.uint8:
        rows /= 255
    return rows
