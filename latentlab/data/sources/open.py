"""From what a user names, a path or ``demo:shapes``, to a dataset."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

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

DEMOS: dict[str, Callable[[], ArraySource]] = {"shapes": shapes, "colour": colour}
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")


def open_dataset(source: str | Path, config: DataConfig | None = None) -> Iterator[LoadProgress | Dataset]:
    """Read a dataset step by step, for a worker that has other things to do in between.

    Parameters
    ----------
    source
        A folder of images, an ``.npz``, ``.npy`` or IDX file, or ``demo:shapes``, ``demo:colour``,
        or a torchvision set as ``torchvision:MNIST``.
    config
        How images are made ready and which are used.

    Yields
    ------
    `LoadProgress` a few times in a tenth of a second, and at last the `Dataset`. Closing the generator cancels.

    Raises
    ------
    InputError
        In one sentence.
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
    if ".." in path.parts:  # the source is remembered, and the folder it went through may go
        path = path.resolve()
    if path.is_dir():
        yield from open_folder(path, config)
    elif path.is_file() and path.suffix.lower() == ".csv":
        yield from open_folder(path.parent, config, table=path)
    else:
        yield from dataset_from_array((yield from _open_file(path)), config)


def load_dataset(source: str | Path, config: DataConfig | None = None) -> Dataset:
    """Read a dataset at once; see `open_dataset`."""
    for step in open_dataset(source, config):
        if isinstance(step, Dataset):
            return step
    raise AssertionError("opening ends with a dataset")


def _open_file(path: Path) -> Generator[LoadProgress, None, ArraySource]:
    if not path.exists():
        raise InputError(f"there is no file or folder {path}")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return (yield from open_npz(path))
    if suffix == ".npy":
        return (yield from open_npy(path))
    if is_idx(path):
        return (yield from open_idx(path))
    if suffix in _ARCHIVES:
        raise InputError(f"{path.name} is an archive: unpack it first, then open the folder")
    raise InputError(
        f"{path.name} is no dataset: a folder of images, a table of labels (.csv), .npz, .npy or IDX is needed"
    )
