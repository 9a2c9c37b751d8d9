from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.data import load_dataset
from latentlab.data.sources import parquet
from latentlab.data.sources.arrow_stream import open_arrow
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


def write_arrow(path, rows, compression=None, batch=None):
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(path, rows.schema, options=options) as stream:
        stream.write_table(rows, max_chunksize=batch)
    return path


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_batches_of_an_arrow_file_are_read_whatever_their_columns(tmp_path, compression):
    rows = table(
        7,
        FEATURES,
        label=[0, 1, 2, 0, 1, 2, 0],
        site=pa.array(["a", "b", "a", "b", "a", "b", None]).dictionary_encode(),
        camera=[{"lens": {"mm": number}, "maker": "x", "tags": [1]} for number in range(7)],
        nothing=pa.nulls(7),
    )
    dataset = load_dataset(write_arrow(tmp_path / "a.arrow", rows, compression, batch=3))
    assert values_of(dataset) == list(range(7))
    assert dataset.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert dataset.metadata["site"].tolist() == ["a", "b", "a", "b", "a", "b", ""]
    assert dataset.metadata["camera.lens.mm"].tolist() == list(range(7))
    assert reasons_of(dataset).keys() == {"camera.tags", "nothing"}


def test_columns_within_columns_are_columns(tmp_path):
    nested = [{"age": 3, "where": {"x": 0.5, "box": [1, 2]}}, None, {"age": None, "where": None}]
    pq.write_table(table(3, about=nested), tmp_path / "a.parquet")
    dataset = load_dataset(tmp_path / "a.parquet")
    np.testing.assert_equal(dataset.metadata["about.age"], [3, np.nan, np.nan])
    np.testing.assert_equal(dataset.metadata["about.where.x"], [0.5, np.nan, np.nan])
    assert reasons_of(dataset).keys() == {"about.where.box"}


def test_sizes_of_an_arrow_files_columns_are_known_from_its_headers(tmp_path):
    rows = pa.table({"image": [b"\0" * 50_000] * 4, "site": ["x" * 100] * 4, "pair": [{"a": 1.5, "b": [2, 3]}] * 4})
    for compression in (None, "zstd"):
        path = write_arrow(tmp_path / "a.arrow", rows, compression)
        with pa.memory_map(str(path)) as mapped:
            stream = open_arrow(path, mapped)
            (sizes,) = stream.sizes
            assert stream.rows == [4]
            assert 200_000 <= sizes["image"] < 200_500
            assert 400 <= sizes["site"] < 600
            assert 4 * 24 <= sizes["pair"] < 400


def test_an_arrow_file_that_unpacks_to_far_more_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("latentlab.data.sources.arrow_stream._ALWAYS_ALLOWED", 0)
    path = write_arrow(tmp_path / "a.arrow", pa.table({"image": [b"\0" * 1_000_000] * 4}), "zstd", batch=1)
    monkeypatch.setattr("latentlab.data.sources.arrow_stream.ArrowStream", None)
    with pytest.raises(InputError, match=r"a\.arrow unpacks from .* to more than .*, which no images do"):
        load_dataset(path)


def test_more_rows_than_can_be_listed_are_refused(tmp_path, monkeypatch):
    pq.write_table(table(5), tmp_path / "a.parquet")
    monkeypatch.setattr("latentlab.data.sources.parquet.available_bytes", lambda: 900)
    with pytest.raises(InputError, match=r"a\.parquet announces 5 rows, too many"):
        load_dataset(tmp_path / "a.parquet")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4))
def test_no_damage_of_an_arrow_file_raises_anything_but_a_refusal(tmp_path, changes):
    path = write_arrow(tmp_path / "a.arrow", table(3, label=[1, 2, 3]), "zstd", batch=2)
    data = bytearray(path.read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    path.write_bytes(data)
    opened_or_refused(path)


def test_a_table_without_images_is_refused_with_its_columns(tmp_path):
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(
        InputError, match=r"a\.parquet has no column of images \(its columns: a \(int64\), b \(string\)\)"
    ):
        load_dataset(tmp_path / "a.parquet")


def test_a_row_group_that_does_not_fit_into_memory_is_left_out(tmp_path, monkeypatch):
    pq.write_table(table(2), tmp_path / "a.parquet")
    monkeypatch.setattr("latentlab.data.sources.parquet.available_bytes", lambda: 450)
    with pytest.raises(InputError, match="too large for the memory"):
        load_dataset(tmp_path / "a.parquet")


def test_row_groups_with_fewer_rows_than_announced_are_read_as_far_as_they_go(tmp_path, monkeypatch):
    pq.write_table(table(4, FEATURES, label=[1, 2, 0, 1], age=[1, 2, 3, 4]), tmp_path / "a.parquet")
    opened = parquet.opened_table

    @contextmanager
    def announces_more(path):
        with opened(path) as found:
            yield replace(found, rows=[6])

    monkeypatch.setattr(parquet, "opened_table", announces_more)
    dataset = load_dataset(tmp_path / "a.parquet")
    assert values_of(dataset) == [0, 1, 2, 3]
    assert reasons_of(dataset)["age"] == "damaged: 4 values in 6 rows"
    assert len(dataset.left_out) == 4


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
