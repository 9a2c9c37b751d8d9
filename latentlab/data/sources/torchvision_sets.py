"""``torchvision:NAME``: torchvision's sets by name, from the cache folder or, the first time, from the network.

torchvision, and torch with it, is imported when such a set is opened and not before: never in the window's process.
Of these sets CIFAR alone is pickled; torchvision compares its files with the published checksums before it reads them.
"""

from __future__ import annotations

import importlib
import inspect
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
from latentlab.data.images.image_file import UnreadableError, failure_reason
from latentlab.data.images.resize import target_size
from latentlab.data.images.to_array import DecodedImage, decode_image
from latentlab.data.loading.cache import Cache, key
from latentlab.data.loading.image_buffer import ImageBuffer
from latentlab.data.loading.in_thread import POLL_SECONDS, run_in_thread
from latentlab.data.loading.pipeline import prepare_images
from latentlab.data.loading.prepared_images import PreparedImages
from latentlab.data.loading.read_bytes import advise_random_access
from latentlab.data.sources.array_dataset import ArraySource, dataset_from_array, unlabelled
from latentlab.data.sources.npy import as_images
from latentlab.data.subset import renumber_classes, select_subset
from latentlab.data.types import UNKNOWN, Columns, Labels, LoadProgress, Skipped
from latentlab.errors import InputError
from latentlab.paths import cache_folder

NAMES = (
    *("MNIST", "FashionMNIST", "KMNIST", "EMNIST", "QMNIST", "USPS", "SEMEION", "CIFAR10", "CIFAR100", "SVHN", "STL10"),
    *("CelebA", "Omniglot", "Flowers102", "OxfordIIITPet", "DTD", "EuroSAT", "GTSRB", "FGVCAircraft", "Food101"),
    *("LFWPeople", "Caltech101", "Caltech256", "Imagenette", "Country211", "RenderedSST2", "StanfordCars"),
)
_STALLED = 90.0  # seconds without a byte
_MEASURED = 200


def open_torchvision(text: str, config: DataConfig) -> Iterator[LoadProgress | Dataset]:
    """Open ``torchvision:NAME`` or ``torchvision:NAME/SPLIT``; yields progress, then the dataset.

    The split is the training one unless said; for EMNIST it is one of its variants, "balanced" unless said.

    Raises
    ------
    InputError
        For an unknown name or split, when torchvision is not installed, or the set is not at hand and cannot be
        downloaded.
    """
    name, _, split = text.removeprefix("torchvision:").partition("/")
    known = next((each for each in NAMES if each.lower() == name.lower()), None)
    if known is None:
        raise InputError(f"there is no {text}; the sets are {', '.join(NAMES)}")
    datasets = yield from run_in_thread(torchvision_datasets, LoadProgress(0, None, "Loading torchvision"))
    root = cache_folder() / "torchvision"
    opened = yield from _opened(datasets, known, split, root)
    if opened is None:
        yield from _download(known, split, root)
        opened = yield from _opened(datasets, known, split, root)
    if opened is None:
        raise InputError(f"torchvision:{known} was downloaded, but its files are not whole; try again")
    if hasattr(getattr(opened, "data", None), "shape"):  # some hold a list of paths under this name
        yield from dataset_from_array(_table(opened, known, text), config)
    else:
        yield from _from_items(opened, known, text, config)


def torchvision_datasets() -> Any:
    """The module ``torchvision.datasets``, imported by name: nothing in ``latentlab.data`` depends on it."""
    try:
        return importlib.import_module("torchvision.datasets")
    except ImportError:
        raise InputError("torchvision is not installed; it is needed to open its sets by name") from None


def construct(datasets: Any, name: str, split: str, root: str | Path, download: bool) -> Any:
    """Make torchvision's object for a set, whatever its constructor calls the split."""
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
    """The set when its files are at hand, else ``None``."""
    progress = LoadProgress(0, None, f"Opening torchvision:{name}")
    try:
        return (yield from run_in_thread(lambda: construct(datasets, name, split, root, download=False), progress))
    except ValueError as error:
        raise InputError(f"torchvision:{name}/{split}: {' '.join(str(error).split())}") from None
    except (RuntimeError, OSError, EOFError, ImportError) as error:
        if isinstance(error, ImportError):
            raise InputError(
                f"torchvision:{name} needs a package that is not installed ({error}); "
                'pip install "latentlab[sets]" brings it'
            ) from None
        return None


def _download(name: str, split: str, root: Path) -> Iterator[LoadProgress]:
    """Download into a folder of its own, and move what came to ``root`` when it is whole."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"unfinished-{name}-", dir=root))
    except OSError as error:
        raise InputError(f"torchvision:{name} cannot be downloaded to {root}: {error.strerror}") from None
    try:
        yield from _child(name, split, folder)
        for prepared in folder.iterdir():
            place = root / prepared.name
            if place.is_dir():
                shutil.rmtree(place)
            prepared.replace(place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _child(name: str, split: str, folder: Path) -> Iterator[LoadProgress]:
    command = [sys.executable, "-m", "latentlab.data.sources.torchvision_download", name, split, str(folder)]
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            size, changed = 0, time.monotonic()
            while child.poll() is None:
                now = _size(folder)
                if now != size:
                    size, changed = now, time.monotonic()
                if time.monotonic() - changed > _STALLED:
                    raise InputError(f"torchvision:{name} cannot be downloaded: nothing came for {_STALLED:.0f} s")
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
                    f"torchvision:{name} needs the package {missing[1] or missing[2]} to be downloaded, which is not "
                    'installed; pip install "latentlab[sets]" brings it'
                )
            cause = re.search(r"<urlopen error ([^>]*)>", lines[-1])
            raise InputError(
                f"torchvision:{name} is not on this computer and cannot be downloaded, try again when online "
                f"({cause[1] if cause else lines[-1][:200]})"
            )


def _size(folder: Path) -> int:
    total = 0
    with suppress(OSError):  # files come and go
        for path in folder.rglob("*"):
            if path.is_file():
                total += path.stat().st_size
    return total


def _table(opened: Any, name: str, text: str) -> ArraySource:
    """A set that torchvision holds as one array."""
    images = as_images(np.asarray(opened.data), text)
    if name == "EMNIST":
        images = images.swapaxes(1, 2)  # its files hold every character transposed
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
    """One of torchvision's class names: "7" for MNIST's "7 - seven", the first of several."""
    first = name[0] if isinstance(name, list | tuple) else name
    digit, dash, _ = str(first).partition(" - ")
    return digit if dash and digit.isdigit() else str(first)


def _from_items(opened: Any, name: str, text: str, config: DataConfig) -> Iterator[LoadProgress | Dataset]:
    """A set that torchvision reads image by image."""
    count = len(opened)
    labels, classes = _labels(opened, count)
    index = select_subset(labels, classes, config)
    prepared = yield from _made(opened, text, index, config)
    if not len(prepared.images):
        raise InputError(f"none of the images of {text} could be read: {next(iter(prepared.reasons.values()))}")
    skipped = [Skipped(f"{name}#{index[number]}", reason) for number, reason in prepared.reasons.items()]
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
        skipped=skipped,
        metadata=_attributes(opened, index),
        file_stats=prepared.file_stats(),
    )


def _made(opened: Any, text: str, index: Labels, config: DataConfig) -> Generator[LoadProgress, None, PreparedImages]:
    cache, name = Cache(), key(config, text, len(opened), index.astype("<i8").tobytes())
    known = cache.get(name)
    if known is not None:
        return known

    def picture(number: int) -> Image.Image:
        try:
            item: Image.Image = opened[number][0]
        except Exception as error:  # whatever the set's own reader raises
            raise UnreadableError(failure_reason(error)) from None
        return item

    sizes = []
    if config.image_size is None:
        chosen = np.unique(np.linspace(0, len(opened) - 1, min(len(opened), _MEASURED)).astype(np.int64))
        for number in chosen.tolist():
            with suppress(UnreadableError):
                sizes.append(picture(number).size)
            yield LoadProgress(0, None, "Measuring images")
    target = target_size(sizes or [(1, 1)], config)

    def read(number: int) -> DecodedImage:
        return decode_image(picture(number), target, config)

    with cache.new_entry(name) as entry:
        prepared = yield from prepare_images(index.tolist(), read, ImageBuffer(entry.images))
        return (yield from cache.store(name, entry, prepared))


def _attributes(opened: Any, index: Labels) -> Columns:
    """CelebA's forty attributes, 0 or 1 each, as columns."""
    if not hasattr(opened, "attr") or not hasattr(opened, "attr_names"):
        return {}
    values = np.asarray(opened.attr)[index].astype(np.float64)
    names = [name for name in opened.attr_names if name]
    return {name: values[:, column] for column, name in enumerate(names)}
