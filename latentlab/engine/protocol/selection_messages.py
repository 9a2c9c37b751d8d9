"""Requests and results about the selected images (see :mod:`latentlab.engine.protocol.messages`; no Qt, no torch).

Images are numbers in the dataset that the points encode: int64 [k], ascending and distinct unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from latentlab.config import DataConfig
from latentlab.engine.protocol.requests import Request
from latentlab.engine.protocol.results import Result
from latentlab.utils.array_types import ByteArray, FloatArray, IntArray
from latentlab.utils.tag_columns import Tag

SHEET_IMAGES = 12
"""Selected images that are shown beside their reconstructions."""
RankedBy = Literal["distortion", "elbo", "distance"]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Some images in the order of a figure.

    Attributes
    ----------
    by
        The figure.
    images
        int64 [k], the most extreme first: rank 1.
    values
        float32 [k], in this order: nats, or Euclidean distance.
    compared
        Number of points that distances were measured to, if not to all of them; else 0.
    """

    by: RankedBy
    images: IntArray
    values: FloatArray
    compared: int = 0

    def places_of(self, images: IntArray) -> IntArray:
        """Places of images [n] in this order, int64 [n] from 0; −1 for those that were not ranked."""
        order = np.argsort(self.images, kind="stable")
        at = np.minimum(np.searchsorted(self.images, images, sorter=order), len(order) - 1)
        places: IntArray = order[at]
        return np.where(self.images[places] == images, places, -1)

    def sorted(self, images: IntArray) -> IntArray:
        """The images [n] in this order, int64 [n]; those that were not ranked come last."""
        places = self.places_of(images)
        return images[np.argsort(np.where(places < 0, len(self.images), places), kind="stable")]


@dataclass(frozen=True)
class SummarizeSelection(Request):
    """Decode some of the selected images and compute their mean; ``label`` as in ``Decode``.

    Images in the order of a ranking (``is_ranked``) are the first ones, others are evenly chosen.
    """

    slot: ClassVar[str | None] = "selection-summary"
    generation: int
    images: IntArray
    count: int = SHEET_IMAGES
    label: int | None = None
    is_ranked: bool = False


@dataclass(frozen=True)
class SelectionSummary(Result):
    """What selected images look like; sent again with ``mean_image`` once all of them are averaged.

    Attributes
    ----------
    images
        int64 [n]: those that are shown.
    originals, reconstructions
        uint8 [n, H, W] or [n, H, W, 3]; ``originals`` are ``None`` while their dataset is not open.
    latents
        float32 [n, d].
    mean_latent
        float32 [d], of all selected points.
    decoded_mean
        That latent, decoded.
    mean_image
        Mean of the images; ``None`` without the dataset, and until it is known.
    averaged
        Number of images in ``mean_image``.
    """

    slot: ClassVar[str | None] = "selection-summary"
    generation: int
    model_version: int
    images: IntArray
    originals: ByteArray | None
    reconstructions: ByteArray
    latents: FloatArray
    mean_latent: FloatArray
    decoded_mean: ByteArray
    mean_image: ByteArray | None = None
    averaged: int = 0


@dataclass(frozen=True)
class RankImages(Request):
    """Rank all images: by distortion or ELBO of the current weights, or by distance to the nearest other point."""

    slot: ClassVar[str | None] = "rank"
    generation: int
    by: RankedBy


@dataclass(frozen=True)
class CancelRanking(Request):
    """Cancel a ranking."""


@dataclass(frozen=True)
class RankingProgress(Result):
    """How many images are ranked so far."""

    slot: ClassVar[str | None] = "ranking-progress"
    generation: int
    done: int
    total: int


@dataclass(frozen=True)
class ImagesRanked(Result):
    """All images, the most extreme first: worst reconstructed, least likely, or farthest from the others.

    Attributes
    ----------
    images
        int64 [N].
    values
        float32 [N], in this order: nats, or Euclidean distance.
    fingerprint
        Of the dataset.
    compared
        Number of points that distances were measured to; 0 for nats.
    """

    generation: int
    model_version: int
    by: RankedBy
    images: IntArray
    values: FloatArray
    fingerprint: str
    compared: int = 0


@dataclass(frozen=True)
class SearchImages(Request):
    """Find images by name, class and columns (see ``latentlab.data.image_search``), tags of the user included."""

    slot: ClassVar[str | None] = "search"
    generation: int
    text: str
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True)
class ImagesFound(Result):
    """The images that a search has found, of the dataset with this fingerprint; ``what`` they are, as ``class 3``."""

    slot: ClassVar[str | None] = "search"
    generation: int
    text: str
    images: IntArray
    fingerprint: str
    what: str = ""


@dataclass(frozen=True)
class ExportSelection(Request):
    """Write a table of images (path, label, tags, latent), or a new folder of links to them, or of PNG files.

    The rows of the table are in the order of ``images``; with a ``ranking`` they have a rank and its figure. Dimensions
    with a title of the user's, by index, have a second column under this title.
    """

    path: str
    images: IntArray
    kind: Literal["table", "folder"]
    tags: tuple[Tag, ...] = ()
    ranking: Ranking | None = None
    titles: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class SelectionExported(Result):
    """The table or folder is written; ``sentence`` says what is in it."""

    path: str
    sentence: str


@dataclass(frozen=True)
class WriteSubset(Request):
    """Write some images of the open dataset as a dataset of their own into ``folder``: a list, or their pixels.

    It gets the name ``name``; without one, that of the open dataset and a number.
    """

    folder: str
    images: IntArray
    name: str = ""


@dataclass(frozen=True)
class SubsetWritten(Result):
    """The subset can be opened: its source, and how its images are to be read."""

    path: str
    config: DataConfig


@dataclass(frozen=True)
class EncodeSelection(Request):
    """Encode some images of the open dataset with the current weights; their points are replaced."""

    images: IntArray
