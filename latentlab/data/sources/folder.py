"""Datasets from a folder of images: scan and label its files."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path

from latentlab.data.images.image_file import UnreadableError, read_facts
from latentlab.data.sources.array_dataset import unlabelled
from latentlab.data.sources.class_folders import class_folders, split_folders
from latentlab.data.sources.items import ImageItems
from latentlab.data.sources.label_tables import LabelTable, read_tables
from latentlab.data.sources.scan import Scan, printable, scan
from latentlab.data.sources.scan_cache import scan_from_cache, store
from latentlab.data.types import Labels, LoadProgress
from latentlab.errors import InputError


def folder_items(folder: Path, table: Path | None = None) -> Generator[LoadProgress, None, ImageItems]:
    """List and label the images of a folder.

    Labels and splits come from tables such as ``labels.csv`` if these have some, else from folders. All files with the
    name of an image are listed; those that cannot be read are left out later.

    Parameters
    ----------
    folder
        The folder.
    table
        A table of labels to use instead of the folder's own.
    """
    found = yield from scan_from_cache(str(folder))
    is_new = found is None
    if found is None:
        found = yield from _scanned(str(folder))
    labels, classes, listed = yield from _labelled(folder, found, table)
    yield LoadProgress(0, len(labels), "Selecting images")
    names = "\0".join(found.paths)
    yield LoadProgress(0, len(labels), "Selecting images")
    return ImageItems(
        names=found.paths,
        labels=labels,
        classes=classes,
        name=printable(folder.name),
        source=str(table or folder),
        place=printable(str(folder)),
        cache_identity=(Path(folder).resolve().as_posix(), names, found.states()),
        folder=str(folder),
        left_out=found.skipped + listed.left_out,
        metadata=listed.metadata,
        splits=listed.splits,
        notes=listed.notes,
        on_opened=partial(store, str(folder), found) if is_new else None,
    )


def stack_items(path: Path) -> Generator[LoadProgress, None, ImageItems]:
    """The frames of one file, a TIFF stack or an animation, as images.

    Raises
    ------
    InputError
        When it cannot be read, or is a single image.
    """
    yield LoadProgress(0, None, f"Reading {path.name}")
    try:
        frames = read_facts(str(path)).frames
    except UnreadableError as error:
        raise InputError(f"{path.name} cannot be read: {error}") from None
    if frames < 2:
        raise InputError(f"{path.name} is a single image: open its folder, or a file of several frames")
    status = path.stat()
    return ImageItems(
        names=[path.name],
        labels=unlabelled(1),
        classes=(),
        name=printable(path.stem),
        source=str(path),
        place=printable(str(path)),
        cache_identity=(path.resolve().as_posix(), status.st_size, status.st_mtime_ns),
        folder=str(path.parent),
    )


def _scanned(folder: str) -> Generator[LoadProgress, None, Scan]:
    for step in scan(folder):
        if isinstance(step, Scan):
            return step
        yield step
    raise AssertionError("the last item of a scan is a Scan")


def _labelled(
    folder: Path, found: Scan, table: Path | None
) -> Generator[LoadProgress, None, tuple[Labels, tuple[str, ...], LabelTable]]:
    """Labels, classes, splits and further columns of the images, and what is left out of the tables."""
    if not found.paths:
        return unlabelled(0), (), LabelTable()
    files = [folder / name for name in found.tables] if table is None else [table]
    listed = (yield from read_tables(folder, files, found.paths)) if files else LabelTable()
    if listed.splits is None:
        listed.splits = split_folders(found.folders)
    if listed.labels is not None:
        return listed.labels, listed.classes, listed
    return *class_folders(found.folders, found.empty_folders), listed
