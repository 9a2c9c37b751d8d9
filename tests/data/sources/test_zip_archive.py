from __future__ import annotations

import random
import struct
import zipfile
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.data.sources import archive_tables
from latentlab.errors import InputError
from tests.data.helpers import beside_the_steps, encoded, grey, opened_or_refused, reasons_of, values_of
from tests.data.sources.test_tar_archive import write as write_tar


def write(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_class_folders_inside_an_archive_give_labels(tmp_path):
    members = {f"set/{name}/{number}.png": encoded(number * 10) for name in ("dog", "cat") for number in (1, 2)}
    dataset = load_dataset(write(tmp_path / "pets.zip", members))
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [1, 1, 0, 0]
    assert dataset.paths[0] == "set/dog/1.png"
    assert values_of(dataset) == [10, 20, 10, 20]
    assert (dataset.name, dataset.source) == ("pets", str(tmp_path / "pets.zip"))
    assert dataset.file_stats.formats == {"PNG": 4}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_compression_is_read(tmp_path, compression):
    path = write(tmp_path / "a.zip", {"a.png": encoded(7), "b.png": encoded(9)}, compression)
    assert values_of(load_dataset(path)) == [7, 9]


def test_an_archive_is_known_by_its_content(tmp_path):
    path = write(tmp_path / "download", {"a.png": encoded(7)})
    assert values_of(load_dataset(path)) == [7]


def test_folders_of_systems_inside_an_archive_are_not_images(tmp_path):
    members = {"cat/1.png": encoded(1), "dog/2.png": encoded(2), "__MACOSX/cat/1.png": encoded(3)}
    dataset = load_dataset(write(tmp_path / "a.zip", members | {"dog/@eaDir/2.png": encoded(4)}))
    assert (values_of(dataset), dataset.classes) == ([1, 2], ("cat", "dog"))


def test_tables_and_splits_inside_an_archive_are_used_as_in_a_folder(tmp_path):
    members = {f"{split}/{number}.png": encoded(number) for split in ("train", "test") for number in (1, 2)}
    members["train/metadata.csv"] = b"file_name,label,age\n1.png,cat,3\n2.png,dog,4\n"
    members["labels.csv"] = b"path,label\ntest/1.png,dog\ngone.png,dog\n"
    dataset = load_dataset(write(tmp_path / "a.zip", members))
    assert dataset.splits.tolist() == ["train", "train", "test", "test"]
    assert dataset.classes
    assert dataset.metadata["age"].tolist()[:2] == [3, 4]
    assert reasons_of(dataset).keys() == {"gone.png"}


FRAMES = {
    "all": {"cat/a.gif#0": 10, "cat/a.gif#1": 90, "cat/a.gif#2": 200, "dog/b.png": 30},
    "first": {"cat/a.gif": 10, "dog/b.png": 30},
    "every 2": {"cat/a.gif#0": 10, "cat/a.gif#2": 200, "dog/b.png": 30},
}


def animation(*values):
    file = BytesIO()
    first, *others = map(grey, values)
    first.save(file, "GIF", save_all=True, append_images=others)
    return file.getvalue()


@pytest.mark.parametrize("frames", FRAMES)
@pytest.mark.parametrize("write", [write, write_tar], ids=["zip", "tar"])
def test_frames_of_a_file_inside_an_archive_are_images_as_in_a_folder(tmp_path, write, frames):
    members = {"cat/a.gif": animation(10, 90, 200), "dog/b.png": encoded(30)}
    dataset = load_dataset(write(tmp_path / "a", members), DataConfig(frames=frames))
    assert dict(zip(dataset.paths, values_of(dataset), strict=True)) == FRAMES[frames]
    assert [dataset.classes[label] for label in dataset.labels] == [path[:3] for path in dataset.paths]
    assert dataset.left_out == []


def test_frames_far_behind_in_an_archive_are_found_too(tmp_path, monkeypatch):
    """The first survey looks at some of the files only; it is made again when a file turns out to have frames."""
    monkeypatch.setattr("latentlab.data.sources.survey._MAX_FETCHED", 2)
    members = {f"{number}.png": encoded(100 + number) for number in range(30)} | {"z.gif": animation(100, 200)}
    path = write(tmp_path / "a.zip", members)
    for _ in range(2):  # decoded, and from the cache
        dataset = load_dataset(path)
        assert dataset.paths[-2:] == ["z.gif#0", "z.gif#1"]
        assert values_of(dataset) == [*range(100, 130), 100, 200]


def test_a_file_is_fetched_once_for_all_its_frames(tmp_path, monkeypatch):
    path = write(tmp_path / "a.zip", {"a.gif": animation(*range(0, 200, 5)), "b.gif": animation(7, 9)})
    read = []
    open_member = zipfile.ZipFile.open

    def counted(archive, member, *rest, **more):
        if isinstance(member, zipfile.ZipInfo):
            read.append(member.filename)
        return open_member(archive, member, *rest, **more)

    monkeypatch.setattr(zipfile.ZipFile, "open", counted)
    assert len(load_dataset(path)) == 42
    assert sorted(read) == ["a.gif", "a.gif", "b.gif", "b.gif"]  # both, by the survey and to decode them


def test_a_table_is_never_copied_outside_its_folder(tmp_path):
    members = {"a.png": encoded(1), "../labels.csv": b"path,label\na.png,x\n"}
    dataset = load_dataset(write(tmp_path / "a.zip", members))
    assert dataset.classes == ()
    assert list(reasons_of(dataset)) == ["../labels.csv"]


def test_what_is_not_an_image_is_left_out_with_its_reason(tmp_path):
    members = {
        "a.png": encoded(1),
        "bad.png": b"no image",
        "empty.png": b"",
        "inner.zip": b"PK",
        "notes.txt": b"x",
        ".DS_Store": b"x",
        "../../outside.png": encoded(2),
    }
    dataset = load_dataset(write(tmp_path / "a.zip", members))
    found = reasons_of(dataset)
    assert sorted(values_of(dataset)) == [1, 2]
    assert set(dataset.paths) == {"a.png", "../../outside.png"}
    assert not (tmp_path.parent.parent / "outside.png").exists()
    assert found["empty.png"] == "empty file"
    assert found["inner.zip"] == "an archive within the archive"
    assert found["notes.txt"].startswith("not an image by its name")
    assert "bad.png" in found
    assert ".DS_Store" not in found


def test_a_member_that_announces_more_than_it_holds_is_left_out_unread(tmp_path):
    path = write(tmp_path / "a.zip", {"a.png": encoded(7), "bomb.png": bytes(1000)})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"bomb.png") - 46  # the entry in the directory
    struct.pack_into("<I", data, at + 24, 2**31)
    path.write_bytes(data)
    dataset = load_dataset(path)
    assert values_of(dataset) == [7]
    assert "announces 2,147,483,648 bytes" in reasons_of(dataset)["bomb.png"]


def test_a_bomb_of_zeros_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("latentlab.data.sources.archive.available_bytes", lambda: 0)
    path = write(
        tmp_path / "a.zip", {"a.png": encoded(1), "bomb.png": random.Random(0).randbytes(1 << 20) + bytes(64 << 20)}
    )
    assert reasons_of(load_dataset(path))["bomb.png"].startswith("unpacks to 65.0 MB, more than the limit of 64.0 MB")


def test_a_directory_that_does_not_fit_into_memory_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "a.zip", {f"{number}.png": b"x" for number in range(50)})
    monkeypatch.setattr("latentlab.data.sources.zip_archive.available_bytes", lambda: 1000)
    with pytest.raises(InputError, match="too many for the available memory"):
        load_dataset(path)


def test_an_encrypted_member_is_left_out(tmp_path):
    path = write(tmp_path / "a.zip", {"a.png": encoded(1), "b.png": encoded(2)})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"b.png") - 46
    data[at + 8] |= 1
    path.write_bytes(data)
    assert reasons_of(load_dataset(path)) == {"b.png": "encrypted"}


def test_the_second_opening_comes_from_the_cache_and_a_changed_archive_does_not(tmp_path):
    path = write(tmp_path / "a.zip", {"a.png": encoded(1)})
    first = load_dataset(path)
    assert load_dataset(path).fingerprint == first.fingerprint
    path.unlink()
    write(path, {"a.png": encoded(2), "b.png": encoded(3)})
    assert values_of(load_dataset(path)) == [2, 3]


def test_subset_and_size_are_those_of_the_configuration(tmp_path):
    path = write(tmp_path / "a.zip", {f"{number:02}.png": encoded(number, (40, 30)) for number in range(20)})
    dataset = load_dataset(path, DataConfig(limit=5, image_size=16, fit="stretch"))
    assert dataset.images.shape == (5, 1, 16, 16)
    assert [f"{value:02}.png" for value in values_of(dataset)] == dataset.paths
    assert load_dataset(path).image_shape == (1, 30, 40)


def test_a_cut_archive_is_refused_in_one_sentence(tmp_path):
    path = write(tmp_path / "a.zip", {"a.png": encoded(1)})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"a\.zip is a damaged zip archive"):
        load_dataset(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6))
def test_no_damage_raises_anything_but_a_refusal(tmp_path, changes):
    path = write(tmp_path / "a.zip", {"cat/a.png": encoded(1), "dog/b.png": encoded(2)})
    data = bytearray(path.read_bytes())
    for at, value in changes:
        data[-1 - at % len(data)] = value
    path.write_bytes(data)
    opened_or_refused(path)


@pytest.mark.parametrize("name", ["folders_of_names", "class_folders", "split_folders"])
def test_steps_do_not_wait_for_the_folders_of_all_images(tmp_path, monkeypatch, name):
    calls = beside_the_steps(monkeypatch, archive_tables, name)
    dataset = load_dataset(write(tmp_path / "a.zip", {"x/a.png": encoded(1), "y/b.png": encoded(2)}))
    assert calls == [True]
    assert dataset.classes == ("x", "y")
