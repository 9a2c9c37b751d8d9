"""The arrays of files of this field: dSprites, MedMNIST, Keras, CIFAR."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.errors import InputError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (12, 9, 8), dtype=np.uint8)
NUMBERS = np.arange(12) % 3


@pytest.fixture
def opened(tmp_path):
    def opened(array="", **arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        return load_dataset(f"{tmp_path / 'a.npz'}{array}")

    return opened


def arrays_left_out(dataset):
    assert all(each.kind == "array" for each in dataset.left_out)
    return {each.path: each.reason for each in dataset.left_out}


def test_dsprites(opened):
    """Its metadata is a pickle; the factors are there twice."""
    numbers = RANDOM.integers(0, 3, (12, 6))
    metadata = np.array({"title": "dSprites"}, dtype=object)
    dataset = opened(metadata=metadata, imgs=IMAGES, latents_classes=numbers, latents_values=numbers / 3)
    assert np.array_equal(dataset.images[:, 0], IMAGES)
    assert list(dataset.factors) == ["color", "shape", "scale", "orientation", "posX", "posY"]
    assert np.array_equal(dataset.factors["posY"], numbers[:, 5] / 3)
    assert set(arrays_left_out(dataset)) == {"metadata", "latents_classes"}
    assert "Python objects" in arrays_left_out(dataset)["metadata"]


def test_medmnist(opened):
    parts = {"train": slice(0, 6), "val": slice(6, 8), "test": slice(8, 12)}
    arrays = {f"{name}_images": IMAGES[rows] for name, rows in parts.items()}
    arrays |= {f"{name}_labels": NUMBERS[rows, None] for name, rows in parts.items()}
    dataset = opened(**arrays)
    assert np.array_equal(dataset.images[:, 0], IMAGES)
    assert dataset.labels.tolist() == NUMBERS.tolist()
    assert dataset.classes == ("0", "1", "2")
    assert dataset.split_counts == {"train": 6, "validation": 2, "test": 4}
    assert [part.tolist() for part in dataset.split()] == [list(range(6)), [6, 7]]
    assert dataset.left_out == []


def test_keras(opened):
    dataset = opened(x_test=IMAGES[8:], x_train=IMAGES[:8], y_train=NUMBERS[:8].astype(np.uint8), y_test=NUMBERS[8:])
    assert np.array_equal(dataset.images[:, 0], IMAGES)
    assert dataset.labels.tolist() == NUMBERS.tolist()
    assert [part.tolist() for part in dataset.split()] == [list(range(8)), [8, 9, 10, 11]]


def test_cifar_is_flat_in_planes_of_colour_with_class_names(opened):
    colour = RANDOM.integers(0, 256, (6, 3, 8, 8), dtype=np.uint8)
    dataset = opened(
        data=colour.reshape(6, 192), labels=[0, 1, 2, 0, 1, 0], label_names=["cat", "dog", "ship", "unseen"]
    )
    assert np.array_equal(dataset.images, colour)
    assert dataset.classes == ("cat", "dog", "ship", "unseen")
    assert dataset.labels.tolist() == [0, 1, 2, 0, 1, 0]
    assert dataset.notes == ["data of shape 6×192 is read as images N×(C·H·W): 6 of 8×8×3"]


def test_a_split_without_labels_is_unlabelled(opened):
    dataset = opened(train_images=IMAGES[:8], train_labels=NUMBERS[:8], unlabeled_images=IMAGES[8:])
    assert dataset.labels[8:].tolist() == [-1] * 4
    assert dataset.split_counts == {"train": 8, "unlabeled": 4}


def test_splits_of_another_size_are_left_out(opened):
    dataset = opened(x_train=IMAGES, x_test=IMAGES[:, :8])
    assert len(dataset) == 12
    assert set(arrays_left_out(dataset)) == {"x_test"}


def test_of_several_arrays_of_images_one_is_taken_and_another_can_be_chosen(opened):
    arrays = {"images": IMAGES, "masks": IMAGES[:, ::-1], "labels": NUMBERS}
    dataset = opened(**arrays)
    assert np.array_equal(dataset.images[:, 0], IMAGES)
    assert arrays_left_out(dataset)["masks"].endswith("choose these by adding :masks to the file's name")
    chosen = opened(":masks", **arrays)
    assert np.array_equal(chosen.images[:, 0], IMAGES[:, ::-1])
    assert set(arrays_left_out(chosen)) == {"images"}
    assert chosen.labels.tolist() == NUMBERS.tolist()
    assert np.array_equal(load_dataset(chosen.source).images, chosen.images)
    resized = DataConfig(image_size=16)  # through the cache, where the two are different entries
    assert not np.array_equal(load_dataset(chosen.source, resized).images, load_dataset(dataset.source, resized).images)
    with pytest.raises(InputError, match=r"no array of images named labels \(it has images \(12, 9, 8\)"):
        opened(":labels", **arrays)


def test_a_file_whose_own_name_has_a_colon_is_opened(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES)
    (tmp_path / "a.npz").rename(tmp_path / "b.npz:masks.npz")
    assert len(load_dataset(tmp_path / "b.npz:masks.npz")) == 12


@pytest.mark.parametrize(
    ("labels", "numbers", "classes"),
    [
        pytest.param(np.eye(3)[NUMBERS], NUMBERS, ("0", "1", "2"), id="one-hot"),
        pytest.param(np.array([b"b", b"\xff", b"a"])[NUMBERS], (2 - NUMBERS * 2) % 3, ("\\xff", "a", "b"), id="bytes"),
        pytest.param(NUMBERS > 0, NUMBERS > 0, ("False", "True"), id="bool"),
        pytest.param(np.where(NUMBERS == 0, -1, NUMBERS), NUMBERS - 1, ("1", "2"), id="-1"),
        pytest.param(np.where(NUMBERS == 0, np.nan, NUMBERS), NUMBERS - 1, ("1", "2"), id="NaN"),
        pytest.param(NUMBERS[None], NUMBERS, ("0", "1", "2"), id="a row"),
    ],
)
def test_labels_of_any_kind(opened, labels, numbers, classes):
    dataset = opened(images=IMAGES, labels=labels)
    assert dataset.labels.tolist() == numbers.astype(int).tolist()
    assert dataset.classes == classes


def test_real_labels_are_a_column_and_several_are_columns(opened):
    dataset = opened(images=IMAGES, labels=np.linspace(0, 1, 12) ** 2 * np.pi)
    assert dataset.classes == ()
    assert len(np.unique(dataset.metadata["labels"])) == 12
    several = opened(images=IMAGES, labels=RANDOM.integers(0, 2, (12, 3)) | np.eye(3, dtype=int)[0])
    assert list(several.metadata) == ["labels: 0", "labels: 1", "labels: 2"]


def test_what_is_no_value_per_image_is_left_out_with_its_reason(opened):
    dataset = opened(
        images=IMAGES,
        few=np.zeros((12, 2)),
        many=np.zeros((12, 400)),
        short=np.zeros(5),
        scalar=3,
        z=np.zeros(12, complex),
    )
    assert list(dataset.metadata) == ["few_0", "few_1"]
    reasons = arrays_left_out(dataset)
    assert set(reasons) == {"many", "short", "scalar", "z"}
    assert "complex128" in reasons["z"]
