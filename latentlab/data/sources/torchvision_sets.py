"""``torchvision:NAME``: torchvision's datasets by name, downloaded to the cache folder when first used.

torchvision, and torch with it, is imported only when such a dataset is opened, never in the window's process. Only
CIFAR is pickled; torchvision compares its files with published checksums before reading them.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from latentlab.config.data import DataConfig
from latentlab.data.dataset import Dataset
from latentlab.data.images.image_file import Ranges, UnreadableError, failure_reason
from latentlab.data.images.resize import target_size
from latentlab.data.images.to_array import DecodedImage, decode_image
from latentlab.data.loading.cache import Cache, key
from latentlab.data.loading.image_buffer import ImageBuffer
from latentlab.data.loading.in_thread import POLL_SECONDS, run_in_thread
from latentlab.data.loading.pipeline import prepare_images
from latentlab.data.loading.prepared_images import PreparedImages
from latentlab.data.loading.read_bytes import advise_random_access
from latentlab.data.sources.array_dataset import ArraySource, dataset_from_array, unlabelled
from latentlab.data.sources.array_layout import as_images
from latentlab.data.subset import renumber_classes, select_subset
from latentlab.data.types import UNKNOWN, Columns, Labels, LeftOut, LoadProgress
from latentlab.errors import InputError
from latentlab.paths import cache_folder
from latentlab.utils.child_process import child_environment, module_command

NAMES = (
    *("MNIST", "FashionMNIST", "KMNIST", "EMNIST", "QMNIST", "USPS", "SEMEION", "CIFAR10", "CIFAR100", "SVHN", "STL10"),
    *("CelebA", "Omniglot", "Flowers102", "OxfordIIITPet", "DTD", "EuroSAT", "GTSRB", "FGVCAircraft", "Food101"),
    *("LFWPeople", "Caltech101", "Caltech256", "Imagenette", "Country211", "RenderedSST2", "StanfordCars"),
)
_STALL_SECONDS = 90.0  # without a byte
_MAX_MEASURED = 200


def open_torchvision(text: str, config: DataConfig, ranges: Ranges | None = None) -> Iterator[LoadProgress | Dataset]:
    """Open ``torchvision:NAME`` or ``torchvision:NAME/SPLIT``; yields progress, then the dataset.

    The default split is the training split; for EMNIST, SPLIT is one of its variants, by default "balanced".
    ``ranges`` are those of a model's training images, for images that it reads.

    Raises
    ------
    InputError
        For an unknown name or split, when torchvision is not installed, or when the dataset cannot be downloaded.
    """
    name, _, split = text.removeprefix("torchvision:").partition("/")
    official = next((each for each in NAMES if each.lower() == name.lower()), None)
    if official is None:
        raise InputError(f"there is no {text}; the datasets are {', '.join(NAMES)}")
    datasets = yield from run_in_thread(torchvision_datasets, LoadProgress(0, None, "Loading torchvision"))
    root = cache_folder() / "torchvision"
    opened = yield from _opened(datasets, official, split, root)
    if opened is None:
        yield from _download(official, split, root)
        opened = yield from _opened(datasets, official, split, root)
    if opened is None:
        raise InputError(f"torchvision:{official} was downloaded, but its files are incomplete; try again")
    if hasattr(getattr(opened, "data", None), "shape"):  # some datasets have a list of paths in this attribute
        yield from dataset_from_array(_array_source(opened, official, text), config, ranges)
    else:
        yield from _from_items(opened, official, text, config)


def torchvision_datasets() -> Any:
    """Import ``torchvision.datasets``, by name: ``latentlab.data`` does not depend on it."""
    try:
        return importlib.import_module("torchvision.datasets")
    except ImportError:
        raise InputError("torchvision is not installed; it is needed to open its datasets by name") from None


def construct(datasets: Any, name: str, split: str, root: str | Path, download: bool) -> Any:
    """Construct torchvision's dataset object, whatever its argument for the split is called."""
    kind = getattr(datasets, name)
    arguments = inspect.signature(kind.__init__).parameters
    chosen: dict[str, Any] = {}
    if name == "EMNIST":
        chosen = {"split": split or "balanced"}
    elif "split" in arguments:
        chosen = {"split": split} if split else {}
    elif split and split not in ("train", "test"):
        raise ValueError(f"{name} has no split {split!r}, only train and test")
    elif "train" in arguments:
        chosen = {"train": split != "test"}
    elif "background" in arguments:
        chosen = {"background": split != "test"}
    return kind(str(root), download=download, **chosen)


def _opened(datasets: Any, name: str, split: str, root: Path) -> Generator[LoadProgress, None, Any]:
    """Open the dataset if its files are on disk, else return ``None``."""
    progress = LoadProgress(0, None, f"Opening torchvision:{name}")
    try:
        return (yield from run_in_thread(lambda: construct(datasets, name, split, root, download=False), progress))
    except ValueError as error:
        raise InputError(f"torchvision:{name}/{split}: {' '.join(str(error).split())}") from None
    except (RuntimeError, OSError, EOFError, ImportError) as error:
        if isinstance(error, ImportError):
            raise InputError(
                f"torchvision:{name} needs a package that is not installed ({error}); "
                'install it with pip install "latentlab[sets]"'
            ) from None
        return None


def _download(name: str, split: str, root: Path) -> Iterator[LoadProgress]:
    """Download into a temporary folder, and move the files to ``root`` when they are complete."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"unfinished-{name}-", dir=root))
    except OSError as error:
        raise InputError(f"torchvision:{name} cannot be downloaded to {root}: {error.strerror}") from None
    try:
        yield from _download_in_process(name, split, folder)
        for path in folder.iterdir():
            target = root / path.name
            if os.path.isdir(target):
                shutil.rmtree(target)
            path.replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _download_in_process(name: str, split: str, folder: Path) -> Iterator[LoadProgress]:
    command = module_command("latentlab.data.sources.torchvision_sets", name, split, str(folder))
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, env=child_environment()
        )
        try:
            size, changed = 0, time.monotonic()
            while child.poll() is None:
                now = _size(folder)
                if now != size:
                    size, changed = now, time.monotonic()
                if time.monotonic() - changed > _STALL_SECONDS:
                    raise InputError(f"torchvision:{name} cannot be downloaded: no data for {_STALL_SECONDS:.0f} s")
                yield LoadProgress(size >> 20, None, f"Downloading torchvision:{name}: {size / 1e6:.1f} MB")
                with suppress(subprocess.TimeoutExpired):
                    child.wait(POLL_SECONDS)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        if child.returncode:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines() or [f"exit code {child.returncode}"]
            missing = re.search(r"'?(\w+)'? is required|No module named '(\w+)'", lines[-1])
            if missing:
                raise InputError(
                    f"torchvision:{name} needs the package {missing[1] or missing[2]} to be downloaded; "
                    'install it with pip install "latentlab[sets]"'
                )
            cause = re.search(r"<urlopen error ([^>]*)>", lines[-1])
            raise InputError(
                f"torchvision:{name} is not on this computer and cannot be downloaded; try again when online "
                f"({cause[1] if cause else lines[-1][:200]})"
            )


def _size(folder: Path) -> int:
    total = 0
    with suppress(OSError):  # files appear and disappear
        for path in folder.rglob("*"):
            if os.path.isfile(path):
                total += path.stat().st_size
    return total


def _array_source(opened: Any, name: str, text: str) -> ArraySource:
    """A dataset that torchvision holds as one array."""
    images = as_images(np.asarray(opened.data), text)
    if name == "EMNIST":
        images = images.swapaxes(1, 2)  # EMNIST's characters are transposed
    labels, classes = _labels(opened, len(images))
    return ArraySource(images, labels, classes, name, name, text, "torchvision", cache_identity=(text, len(images)))


def _labels(opened: Any, count: int) -> tuple[Labels, tuple[str, ...]]:
    values = next(
        (getattr(opened, each) for each in ("targets", "labels", "_labels", "y") if hasattr(opened, each)), None
    )
    if values is None or np.asarray(values).shape != (count,) or np.asarray(values).dtype.kind not in "iu":
        return unlabelled(count), ()
    labels = np.asarray(values).astype(np.int64)
    names = [_class_name(each) for each in getattr(opened, "classes", None) or ()]
    if not names or len(set(names)) < len(names):
        names = [str(number) for number in range(int(labels.max(initial=-1)) + 1)]
    labels[(labels < 0) | (labels >= len(names))] = UNKNOWN
    return labels, tuple(names)


def _class_name(name: Any) -> str:
    """A short class name: "7" for MNIST's "7 - seven", the first of several synonyms."""
    first = name[0] if isinstance(name, list | tuple) else name
    digit, dash, _ = str(first).partition(" - ")
    return digit if dash and digit.isdigit() else str(first)


def _from_items(opened: Any, name: str, text: str, config: DataConfig) -> Iterator[LoadProgress | Dataset]:
    """A dataset that torchvision reads image by image."""
    count = len(opened)
    labels, classes = _labels(opened, count)
    index = select_subset(labels, classes, config)
    prepared = yield from _prepared(opened, text, index, config)
    if not len(prepared.images):
        raise InputError(f"none of the images of {text} could be read: {next(iter(prepared.reasons.values()))}")
    left_out = [LeftOut(f"{name}#{index[number]}", reason) for number, reason in prepared.reasons.items()]
    index = index[prepared.item_index]
    labels, classes = renumber_classes(labels[index], classes, config)
    yield Dataset(
        images=advise_random_access(prepared.images),
        labels=labels,
        classes=classes,
        paths=[f"{name}#{number}" for number in index.tolist()],
        name=name,
        source=text,
        config=config,
        left_out=left_out,
        metadata=_attributes(opened, index),
        file_stats=prepared.file_stats(),
    )


def _prepared(
    opened: Any, text: str, index: Labels, config: DataConfig
) -> Generator[LoadProgress, None, PreparedImages]:
    cache, name = Cache(), key(config, text, len(opened), index.astype("<i8").tobytes())
    cached = cache.get(name)
    if cached is not None:
        return cached

    def load(number: int) -> Image.Image:
        try:
            item: Image.Image = opened[number][0]
        except Exception as error:  # datasets raise errors of any kind
            raise UnreadableError(failure_reason(error)) from None
        return item

    sizes = []
    if config.image_size is None:
        chosen = np.unique(np.linspace(0, len(opened) - 1, min(len(opened), _MAX_MEASURED)).astype(np.int64))
        for number in chosen.tolist():
            with suppress(UnreadableError):
                sizes.append(load(number).size)
            yield LoadProgress(0, None, "Measuring images")
    target = target_size(sizes or [(1, 1)], config)

    def read(number: int) -> DecodedImage:
        return decode_image(load(number), target, config)

    with cache.new_entry(name) as entry:
        prepared = yield from prepare_images(index.tolist(), read, ImageBuffer(entry.images))
        return (yield from cache.store(name, entry, prepared))


def _attributes(opened: Any, index: Labels) -> Columns:
    """CelebA's 40 attributes, 0 or 1 each, as columns."""
    if not hasattr(opened, "attr") or not hasattr(opened, "attr_names"):
        return {}
    values = np.asarray(opened.attr)[index].astype(np.float64)
    names = [name for name in opened.attr_names if name]
    return {name: values[:, column] for column, name in enumerate(names)}


def main(name: str, split: str, folder: str) -> int:
    """Download one dataset: ``python -m latentlab.data.sources.torchvision_sets NAME SPLIT FOLDER``.

    Runs in a process of its own, which Cancel can kill at any time. On failure, the last line on stderr is the reason.
    """
    try:
        construct(torchvision_datasets(), name, split, folder, download=True)
    except Exception as error:  # of any kind: the parent process reports it
        reason = " ".join(str(error).split()) or type(error).__name__
        sys.stderr.write(f"\n{reason[:500]}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
