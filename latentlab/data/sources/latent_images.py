"""The images that a table of latents names, as a dataset."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path

from latentlab.data.latent_tables import read_latents
from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.sources.items import ImageItems
from latentlab.data.sources.path_list import listed_items
from latentlab.data.types import LoadProgress
from latentlab.errors import InputError


def images_of_latents(path: Path) -> Generator[LoadProgress, None, ImageItems]:
    """The images of a table of latents, relative to its folder; those that do not exist are left out.

    Raises
    ------
    InputError
        When it cannot be read, or names no image that exists.
    """
    progress = LoadProgress(0, None, f"Reading {path.name}")
    lines = yield from run_in_thread(partial(_lines, path), progress)
    return (yield from listed_items(path, lines))


def _lines(path: Path) -> list[tuple[str, str]]:
    """The path of each row that has one, and the name of its class."""
    table = read_latents(path)
    if not table.paths or not any(table.paths):
        raise InputError(f"{path.name} is a table of latents that names no images: a column path would")
    names = [""] * len(table.z)
    if table.labels is not None:
        for row, label in enumerate(table.labels.tolist()):
            if label >= 0:
                names[row] = table.class_names[label] if table.class_names else str(label)
    first: dict[str, str] = {}
    for name, label in zip(table.paths, names, strict=True):
        if name:
            first.setdefault(name, label)  # an image may have several latents
    return list(first.items())
