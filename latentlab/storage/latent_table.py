"""A table of latents and paths of images, opened as a map: no model, but the nearest image instead of a decoded one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from latentlab.config import ModelConfig
from latentlab.config.capabilities import OF_TABLES, Capabilities
from latentlab.config.model import MOST_PLAIN_LATENTS
from latentlab.errors import InputError
from latentlab.storage.model_file import ModelHeader, Points
from latentlab.storage.validation import LARGEST_COUNT, MAX_CLASSES
from latentlab.utils.array_rules import LARGEST_COORDINATE

if TYPE_CHECKING:
    from latentlab.data.latent_tables import Latents

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
        As of a model file; the standard deviations are 0 if the table has none.
    folder
        The table's; paths are relative to it.
    paths
        Of the rows' images, N texts; empty without a column of paths.
    rows
        int64, rows whose images exist.
    source
        The table's absolute path, which also opens its images as a dataset.
    """

    header: ModelHeader
    points: Points
    folder: Path
    paths: tuple[str, ...]
    rows: NDArray[np.int64]
    source: str

    def points_in(self, images: Sequence[str]) -> Points:
        """The points with the numbers of their images among those that were opened.

        Parameters
        ----------
        images
            Names of the images of the table's dataset, N texts.

        Returns
        -------
        Points
            Those without an image have numbers of their own, from N upwards.
        """
        from latentlab.data.sources.scan import all_printable  # as in `read_latent_table`

        numbers = {name: number for number, name in enumerate(images)}
        found = np.array([numbers.get(name, -1) for name in all_printable(list(self.paths))], np.int64)
        absent = np.flatnonzero(found < 0)
        found[absent] = len(images) + np.arange(len(absent))
        return replace(self.points, index=found)

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
        verb = "is" if missing == 1 else "are"
        first = next(path for row, path in enumerate(self.paths) if row not in set(self.rows.tolist()))
        shown = first if len(first) <= 80 else first[:79] + "…"
        return (
            f"{missing:,} of the {len(self.paths):,} images that this table names {verb} not in {self.folder}, for "
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
        data={
            "name": path.stem,
            "images": min(count, LARGEST_COUNT),
            "images_found": len(rows),
            "images_missing": len(paths) - len(rows),
        },
        sha256=hashlib.sha256(found.z.tobytes()).hexdigest(),
    )
    points = Points(found.z, _deviations(found, path), labels)
    return LatentTable(header, points, path.parent, paths, rows, os.path.abspath(path))


def _deviations(found: Latents, path: Path) -> NDArray[np.float32]:
    """Standard deviations of the table's posteriors; 0 if it has none."""
    if found.std is None:
        return np.zeros_like(found.z)
    with np.errstate(invalid="ignore"):
        if not ((found.std >= 0) & (found.std <= LARGEST_COORDINATE)).all():
            raise InputError(f"{path} has a standard deviation that is not a number from 0 to {LARGEST_COORDINATE:g}")
    return found.std


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
