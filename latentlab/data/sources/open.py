"""``open_dataset``: from a path or a name such as ``demo:shapes`` to a dataset."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NamedTuple

from latentlab.config.data import DataConfig
from latentlab.data.dataset import Dataset
from latentlab.data.sources.array_dataset import ArraySource, dataset_from_array
from latentlab.data.sources.demo_colour import colour
from latentlab.data.sources.demo_shapes import shapes
from latentlab.data.sources.folder import open_folder
from latentlab.data.sources.idx import is_idx, open_idx
from latentlab.data.sources.npy import open_npy, open_npz
from latentlab.data.sources.torchvision_sets import open_torchvision
from latentlab.data.types import LoadProgress
from latentlab.errors import InputError
from latentlab.utils.file_formats import FORMAT_NAMES


class FileFormat(NamedTuple):
    """A dataset in one file.

    Attributes
    ----------
    name
        The one in `latentlab.utils.file_formats`.
    matches
        Whether a file is of this format, by its name or its first bytes.
    read
        Reads a file; a generator that yields progress and returns the images.
    """

    name: str
    matches: Callable[[Path], bool]
    read: Callable[[Path], Generator[LoadProgress, None, ArraySource]]


FILE_FORMATS = (
    FileFormat(".npz", lambda path: path.suffix.lower() == ".npz", open_npz),
    FileFormat(".npy", lambda path: path.suffix.lower() == ".npy", open_npy),
    FileFormat("IDX", is_idx, open_idx),
)
DEMOS: dict[str, Callable[[], ArraySource]] = {"shapes": shapes, "colour": colour}
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")


def open_dataset(source: str | Path, config: DataConfig | None = None) -> Iterator[LoadProgress | Dataset]:
    """Read a dataset step by step, so that a worker can do other work in between.

    Parameters
    ----------
    source
        A folder of images, an ``.npz``, ``.npy`` or IDX file, or ``demo:shapes``, ``demo:colour``,
        or a torchvision set as ``torchvision:MNIST``.
    config
        How images are prepared and which are used.

    Yields
    ------
    `LoadProgress` about every 0.03 s, and finally the `Dataset`. Closing the generator cancels.

    Raises
    ------
    InputError
        One sentence for the user.
    """
    config = config or DataConfig()
    text = str(source)
    scheme, _, name = text.partition(":")
    if scheme == "demo":
        if name not in DEMOS:
            raise InputError(f"there is no {text}; the demos are {', '.join('demo:' + demo for demo in DEMOS)}")
        yield LoadProgress(0, None, f"Making {text}")
        yield from dataset_from_array(DEMOS[name](), config)
        return
    if scheme == "torchvision":
        yield from open_torchvision(text, config)
        return
    path = Path(text).expanduser().absolute()
    if ".." in path.parts:  # the source is stored, and a folder on the way may be removed later
        path = path.resolve()
    if path.is_dir():
        yield from open_folder(path, config)
    elif path.is_file() and path.suffix.lower() == ".csv":
        yield from open_folder(path.parent, config, table=path)
    else:
        yield from dataset_from_array((yield from _open_file(path)), config)


def load_dataset(source: str | Path, config: DataConfig | None = None) -> Dataset:
    """Read a dataset in one call; see `open_dataset`."""
    for step in open_dataset(source, config):
        if isinstance(step, Dataset):
            return step
    raise AssertionError("opening ends with a dataset")


def _open_file(path: Path) -> Generator[LoadProgress, None, ArraySource]:
    if not path.exists():
        raise InputError(f"there is no file or folder {path}")
    for file_format in FILE_FORMATS:
        if file_format.matches(path):
            return (yield from file_format.read(path))
    if path.suffix.lower() in _ARCHIVES:
        raise InputError(f"{path.name} is an archive: unpack it first, then open the folder")
    raise InputError(f"{path.name} is not a dataset: use a folder of images, a table of labels (.csv), {FORMAT_NAMES}")
