"""What a command says of the images that it has written."""

from __future__ import annotations

from pathlib import Path

from latentlab.cli.console import write_note
from latentlab.storage.outputs import is_inside_data
from latentlab.storage.source_kind import IMAGE_SUFFIXES


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
