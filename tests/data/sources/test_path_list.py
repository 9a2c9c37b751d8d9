from __future__ import annotations

import pytest

from latentlab.data import load_dataset
from latentlab.data.sources import path_list
from latentlab.errors import InputError
from tests.data.helpers import beside_the_steps, grey, reasons_of, save, values_of


@pytest.fixture
def images(tmp_path):
    for number in range(4):
        save(tmp_path / "far" / ("cat" if number < 2 else "dog") / f"{number}.png", grey(number))
    (tmp_path / "lists").mkdir()
    return tmp_path


def write(images, *lines, encoding="utf-8"):
    path = images / "lists" / "chosen.txt"
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def test_paths_are_relative_to_the_list_or_absolute_and_keep_their_order(images):
    path = write(images, "# chosen", "../far/dog/3.png", "", f"{images}/far/cat/0.png")
    dataset = load_dataset(path)
    assert values_of(dataset) == [3, 0]
    assert dataset.paths == ["../far/dog/3.png", f"{images}/far/cat/0.png"]
    assert dataset.source == str(path)


def test_labels_follow_a_tab(images):
    dataset = load_dataset(write(images, "../far/cat/0.png\tyes", "../far/dog/2.png\tno", "../far/cat/1.png"))
    assert dataset.classes == ("no", "yes")
    assert dataset.labels.tolist() == [1, 0, -1]


def test_without_labels_the_folders_give_them(images):
    dataset = load_dataset(write(images, "../far/cat/0.png", "../far/dog/2.png"))
    assert dataset.classes == ("cat", "dog")


def test_what_does_not_exist_or_is_listed_twice_is_left_out(images):
    dataset = load_dataset(write(images, "../far/cat/0.png", "gone.png", "../far/cat/0.png", "../far"))
    assert values_of(dataset) == [0]
    assert reasons_of(dataset)["gone.png"] == "in chosen.txt, but there is no such file"
    assert reasons_of(dataset)["../far/cat/0.png"] == "listed twice in chosen.txt"
    assert "../far" in reasons_of(dataset)


def test_listed_folders_are_one_dataset_with_a_class_each(images):
    dataset = load_dataset(write(images, "../far/cat", "../far/dog"))
    assert dataset.classes == ("cat", "dog")
    assert values_of(dataset) == [0, 1, 2, 3]


def test_a_changed_image_is_read_again(images):
    path = write(images, "../far/cat/0.png")
    assert values_of(load_dataset(path)) == [0]
    save(images / "far" / "cat" / "0.png", grey(200))
    assert values_of(load_dataset(path)) == [200]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\xff\xfe\x00", "it is not UTF-8 text"),
        (b"a\0b.png", "it has zero bytes"),
        (b"no such file.png", "none of its paths exists, for instance no such file.png"),
    ],
)
def test_what_is_no_list_is_refused_with_the_reason(tmp_path, content, reason):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=reason):
        load_dataset(tmp_path / "a.txt")


def test_a_list_larger_than_the_memory_is_refused_before_it_is_read(images, monkeypatch):
    monkeypatch.setattr("latentlab.data.sources.path_list.available_bytes", lambda: 100)
    with pytest.raises(InputError, match=r"chosen\.txt has .* more than the limit of"):
        load_dataset(write(images, "../far/cat/0.png"))


@pytest.mark.parametrize("name", ["labels_of_names", "split_folders", "as_column"])
def test_steps_do_not_wait_for_labels_of_all_images(images, monkeypatch, name):
    calls = beside_the_steps(monkeypatch, path_list, name)
    load_dataset(write(images, "../far/cat/0.png", "../far/dog/2.png" + ("\tyes" if name == "as_column" else "")))
    assert calls == [True]
