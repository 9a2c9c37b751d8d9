from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from latentlab.config import DataConfig
from latentlab.data import load_dataset, open_dataset
from latentlab.data.loading import image_buffer
from latentlab.data.loading.cache import Cache
from latentlab.data.loading.prepared_images import PreparedImages
from latentlab.data.sources import items as items_module
from latentlab.paths import cache_folder
from tests.data.helpers import grey, save


@pytest.fixture
def pictures(tmp_path):
    random = np.random.default_rng(0)
    for number in range(40):
        save(tmp_path / "pictures" / f"{number % 2}" / f"{number:02}.png", grey(random.integers(0, 256, (9, 12))))
    (tmp_path / "pictures/1/bad.png").write_bytes(b"this is no picture")
    return tmp_path / "pictures"


@pytest.fixture
def decodes(monkeypatch):
    """Paths that have been decoded."""
    decoded = []
    real = items_module.decode_item

    def counted(folder, item, *others):
        decoded.append(f"{folder}/{item}")
        return real(folder, item, *others)

    monkeypatch.setattr(items_module, "decode_item", counted)
    return decoded


def same(one, other):
    return (
        np.array_equal(one.images, other.images)
        and one.paths == other.paths
        and one.skipped == other.skipped
        and one.file_stats == other.file_stats
        and one.fingerprint == other.fingerprint
    )


def store(cache: Cache, name: str, prepared: PreparedImages) -> None:
    with cache.new_entry(name) as entry:
        for _ in cache.store(name, entry, prepared):
            pass


def entries() -> list[Path]:
    return sorted(cache_folder().glob("datasets/*"))


def test_the_second_opening_decodes_nothing_and_gives_the_same(pictures, decodes):
    first = load_dataset(pictures)
    assert len(decodes) == 41
    second = load_dataset(pictures)
    assert len(decodes) == 41
    assert isinstance(second.images, np.memmap)
    assert same(first, second)


@pytest.mark.parametrize(
    "change",
    [
        {"image_size": 16},
        {"channels": 3},
        {"invert": True},
        {"image_size": 16, "fit": "crop"},
        {"levels": "stretch"},
        {"background": "white"},
    ],
)
def test_settings_that_change_pixels_use_another_entry(pictures, decodes, change):
    load_dataset(pictures)
    decodes.clear()
    load_dataset(pictures, DataConfig(**change))
    assert len(decodes) == 41


def test_a_changed_file_is_read_again(pictures, decodes):
    load_dataset(pictures)
    save(pictures / "0/00.png", grey(7, (12, 9)))
    assert (load_dataset(pictures).images[0] == 7).all()


@pytest.mark.parametrize("change", [{"classes": ("1",)}, {"limit": 7}, {"per_class": 3}])
def test_a_subset_taken_from_a_cached_folder_equals_one_that_is_decoded(pictures, decodes, change):
    config = DataConfig(**change)
    decoded = load_dataset(pictures, config)
    load_dataset(pictures)
    for entry in entries():
        if len(np.memmap(entry / "images.u8")) == len(decoded.images.reshape(-1)):
            Cache().remove(entry)
    decodes.clear()
    again = load_dataset(pictures, config)
    assert decodes == []
    assert same(decoded, again)


def test_a_grey_subset_of_a_colour_dataset_is_grey(tmp_path):
    save(tmp_path / "grey/a.png", grey(60))
    save(tmp_path / "red/b.png", grey(60).convert("RGB").point(lambda value: value).copy())
    image = grey(60).convert("RGB")
    image.putpixel((0, 0), (255, 0, 0))
    save(tmp_path / "red/b.png", image)
    assert load_dataset(tmp_path).image_shape == (3, 8, 10)
    assert load_dataset(tmp_path, DataConfig(classes=("grey",))).image_shape == (1, 8, 10)


@pytest.mark.parametrize("name", ["images.u8", "codes.i4", "entry.json"])
@pytest.mark.parametrize("how", ["flip", "cut", "empty", "remove"])
def test_a_corrupt_entry_is_replaced(pictures, decodes, name, how):
    first = load_dataset(pictures)
    file = entries()[0] / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x10
    if how == "remove":
        file.unlink()
    else:
        file.write_bytes({"flip": bytes(data), "cut": bytes(data[:-3]), "empty": b""}[how])
    decodes.clear()
    assert same(first, load_dataset(pictures))
    assert len(decodes) == 41
    load_dataset(pictures)
    assert len(decodes) == 41


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shape", [2, 1, 25, 20]),  # as many pixels as there are, but not as many images as the codes say
        ("shape", [1, 2, 25, 20]),
        ("shape", [1.0, 1, 25, 40]),
        ("shape", [-1, 1, -25, 40]),
        ("shape", [1, 1, 25]),
        ("kinds", []),
        ("kinds", [["PNG", "L"]]),
        ("reasons", [[5, "beyond the items"]]),
        ("reasons", [["0", "not a number"]]),
        ("reasons", 5),
    ],
)
def test_row_40_an_entry_with_a_valid_checksum_and_an_invalid_description_is_removed(tmp_path, field, value):
    cache = Cache(tmp_path)
    codes = np.array([0, -1], np.int32)
    store(
        cache, "entry", PreparedImages(np.zeros((1, 1, 25, 40), np.uint8), codes, [("PNG", "L", "40×25")], {1: "cut"})
    )
    assert cache.get("entry").reasons == {1: "cut"}
    file = tmp_path / "entry" / "entry.json"
    payload = json.loads(file.read_text().partition("\n")[2])
    text = json.dumps(payload | {field: value})
    file.write_text(f"{zlib.crc32(text.encode()):08x}\n{text}")
    assert cache.get("entry") is None
    assert not (tmp_path / "entry").exists()


def test_the_least_recently_used_entry_is_evicted_first(tmp_path):
    cache = Cache(tmp_path, max_bytes=2500)
    prepared = PreparedImages(np.zeros((1, 1, 25, 40), np.uint8), np.zeros(1, np.int32), [("PNG", "L", "40×25")])
    for number, name in enumerate(("old", "older but used", "new")):
        store(cache, name, prepared)
        used = time.time() - 100 + number
        if (tmp_path / name).exists():
            os.utime(tmp_path / name / "entry.json", (used, used))
        if number == 1:
            assert cache.get("old") is not None
            os.utime(tmp_path / "old/entry.json", (used - 50, used - 50))
    assert cache.get("old") is None
    assert cache.get("new") is not None
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("unfinished")] == []


def test_an_entry_larger_than_the_cache_is_not_evicted_when_stored(tmp_path):
    cache = Cache(tmp_path, max_bytes=10)
    prepared = PreparedImages(np.zeros((1, 1, 25, 40), np.uint8), np.zeros(1, np.int32), [("PNG", "L", "40×25")])
    store(cache, "large", prepared)
    assert cache.get("large") is not None


def test_a_map_outlives_its_entry(pictures):
    load_dataset(pictures)
    second = load_dataset(pictures)
    before = second.images.copy()
    for entry in entries():
        Cache().remove(entry)
    assert (second.images == before).all()


def test_two_processes_share_a_cache(pictures):
    code = f"from latentlab.data import load_dataset; print(load_dataset({str(pictures)!r}).fingerprint)"
    children = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(3)]
    printed = {child.communicate(timeout=60)[0].decode().strip() for child in children}
    assert printed == {load_dataset(pictures).fingerprint}
    assert len(entries()) == 1


def test_loading_works_when_the_cache_cannot_be_written(pictures, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr("latentlab.data.loading.cache.cache_folder", lambda: tmp_path / "file")
    assert len(load_dataset(pictures)) == 40


@pytest.fixture
def small_memory(monkeypatch):
    monkeypatch.setattr(image_buffer, "_IN_MEMORY", 500)
    monkeypatch.setattr(image_buffer, "CHUNK_BYTES", 300)


def test_many_images_are_written_to_disk_and_mapped(pictures, decodes, monkeypatch):
    whole = load_dataset(pictures)
    Cache().remove(entries()[0])
    monkeypatch.setattr(image_buffer, "_IN_MEMORY", 500)
    mapped = load_dataset(pictures)
    assert isinstance(mapped.images, np.memmap)
    assert same(whole, mapped)
    assert same(whole, load_dataset(pictures))
    assert len(decodes) == 82


@pytest.mark.usefixtures("small_memory")
def test_a_late_colour_image_converts_all_images_to_rgb(tmp_path):
    for number in range(60):
        save(tmp_path / f"{number:02}.png", grey(number))
    image = grey(9).convert("RGB")
    image.putpixel((3, 0), (255, 0, 0))
    save(tmp_path / "99.png", image)
    images = load_dataset(tmp_path).images
    assert images.shape == (61, 3, 8, 10)
    assert (images[:60].transpose(1, 2, 3, 0) == np.arange(60)).all()
    assert images[60, :, 0, 3].tolist() == [255, 0, 0]


@pytest.mark.usefixtures("small_memory")
def test_a_full_disk_leaves_the_images_in_memory(pictures, monkeypatch):
    written = []

    class Full:
        def __init__(self, file):
            self._file = file

        def __enter__(self):
            return self._file.__enter__()

        def __exit__(self, *trace):
            self._file.__exit__(*trace)
            if len(written) > 1:
                raise OSError(28, "No space left on device")

    real = Path.open

    def opened(path, mode="r", *rest, **others):
        file = real(path, mode, *rest, **others)
        if path.name != "images.u8" or mode == "rb" or not path.parent.name.startswith("unfinished"):
            return file
        written.append(path)
        return Full(file)

    monkeypatch.setattr(Path, "open", opened)
    dataset = load_dataset(pictures)
    assert len(written) > 1
    assert not isinstance(dataset.images, np.memmap)
    monkeypatch.undo()
    assert same(dataset, load_dataset(pictures))


def test_an_abandoned_opening_leaves_nothing(pictures):
    loading = open_dataset(pictures)
    next(loading)
    loading.close()
    assert entries() == []


@pytest.mark.parametrize("how", ["rewritten", "replaced"])
def test_a_file_with_the_size_and_time_of_the_old_one_is_read_again(tmp_path, how):
    path = save(tmp_path / "a.bmp", grey(10))
    load_dataset(tmp_path)
    before = path.stat()
    other = save(tmp_path.parent / f"other-{how}.bmp", grey(200))
    if how == "replaced":
        other.replace(path)
    else:
        path.write_bytes(other.read_bytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert load_dataset(tmp_path).images[0, 0, 4, 4] == 200


def test_an_array_file_replaced_with_the_same_size_and_time_is_read_again(tmp_path):
    path, config = tmp_path / "a.npy", DataConfig(image_size=8)
    np.save(path, np.full((3, 9, 9), 10, np.uint8))
    load_dataset(path, config)
    before = path.stat()
    np.save(path, np.full((3, 9, 9), 200, np.uint8))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert load_dataset(path, config).images.max() == 200
