"""Stacks and animations in a folder: every frame is an image."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import latentlab
from latentlab.data.sources import survey
from latentlab.errors import InputError
from tests.data.helpers import grey, save


def stack(path, values, size=(24, 24)):
    frames = [grey(value, size) for value in values]
    options = {"lossless": True} if path.suffix == ".webp" else {}
    return save(path, frames[0], save_all=True, append_images=frames[1:], **options)


@pytest.fixture
def folder(tmp_path):
    stack(tmp_path / "data" / "a" / "lapse.tif", range(0, 100, 20))
    stack(tmp_path / "data" / "b" / "loop.gif", (10, 200, 90))
    save(tmp_path / "data" / "b" / "single.png", grey(77, (24, 24)))
    return tmp_path / "data"


def test_every_frame_is_an_image_with_the_label_of_its_file(folder):
    dataset = latentlab.load_dataset(folder, channels=1)
    frames = [f"a/lapse.tif#{number}" for number in range(5)] + [f"b/loop.gif#{number}" for number in range(3)]
    assert dataset.paths == [*frames, "b/single.png"]
    assert dataset.labels.tolist() == [0] * 5 + [1] * 4
    assert dataset.images[:, 0, 0, 0].tolist() == [0, 20, 40, 60, 80, 10, 200, 90, 77]
    again = latentlab.load_dataset(folder, channels=1)
    assert again.paths == dataset.paths
    assert again.fingerprint == dataset.fingerprint


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ("first", [("a/lapse.tif", 0), ("b/loop.gif", 10), ("b/single.png", 77)]),
        ("every 2", [("a/lapse.tif#0", 0), ("a/lapse.tif#2", 40), ("a/lapse.tif#4", 80),
                     ("b/loop.gif#0", 10), ("b/loop.gif#2", 90), ("b/single.png", 77)]),
    ],
)  # fmt: skip
def test_fewer_frames_on_request(folder, frames, expected):
    dataset = latentlab.load_dataset(folder, channels=1, frames=frames)
    assert list(zip(dataset.paths, dataset.images[:, 0, 0, 0].tolist(), strict=True)) == expected


def test_a_limit_counts_frames(folder):
    assert len(latentlab.load_dataset(folder, limit=4)) == 4
    whole = latentlab.load_dataset(folder)
    part = latentlab.load_dataset(folder, limit=4)  # now taken from the cached whole
    rows = [whole.paths.index(path) for path in part.paths]
    assert np.array_equal(part.images, whole.images[rows])


def test_an_animated_png_among_many_is_found_while_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "_MAX_MEASURED", 2)
    for number in range(9):
        save(tmp_path / "data" / f"{number}.png", grey(number, (24, 24)))
    stack(tmp_path / "data" / "4.png", (100, 150))
    dataset = latentlab.load_dataset(tmp_path / "data")
    assert [path for path in dataset.paths if "#" in path] == ["4.png#0", "4.png#1"]
    assert len(dataset) == 10


def test_a_deep_file_among_many_is_found_while_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "_MAX_MEASURED", 2)
    for number in range(9):
        save(tmp_path / "data" / f"{number}.png", grey(number, (24, 24)))
    Image.fromarray(np.full((24, 24), 2048, np.uint16)).save(tmp_path / "data" / "4.png")
    dataset = latentlab.load_dataset(tmp_path / "data")
    assert dataset.images[4].max() == 128


def test_a_stack_can_be_opened_by_its_name(folder):
    dataset = latentlab.load_dataset(folder / "a" / "lapse.tif")
    assert dataset.paths == [f"lapse.tif#{number}" for number in range(5)]
    assert (dataset.name, dataset.source) == ("lapse", str(folder / "a" / "lapse.tif"))
    with pytest.raises(InputError, match=r"^single\.png is a single image"):
        latentlab.load_dataset(folder / "b" / "single.png")


def test_a_damaged_frame_costs_only_itself(tmp_path):
    path = stack(tmp_path / "data" / "a.tif", (10, 20, 30))
    import tifffile

    with tifffile.TiffFile(path) as file:
        tag = file.pages[1].tags["StripOffsets"].valueoffset
    content = bytearray(path.read_bytes())
    content[tag : tag + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(content)
    dataset = latentlab.load_dataset(tmp_path / "data")
    assert dataset.paths == ["a.tif#0", "a.tif#2"]
    assert [(each.path, each.kind) for each in dataset.left_out] == [("a.tif#1", "frame")]


def test_a_damaged_stored_survey_is_made_again(folder, tmp_path):
    first = latentlab.load_dataset(folder)
    from latentlab.paths import cache_folder

    stored = list((cache_folder() / "surveys").iterdir())
    assert stored
    for file in stored:
        file.write_bytes(file.read_bytes()[:100])
    assert latentlab.load_dataset(folder).paths == first.paths


def test_bands_that_are_left_out_are_said_once(tmp_path):
    import tifffile

    (tmp_path / "data").mkdir()
    for number in range(3):
        tifffile.imwrite(
            tmp_path / "data" / f"{number}.tif", np.zeros((9, 9, 5), np.uint8), photometric="minisblack",
            planarconfig="contig",
        )  # fmt: skip
    dataset = latentlab.load_dataset(tmp_path / "data")
    assert dataset.notes == ["0.tif and 2 other images: 1 of 5 bands used"]
    assert [(each.path, each.kind) for each in dataset.left_out] == [("0.tif and 2 other images", "array")]
