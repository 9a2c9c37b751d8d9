"""What a command says of the images that it has written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.cli.console import write_note
from latentlab.storage.outputs import is_inside_data
from latentlab.storage.source_kind import IMAGE_SUFFIXES
from latentlab.utils.text import pluralize


def write_images(out: Path, images: NDArray[np.float32], *layout: int, **arrays: Any) -> None:
    """Write images as `latentlab.training.image_output.write_images` does, and note those that are not finite."""
    from latentlab.training.image_output import write_images

    absent = int((~np.isfinite(images).all(axis=(1, 2, 3))).sum())
    if absent:
        write_note(
            f"latentlab: warning: {absent:,} of {pluralize(len(images), 'image')} have values that are not finite: the "
            "model gives no number there" + ("" if out.suffix.lower() == ".npz" else ", and they are written as black")
        )
    write_images(out, images, *layout, **arrays)


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
