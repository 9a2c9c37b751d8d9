"""Small pictures and files for the tests of the data room."""

from __future__ import annotations

import gzip
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentlab.config import DataConfig
from latentlab.data import Dataset, load_dataset
from latentlab.errors import InputError


def grey(value: int | np.ndarray = 100, size: tuple[int, int] = (10, 8)) -> Image.Image:
    """A grey picture, plain or of given pixels."""
    if isinstance(value, np.ndarray):
        return Image.fromarray(value.astype(np.uint8))
    return Image.new("L", size, value)


def opened_or_refused(source: Path) -> Dataset | None:
    """Open a dataset, images 8 × 8; ``None`` when it is refused, which must be in one sentence."""
    try:
        return load_dataset(source, DataConfig(image_size=8))
    except InputError as error:
        message = str(error)
    assert message
    assert "\n" not in message
    return None


def save(path: Path, image: Image.Image | None = None, **options: object) -> Path:
    """Save a picture (a plain grey one unless given), its folders being made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or grey()).save(path, **options)
    return path


def beside_the_steps(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> list[bool]:
    """For each later call of a function: whether it came in another thread than this one."""
    here, wrapped, calls = threading.get_ident(), getattr(owner, name), []

    def recorded(*args: object, **named: object) -> object:
        calls.append(threading.get_ident() != here)
        return wrapped(*args, **named)

    monkeypatch.setattr(owner, name, recorded)
    return calls


def idx_bytes(array: np.ndarray, code: int = 8) -> bytes:
    """An IDX file of uint8 values (or of ``code``'s type, already big-endian)."""
    sizes = b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.tobytes()


def write_idx(folder: Path, images: np.ndarray, labels: np.ndarray | None = None, zipped: bool = False) -> Path:
    """MNIST's two files in ``folder``; the path of the images."""
    suffix = ".gz" if zipped else ""
    pack = gzip.compress if zipped else bytes
    path = folder / f"some-images-idx3-ubyte{suffix}"
    path.write_bytes(pack(idx_bytes(images.astype(np.uint8))))
    if labels is not None:
        (folder / f"some-labels-idx1-ubyte{suffix}").write_bytes(pack(idx_bytes(labels.astype(np.uint8))))
    return path


def encoded(value: int = 100, size: tuple[int, int] = (10, 8), format: str = "PNG") -> bytes:
    """The content of a plain grey image file."""
    file = BytesIO()
    grey(value, size).save(file, format)
    return file.getvalue()


def values_of(dataset: Dataset) -> list[int]:
    """The first value of each image: plain images are told apart by it."""
    return dataset.images[:, 0, 0, 0].tolist()


def reasons_of(dataset: Dataset) -> dict[str, str]:
    """Why each part of a source was left out."""
    return {each.path: each.reason for each in dataset.left_out}
