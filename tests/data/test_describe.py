from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from latentlab.config import DataConfig
from latentlab.data import contact_sheet, describe, load_dataset
from tests.data.helpers import grey, save


def test_a_folder_is_described_in_values_json_can_write(tmp_path):
    for number in range(3):
        save(tmp_path / "cat" / f"{number}.png", grey(number, (16, 8)))
    save(tmp_path / "dog" / "a.jpg", Image.new("RGB", (16, 8), (200, 0, 0)))
    (tmp_path / "dog/notes.png").write_bytes(b"this is no picture")
    info = json.loads(json.dumps(describe(tmp_path)))
    assert info["kind"] == "dataset"
    assert (info["images"], info["image_shape"], info["bytes"]) == (4, [3, 8, 16], 4 * 3 * 8 * 16)
    assert info["classes"] == ["cat", "dog"]
    assert info["class_counts"] == {"cat": 3, "dog": 1}
    assert info["formats"] == {"PNG": 3, "JPEG": 1}
    assert info["modes"] == {"L": 3, "RGB": 1}
    assert info["sizes"] == {"16×8": 4}
    assert info["skipped"] == [{"path": "dog/notes.png", "reason": "not an image of a known format"}]
    assert info["config"]["fit"] == "fit"


def test_many_sizes_are_told_in_short(tmp_path):
    for side in range(8, 38):
        save(tmp_path / f"{side}.png", grey(size=(side, side)))
    sizes = describe(tmp_path)["sizes"]
    assert len(sizes) == 21
    assert sizes["10 others"] == 10
    assert sum(sizes.values()) == 30


@pytest.mark.parametrize("demo", ["demo:shapes", "demo:colour"])
def test_a_contact_sheet_shows_images_of_every_class_as_they_will_be_trained_on(demo):
    dataset = load_dataset(demo, DataConfig(limit=40))
    sheet = contact_sheet(dataset, rows=2, columns=3, seed=5)
    assert sheet.shape == ((129, 194) if dataset.image_shape[0] == 1 else (129, 194, 3))
    known = {
        image.transpose(1, 2, 0).tobytes(): label for image, label in zip(dataset.images, dataset.labels, strict=True)
    }
    tiles = [sheet[65 * row : 65 * row + 64, 65 * column : 65 * column + 64] for row in range(2) for column in range(3)]
    assert [known[np.ascontiguousarray(tile).tobytes()] for tile in tiles] == [0, 0, 1, 1, 2, 2]
    assert np.array_equal(sheet, contact_sheet(dataset, rows=2, columns=3, seed=5))
    assert not np.array_equal(sheet, contact_sheet(dataset, rows=2, columns=3, seed=6))


def test_a_contact_sheet_of_few_images_leaves_cells_empty():
    sheet = contact_sheet(load_dataset("demo:shapes", DataConfig(limit=2)), rows=1, columns=3)
    assert (sheet[:, -64:] == 128).all()
