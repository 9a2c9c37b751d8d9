from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.data.sources import label_tables
from latentlab.data.sources.table_columns import TableColumn
from latentlab.errors import InputError
from tests.data.helpers import beside_the_steps, grey, opened_or_refused, save


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


def test_the_first_of_two_rows_for_an_image_is_used_and_the_other_listed(folder):
    dataset = labelled(folder, "path,label\na.png,cat\na.png,dog\n")
    assert names(dataset)[0] == "cat"
    assert [(each.path, each.kind) for each in dataset.left_out] == [("a.png", "row")]


def test_the_row_that_names_an_image_most_exactly_is_used_wherever_it_stands(folder):
    dataset = labelled(folder, "path,label\nb.png,bare\nsub/b.png,whole\n/data/sub/b.png,absolute\n")
    assert names(dataset)[1] == "whole"
    assert [each.kind for each in dataset.left_out] == ["row", "row"]


@pytest.mark.parametrize(
    "form", ["{}", "./{}", "/data/set1/{}", "images/{}", "https://example.org/x/{}?w=8", "Z:\\d\\{}"]
)
def test_equal_names_in_two_folders_get_their_own_labels(tmp_path, form):
    for path in ("a/0.png", "a/1.png", "b/0.png", "b/1.png"):
        save(tmp_path / path)
    separator = "\\" if "\\" in form else "/"
    rows = [form.format(path.replace("/", separator)) + f",{path[0]}" for path in ("b/0.png", "a/0.png", "b/1.png")]
    dataset = labelled(tmp_path, "path,label\n" + "\n".join(rows))
    assert names(dataset) == ["a", None, "b", "b"]
    assert dataset.notes == ["1 of 4 images has no row in labels.csv"]


def test_an_ambiguous_name_labels_nothing_and_is_listed(tmp_path):
    for path in ("a/0.png", "b/0.png"):
        save(tmp_path / path)
    dataset = labelled(tmp_path, "path,label\n0.png,x\nA/0.PNG,y\n")
    assert names(dataset) == ["y", None]
    (row,) = dataset.left_out
    assert (row.path, row.kind) == ("0.png", "row")
    assert "several images" in row.reason


def test_two_entries_that_may_mean_one_image_leave_it_unlabelled(folder):
    dataset = labelled(folder, "path,label\n/x/one/a.png,cat\n/x/two/a.png,dog\n/x/sub/b.png,dog\n")
    assert names(dataset) == [None, "dog", None]
    assert len(dataset.left_out) == 1


def test_many_rows_without_an_image_are_counted_and_the_first_listed(folder, monkeypatch):
    monkeypatch.setattr("latentlab.data.sources.label_tables._MAX_LISTED", 3)
    dataset = labelled(folder, "path,label\na.png,x\n" + "".join(f"gone{n}.png,y\n" for n in range(10)))
    assert [each.count for each in dataset.left_out] == [1, 1, 1, 7]
    assert dataset.left_out_summary.startswith("10 rows left out (gone0.png")


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-8", ""), ("utf-8", "\ufeff"), ("utf-16", ""), ("utf-16-le", ""), ("utf-16-be", "")]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters(folder, encoding, mark, delimiter):
    text = f'{mark}path,label\r\na.png,"Käse\nalt"\r\n'.replace(",", delimiter)
    (folder / "labels.csv").write_bytes(text.encode(encoding))
    assert names(load_dataset(folder)) == ["Käse\nalt", None, None]


def test_windows_text_is_read_and_said(folder):
    (folder / "labels.csv").write_bytes("path,label\na.png,Käse\n".encode("cp1252"))
    dataset = load_dataset(folder)
    assert names(dataset)[0] == "Käse"
    assert "labels.csv is not UTF-8, and is read as Windows-1252" in dataset.notes


def test_excel_writes_its_separator_in_a_line_and_decimal_commas(folder):
    dataset = labelled(folder, "sep=;\npath;size;label\na.png;1,5;x\nb.png;2;y\n")
    assert dataset.metadata["size"][:2].tolist() == [1.5, 2]
    assert names(dataset)[:2] == ["x", "y"]


def test_json_lines_of_hugging_face(folder):
    lines = [
        '{"file_name": "a.png", "text": "a \\"cat\\"", "label": 1, "score": 0.5}',
        '{"file_name": "sub/c.png", "label": 0, "objects": {"bbox": [1, 2]}, "new": true}',
    ]
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    dataset = load_dataset(folder)
    assert names(dataset) == ["1", None, "0"]
    assert dataset.metadata["text"].tolist() == ['a "cat"', "", ""]
    assert dataset.metadata["new"].tolist() == ["", "", "True"]
    assert dataset.metadata["score"][0] == 0.5


def test_metadata_of_split_folders_is_relative_to_them_and_joined(tmp_path):
    for path in ("train/0.png", "train/1.png", "test/0.png"):
        save(tmp_path / path)
    (tmp_path / "train/metadata.csv").write_text("file_name,label,age\n0.png,cat,1\n1.png,dog,2\n")
    (tmp_path / "test/metadata.csv").write_text("file_name,label,age\n0.png,dog,3\n")
    dataset = load_dataset(tmp_path)
    assert dict(zip(dataset.paths, names(dataset), strict=True)) == {
        "train/0.png": "cat", "train/1.png": "dog", "test/0.png": "dog",
    }  # fmt: skip
    assert dict(zip(dataset.paths, dataset.metadata["age"], strict=True))["test/0.png"] == 3
    assert dataset.left_out == []


def test_labels_come_from_the_first_table_and_columns_from_all(folder):
    (folder / "metadata.csv").write_text("file_name,label,age\na.png,other,3\n")
    dataset = labelled(folder, "path,label\na.png,cat\n")
    assert names(dataset)[0] == "cat"
    assert dataset.metadata["age"][0] == 3


def test_a_column_of_splits_is_kept(folder):
    dataset = labelled(folder, "path,split,label\na.png,Train,x\nb.png,VAL,y\nc.png,test,x\n")
    assert dataset.splits.tolist() == ["train", "validation", "test"]
    assert [part.tolist() for part in dataset.split()] == [[0], [1]]
    assert "split" not in dataset.metadata


def test_a_column_named_split_with_other_values_is_a_column(folder):
    dataset = labelled(folder, "path,split,label\na.png,left,x\nb.png,train,y\nc.png,test,x\n")
    assert dataset.splits is None
    assert dataset.metadata["split"].tolist() == ["left", "train", "test"]


def test_paths_are_found_in_a_column_of_any_name_and_place(folder):
    dataset = labelled(folder, "kind,note,where\ncat,1,a.png\ndog,2,sub/b.png\n")
    assert dataset.metadata["kind"].tolist() == ["cat", "dog", ""]
    dataset = labelled(folder, "class,where\ncat,a.png\ndog,sub/b.png\n")
    assert names(dataset) == ["cat", "dog", None]
    assert names(labelled(folder, "cat,a.png\ndog,sub/b.png\n")) == ["cat", "dog", None]


def test_one_hot_columns_are_classes(tmp_path):
    for number in range(8):
        save(tmp_path / f"{number}.png")
    rows = "".join(f"{number},{'1.0,0.0,0.0' if number % 2 else '0.0,1.0,0.0'}\n" for number in range(8))
    dataset = labelled(tmp_path, "image,MEL,NV,BCC\n" + rows)
    assert dataset.classes == ("MEL", "NV", "BCC")
    assert dataset.labels.tolist() == [1, 0] * 4


def test_the_texts_of_a_column_may_not_fill_the_memory(folder, monkeypatch):
    monkeypatch.setattr("latentlab.data.sources.table_columns.total_memory", lambda: 16 * 2000)
    dataset = labelled(folder, f"path,label,text\na.png,x,{'long' * 1000}\nb.png,y,short\n")
    assert names(dataset)[:2] == ["x", "y"]
    assert [(each.path, each.kind) for each in dataset.left_out] == [("text", "column")]


def test_a_text_after_many_numbers_keeps_them_as_they_were(folder, monkeypatch):
    monkeypatch.setattr("latentlab.data.sources.table_columns._DISTINCT_NUMBERS", 1)
    monkeypatch.setattr("latentlab.data.sources.label_tables._ROWS_AT_ONCE", 2)
    rows = "path,label,v\na.png,x,12\nsub/b.png,y,0.5\nsub/c.png,y,none yet\n"
    assert labelled(folder, rows).metadata["v"].tolist() == ["12", "0.5", "none yet"]
    assert labelled(folder, rows.replace("none yet", "3")).metadata["v"].tolist() == [12, 0.5, 3]


def test_a_large_table_takes_memory_by_images_and_not_by_rows(folder):
    """The rows that mean no image are only counted: 20,000 of them, which took 10.8 MB when each was kept."""
    with (folder / "labels.csv").open("w") as file:
        file.write("path,label\n")
        file.writelines(f"folder/{'x' * 100}{number}.png,class {number}\n" for number in range(20_000))
        file.write("a.png,cat\n")
    tracemalloc.start()
    try:
        dataset = load_dataset(folder)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert names(dataset) == ["cat", None, None]
    assert dataset.left_out_summary.startswith("20,000 rows left out")
    assert peak < 9 << 20


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
        (b"path,label\na.png,\x81\n", "not text in UTF-8, UTF-16 or Windows-1252"),
        (b"path,label\na.png," + b"x" * 1_100_000 + b"\n", "is not a table: a line has more than"),
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


@pytest.mark.parametrize(
    ("owner", "name"), [(label_tables, "PathIndex"), (TableColumn, "meaning"), (TableColumn, "values")]
)
def test_steps_do_not_wait_for_the_index_of_paths_and_for_the_meaning_of_columns(folder, monkeypatch, owner, name):
    calls = beside_the_steps(monkeypatch, owner, name)
    dataset = labelled(folder, "path,label,age\na.png,cat,1\nsub/b.png,dog,2\n")
    assert calls == [True]
    assert names(dataset) == ["cat", "dog", None]
