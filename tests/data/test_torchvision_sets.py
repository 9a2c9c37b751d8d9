from __future__ import annotations

import threading
import time

import numpy as np
import pytest

pytest.importorskip("torchvision")

from latentlab.config import DataConfig
from latentlab.data import load_dataset, open_dataset
from latentlab.errors import InputError
from latentlab.paths import cache_folder
from tests.data.helpers import idx_bytes

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)


@pytest.fixture
def no_network(monkeypatch):
    """Every connection is refused at once, in child processes too."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


def put(name: str, prefix: str, images: np.ndarray, labels: np.ndarray) -> None:
    folder = cache_folder() / "torchvision" / name / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for part in (f"{prefix}train", f"{prefix}test" if prefix else "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels.astype(np.uint8)))


@pytest.mark.usefixtures("no_network")
def test_a_set_that_is_there_is_opened_without_the_network():
    put("MNIST", "", IMAGES, np.arange(20) % 10)
    dataset = load_dataset("torchvision:mnist/test", DataConfig(limit=12))
    assert dataset.classes == tuple("0123456789")
    assert dataset.images.shape == (12, 1, 28, 28)
    assert np.array_equal(dataset.images[:, 0], IMAGES[[int(path.partition("#")[2]) for path in dataset.paths]])


@pytest.mark.usefixtures("no_network")
def test_emnist_stands_upright():
    put("EMNIST", "emnist-letters-", IMAGES, np.arange(20) % 26 + 1)
    dataset = load_dataset("torchvision:EMNIST/letters")
    assert np.array_equal(dataset.images[:, 0], IMAGES.swapaxes(1, 2))
    assert dataset.classes[dataset.labels[0]] == "a"


@pytest.mark.usefixtures("no_network")
def test_row_37_offline_is_said_in_a_sentence_and_can_be_tried_again():
    with pytest.raises(InputError, match=r"torchvision:KMNIST is not on this computer .* try again when online"):
        load_dataset("torchvision:KMNIST")
    assert list((cache_folder() / "torchvision").iterdir()) == []


@pytest.mark.usefixtures("no_network")
def test_a_download_is_cancelled_at_once():
    loading = open_dataset("torchvision:FashionMNIST", DataConfig())
    while "Downloading" not in next(loading).message:
        pass
    started = time.monotonic()
    loading.close()
    assert time.monotonic() - started < 0.5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("meanwhile")]
    assert list((cache_folder() / "torchvision").iterdir()) == []


def test_an_unknown_set_names_those_there_are():
    with pytest.raises(InputError, match="MNIST, FashionMNIST"):
        load_dataset("torchvision:ImageNotThere")


@pytest.mark.usefixtures("no_network")
def test_an_unknown_split_is_said():
    with pytest.raises(InputError, match="has no split 'none'"):
        load_dataset("torchvision:MNIST/none")


class Pictures:
    """A set of torchvision's kind that is read image by image."""

    classes = (("cat", "felis"), ("dog",))
    _labels = (0, 1, 1)

    def __init__(self, root, split="train", download=False):
        assert split in ("train", "test")

    def __len__(self):
        return 3

    def __getitem__(self, number):
        from PIL import Image

        if number == 1:
            raise OSError("image file is truncated")
        return Image.new("RGB", (30, 40), (number, 0, 9)), self._labels[number]


def test_a_set_read_image_by_image(monkeypatch):
    import torchvision.datasets

    monkeypatch.setattr(torchvision.datasets, "Flowers102", Pictures)
    dataset = load_dataset("torchvision:Flowers102", DataConfig(image_size=16, fit="stretch"))
    assert dataset.images[:, :, 0, 0].tolist() == [[0, 0, 9], [2, 0, 9]]
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 1]
    assert dataset.skipped[0].path == "Flowers102#1"
