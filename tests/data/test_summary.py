from __future__ import annotations

import json

from PIL import Image

from latentlab.data import LeftOut, load_dataset, summary
from latentlab.data.types import summarize_left_out
from tests.data.helpers import grey, save


def test_summary_of_a_folder_is_json_serializable(tmp_path):
    for number in range(3):
        save(tmp_path / "cat" / f"{number}.png", grey(number, (16, 8)))
    save(tmp_path / "dog" / "a.jpg", Image.new("RGB", (16, 8), (200, 0, 0)))
    (tmp_path / "dog/notes.png").write_bytes(b"this is no picture")
    info = json.loads(json.dumps(summary(load_dataset(tmp_path))))
    assert info["kind"] == "dataset"
    assert (info["images"], info["image_shape"], info["bytes"]) == (4, [3, 8, 16], 4 * 3 * 8 * 16)
    assert info["classes"] == ["cat", "dog"]
    assert info["class_counts"] == {"cat": 3, "dog": 1}
    assert info["formats"] == {"PNG": 3, "JPEG": 1}
    assert info["modes"] == {"L": 3, "RGB": 1}
    assert info["sizes"] == {"16×8": 4}
    assert info["skipped"] == [{"path": "dog/notes.png", "reason": "not an image of a known format", "kind": "file"}]
    assert info["config"]["fit"] == "fit"


def test_what_was_left_out_is_counted_by_kind_with_the_first_reason():
    parts = [LeftOut("notes.txt", "not an image by its name (.txt)"), LeftOut("a.tif#1", "cut short", "frame")]
    parts += [LeftOut("mask", "has no images", "array"), LeftOut("a.tif#2", "cut short", "frame")]
    assert summarize_left_out(parts) == ("2 frames and 1 array left out and 1 other file (a.tif#1: cut short; …)")
    assert summarize_left_out(parts[:1]) == "1 other file (notes.txt: not an image by its name (.txt))"
    assert summarize_left_out([]) == ""


def test_rare_sizes_are_counted_together(tmp_path):
    for side in range(8, 38):
        save(tmp_path / f"{side}.png", grey(size=(side, side)))
    sizes = summary(load_dataset(tmp_path))["sizes"]
    assert len(sizes) == 21
    assert sizes["10 others"] == 10
    assert sum(sizes.values()) == 30
