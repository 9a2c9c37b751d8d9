from __future__ import annotations

import gzip
import hashlib
import http.server
import os
import pickle
import threading
import time

import numpy as np
import pytest

pytest.importorskip("torchvision")

from latentlab.config import DataConfig
from latentlab.data import Dataset, load_dataset, open_dataset
from latentlab.data.sources import torchvision_sets
from latentlab.errors import InputError
from latentlab.paths import cache_folder
from tests.data.helpers import idx_bytes
from tests.data.sources import torchvision_layouts as layouts


@pytest.fixture
def no_network(monkeypatch):
    """Every connection is refused at once, in child processes too."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_downloaded_mnist_like_datasets_are_opened_offline(name):
    layouts.put_idx(name)
    dataset = load_dataset(f"torchvision:{name.lower()}/test", DataConfig(limit=12))
    assert len(dataset.classes) == 10
    rows = [int(path.partition("#")[2]) for path in dataset.paths]
    assert np.array_equal(dataset.images[:, 0], layouts.GREY[rows])
    assert np.array_equal(dataset.labels, layouts.LABELS[rows])


@pytest.mark.usefixtures("no_network")
def test_emnist_characters_are_upright():
    layouts.put_idx("EMNIST", "emnist-letters-", np.arange(20) % 26 + 1)
    dataset = load_dataset("torchvision:EMNIST/letters")
    assert np.array_equal(dataset.images[:, 0], layouts.GREY.swapaxes(1, 2))
    assert dataset.classes[dataset.labels[0]] == "a"


@pytest.mark.usefixtures("no_network")
def test_cifar10_is_opened_without_the_network(monkeypatch):
    layouts.put_cifar(monkeypatch)
    dataset = load_dataset("torchvision:CIFAR10")
    assert np.array_equal(dataset.images, layouts.COLOUR.transpose(0, 3, 1, 2))
    assert dataset.classes[3] == "kind 3"
    assert np.array_equal(dataset.labels, layouts.LABELS)


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.usefixtures("no_network")
def test_row_33_cifar10_files_with_another_checksum_are_not_unpickled(monkeypatch, tmp_path):
    layouts.put_cifar(monkeypatch).write_bytes(pickle.dumps(Payload(str(tmp_path / "ran"))))
    downloads = []
    monkeypatch.setattr(torchvision_sets, "_download", lambda *arguments: downloads.append(arguments) or iter(()))
    with pytest.raises(InputError, match="its files are incomplete"):
        load_dataset("torchvision:CIFAR10")
    assert downloads
    assert not (tmp_path / "ran").exists()


@pytest.mark.usefixtures("no_network")
def test_svhn_is_opened_without_the_network(monkeypatch):
    pytest.importorskip("scipy")
    layouts.put_svhn(monkeypatch)
    dataset = load_dataset("torchvision:SVHN")
    assert np.array_equal(dataset.images, layouts.COLOUR.transpose(0, 3, 1, 2))
    assert dataset.classes == tuple("0123456789")
    assert np.array_equal(dataset.labels, layouts.LABELS)


@pytest.mark.usefixtures("no_network")
def test_celeba_is_opened_without_the_network_with_its_attributes_as_columns(monkeypatch):
    layouts.put_celeba(monkeypatch)
    dataset = load_dataset("torchvision:CelebA", DataConfig(image_size=32, fit="crop"))
    assert dataset.images.shape == (15, 3, 32, 32)
    assert np.abs(dataset.images[:, 0, 16, 16].astype(int) - np.arange(15) * 10).max() <= 3
    assert dataset.metadata["Bald"].tolist() == [0] * 15
    assert dataset.metadata["Smiling"].tolist() == [1] * 15
    assert dataset.file_stats.sizes == {"178×218": 15}


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    """A local server in place of MNIST's; it waits after half a megabyte of an answer until ``send_rest`` is set."""
    files, send_rest = {}, threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            data = files[self.path.lstrip("/")]
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            try:
                self.wfile.write(data[: 1 << 19])
                self.wfile.flush()
                if len(data) > 1 << 19:
                    send_rest.wait(60)
                self.wfile.write(data[1 << 19 :])
            except OSError:  # cancelled over there
                return

        def log_message(self, *_):
            pass

    # Noise, so that half a megabyte is not all of it.
    images = np.random.default_rng(0).integers(0, 256, (1000, 28, 28), dtype=np.uint8)
    for part in ("train", "t10k"):
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(idx_bytes(images), 1)
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx_bytes((np.arange(1000) % 10).astype(np.uint8)))
    resources = [(name, hashlib.md5(data).hexdigest()) for name, data in files.items()]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        # The process that downloads learns of the mirror as it starts.
        (tmp_path / "sitecustomize.py").write_text(
            "from torchvision.datasets import MNIST\n"
            f"MNIST.mirrors = ['http://127.0.0.1:{server.server_port}/']\n"
            f"MNIST.resources = {resources}\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield send_rest
        send_rest.set()
        server.shutdown()
        thread.join()


def test_a_missing_dataset_is_downloaded_with_progress(mirror):
    loading = open_dataset("torchvision:MNIST", DataConfig())
    messages = []
    for step in loading:
        if isinstance(step, Dataset):
            break
        if step.message.startswith("Downloading") and step.message not in messages:
            messages.append(step.message)
            if "0.5 MB" in step.message:
                mirror.set()
    assert len(step) == 1000
    assert len(messages) > 2
    assert load_dataset("torchvision:MNIST/test").classes == tuple("0123456789")


def test_a_download_under_way_is_cancelled_at_once_and_leaves_nothing(mirror):
    loading = open_dataset("torchvision:MNIST", DataConfig())
    while "0.5 MB" not in next(loading).message:
        pass
    loading.close()  # if it waited for the rest, which is not sent, it would never return
    assert list((cache_folder() / "torchvision").iterdir()) == []


@pytest.mark.usefixtures("no_network")
def test_row_37_a_download_offline_is_refused_in_one_sentence_and_can_be_retried():
    with pytest.raises(InputError, match=r"torchvision:KMNIST is not on this computer .* try again when online"):
        load_dataset("torchvision:KMNIST")
    assert list((cache_folder() / "torchvision").iterdir()) == []


def test_a_package_that_is_missing_is_named(monkeypatch):
    from torchvision.datasets import SVHN

    def needs_it(*_arguments, **_settings):
        raise ModuleNotFoundError("No module named 'scipy'")

    monkeypatch.setattr(SVHN, "__init__", needs_it)
    with pytest.raises(InputError, match=r"No module named 'scipy'.*latentlab\[sets\]"):
        load_dataset("torchvision:SVHN")


@pytest.mark.usefixtures("no_network")
def test_a_download_is_cancelled_at_once():
    loading = open_dataset("torchvision:FashionMNIST", DataConfig())
    while "Downloading" not in next(loading).message:
        pass
    started = time.monotonic()
    loading.close()
    assert time.monotonic() - started < 0.5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("in_thread")]
    assert list((cache_folder() / "torchvision").iterdir()) == []


def test_an_unknown_dataset_is_refused_with_the_available_ones():
    with pytest.raises(InputError, match="MNIST, FashionMNIST"):
        load_dataset("torchvision:ImageNotThere")


@pytest.mark.usefixtures("no_network")
def test_an_unknown_split_is_refused():
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


def test_a_dataset_that_is_read_image_by_image(monkeypatch):
    import torchvision.datasets

    monkeypatch.setattr(torchvision.datasets, "Flowers102", Pictures)
    dataset = load_dataset("torchvision:Flowers102", DataConfig(image_size=16, fit="stretch"))
    assert dataset.images[:, :, 0, 0].tolist() == [[0, 0, 9], [2, 0, 9]]
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 1]
    assert dataset.skipped[0].path == "Flowers102#1"
