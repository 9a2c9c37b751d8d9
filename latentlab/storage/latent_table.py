"""A table of latents and paths of images, opened as a map: no model, but the nearest image instead of a decoded one."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentlab.config import ModelConfig
from latentlab.config.capabilities import OF_TABLES, Capabilities
from latentlab.config.model import MOST_PLAIN_LATENTS
from latentlab.errors import InputError
from latentlab.storage.model_file import ModelHeader, Points
from latentlab.storage.validation import LARGEST_COUNT, MAX_CLASSES
from latentlab.utils.array_rules import LARGEST_COORDINATE

RECIPE = "table"
LARGEST_SIDE = 128
"""Pixels: images are shown reduced to this at most."""

_WITHOUT_IMAGES = (1, 32, 32)
_LONGEST_NAME = 1000


@dataclass(frozen=True)
class LatentTable:
    """A table as it was read and checked.

    Attributes
    ----------
    header, points
        As of a model file; the points have no standard deviations, as their meaning is not known.
    folder
        The table's; paths are relative to it.
    paths
        Of the rows' images, N texts; empty without a column of paths.
    rows
        int64, rows whose images exist.
    """

    header: ModelHeader
    points: Points
    folder: Path
    paths: tuple[str, ...]
    rows: NDArray[np.int64]

    @property
    def capabilities(self) -> Capabilities:
        """It can neither encode nor decode."""
        return OF_TABLES

    @property
    def note(self) -> str:
        """What is shown instead of decoded images, and what is missing, in a sentence."""
        missing = len(self.paths) - len(self.rows)
        if not self.paths:
            return "This table names no images, which a column path would: the map shows its points alone."
        if not missing:
            return f"A table has no decoder: image and map show the nearest of its {len(self.rows):,} images."
        first = next(path for row, path in enumerate(self.paths) if row not in set(self.rows.tolist()))
        shown = first if len(first) <= 80 else first[:79] + "…"
        return (
            f"{missing:,} of the {len(self.paths):,} images that this table names are not in {self.folder}, for "
            f"instance {shown}. A table has no decoder: image and map show the nearest of the others."
        )


def read_latent_table(path: Path) -> LatentTable:
    """Read a table of latents: ``.npz``, CSV, TSV or Parquet.

    Raises
    ------
    InputError
        When it has no latents, or they are too many, not finite or beyond any range.
    """
    # Imported here: few models are tables, and the readers of data take their time.
    from latentlab.data.latent_tables import read_latents

    found = read_latents(path)
    count, size = found.z.shape
    if size > MOST_PLAIN_LATENTS:
        raise InputError(f"{path} has latents of {size:,} numbers, more than {MOST_PLAIN_LATENTS:,}")
    if np.abs(found.z).max() > LARGEST_COORDINATE:
        raise InputError(f"{path} has a latent beyond ±{LARGEST_COORDINATE:g}")
    labels = np.full(count, -1, np.int64) if found.labels is None else found.labels.copy()
    classes = found.class_names or tuple(str(number) for number in range(min(MAX_CLASSES, int(labels.max()) + 1)))
    if len(classes) > MAX_CLASSES or labels.max() >= len(classes):
        raise InputError(f"{path} has more than {MAX_CLASSES:,} classes")
    labels[labels < 0] = -1
    paths = found.paths or ()
    rows = np.array([row for row, name in enumerate(paths) if _is_file(path.parent, name)], np.int64)
    header = ModelHeader(
        model=ModelConfig(recipe=RECIPE, family="foreign", latent_dim=size),
        image_shape=_image_shape(path.parent, paths, rows),
        classes=tuple(name[:_LONGEST_NAME] for name in classes),
        data={"name": path.stem, "images": min(count, LARGEST_COUNT)},
        sha256=hashlib.sha256(found.z.tobytes()).hexdigest(),
    )
    points = Points(found.z, np.zeros_like(found.z), labels)
    return LatentTable(header, points, path.parent, paths, rows)


def _is_file(folder: Path, name: str) -> bool:
    try:
        return bool(name) and os.path.isfile(folder / name)
    except ValueError:  # a zero byte
        return False


def _image_shape(folder: Path, paths: tuple[str, ...], rows: NDArray[np.int64]) -> tuple[int, int, int]:
    """The shape that all images are fitted to: that of the first one that can be read, at most ``LARGEST_SIDE``."""
    from latentlab.data.images.image_file import UnreadableError, read_image_info

    for row in rows[:16].tolist():
        try:
            (width, height), _mode = read_image_info(os.fspath(folder / paths[row]))
        except UnreadableError:
            continue
        shrunk = min(1.0, LARGEST_SIDE / max(width, height))
        return 3, max(1, round(height * shrunk)), max(1, round(width * shrunk))
    return _WITHOUT_IMAGES
