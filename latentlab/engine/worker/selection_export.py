"""Writes selected images: a table, a folder of links, or a dataset of their own; in steps."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import shutil
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentlab.config import DataConfig
from latentlab.data import Dataset
from latentlab.engine.protocol.messages import (
    EncodeSelection,
    ExportSelection,
    FloatArray,
    IntArray,
    Ranking,
    SelectionExported,
    SubsetWritten,
    WriteSubset,
)
from latentlab.engine.worker.jobs import as_the_model_reads, encoded, joined
from latentlab.engine.worker.selected_images import SelectableImages, checked, selectable_images
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.storage import Points
from latentlab.storage.atomic import atomic_write, write_error
from latentlab.storage.outputs import check_output
from latentlab.utils.memory import available_bytes, format_bytes
from latentlab.utils.pixels import as_pixels
from latentlab.utils.plain_text import quote_cell
from latentlab.utils.tag_columns import tag_columns
from latentlab.utils.text import pluralize, subscript

Steps = Generator[None, None, None]
_ROWS_AT_ONCE = 500
_FILES_AT_ONCE = 20
_IMAGES_AT_ONCE = 256
_LONGEST_NAME = 100  # characters of a folder or file


def exporting(workspace: Workspace, request: ExportSelection) -> Steps:
    """Write a table or a folder.

    Raises
    ------
    InputError, RunError
        When nothing can be written there.
    """
    available = selectable_images(workspace)
    images = checked(request.images, available)
    if request.kind == "table":
        sentence = yield from _write_table(workspace, request, available, images)
    else:
        sentence = yield from _write_folder(Path(request.path), available, images)
    workspace.send(SelectionExported(request.path, sentence))


# --- a table ------------------------------------------------------------------------------------------


def _write_table(
    workspace: Workspace, request: ExportSelection, available: SelectableImages, images: IntArray
) -> Generator[None, None, str]:
    info, dataset, path = workspace.info, available.dataset, Path(request.path)
    check_output(
        path,
        *([] if info is None else [each for each in (info.source, info.path) if each]),
        data="" if dataset is None else dataset.source,
    )
    mean, std, rows = yield from posteriors_of(workspace, available, images)
    ranks = _rank_columns(request.ranking, images)
    columns = {name: values.tolist() for name, values in tag_columns(request.tags, images).items()}
    labels = available.labels[np.searchsorted(available.images, images)].tolist()
    text = io.StringIO(newline="")
    table = csv.writer(text)
    size = mean.shape[1]
    names = [f"{name}_{number}" for name in ("mean", "std") for number in range(size)]
    titles = {number: title for number, title in request.titles if number < size}
    table.writerow(["image", "path", "label", *ranks, *map(quote_cell, (*columns, *names, *titles.values()))])
    row_of = dict(zip(rows.tolist(), range(len(rows)), strict=True))
    for number, image in enumerate(images.tolist()):
        name = "" if dataset is None else dataset.paths[image]
        label = available.classes[labels[number]] if 0 <= labels[number] < len(available.classes) else ""
        at = row_of.get(number)
        latent = [""] * (2 * size) if at is None else [*mean[at].tolist(), *std[at].tolist()]
        own = [quote_cell(values[number]) for values in columns.values()]
        place = [values[number] for values in ranks.values()]
        named = [latent[dimension] for dimension in titles]
        table.writerow([image, quote_cell(name), quote_cell(label), *place, *own, *latent, *named])
        if number % _ROWS_AT_ONCE == _ROWS_AT_ONCE - 1:
            yield
    try:
        path.parent.mkdir(parents=True, exist_ok=True)  # latentlab's own folder, of a command that is copied
    except OSError as error:
        raise write_error(path, error) from error
    atomic_write(path, text.getvalue().encode("utf-8", "backslashreplace"))
    written = f"{pluralize(len(images), 'image')} in {path.name}"
    return f"{written}; its column mean_0 is z{subscript(1)}, and so on" if size else written


def _rank_columns(ranking: Ranking | None, images: IntArray) -> dict[str, list[Any]]:
    """The rank of each image, from 1, and the figure it was ranked by; empty texts for images without one."""
    if ranking is None:
        return {}
    places = ranking.places_of(images).tolist()
    values = ranking.values.tolist()
    return {
        "rank": [place + 1 if place >= 0 else "" for place in places],
        ranking.by: [values[place] if place >= 0 else "" for place in places],
    }


def posteriors_of(
    workspace: Workspace, available: SelectableImages, images: IntArray
) -> Generator[None, None, tuple[FloatArray, FloatArray, IntArray]]:
    """Means and standard deviations [k, d] of images, and their rows [k]; images without a point are encoded."""
    mean, std, rows = available.posteriors(images)
    missing = np.setdiff1d(np.arange(len(images)), rows)
    model, dataset = workspace.model, available.dataset
    if not len(missing) or model is None or dataset is None or dataset.image_shape != model.image_shape:
        return mean, std, rows
    parts = [(mean, std)] if len(rows) else []
    as_read = yield from as_the_model_reads(workspace, model, dataset)
    for _done, part in encoded(model, as_read, images[missing]):
        parts.append(part)
        yield
    means, stds = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return means, stds, np.concatenate([rows, missing])


# --- a folder -----------------------------------------------------------------------------------------


def _write_folder(folder: Path, available: SelectableImages, images: IntArray) -> Generator[None, None, str]:
    """Link to the images' files, in a folder for each class; images that are no file of their own become PNG files."""
    dataset = available.dataset
    if dataset is None:
        raise InputError("to export the images, open their dataset first")
    if os.path.exists(folder) and (not os.path.isdir(folder) or any(folder.iterdir())):
        raise InputError(f"{folder} exists already: choose a new or an empty folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        counts = yield from _fill_folder(folder, dataset, images)
    except OSError as error:
        raise write_error(folder, error) from error
    parts = [f"{count:,} {what}" for what, count in counts.items() if count]
    return f"{' and '.join(parts)} in {folder.name}"


def _fill_folder(folder: Path, dataset: Dataset, images: IntArray) -> Generator[None, None, dict[str, int]]:
    taken: set[Path] = set()
    counts = {"links": 0, "copies": 0, "PNG files": 0}
    for number, image in enumerate(images.tolist()):
        label = int(dataset.labels[image])
        place = folder / _file_name(dataset.classes[label]) if 0 <= label < len(dataset.classes) else folder
        place.mkdir(exist_ok=True)
        source = file_of(dataset, image)
        if source is None:
            target = _free(place / f"image-{image:06d}.png", taken)
            pixels = as_pixels(np.asarray(dataset.images[image : image + 1]))[0]
            Image.fromarray(pixels).save(target, "PNG")
            counts["PNG files"] += 1
        else:
            counts[_link_or_copy(source, _free(place / source.name, taken))] += 1
        if number % _FILES_AT_ONCE == _FILES_AT_ONCE - 1:
            yield
    return counts


def _link_or_copy(source: Path, target: Path) -> str:
    with suppress(OSError, NotImplementedError):  # file systems and accounts without links
        os.symlink(source, target)
        return "links"
    shutil.copyfile(source, target)
    return "copies"


def _free(path: Path, taken: set[Path]) -> Path:
    """The path, with a number if it is taken; upper and lower case may be the same to the file system."""
    free, number = path, 2
    while Path(str(free).casefold()) in taken:
        free, number = path.with_name(f"{path.stem}-{number}{path.suffix}"), number + 1
    taken.add(Path(str(free).casefold()))
    return free


def _file_name(text: str) -> str:
    """A class's name as that of a folder."""
    name = re.sub(r'[\x00-\x1f<>:"/\\|?*]', "_", text).strip(" .")[:_LONGEST_NAME]
    return name or "class"


def file_of(dataset: Dataset, image: int) -> Path | None:
    """The file that is this image; ``None`` if it is one of several in a file."""
    if dataset.folder is None:
        return None
    path = Path(dataset.folder, dataset.paths[image])
    return Path(os.path.abspath(path)) if os.path.isfile(path) else None


# --- a dataset ----------------------------------------------------------------------------------------


def writing_subset(workspace: Workspace, request: WriteSubset) -> Steps:
    """Write a list of the images' files, or an array of the images if they are not files of their own.

    Its folder is named after the content: the same images give the same file again.

    Raises
    ------
    InputError, RunError
        When the images are not open, or nothing can be written.
    """
    dataset = workspace.need_dataset()
    images = request.images[request.images < len(dataset)]
    if not len(images):
        raise InputError("no image would be left to train on")
    files: list[Path] = []
    for number, image in enumerate(images.tolist()):
        path = file_of(dataset, image)
        if path is None or "\n" in str(path) or "\t" in str(path):
            break
        files.append(path)
        if number % _ROWS_AT_ONCE == _ROWS_AT_ONCE - 1:
            yield
    name = _subset_name(request.name or f"{dataset.name}, {pluralize(len(images), 'image')}")
    if len(files) == len(images):
        content = "".join(_list_lines(dataset, images, files)).encode("utf-8", "surrogateescape")
        path = _new_folder(Path(request.folder, _digest(content))) / f"{name}.txt"
        atomic_write(path, content)
        config = _list_config(dataset)
    else:
        pixels = yield from _pixels(dataset, images)
        path = _new_folder(Path(request.folder, _digest(pixels.data))) / f"{name}.npz"
        arrays: dict[str, NDArray[Any]] = {"images": pixels}
        if dataset.classes:
            arrays |= {"labels": dataset.labels[images], "class_names": np.array(dataset.classes, np.str_)}
        atomic_write(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
        config = _whole(dataset.config, {"levels": "auto", "invert": False})
    workspace.send(SubsetWritten(str(path), config))


def _new_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    return folder


def _subset_name(text: str) -> str:
    """A name that is also that of a file."""
    return re.sub(r"[^\w ,.-]+", "-", text)[:_LONGEST_NAME].strip(" .-") or "images"


def _list_lines(dataset: Dataset, images: IntArray, files: list[Path]) -> Iterator[str]:
    for image, path in zip(images.tolist(), files, strict=True):
        label = int(dataset.labels[image])
        name = dataset.classes[label].replace("\n", " ") if 0 <= label < len(dataset.classes) else ""
        yield f"{path}\t{name}\n"


def _list_config(dataset: Dataset) -> DataConfig:
    """The dataset's own settings, for images that are chosen already; the same values are black and white."""
    low, high = dataset.value_range.low, dataset.value_range.high
    is_own = dataset.config.levels == "auto" and (low, high) not in ((0, 255), (0, 1)) and low < high
    channels, height, width = dataset.image_shape
    shape = {"image_size": width, "image_height": None if height == width else height, "channels": channels}
    return _whole(dataset.config, {**shape, **({"levels": f"{low:.15g},{high:.15g}"} if is_own else {})})


def _whole(config: DataConfig, changes: dict[str, object]) -> DataConfig:
    """The settings without those that choose images."""
    values = {**config.model_dump(), "limit": None, "classes": (), "per_class": None, **changes}
    return DataConfig.model_validate(values)


def _pixels(dataset: Dataset, images: IntArray) -> Generator[None, None, NDArray[np.uint8]]:
    """The images [k, C, H, W], read some at a time."""
    size, limit = len(images) * int(np.prod(dataset.image_shape)), available_bytes() // 3
    if size > limit:
        raise InputError(
            f"{pluralize(len(images), 'image')} of an array take {format_bytes(size)}, more than the limit of "
            f"{format_bytes(limit)} on this machine: choose fewer of them"
        )
    pixels = np.empty((len(images), *dataset.image_shape), np.uint8)
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        rows = slice(start, start + _IMAGES_AT_ONCE)
        pixels[rows] = dataset.images[images[rows]]
        yield
    return pixels


def _digest(content: bytes | memoryview) -> str:
    return hashlib.blake2b(content, digest_size=4).hexdigest()


# --- encoding -----------------------------------------------------------------------------------------


def encoding_selection(workspace: Workspace, request: EncodeSelection) -> Steps:
    """Encode the images with the current weights, and put their points in place of those before.

    Raises
    ------
    InputError
        When there is no model or dataset, or they do not fit each other.
    """
    model, dataset, version = workspace.need_model(), workspace.need_dataset(), workspace.version
    if dataset.image_shape != model.image_shape:
        raise InputError(f"the model takes images of shape {model.image_shape}, not {dataset.image_shape}")
    images = request.images[request.images < len(dataset)]
    if not len(images):
        return
    parts = []
    as_read = yield from as_the_model_reads(workspace, model, dataset)
    for _done, part in encoded(model, as_read, images):
        if workspace.version != version:
            return
        parts.append(part)
        yield
    points = joined(parts, dataset, images)
    before = workspace.points if workspace.dataset_of_points() is dataset else None
    if before is not None:
        points = _replaced(before, points)
    workspace.publish_points(points, dataset.classes, dataset.fingerprint, workspace.epoch)


def _replaced(before: Points, new: Points) -> Points:
    """The points, with new ones in place of those of the same images."""
    assert new.index is not None
    index = np.arange(len(before.mean)) if before.index is None else before.index
    kept = ~np.isin(index, new.index)
    both = np.concatenate([index[kept], new.index])
    order = np.argsort(both, kind="stable")
    return Points(
        np.concatenate([before.mean[kept], new.mean]),
        np.concatenate([before.std[kept], new.std]),
        np.concatenate([before.label[kept], new.label]),
        both,
    ).of(order)
