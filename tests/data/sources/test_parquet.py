from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.data import load_dataset
from latentlab.errors import InputError
from tests.data.helpers import encoded, opened_or_refused, reasons_of, save, values_of

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

FEATURES = {"image": {"_type": "Image"}, "label": {"names": ["zebra", "ant", "owl"], "_type": "ClassLabel"}}


def table(count=5, features=None, start=0, **columns):
    """Images of values 0, 1, 2 … as the datasets library writes them."""
    images = [{"bytes": encoded(start + number), "path": f"{start + number}.png"} for number in range(count)]
    rows = pa.table({"image": images, **columns})
    return rows.replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})} if features else {}
    )


def test_a_hugging_face_file_has_images_labels_and_columns(tmp_path):
    rows = table(
        features=FEATURES, label=[2, 0, 0, -1, 2], age=[1.5, None, 3, 4, 5], caption=["a", "b", None, "d", "e"]
    )
    pq.write_table(rows, tmp_path / "train.parquet", row_group_size=2)
    dataset = load_dataset(tmp_path / "train.parquet")
    assert values_of(dataset) == [0, 1, 2, 3, 4]
    assert dataset.paths == [f"{number}.png" for number in range(5)]
    assert dataset.classes == ("zebra", "ant", "owl")
    assert dataset.labels.tolist() == [2, 0, 0, -1, 2]
    np.testing.assert_equal(dataset.metadata["age"], [1.5, np.nan, 3, 4, 5])
    assert dataset.metadata["caption"].tolist() == ["a", "b", "", "d", "e"]


def test_shards_in_a_folder_are_one_dataset(tmp_path):
    for shard in range(2):
        file = tmp_path / "data" / f"train-{shard:05}-of-00002.parquet"
        file.parent.mkdir(exist_ok=True)
        pq.write_table(table(3, FEATURES, start=shard * 10, label=[shard] * 3), file)
    (tmp_path / "README.md").write_text("x")
    dataset = load_dataset(tmp_path)
    assert values_of(dataset) == [0, 1, 2, 10, 11, 12]
    assert dataset.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.classes == ("zebra", "ant", "owl")
    assert len(set(dataset.paths)) == 6
    assert dataset.splits is None


@pytest.mark.parametrize(
    "names", [["data/train-0.parquet", "data/test-0.parquet"], ["train/0.parquet", "test/0.parquet"]]
)
def test_files_named_after_splits_are_splits(tmp_path, names):
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pq.write_table(table(2, FEATURES, start=number * 10, label=[1, 2]), tmp_path / name)
    dataset = load_dataset(tmp_path)
    of_images = dict(zip(values_of(dataset), dataset.splits.tolist(), strict=True))
    assert of_images == {0: "train", 1: "train", 10: "test", 11: "test"}


def test_a_column_of_bytes_and_text_labels(tmp_path):
    rows = pa.table(
        {"img": [encoded(3), encoded(4)], "mask": [b"", b""], "category": ["dog", "cat"], "box": [[1], [2]]}
    )
    pq.write_table(rows, tmp_path / "a.parquet")
    dataset = load_dataset(tmp_path / "a.parquet")
    assert values_of(dataset) == [3, 4]
    assert dataset.classes == ("cat", "dog")
    assert dataset.paths == ["a.parquet#0", "a.parquet#1"]
    assert reasons_of(dataset).keys() == {"mask", "box"}


def test_images_may_be_files_beside_the_table_and_rows_without_one_are_left_out(tmp_path):
    save(tmp_path / "images" / "a.png")
    images = [
        {"bytes": None, "path": "images/a.png"},
        {"bytes": None, "path": "gone.png"},
        {"bytes": b"no", "path": "x"},
    ]
    pq.write_table(pa.table({"image": images}), tmp_path / "a.parquet")
    dataset = load_dataset(tmp_path / "a.parquet")
    assert dataset.paths == ["images/a.png"]
    assert reasons_of(dataset)["gone.png"] == "vanished"
    assert "x" in reasons_of(dataset)


def test_a_saved_arrow_dataset_is_read(tmp_path):
    rows = table(4, FEATURES, label=[0, 1, 2, 0])
    with (
        pa.OSFile(str(tmp_path / "data-00000-of-00001.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, rows.schema) as out,
    ):
        out.write_table(rows, max_chunksize=3)
    (tmp_path / "dataset_info.json").write_text("{}")
    dataset = load_dataset(tmp_path)
    assert values_of(dataset) == [0, 1, 2, 3]
    assert dataset.labels.tolist() == [0, 1, 2, 0]


def test_a_table_without_images_is_refused_with_its_columns(tmp_path):
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(
        InputError, match=r"a\.parquet has no column of images \(its columns: a \(int64\), b \(string\)\)"
    ):
        load_dataset(tmp_path / "a.parquet")


def test_a_row_group_that_does_not_fit_into_memory_is_left_out(tmp_path, monkeypatch):
    pq.write_table(table(2), tmp_path / "a.parquet")
    monkeypatch.setattr("latentlab.data.sources.parquet.available_bytes", lambda: 100)
    with pytest.raises(InputError, match="too large for the memory"):
        load_dataset(tmp_path / "a.parquet")


def test_without_pyarrow_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    pq.write_table(table(1), tmp_path / "a.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(
        InputError, match=r'a\.parquet is read by pyarrow; install it with pip install "latentlab\[hf\]"'
    ):
        load_dataset(tmp_path / "a.parquet")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=5))
def test_no_damage_raises_anything_but_a_refusal(tmp_path, changes):
    path = tmp_path / "a.parquet"
    pq.write_table(table(2, FEATURES, label=[0, 1]), path)
    data = bytearray(path.read_bytes())
    for at, value in changes:
        data[-1 - at % (len(data) - 4)] = value
    path.write_bytes(data)
    opened_or_refused(path)
