from __future__ import annotations

import json
import os
import time
import zlib

import pytest

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.data.sources import scan_cache
from latentlab.data.sources.scan import Scan, scan
from latentlab.paths import cache_folder
from tests.data.helpers import grey, save

pytestmark = pytest.mark.skipif(os.stat not in os.supports_dir_fd, reason="no listings are kept here")


def scanned(root) -> Scan:
    return next(step for step in scan(str(root)) if isinstance(step, Scan))


def rescanned(root) -> Scan | None:
    steps = scan_cache.scan_from_cache(str(root))
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    for name in ("a.png", "10/b.png", "9/c.png", "9/deep/d.png", ".hidden/e.png", "9/.f.png"):
        save(root / name)
    (root / "empty class").mkdir()
    (root / "labels.csv").write_text("path,label\na.png,x\n")
    (root / "9/notes.txt").write_text("none")
    save(root / "9" / "with\nnewline.png")
    scan_cache.store(str(root), scanned(root))
    return root


def test_an_unchanged_folder_gives_the_result_of_a_scan(folder):
    assert rescanned(folder) == scanned(folder)


def change_in_place(folder):
    path = folder / "9/deep/d.png"
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


CHANGES = {
    "overwritten in place": change_in_place,
    "added": lambda folder: save(folder / "9/deep/e.png"),
    "added to a folder that had none": lambda folder: save(folder / "empty class/e.png"),
    "added to a hidden folder": lambda folder: save(folder / ".hidden/g.png"),
    "removed": lambda folder: (folder / "10/b.png").unlink(),
    "renamed": lambda folder: (folder / "10/b.png").rename(folder / "10/z.png"),
    "emptied": lambda folder: (folder / "10/b.png").write_bytes(b""),
    "replaced by a folder": lambda folder: ((folder / "a.png").unlink(), (folder / "a.png").mkdir()),
    "replaced by a link to nothing": lambda folder: (
        (folder / "a.png").unlink(),
        (folder / "a.png").symlink_to("nothing"),
    ),
    "what was no image replaced by a folder": lambda folder: (
        (folder / "9/notes.txt").unlink(),
        save(folder / "9/notes.txt/g.png"),
    ),
    "a folder replaced by a file": lambda folder: (
        (folder / "empty class").rmdir(),
        (folder / "empty class").write_text("none"),
    ),
    "a folder moved away": lambda folder: (folder / "9").rename(folder.parent / "9"),
    "another root": lambda folder: (folder.rename(folder.parent / "old"), save(folder / "new.png")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_detected(folder, change):
    CHANGES[change](folder)
    assert rescanned(folder) in (None, scanned(folder))


@pytest.mark.parametrize("kind", ["link", "broken link", "empty file", "fifo"])
def test_a_folder_with_links_is_always_scanned(folder, kind):
    target = folder / "new.png"
    if kind == "empty file":
        target.touch()
    elif kind == "fifo":
        os.mkfifo(target)
    else:
        target.symlink_to(folder / ("9" if kind == "link" else "absent"))
    assert scanned(folder).listed is None


@pytest.mark.parametrize("how", ["flip", "cut", "empty", "garbage"])
def test_a_damaged_listing_is_ignored(folder, how):
    (file,) = (cache_folder() / "listings").iterdir()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x10
    file.write_bytes({"flip": bytes(data), "cut": bytes(data[:-3]), "empty": b"", "garbage": b"\n\xff"}[how])
    assert rescanned(folder) is None
    assert load_dataset(folder).paths == scanned(folder).paths
    assert rescanned(folder) == scanned(folder)


def swap_names(head, names):
    """The image ``a.png`` becomes a file beside the root, which is there."""
    position = [index for index, name in enumerate(names) if name == "a.png"][-1]
    names[position] = "../beside.png"


FORGERIES = {
    "a negative count": lambda head, names: head["counts"][0].__setitem__(slice(1, 3), [-1, 5]),
    "fewer names": lambda head, names: head["counts"][0].__setitem__(1, 0),
    "a count that is none": lambda head, names: head["counts"][0].__setitem__(1, True),
    "a missing count": lambda head, names: head["counts"][0].pop(),
    "a folder outside": lambda head, names: head["counts"][-1].__setitem__(0, "../beside"),
    "a folder by its whole path": lambda head, names: head["counts"][-1].__setitem__(0, "/"),
    "a folder twice": lambda head, names: head["counts"].append(["", 0, 0, 0]),
    "an empty folder outside": lambda head, names: head.update(empty_folders=["a", "../beside"]),
    "an empty folder that is a number": lambda head, names: head.update(empty_folders=[7]),
    "a table outside": lambda head, names: head.update(tables=["../beside/labels.csv"]),
    "a table twice": lambda head, names: head.update(tables=["labels.csv"] * 2),
    "a reason that is none": lambda head, names: head.update(skipped=[["a", 1, "file"]]),
    "a kind that is none": lambda head, names: head.update(skipped=[["a", "b", "c"]]),
    "an image outside": swap_names,
    "no object": lambda head, names: head.clear(),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_row_38_a_forged_listing_with_its_checksum_is_ignored(folder, forgery):
    save(folder.parent / "beside.png")
    save(folder.parent / "beside/a.png")
    (file,) = (cache_folder() / "listings").iterdir()
    text, _, stored = file.read_bytes().partition(b"\n")[2].decode().partition("\n")
    head, names = json.loads(text), stored.split("\0")
    FORGERIES[forgery](head, names)
    rest = (json.dumps(head) + "\n" + "\0".join(names)).encode()
    file.write_bytes(f"{zlib.crc32(rest):08x}\n".encode() + rest)
    assert rescanned(folder) is None


def test_listings_are_bounded_in_number_and_the_oldest_goes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(scan_cache, "_MAX_LISTINGS", 2)
    roots = [save(tmp_path / name / "a.png").parent for name in "abc"]
    for age, root in enumerate(roots):
        scan_cache.store(str(root), scanned(root))
        newest = max((cache_folder() / "listings").iterdir(), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, (time.time() - 100 + age,) * 2)
    assert [rescanned(root) is not None for root in roots] == [False, True, True]


def test_a_changed_file_is_decoded_again_when_names_are_unchanged(folder):
    config = DataConfig(image_size=8)
    load_dataset(folder, config)
    before = folder.stat().st_mtime_ns
    with (folder / "a.png").open("r+b") as file:
        grey(7).save(file, format="PNG")
        file.truncate()
    assert folder.stat().st_mtime_ns == before
    again = load_dataset(folder, config)
    assert again.images[again.paths.index("a.png"), 0, 4, 4] == 7
