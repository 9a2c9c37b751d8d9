"""``open_dataset``: from a path or a name such as ``demo:shapes`` to a dataset."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from latentlab.config.data import DataConfig
from latentlab.data.dataset import Dataset
from latentlab.data.images.image_file import Ranges, has_image_format
from latentlab.data.latent_tables import is_latent_table
from latentlab.data.sources.array_dataset import ArraySource, dataset_from_array
from latentlab.data.sources.combine import combine
from latentlab.data.sources.demo_colour import colour
from latentlab.data.sources.demo_shapes import shapes
from latentlab.data.sources.folder import folder_items, stack_items
from latentlab.data.sources.hdf5 import is_hdf5, open_hdf5
from latentlab.data.sources.idx import is_idx, open_idx
from latentlab.data.sources.items import ImageItems, dataset_from_items
from latentlab.data.sources.latent_images import images_of_latents
from latentlab.data.sources.mat import open_mat
from latentlab.data.sources.npy import open_npy, open_npz
from latentlab.data.sources.parquet import is_arrow, is_parquet, open_parquet
from latentlab.data.sources.path_list import is_path_list, listed_items, listed_sources, read_path_list
from latentlab.data.sources.pixel_table import find_pixel_columns, open_pixel_table
from latentlab.data.sources.shards import shards_in, split_of_shard, with_splits
from latentlab.data.sources.table_file import TABLE_SUFFIXES, open_table
from latentlab.data.sources.tar_archive import is_tar, open_tar
from latentlab.data.sources.torchvision_sets import open_torchvision
from latentlab.data.sources.video import is_video, open_video
from latentlab.data.sources.zarr_store import is_zarr, open_zarr
from latentlab.data.sources.zip_archive import is_zip, open_zip
from latentlab.data.types import LoadProgress
from latentlab.errors import InputError
from latentlab.utils.file_formats import FORMAT_NAMES, array_in_file
from latentlab.utils.path_checks import require_present
from latentlab.utils.source_names import absolute_source, expand, join_sources, parts_of

Opened = Generator[LoadProgress, None, ArraySource | ImageItems]


class FileFormat(NamedTuple):
    """A dataset in one file.

    Attributes
    ----------
    name
        The one in `latentlab.utils.file_formats`.
    matches
        Whether a file is of this format, by its name or its first bytes.
    read
        Reads a file, given how its images will be prepared; a generator that yields progress and returns the images.
    read_array
        Reads the images of the array of this name, in a format with several arrays.
    """

    name: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, DataConfig], Opened]
    read_array: Callable[[Path, str], Opened] | None = None


FILE_FORMATS = (
    FileFormat(".npz", lambda path: path.suffix.lower() == ".npz", lambda path, _: open_npz(path), open_npz),
    FileFormat(".npy", lambda path: path.suffix.lower() == ".npy", lambda path, _: open_npy(path)),
    FileFormat(".mat", lambda path: path.suffix.lower() == ".mat", lambda path, _: open_mat(path), open_mat),
    FileFormat("IDX", is_idx, lambda path, _: open_idx(path)),
    FileFormat("Parquet", lambda path: is_parquet(path) or is_arrow(path), lambda path, _: open_parquet(path)),
    FileFormat("HDF5", is_hdf5, lambda path, _: open_hdf5(path), open_hdf5),
    FileFormat("video", is_video, lambda path, config: open_video(path, config.frame_step)),
    FileFormat("zip", is_zip, lambda path, _: open_zip(path)),
    FileFormat("tar", is_tar, lambda path, _: open_tar(path)),
)
DEMOS: dict[str, Callable[[], ArraySource]] = {"shapes": shapes, "colour": colour}


def open_dataset(
    source: str | Path | Sequence[str | Path], config: DataConfig | None = None, ranges: Ranges | None = None
) -> Iterator[LoadProgress | Dataset]:
    """Read a dataset step by step, so that a worker can do other work in between.

    Parameters
    ----------
    source
        A folder of images, a table (.csv, .tsv, .jsonl), a table of latents that names its images, a file (.npz, .npy,
        .mat, IDX, Parquet, HDF5, video, zip, tar, TIFF stack or animation), a zarr store, a text file of paths, or
        ``demo:shapes``, ``demo:colour``, or a torchvision set as ``torchvision:MNIST``. Several folders or files are
        one dataset: a list, ``cats|dogs``, or ``shards-{000..003}.tar``. ``digits.npz:masks`` takes the images from the
        array ``masks``.
    config
        How images are prepared and which are used.
    ranges
        The value ranges of a model's training images, for images that the model reads; instead of ``config.levels``
        for the types of values that they hold.

    Yields
    ------
    `LoadProgress` about every 0.03 s, and finally the `Dataset`. Closing the generator cancels.

    Raises
    ------
    InputError
        One sentence for the user.
    """
    config = config or DataConfig()
    text = join_sources([source] if isinstance(source, str | Path) else source)
    scheme, _, name = text.partition(":")
    if scheme == "demo":
        if name not in DEMOS:
            raise InputError(f"there is no {text}; the demos are {', '.join('demo:' + demo for demo in DEMOS)}")
        yield LoadProgress(0, None, f"Making {text}")
        yield from dataset_from_array(DEMOS[name](), config, ranges)
    elif scheme == "torchvision":
        yield from open_torchvision(text, config, ranges)
    else:
        opened = yield from _open_all(text, config)
        if isinstance(opened, ArraySource):
            with closing(opened):
                yield from dataset_from_array(opened, config, ranges)
        else:
            yield from dataset_from_items(opened, config, ranges)


def load_dataset(
    source: str | Path | Sequence[str | Path], config: DataConfig | None = None, ranges: Ranges | None = None
) -> Dataset:
    """Read a dataset in one call; see `open_dataset`."""
    for step in open_dataset(source, config, ranges):
        if isinstance(step, Dataset):
            return step
    raise AssertionError("opening ends with a dataset")


def _open_all(text: str, config: DataConfig) -> Opened:
    """Open one source, or several as one dataset."""
    source = absolute_source(text)
    parts = [list(map(Path, expand(part))) for part in parts_of(source)]
    if len(parts) == 1:
        return (yield from _open_shards(parts[0], source, config))
    opened = []
    for paths, part in zip(parts, parts_of(source), strict=True):
        opened.append(_checked((yield from _open_shards(paths, part, config)), part))
    return combine(opened, source, " + ".join(part.name for part in opened))


def _open_shards(paths: list[Path], source: str, config: DataConfig) -> Opened:
    """Open files whose borders mean nothing as one source."""
    if len(paths) == 1 and str(paths[0]) == source:
        return (yield from _open(paths[0], config))
    shards = []
    for path in paths:
        shards.append(_checked((yield from _open(path, config)), path.name))
    return combine(shards, source, Path(source).name.partition(".")[0], has_classes=False)


def _checked(opened: ArraySource | ImageItems, name: str) -> ImageItems:
    """Images that can be combined with others.

    Raises
    ------
    InputError
        When they are an array, or there are none.
    """
    if isinstance(opened, ArraySource):
        opened.close()
        raise InputError(f"{name} is an array of images, which cannot be combined with other sources")
    if not opened.names:
        raise InputError(f"there are no images in {opened.place}")
    return opened


def _open(path: Path, config: DataConfig) -> Opened:
    file, array = array_in_file(str(path))
    path = Path(file)
    require_present(path, "file or folder")
    if os.path.isdir(path):
        return (yield from _open_folder(path, config, array))
    if not os.path.isfile(path):  # a pipe would be waited for, a device may have no end
        raise InputError(f"cannot read {path}: it is neither a regular file nor a folder")
    if is_latent_table(path):
        return (yield from images_of_latents(path))
    if path.suffix.lower() in TABLE_SUFFIXES:
        return (yield from _open_table(path))
    if is_path_list(path):
        lines = yield from read_path_list(path)
        sources = listed_sources(path, lines)
        if not sources:
            return (yield from listed_items(path, lines))
        opened = []
        for each in sources:
            opened.append(_checked((yield from _open(each, config)), each.name))
        return combine(opened, str(path), path.stem)
    return (yield from _open_file(path, array, config))


def _open_file(path: Path, array: str, config: DataConfig) -> Opened:
    for file_format in FILE_FORMATS:
        if file_format.matches(path):
            if array and file_format.read_array is None:
                raise InputError(f"{path.name} is a {file_format.name} file, which has no array named {array}")
            if array and file_format.read_array is not None:
                return (yield from file_format.read_array(path, array))
            return (yield from file_format.read(path, config))
    if has_image_format(path):
        return (yield from stack_items(path))
    raise InputError(f"{path.name} is not a dataset: use a folder of images, a table (.csv), {FORMAT_NAMES}")


def _open_table(path: Path) -> Opened:
    """A table of pixels, or of labels of the images in its folder."""
    table = yield from open_table(path)
    pixels = find_pixel_columns(table)
    if pixels is None:
        return (yield from folder_items(path.parent, table=path))
    return (yield from open_pixel_table(path, table, *pixels))


def _open_folder(path: Path, config: DataConfig, array: str) -> Opened:
    """A folder of images; one without any may be a zarr store, or hold the shards of a dataset."""
    if is_zarr(path):
        return (yield from open_zarr(path, array))
    if array:
        raise InputError(f"{path.name} is a folder, which has no array named {array}")
    items = yield from folder_items(path)
    shards = [] if items.names else shards_in(path)
    if not shards:
        return items
    parts = []
    for shard in shards:
        part = _checked((yield from _open(shard, config)), shard.name)
        split = np.full(len(part.names), split_of_shard(shard, path))
        parts.append(replace(part, splits=split if part.splits is None else part.splits))
    return with_splits(combine(parts, str(path), path.name, has_classes=False))
