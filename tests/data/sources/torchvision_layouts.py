"""Small sets in the layout that torchvision's own downloads have on the disk."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
from PIL import Image

from latentlab.paths import cache_folder
from tests.data.helpers import idx_bytes

COUNT = 20
GREY = np.random.default_rng(0).integers(0, 256, (COUNT, 28, 28), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
LABELS = np.arange(COUNT) % 10


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def root() -> Path:
    folder = cache_folder() / "torchvision"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def put_idx(name: str, prefix: str = "", labels: np.ndarray = LABELS) -> None:
    """MNIST and its kin: four files of IDX."""
    folder = root() / name / "raw"
    folder.mkdir(parents=True)
    for part in (f"{prefix}train", f"{prefix}test" if prefix else "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(GREY))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels.astype(np.uint8)))


def put_cifar(monkeypatch) -> Path:
    """CIFAR-10: pickled batches, whose checksums torchvision knows."""
    from torchvision.datasets import CIFAR10

    folder = root() / CIFAR10.base_folder
    folder.mkdir()
    rows = COLOUR.transpose(0, 3, 1, 2).reshape(COUNT, -1)
    batch, meta = folder / "data_batch_1", folder / "batches.meta"
    batch.write_bytes(pickle.dumps({"data": rows, "labels": LABELS.tolist()}))
    meta.write_bytes(pickle.dumps({"label_names": [f"kind {number}" for number in range(10)]}))
    monkeypatch.setattr(CIFAR10, "train_list", [[batch.name, md5(batch)]])
    monkeypatch.setattr(CIFAR10, "test_list", [[batch.name, md5(batch)]])
    monkeypatch.setattr(CIFAR10, "meta", {"filename": meta.name, "key": "label_names", "md5": md5(meta)})
    return batch


def put_svhn(monkeypatch) -> None:
    """SVHN: one MATLAB file, in which the digit 0 has the label 10."""
    from scipy.io import savemat
    from torchvision.datasets import SVHN

    path = root() / "train_32x32.mat"
    labels = np.where(LABELS == 0, 10, LABELS).astype(np.uint8)[:, None]
    savemat(path, {"X": COLOUR.transpose(1, 2, 3, 0), "y": labels}, do_compression=True)
    monkeypatch.setattr(SVHN, "split_list", {"train": ["http://127.0.0.1:9/", path.name, md5(path)]})


def put_celeba(monkeypatch) -> None:
    """CelebA: a folder of JPEGs and five tables."""
    from torchvision.datasets import CelebA

    folder = root() / CelebA.base_folder
    pictures = folder / "img_align_celeba"
    pictures.mkdir(parents=True)
    names = [f"{number:06}.jpg" for number in range(1, COUNT + 1)]
    for number, name in enumerate(names):
        Image.new("RGB", (178, 218), (10 * number, 90, 20)).save(pictures / name)
    head = f"{COUNT}\n"
    tables = {
        "list_attr_celeba.txt": head + "Bald Smiling \n" + "".join(f"{name} -1  1\n" for name in names),
        "identity_CelebA.txt": "".join(f"{name} {number}\n" for number, name in enumerate(names)),
        "list_bbox_celeba.txt": head + "image_id x_1 y_1 width height\n" + "".join(f"{n} 1 2 3 4\n" for n in names),
        "list_landmarks_align_celeba.txt": head + "lefteye_x lefteye_y\n" + "".join(f"{n} 1 2\n" for n in names),
        "list_eval_partition.txt": "".join(f"{name} {int(number >= 15)}\n" for number, name in enumerate(names)),
    }
    for name, text in tables.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(CelebA, "file_list", [("", md5(folder / name), name) for name in tables])
