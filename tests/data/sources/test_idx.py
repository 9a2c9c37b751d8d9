from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.data import load_dataset
from latentlab.errors import InputError
from tests.data.helpers import idx_bytes, opened_or_refused, write_idx

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 9, 10), dtype=np.uint8)
LABELS = np.arange(12) % 3 + 4


@pytest.mark.parametrize("zipped", [False, True])
def test_labels_are_read_from_the_file_beside_the_images(tmp_path, zipped):
    dataset = load_dataset(write_idx(tmp_path, IMAGES, LABELS, zipped))
    assert (dataset.images[:, 0] == IMAGES).all()
    assert dataset.classes == ("4", "5", "6")
    assert (dataset.labels == np.arange(12) % 3).all()
    assert dataset.paths[1].endswith("#1")


def test_plain_images_find_gzipped_labels(tmp_path):
    path = write_idx(tmp_path, IMAGES)
    (tmp_path / "some-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(LABELS.astype(np.uint8))))
    assert load_dataset(path).classes == ("4", "5", "6")


def test_without_labels(tmp_path):
    dataset = load_dataset(write_idx(tmp_path, IMAGES))
    assert (dataset.labels == -1).all()
    assert dataset.classes == ()


def test_an_idx_file_is_known_by_its_content(tmp_path):
    path = write_idx(tmp_path, IMAGES).rename(tmp_path / "whatever")
    assert len(load_dataset(path)) == 12


@pytest.mark.parametrize(
    ("code", "dtype", "scale"), [(0x0B, ">i2", 1), (0x0C, ">i4", 1), (0x0D, ">f4", 1 / 255), (0x0E, ">f8", 1)]
)
def test_other_types_of_values(tmp_path, code, dtype, scale):
    (tmp_path / "a.idx").write_bytes(idx_bytes((IMAGES * scale).astype(dtype), code))
    assert (load_dataset(tmp_path / "a.idx").images[:, 0] == IMAGES).all()


def test_colour_images(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (5, 9, 10, 3), dtype=np.uint8)
    (tmp_path / "last.idx").write_bytes(idx_bytes(colours))
    (tmp_path / "first.idx").write_bytes(idx_bytes(np.ascontiguousarray(colours.transpose(0, 3, 1, 2))))
    for name in ("last.idx", "first.idx"):
        assert (load_dataset(tmp_path / name).images == colours.transpose(0, 3, 1, 2)).all()


def test_a_file_of_labels_is_refused_as_images(tmp_path):
    write_idx(tmp_path, IMAGES, LABELS)
    with pytest.raises(InputError, match="has labels; open the file of images"):
        load_dataset(tmp_path / "some-labels-idx1-ubyte")


def test_labels_that_do_not_belong_to_the_images_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"has 12 images, .* 5 labels"):
        load_dataset(write_idx(tmp_path, IMAGES, LABELS[:5]))


def test_a_large_plain_file_is_mapped(tmp_path, monkeypatch):
    monkeypatch.setattr("latentlab.data.sources.idx.MAP_THRESHOLD", 100)
    dataset = load_dataset(write_idx(tmp_path, IMAGES, LABELS))
    assert isinstance(dataset.images, np.memmap)
    assert (dataset.images[:, 0] == IMAGES).all()


def test_row_33_a_header_larger_than_the_file_is_refused_before_allocation(tmp_path):
    lie = bytes([0, 0, 8, 3]) + b"\x7f\xff\xff\xff" * 3 + b"some bytes"
    for name, data in (("a-images-idx3-ubyte", lie), ("b-images-idx3-ubyte.gz", gzip.compress(lie))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=r"announces|should have"):
            load_dataset(tmp_path / name)


@pytest.mark.parametrize("cut", [2, 6, 17, 500])
def test_row_33_cut_files(tmp_path, cut):
    path = write_idx(tmp_path, IMAGES)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError):
        load_dataset(path)


def test_row_33_a_damaged_gzip_stream(tmp_path):
    path = write_idx(tmp_path, IMAGES, zipped=True)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged|truncated"):
        load_dataset(path)


WHOLE = idx_bytes(IMAGES[:3])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.binary(max_size=20),
    offset=st.integers(0, len(WHOLE) - 1),
    length=st.integers(0, len(WHOLE)),
    zipped=st.booleans(),
)
def test_row_33_any_mutation_is_read_or_refused_in_a_sentence(tmp_path, start, offset, length, zipped):
    data = bytearray(WHOLE[:length])
    data[offset : offset + len(start)] = start
    path = tmp_path / "a-images-idx3-ubyte"
    path.write_bytes(gzip.compress(bytes(data)) if zipped else bytes(data))
    dataset = opened_or_refused(path)
    assert dataset is None or dataset.images.shape[2:] == (8, 8)
