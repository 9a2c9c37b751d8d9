"""A loaded dataset: ``Dataset``, its split into training and validation, and its fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from latentlab.config.data import DataConfig
from latentlab.data.images.image_types import NO_RANGES, Ranges
from latentlab.data.images.value_range import EIGHT_BITS, ValueFacts, ValueRange
from latentlab.data.preview_samples import PreviewSamples
from latentlab.data.types import (
    TEST,
    TRAIN,
    UNLABELLED,
    VALIDATION,
    Columns,
    FileStats,
    Images,
    Labels,
    LeftOut,
    Splits,
    summarize_left_out,
)
from latentlab.errors import InputError
from latentlab.utils.text import pluralize

_HASHED_IMAGES = 256
_MAX_LEVELS = 256  # distinct values of a factor


@dataclass(frozen=True)
class Dataset:
    """Images of one size, ready for training.

    Attributes
    ----------
    images
        uint8 [N, C, H, W], C 1 or 3; an array or a memory map. Read-only.
    labels
        int64 [N], index into ``classes``; -1 where unknown.
    classes
        Class names; empty when there are no labels.
    paths
        N unique names: paths relative to the folder, or ``file#index``.
    name
        Short name for the user.
    source
        The string that opens the same data again.
    config
        How the images were prepared.
    left_out
        Files, frames, arrays, rows and columns of the source that are not in the dataset, each with its reason.
    factors
        Generative factors by name, [N] each, if known (demos).
    metadata
        Further columns by name, [N] each: float64 (NaN where missing) or text.
    splits
        str [N], the split that the data keep each image in: ``train``, ``validation``, ``test``, ``unlabeled``, or ""
        for none; ``None`` if the data have no splits.
    notes
        Sentences on how the source was read, where it could have been read otherwise, and on what looked wrong.
    file_stats
        Formats, modes and sizes of the files.
    value_range
        Which values of the files are black and white.
    value_facts
        The values that it was decided by, of each type of image.
    ranges
        The value range of each type of image that the dataset has, as a model that is trained on it keeps them.
    preview_samples
        Some unprepared images, if they come from one array: for previews of other settings.
    folder
        The folder of ``paths``, if each image is a file of its own.
    """

    images: Images
    labels: Labels
    classes: tuple[str, ...]
    paths: list[str]
    name: str
    source: str
    config: DataConfig
    left_out: list[LeftOut] = field(default_factory=list)
    factors: Columns | None = None
    metadata: Columns = field(default_factory=dict)
    splits: Splits | None = None
    notes: list[str] = field(default_factory=list)
    file_stats: FileStats = field(default_factory=FileStats)
    fingerprint: str = ""
    value_range: ValueRange = EIGHT_BITS
    value_facts: tuple[ValueFacts, ...] = field(default=(), repr=False, compare=False)
    ranges: Ranges = NO_RANGES
    preview_samples: PreviewSamples | None = field(default=None, repr=False, compare=False)
    folder: str | None = None

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

    @property
    def skipped(self) -> list[LeftOut]:
        """The same list as ``left_out``, by its older name."""
        return self.left_out

    @property
    def left_out_summary(self) -> str:
        """What was left out, in one line; empty for nothing."""
        return summarize_left_out(self.left_out)

    def split(self, validation: float | None = None, seed: int | None = None) -> tuple[Labels, Labels]:
        """Training and validation indices.

        Splits of the data are kept where ``keeps_splits`` says so: validation images are those of ``validation``, or
        of ``test`` if there is none, and test images are never for training. Images of the other splits and of none
        are for training. Otherwise `split` draws the validation images from all.

        Parameters
        ----------
        validation, seed
            See `split`; ``None`` means the configuration's value. Drawn if ``validation`` is given.
        """
        if validation is None and self.keeps_splits:
            return self._kept_splits()
        return split(
            self.labels,
            self.config.validation if validation is None else validation,
            self.config.seed if seed is None else seed,
        )

    @property
    def keeps_splits(self) -> bool:
        """Whether `split` keeps the data's own splits: ``config.split`` is "data", and both parts have images."""
        if self.splits is None or self.config.split != "data":
            return False
        held = np.isin(self.splits, (VALIDATION, TEST))
        return bool(held.any() and not held.all())

    @property
    def split_counts(self) -> dict[str, int]:
        """Number of images of each of the data's splits; empty if there are none."""
        if self.splits is None:
            return {}
        counts = {name: int((self.splits == name).sum()) for name in (TRAIN, VALIDATION, TEST, UNLABELLED, "")}
        return {name or "no split": count for name, count in counts.items() if count}

    def with_factors(self, names: Sequence[str]) -> Dataset:
        """The same images with the columns ``names`` as their generative factors; ``label`` stands for the class.

        Raises
        ------
        InputError
            When there is no such column, or it has more than 256 distinct values.
        """
        columns = {**(self.factors or {}), **self.metadata}
        if self.classes:
            columns.setdefault("label", self.labels)
        for name in names:
            if name not in columns:
                raise InputError(f"{self.name} has no column {name!r} (columns: {', '.join(columns) or 'none'})")
            distinct = len(np.unique(columns[name]))
            if distinct > _MAX_LEVELS:
                raise InputError(
                    f"{name} has {distinct:,} distinct values, and a factor may have {_MAX_LEVELS}: images with "
                    "an equal value are compared"
                )
        return replace(self, factors={name: columns[name] for name in names})

    def part(self, name: str) -> Dataset:
        """The images of one of the data's own splits, or of all of them (``all``).

        Raises
        ------
        InputError
            When there is no such split.
        """
        if name == "all":
            return self
        if not self.split_counts.get(name):
            raise InputError(f"{self.name} has no split {name!r} (splits: {', '.join(self.split_counts) or 'none'})")
        return self.subset(np.flatnonzero(self.splits == name).astype(np.int64))

    def subset(self, index: Labels) -> Dataset:
        """The images ``index``, int64 [n], as a dataset of their own."""
        return replace(
            self,
            images=self.images[index],
            labels=self.labels[index],
            paths=[self.paths[number] for number in index.tolist()],
            factors=None if self.factors is None else {name: each[index] for name, each in self.factors.items()},
            metadata={name: column[index] for name, column in self.metadata.items()},
            splits=None if self.splits is None else self.splits[index],
            fingerprint="",
        )

    def _kept_splits(self) -> tuple[Labels, Labels]:
        assert self.splits is not None
        held = self.splits == VALIDATION
        learned = ~held & (self.splits != TEST)
        if not held.any():
            held = self.splits == TEST
        return np.flatnonzero(learned).astype(np.int64), np.flatnonzero(held).astype(np.int64)


def split(labels: Labels, validation: float, seed: int) -> tuple[Labels, Labels]:
    """Split into training and validation images, stratified by class.

    Parameters
    ----------
    labels
        int64 [N]; unknown (-1) counts as a class.
    validation
        Fraction in [0, 0.9]. If it is positive and N > 1, at least one image is in each part.
    seed
        Equal labels, fraction and seed give equal splits.

    Returns
    -------
    (training, validation)
        int64 indices, sorted, disjoint, together all of ``range(N)``.
    """
    count = len(labels)
    held = min(max(round(validation * count), 1), count - 1) if validation > 0 and count > 1 else 0
    order = np.random.default_rng([seed, 0x5711]).permutation(count)
    # Rank of each image in its shuffled class, as a fraction of the class: the smallest are for validation.
    by_class = order[np.argsort(labels[order], kind="stable")]
    _, starts, sizes = np.unique(labels[by_class], return_index=True, return_counts=True)
    rank = np.empty(count)
    rank[by_class] = (np.arange(count) - np.repeat(starts, sizes) + 0.5) / np.repeat(sizes, sizes)
    ranked = order[np.argsort(rank[order], kind="stable")]
    return np.sort(ranked[held:]).astype(np.int64), np.sort(ranked[:held]).astype(np.int64)


def fingerprint(digest: str, labels: Labels, classes: tuple[str, ...]) -> str:
    """Identify the content of a dataset, wherever it is stored: 32 hexadecimal digits.

    Parameters
    ----------
    digest
        `digest_of` the images.
    labels, classes
        As in `Dataset`.
    """
    hashed = hashlib.blake2b(digest_size=16)
    hashed.update(repr((digest, classes)).encode("utf-8", "surrogatepass"))
    hashed.update(np.ascontiguousarray(labels, dtype="<i8").tobytes())
    return hashed.hexdigest()


def digest_of(images: Images) -> str:
    """Hash of the shape and of up to 256 evenly spaced images: a large memory map is not read completely."""
    hashed = hashlib.blake2b(repr(images.shape).encode(), digest_size=16)
    if len(images):
        chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), _HASHED_IMAGES)).astype(np.int64))
        hashed.update(images[chosen].tobytes())
    return hashed.hexdigest()
