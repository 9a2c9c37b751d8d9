"""A loaded dataset: ``Dataset``, its split into training and validation, and its fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from latentlab.config.data import DataConfig
from latentlab.data.preview_samples import PreviewSamples
from latentlab.data.types import Columns, FileStats, Images, Labels, Skipped
from latentlab.utils.text import pluralize

_HASHED_IMAGES = 256


@dataclass(frozen=True)
class Dataset:
    """Images of one size, ready for training.

    Attributes
    ----------
    images
        uint8 [N, C, H, W], C 1 or 3; an array, or a memory map that is read as it is used. Not to be written to.
    labels
        int64 [N], index into ``classes``; -1 where unknown.
    classes
        Names of the classes; empty when nothing is labelled.
    paths
        N names that tell the images apart: paths relative to the folder, or ``file#index``.
    name
        Short name for people.
    source
        The string that opens the same data again.
    config
        How the images were made ready.
    skipped
        What was left out, and why.
    factors
        Generative factors by name, [N] each, where they are known (the demos).
    metadata
        Further columns by name, [N] each: float64 (NaN where missing) or text.
    file_stats
        Formats, modes and sizes of the files read.
    preview_samples
        Some images as they were found, where they come from one array: a preview of other settings is made of them.
    """

    images: Images
    labels: Labels
    classes: tuple[str, ...]
    paths: list[str]
    name: str
    source: str
    config: DataConfig
    skipped: list[Skipped] = field(default_factory=list)
    factors: Columns | None = None
    metadata: Columns = field(default_factory=dict)
    file_stats: FileStats = field(default_factory=FileStats)
    fingerprint: str = ""
    preview_samples: PreviewSamples | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.fingerprint:
            object.__setattr__(self, "fingerprint", fingerprint(digest_of(self.images), self.labels, self.classes))

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        channels, height, width = self.image_shape
        return (
            f"Dataset({self.name!r}, {pluralize(len(self), 'image')}, {channels}×{height}×{width}, "
            f"{pluralize(len(self.classes), 'class', 'classes')})"
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def split(self, validation: float | None = None, seed: int | None = None) -> tuple[Labels, Labels]:
        """Training and validation indices; see `split`. ``None`` takes the configuration's value."""
        return split(
            self.labels,
            self.config.validation if validation is None else validation,
            self.config.seed if seed is None else seed,
        )


def split(labels: Labels, validation: float, seed: int) -> tuple[Labels, Labels]:
    """Hold out a share of the images for validation, the same share of each class.

    Parameters
    ----------
    labels
        int64 [N]; equal values form a class, unknown (-1) among them.
    validation
        Share in [0, 0.9]. At least one image is held out when it is above 0 and N above 1;
        at least one is left for training.
    seed
        The same labels, share and seed give the same split.

    Returns
    -------
    (training, validation)
        int64 indices, sorted, disjoint, together all of ``range(N)``.
    """
    count = len(labels)
    held = min(max(round(validation * count), 1), count - 1) if validation > 0 and count > 1 else 0
    order = np.random.default_rng([seed, 0x5711]).permutation(count)
    # Each image's place within its class, as a share of the class, in shuffled order: the smallest are held out.
    by_class = order[np.argsort(labels[order], kind="stable")]
    _, starts, sizes = np.unique(labels[by_class], return_index=True, return_counts=True)
    place = np.empty(count)
    place[by_class] = (np.arange(count) - np.repeat(starts, sizes) + 0.5) / np.repeat(sizes, sizes)
    ranked = order[np.argsort(place[order], kind="stable")]
    return np.sort(ranked[held:]).astype(np.int64), np.sort(ranked[:held]).astype(np.int64)


def fingerprint(digest: str, labels: Labels, classes: tuple[str, ...]) -> str:
    """Name the content of a dataset: equal for equal data wherever it lies, 32 hexadecimal digits.

    Parameters
    ----------
    digest
        Of the images.
    labels, classes
        Of the dataset.
    """
    hashed = hashlib.blake2b(digest_size=16)
    hashed.update(repr((digest, classes)).encode("utf-8", "surrogatepass"))
    hashed.update(np.ascontiguousarray(labels, dtype="<i8").tobytes())
    return hashed.hexdigest()


def digest_of(images: Images) -> str:
    """Hash of the shape and of up to 256 evenly spaced images: a large memory map need not be read whole."""
    hashed = hashlib.blake2b(repr(images.shape).encode(), digest_size=16)
    if len(images):
        chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), _HASHED_IMAGES)).astype(np.int64))
        hashed.update(images[chosen].tobytes())
    return hashed.hexdigest()
