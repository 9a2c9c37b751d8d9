from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.errors import InputError
from tests.data.helpers import grey, opened_or_refused, save


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("a.png", "sub/b.png", "sub/c.png")):
        save(tmp_path / name, grey(number))
    return tmp_path


def labelled(folder, text, **config):
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return load_dataset(folder, DataConfig(**config))


def names(dataset):
    return [dataset.classes[label] if label >= 0 else None for label in dataset.labels]


def test_by_path_or_file_name_with_or_without_suffix(folder):
    dataset = labelled(folder, "path,label\na.png,cat\nsub\\b.png,dog\nc,cat\n")
    assert dataset.paths == ["a.png", "sub/b.png", "sub/c.png"]
    assert names(dataset) == ["cat", "dog", "cat"]
    assert dataset.skipped == []


def test_columns_are_found_by_their_names_and_the_others_are_metadata(folder):
    dataset = labelled(folder, "age;Class;site;file\n30;x;north;c.png\n;y;south;a.png\n")
    assert names(dataset) == ["y", None, "x"]
    assert np.isnan(dataset.metadata["age"]).tolist() == [True, True, False]
    assert dataset.metadata["age"][2] == 30
    assert dataset.metadata["site"].tolist() == ["south", "", "north"]


def test_metadata_follows_the_subset(folder):
    dataset = labelled(folder, "path,label,age\na.png,x,1\nb.png,y,2\nc.png,x,3\n", classes=("x",))
    assert dataset.paths == ["a.png", "sub/c.png"]
    assert dataset.metadata["age"].tolist() == [1, 3]


def test_a_table_without_a_header(folder):
    assert names(labelled(folder, "a.png,cat\nb.png,dog\nc.png,dog\n")) == ["cat", "dog", "dog"]


def test_quotes_byte_order_mark_and_accents(folder):
    assert names(labelled(folder, '\ufeffpath,label\n"a.png","Käse, alt"\n')) == ["Käse, alt", None, None]


def test_class_folders_are_used_when_the_table_has_no_labels(folder):
    save(folder / "other/d.png")
    dataset = labelled(folder, "path,age,height\na.png,1,2\n")
    assert dataset.classes == ("other", "sub")
    assert dataset.metadata["height"][0] == 2


def test_rows_without_a_file_are_listed_once_however_often_the_folder_is_opened(folder):
    labelled(folder, "path,label\na.png,cat\nabsent.png,dog\n")
    dataset = labelled(folder, "path,label\na.png,cat\nabsent.png,dog\n")
    assert [(each.path, each.reason) for each in dataset.skipped] == [
        ("absent.png", "in labels.csv, but there is no such image here")
    ]


def test_the_first_of_two_rows_for_an_image_is_used(folder):
    assert names(labelled(folder, "path,label\na.png,cat\na.png,dog\n"))[0] == "cat"


def test_too_many_distinct_labels_are_metadata(tmp_path):
    for number in range(1100):
        save(tmp_path / f"{number}.bmp", grey(number % 256, (8, 8)))
    rows = "".join(f"{number}.bmp,{number / 7}\n" for number in range(1100))
    dataset = labelled(tmp_path, "path,label\n" + rows)
    assert dataset.classes == ()
    assert dataset.metadata["label"].dtype == np.float64


def test_a_table_can_be_opened_itself(folder):
    (folder / "mine.csv").write_text("path,label\na.png,cat\n")
    dataset = load_dataset(folder / "mine.csv")
    assert names(dataset) == ["cat", None, None]
    assert names(load_dataset(dataset.source)) == ["cat", None, None]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"path,label\n\xff\xfe.png,x\n", "not UTF-8"),
        (b"path,label\n\0,x\n", "zero bytes"),
        (b"\n\n", "is empty"),
        (b'path,label\n"' + b"x" * 200_000 + b'",y\n', "is not a table"),
        (b"path" + b"," * 300, "301 columns"),
    ],
)
def test_row_33_a_damaged_table_is_refused(folder, data, message):
    (folder / "labels.csv").write_bytes(data)
    with pytest.raises(InputError, match=message):
        load_dataset(folder)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=80), st.text("path,label;\t\n\r\"'a.png\0é", max_size=80).map(str.encode)))
def test_row_33_any_table_is_read_or_refused_in_a_sentence(tmp_path, data):
    if not (tmp_path / "a.png").exists():
        save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_bytes(data)
    dataset = opened_or_refused(tmp_path)
    if dataset is not None:
        assert len(dataset) == len(dataset.labels) == 1
        assert all(len(column) == 1 for column in dataset.metadata.values())
