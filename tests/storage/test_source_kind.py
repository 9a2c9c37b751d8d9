"""What is opened is remembered so that it is found again."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from latentlab.data import load_dataset
from latentlab.errors import InputError
from latentlab.storage.source_kind import kind_of, require_source
from latentlab.utils.source_names import absolute_source


@pytest.mark.parametrize("name", ["bundled:mnist-2d", "demo:shapes", "torchvision:MNIST"])
def test_names_stay_as_they_are(name):
    assert absolute_source(name) == name


def test_paths_are_made_absolute(tmp_path: Path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    assert absolute_source("photos") == str(tmp_path / "here" / "photos")
    assert absolute_source("../linked") == str(tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    assert absolute_source("linked") == str(tmp_path / "linked"), "a link keeps the name that the user knows"


def test_the_source_of_a_dataset_has_no_parent_references(tmp_path: Path, monkeypatch):
    (tmp_path / "here").mkdir()
    np.save(tmp_path / "images.npy", np.zeros((4, 8, 8), np.uint8))
    monkeypatch.chdir(tmp_path / "here")
    assert load_dataset("../images.npy").source == str(tmp_path / "images.npy")


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_tiff_of_several_images_is_a_dataset_and_one_with_a_thumbnail_an_image(tmp_path, big, byteorder):
    image = np.zeros((8, 8), np.uint8)
    with tifffile.TiffWriter(tmp_path / "stack.tif", bigtiff=big, byteorder=byteorder) as file:
        file.write(image)
        file.write(image)
    with tifffile.TiffWriter(tmp_path / "photo.tif", bigtiff=big, byteorder=byteorder) as file:
        file.write(image)
        file.write(image[::2, ::2], subfiletype=1)
    tifffile.imwrite(tmp_path / "one.tif", image, bigtiff=big, byteorder=byteorder)
    assert kind_of(str(tmp_path / "stack.tif")) == "dataset"
    assert kind_of(str(tmp_path / "photo.tif")) == "image"
    assert kind_of(str(tmp_path / "one.tif")) == "image"
    for length in range(0, 400, 3):  # cut, it is one or the other
        (tmp_path / "cut.tif").write_bytes((tmp_path / "stack.tif").read_bytes()[:length])
        assert kind_of(str(tmp_path / "cut.tif")) in ("dataset", "image")
    assert kind_of(str(tmp_path / "gone.tif")) == "image"


@pytest.mark.parametrize(
    "source", ["x" * 5000, "x" * 5000 + ".tif", "d/" * 2500, "a\0b", "a\0b.tif", "~no-such-user/x"]
)
def test_row_50_a_name_that_cannot_exist_has_a_kind_and_is_not_there(source):
    """The window asks in a slot, for whatever was dropped on it."""
    assert kind_of(source) == ("image" if source.endswith(".tif") else "dataset")
    with pytest.raises(InputError, match="there is no file or folder"):
        require_source(source)
