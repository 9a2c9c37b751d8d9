"""What a command says of the images that it has written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.cli.console import write_note
from latentlab.storage.outputs import is_inside_data
from latentlab.storage.source_kind import IMAGE_SUFFIXES
from latentlab.utils.stamp import Stamp
from latentlab.utils.text import pluralize


def write_images(out: Path, images: NDArray[np.float32], *layout: int, **arrays: Any) -> None:
    """Write images as `latentlab.training.image_output.write_images` does, and note those that are not finite."""
    from latentlab.training.image_output import write_images

    _note_not_finite(out, int((~np.isfinite(images).all(axis=(1, 2, 3))).sum()), len(images))
    write_images(out, images, *layout, **arrays)


def write_film_images(out: Path, images: Iterable[NDArray[np.float32]], fps: int, scale: int, stamp: Stamp) -> None:
    """Write a film as `latentlab.training.image_output.write_film_images` does, and note images that are not finite."""
    from latentlab.training.image_output import write_film_images

    are_finite: list[bool] = []

    def watched() -> Iterator[NDArray[np.float32]]:
        for image in images:
            are_finite.append(bool(np.isfinite(image).all()))
            yield image

    write_film_images(out, watched(), fps, scale, stamp)
    _note_not_finite(out, are_finite.count(False), len(are_finite))


def _note_not_finite(out: Path, absent: int, count: int) -> None:
    if absent:
        write_note(
            f"latentlab: warning: {absent:,} of {pluralize(count, 'image')} have values that are not finite: the "
            "model gives no number there" + ("" if out.suffix.lower() == ".npz" else ", and they are written as black")
        )


def note_if_inside_data(out: Path, *sources: str | None) -> None:
    """Note that a picture is written into a folder of images, which has it among them when it is opened again.

    Parameters
    ----------
    out
        The picture.
    sources
        Of images, as for ``latentlab.data.open_dataset``; ``None`` or empty for none.
    """
    if out.suffix.lower() not in IMAGE_SUFFIXES:
        return
    for source in filter(None, sources):
        if is_inside_data(out, source):
            write_note(
                f"latentlab: {out} is inside {source}, which has it among its images when it is opened again: "
                "write it elsewhere to keep them apart"
            )
            return
