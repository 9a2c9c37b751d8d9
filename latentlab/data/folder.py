"""A folder of images becomes a dataset: found, labelled, drawn, decoded by all cores."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np

from latentlab.config.data import DataConfig
from latentlab.data.class_folders import class_folders
from latentlab.data.dataset import Dataset, LoadProgress
from latentlab.data.decode import UnreadableError, measure
from latentlab.data.fit import Size, target_size
from latentlab.data.ingest import ingest
from latentlab.data.scan import Scan, scan, shown
from latentlab.data.subset import choose, keep_classes
from latentlab.errors import InputError

_MEASURED = 1000


def open_folder(folder: Path, config: DataConfig) -> Iterator[LoadProgress | Dataset]:
    """Read a folder as it is; yields progress, then the dataset.

    The subset is drawn from the files that may be images; those of them that turn out not to be are skipped.
    """
    found = yield from _scanned(str(folder))
    if not found.paths:
        raise InputError(f"there are no images in {folder}{_why(found)}")
    labels, classes = class_folders(found.paths, found.empty_folders)
    index = choose(labels, classes, config)
    labels, classes = keep_classes(labels[index], classes, config)
    paths = [found.paths[number] for number in index.tolist()]
    target = yield from _target(folder, paths, config)
    made = yield from ingest(str(folder), paths, target, config)
    if not len(made.kept):
        found.skipped.extend(made.skipped)
        raise InputError(f"there are no images in {folder}{_why(found)}")
    yield Dataset(
        images=made.images,
        labels=labels[made.kept],
        classes=classes,
        paths=[shown(paths[number]) for number in made.kept.tolist()],
        name=folder.name,
        source=str(folder),
        config=config,
        skipped=sorted(found.skipped + made.skipped, key=lambda each: each.path),
        found=made.found,
    )


def _scanned(folder: str) -> Generator[LoadProgress, None, Scan]:
    for step in scan(folder):
        if isinstance(step, Scan):
            return step
        yield step
    raise AssertionError("a scan ends with what it found")


def _why(found: Scan) -> str:
    if not found.skipped:
        return ""
    first = found.skipped[0]
    return f" ({len(found.skipped)} files skipped, the first: {first.path}, {first.reason})"


def _target(folder: Path, paths: list[str], config: DataConfig) -> Generator[LoadProgress, None, Size]:
    """Size of the dataset's images, judged from the headers of at most 1,000 files, evenly spaced."""
    sizes: list[Size] = []
    if config.image_size is None:
        chosen = np.unique(np.linspace(0, len(paths) - 1, min(len(paths), _MEASURED)).astype(np.int64))
        for done, number in enumerate(chosen.tolist()):
            try:
                sizes.append(measure(f"{folder}/{paths[number]}")[0])
            except UnreadableError:
                continue  # named when its pixels are asked for
            if done % 50 == 0:
                yield LoadProgress(done, len(chosen), "Measuring images")
    return target_size(sizes or [(0, 0)], config)
