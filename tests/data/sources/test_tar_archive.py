from __future__ import annotations

import io
import json
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.data import load_dataset
from latentlab.data.sources import tar_archive
from latentlab.errors import InputError
from tests.data.helpers import encoded, opened_or_refused, reasons_of, values_of


def write(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tar.bz2", "w:bz2"), ("a.txz", "w:xz")]
)
def test_class_folders_give_labels_whatever_the_compression(tmp_path, name, mode):
    members = {f"./{folder}/{number}.png": encoded(number) for folder in ("dog", "cat") for number in (2, 1)}
    dataset = load_dataset(write(tmp_path / name, members, mode))
    assert dataset.classes == ("cat", "dog")
    assert dataset.paths == ["dog/2.png", "dog/1.png", "cat/2.png", "cat/1.png"]
    assert values_of(dataset) == [2, 1, 2, 1]
    assert dataset.labels.tolist() == [1, 1, 0, 0]


def test_what_is_not_an_image_is_left_out_with_its_reason(tmp_path):
    members = {
        "a.png": encoded(1),
        "link.png": None,
        "inner.tar.gz": b"x",
        "notes.md": b"x",
        "../x.png": encoded(2),
        "a b/.hidden.png": encoded(3),
    }
    dataset = load_dataset(write(tmp_path / "a.tar", members))
    assert sorted(values_of(dataset)) == [1, 2]
    assert reasons_of(dataset) == {
        "link.png": "a link",
        "inner.tar.gz": "an archive within the archive",
        "notes.md": "not an image by its name (.md)",
    }


def test_a_table_inside_an_archive_gives_labels(tmp_path):
    members = {"labels.csv": b"path,label\n1.png,x\n2.png,y\n", "1.png": encoded(1), "2.png": encoded(2)}
    dataset = load_dataset(write(tmp_path / "a.tgz", members, "w:gz"))
    assert dataset.classes == ("x", "y")
    assert dataset.labels.tolist() == [0, 1]


def test_a_webdataset_shard_has_labels_and_columns(tmp_path):
    members = {}
    for number in range(3):
        members[f"{number:04}.png"] = encoded(number)
        members[f"{number:04}.cls"] = str(number % 2).encode()
        members[f"{number:04}.json"] = json.dumps({"width": 10 + number, "author": "ann", "box": [1, 2]}).encode()
    members["0001.txt"] = b"a caption"
    members["README.txt"] = b"about"
    dataset = load_dataset(write(tmp_path / "shard.tar", members))
    assert dataset.classes == ("0", "1")
    assert dataset.labels.tolist() == [0, 1, 0]
    assert dataset.metadata["width"].tolist() == [10, 11, 12]
    assert dataset.metadata["author"].tolist() == ["ann"] * 3
    assert dataset.metadata["text"].tolist() == ["", "a caption", ""]
    assert reasons_of(dataset) == {"README.txt": "not an image by its name (.txt)"}


@pytest.mark.parametrize("as_folder", [False, True])
def test_shards_are_one_dataset(tmp_path, as_folder):
    for shard in range(3):
        members = {}
        for number in range(2):
            members[f"{number}.png"] = encoded(shard * 10 + number)
            members[f"{number}.cls"] = str(shard).encode()
        write(tmp_path / f"shards-{shard:03}.tar", members)
    source = str(tmp_path if as_folder else tmp_path / "shards-{000..002}.tar")
    dataset = load_dataset(source)
    assert values_of(dataset) == [0, 1, 10, 11, 20, 21]
    assert dataset.classes == ("0", "1", "2")
    assert dataset.paths[2] == "shards-001/0.png"
    assert "source" not in dataset.metadata
    assert dataset.source == source


def test_a_missing_shard_is_named(tmp_path):
    write(tmp_path / "s-0.tar", {"a.png": encoded(1)})
    with pytest.raises(InputError, match=r"there is no file or folder .*s-1\.tar"):
        load_dataset(f"{tmp_path}/s-{{0..1}}.tar")


def test_an_archive_that_ends_early_keeps_what_it_has(tmp_path):
    path = write(
        tmp_path / "a.tar.gz", {f"{number}.bmp": encoded(number, (64, 64), "BMP") for number in range(9)}, "w:gz"
    )
    path.write_bytes(path.read_bytes()[:-40])
    dataset = load_dataset(path)
    assert 0 < len(dataset) < 9 or reasons_of(dataset)
    assert any("damaged" in reason for reason in reasons_of(dataset).values())


def test_a_header_of_any_announced_size_is_not_read(tmp_path):
    path = tmp_path / "a.tar"
    info = tarfile.TarInfo("long")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 8 << 30
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    with pytest.raises(InputError, match=r"a\.tar cannot be read: damaged: a header of"):
        load_dataset(path)


def test_a_compressed_archive_that_unpacks_to_far_more_than_images_do_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("latentlab.data.sources.tar_archive._ALWAYS_ALLOWED", 0)
    path = write(tmp_path / "a.tar.xz", {"a.png": encoded(1), "b.png": bytes(1 << 20), "c.png": encoded(3)}, "w:xz")
    dataset = load_dataset(path)
    assert "which no images do" in reasons_of(dataset)["a.tar.xz"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1535), st.integers(0, 255)), min_size=1, max_size=6))
def test_no_damage_raises_anything_but_a_refusal(tmp_path, changes):
    path = write(tmp_path / "a.tar", {"cat/a.png": encoded(1), "dog/b.png": encoded(2)})
    data = bytearray(path.read_bytes())
    for at, value in changes:
        data[at] = value
    path.write_bytes(data)
    opened_or_refused(path)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_more_files_than_the_memory_allows_to_list_are_left_out(tmp_path, monkeypatch, mode):
    """Of a small archive that announces millions of files without content."""
    members = {"good.png": encoded(9)} | {f"{number}.png": b"" for number in range(400)}
    path = write(tmp_path / "a.tar", members, mode)
    monkeypatch.setattr(tar_archive, "available_bytes", lambda: 100 * 2000)
    dataset = load_dataset(path)
    assert values_of(dataset) == [9]
    assert len(dataset.left_out) == 101
    assert "it has more than 101 files, too many for the available memory" in reasons_of(dataset)["a.tar"]
