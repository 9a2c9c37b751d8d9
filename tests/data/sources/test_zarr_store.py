from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from latentlab.data import load_dataset
from latentlab.errors import InputError
from tests.data.helpers import reasons_of

zarr = pytest.importorskip("zarr")

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize("version", [2, 3])
def test_a_group_has_images_and_labels(tmp_path, version):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    group.create_array("images", data=IMAGES, chunks=(2, 16, 16, 3))
    group.create_array("label", data=np.arange(6) % 2)
    group.create_array("more", data=np.zeros((3, 3)))
    dataset = load_dataset(tmp_path / "a.zarr")
    assert np.array_equal(dataset.images, IMAGES.transpose(0, 3, 1, 2))
    assert dataset.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert reasons_of(dataset).keys() == {"more"}


def test_splits_text_and_a_chosen_array(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    for split, images in (("train", IMAGES[:4]), ("test", IMAGES[4:])):
        group.create_array(f"{split}/images", data=images)
        texts = group.create_array(f"{split}/label", shape=(len(images),), dtype=str)
        texts[:] = np.array(["cat", "dog"] * (len(images) // 2), dtype=object)
    dataset = load_dataset(tmp_path / "a.zarr")
    assert np.array_equal(dataset.images, IMAGES.transpose(0, 3, 1, 2))
    assert dataset.splits.tolist() == ["train"] * 4 + ["test"] * 2
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 1] * 3
    chosen = load_dataset(f"{tmp_path / 'a.zarr'}:test/images")
    assert np.array_equal(chosen.images, IMAGES[4:].transpose(0, 3, 1, 2))


def test_an_array_on_its_own_is_a_dataset(tmp_path):
    zarr.save_array(tmp_path / "a.zarr", IMAGES[..., 0])
    dataset = load_dataset(tmp_path / "a.zarr")
    assert np.array_equal(dataset.images, IMAGES[:, None, :, :, 0])


def test_every_plane_of_an_ome_zarr_image_is_an_image(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    planes = IMAGES[..., 0].reshape(2, 1, 3, 16, 16)
    group.create_array("0", data=planes)
    group.create_array("1", data=planes[..., ::2, ::2])
    group.attrs["multiscales"] = [{"datasets": [{"path": "0"}, {"path": "1"}]}]
    dataset = load_dataset(tmp_path / "a.zarr")
    assert np.array_equal(dataset.images, IMAGES[:, None, :, :, 0])
    assert reasons_of(dataset).keys() == {"1"}


class Executed:
    """Pickled, it makes a file when it is read."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


@pytest.mark.parametrize("setting", ["filters", "compressor"])
def test_values_that_are_pickled_are_never_read(tmp_path, setting):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("images", data=IMAGES, chunks=IMAGES.shape)
    file = tmp_path / "a.zarr" / "images" / ".zarray"
    pickled = {"id": "pickle"}
    file.write_text(
        json.dumps({**json.loads(file.read_text()), setting: [pickled] if setting == "filters" else pickled})
    )
    (file.parent / "0.0.0.0").write_bytes(pickle.dumps(Executed(tmp_path / "executed")))
    with pytest.raises(InputError, match=r"a\.zarr is damaged"):
        load_dataset(tmp_path / "a.zarr")
    assert not (tmp_path / "executed").exists()


def test_a_store_that_announces_more_than_it_holds_is_refused(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", shape=(10**5, 64, 64), chunks=(1000, 64, 64), dtype="u1")
    with pytest.raises(InputError, match=r"announces .* and holds"):
        load_dataset(tmp_path / "a.zarr")


def test_damaged_metadata_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "zarr.json").write_text("{")
    with pytest.raises(InputError, match=r"a\.zarr is damaged"):
        load_dataset(tmp_path / "a.zarr")
