from __future__ import annotations

import io
import mmap
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.errors import InputError
from tests.data.helpers import opened_or_refused

GREY = np.random.default_rng(0).integers(0, 256, (6, 9, 10), dtype=np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (6, 9, 10, 3), dtype=np.uint8)


@pytest.fixture(params=["npy", "npz", "compressed npz"])
def write(request, tmp_path):
    def write(array, **others):
        if request.param == "npy":
            np.save(tmp_path / "a.npy", array)
            return tmp_path / "a.npy"
        pack = np.savez if request.param == "npz" else np.savez_compressed
        pack(tmp_path / "a.npz", images=array, **others)
        return tmp_path / "a.npz"

    return write


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        pytest.param(GREY, GREY[:, None], id="NHW"),
        pytest.param(GREY[..., None], GREY[:, None], id="NHW1"),
        pytest.param(GREY[:, None], GREY[:, None], id="N1HW"),
        pytest.param(RGB, RGB.transpose(0, 3, 1, 2), id="NHWC"),
        pytest.param(RGB.transpose(0, 3, 1, 2), RGB.transpose(0, 3, 1, 2), id="NCHW"),
        pytest.param(RGB[0], RGB[:1].transpose(0, 3, 1, 2), id="HWC"),
        pytest.param(GREY[:, :9, :9].reshape(6, 81), GREY[:, None, :9, :9], id="flattened squares"),
        pytest.param(np.asfortranarray(RGB), RGB.transpose(0, 3, 1, 2), id="Fortran order"),
        pytest.param(np.stack([GREY] * 3, axis=3), GREY[:, None], id="grey in three channels"),
        pytest.param(GREY > 99, np.where(GREY > 99, 255, 0)[:, None], id="bool"),
        pytest.param((GREY > 99).astype(np.uint8), np.where(GREY > 99, 255, 0)[:, None], id="0 and 1"),
        pytest.param(GREY.astype(np.uint16) * 257, GREY[:, None], id="uint16"),
        pytest.param((GREY.astype(">u2") * 257).astype(">u2"), GREY[:, None], id="big-endian uint16"),
        pytest.param(GREY.astype(np.int64), GREY[:, None], id="int64"),
        pytest.param(GREY / 255, GREY[:, None], id="float64 0-1"),
        pytest.param((GREY / 255).astype(np.float16), GREY[:, None], id="float16 0-1"),
        pytest.param(GREY.astype(np.float32), GREY[:, None], id="float32 0-255"),
        pytest.param(GREY / 127.5 - 1, GREY[:, None], id="float -1-1"),
    ],
)
def test_layouts_and_depths(write, array, expected):
    dataset = load_dataset(write(array))
    assert dataset.images.dtype == np.uint8
    assert dataset.images.shape == expected.shape
    assert np.abs(dataset.images.astype(int) - expected).max() <= (array.dtype == np.float16)


def test_alpha_is_composited(tmp_path):
    clear = np.zeros((1, 8, 8, 4), dtype=np.uint8)
    clear[:, 4:] = (10, 200, 30, 255)
    np.save(tmp_path / "a.npy", clear)
    assert load_dataset(tmp_path / "a.npy").images[0, :, [0, 7], 0].tolist() == [[255] * 3, [10, 200, 30]]


def test_labels_and_further_columns_of_npz(tmp_path):
    np.savez(
        tmp_path / "a.npz",
        x=GREY,
        Y=np.array(list("badbad")),
        age=np.arange(6.0),
        site=np.array(list("uvwuvw")),
        other=np.zeros((2, 2)),
    )
    dataset = load_dataset(tmp_path / "a.npz", DataConfig(classes=("d", "b")))
    assert dataset.classes == ("b", "d")
    assert dataset.labels.tolist() == [0, 1, 0, 1]
    assert dataset.metadata["age"].tolist() == [0, 2, 3, 5]
    assert dataset.metadata["site"].tolist() == ["u", "w", "u", "w"]


def test_a_single_array_of_images_is_found_by_its_shape(tmp_path):
    np.savez(tmp_path / "a.npz", faces=RGB, identity=np.arange(6))
    assert len(load_dataset(tmp_path / "a.npz")) == 6


def test_an_npz_without_images_is_refused_with_its_content(tmp_path):
    np.savez(tmp_path / "a.npz", one=np.zeros(3), two=np.zeros((4, 4)))
    with pytest.raises(InputError, match=r"it has one \(3,\), two \(4, 4\)"):
        load_dataset(tmp_path / "a.npz")


def test_a_npy_file_is_mapped_not_read(tmp_path):
    np.save(tmp_path / "a.npy", RGB.transpose(0, 3, 1, 2))
    dataset = load_dataset(tmp_path / "a.npy")
    assert isinstance(dataset.images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0] = 0  # nobody's mistake reaches the file


def test_a_large_npz_that_is_not_compressed_is_mapped(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", labels=np.arange(6), images=RGB.transpose(0, 3, 1, 2))
    monkeypatch.setattr("latentlab.data.sources.npy.MAP_THRESHOLD", 100)
    dataset = load_dataset(tmp_path / "a.npz")
    assert isinstance(dataset.images, np.memmap)
    assert np.array_equal(dataset.images, RGB.transpose(0, 3, 1, 2))
    assert dataset.labels.tolist() == list(range(6))


def test_a_large_subset_of_a_mapped_file_is_mapped_too(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", RGB)
    monkeypatch.setattr("latentlab.data.sources.array_dataset.MAP_THRESHOLD", 100)
    monkeypatch.setattr("latentlab.data.loading.image_buffer._IN_MEMORY", 100)
    dataset = load_dataset(tmp_path / "a.npy", DataConfig(limit=3, seed=1))
    rows = [int(path.partition("#")[2]) for path in dataset.paths]
    assert isinstance(dataset.images, np.memmap)
    assert np.array_equal(dataset.images, RGB[rows].transpose(0, 3, 1, 2))


def test_an_array_that_unpacks_to_more_than_the_memory_is_refused(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", images=GREY)
    monkeypatch.setattr("latentlab.data.loading.read_bytes.available_bytes", lambda: 100)
    with pytest.raises(InputError, match="more than the limit of 50 bytes"):
        load_dataset(tmp_path / "a.npz")


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_row_33_objects_are_refused_and_nothing_runs(tmp_path):
    hostile = np.array([Payload(str(tmp_path / "ran"))], dtype=object)
    np.save(tmp_path / "a.npy", hostile)
    np.savez(tmp_path / "a.npz", images=hostile)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Payload(str(tmp_path / "ran"))))
    for name, why in (("a.npy", "Python objects"), ("a.npz", "no array that can be read"), ("b.npy", "damaged")):
        with pytest.raises(InputError, match=why):
            load_dataset(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def lying_header(shape) -> bytes:
    buffer = io.BytesIO()
    npy.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue() + b"few"


def test_row_33_a_shape_that_the_file_cannot_hold_is_refused_before_allocation(tmp_path):
    lie = lying_header((1 << 40, 64, 64))
    (tmp_path / "a.npy").write_bytes(lie)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", lie)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(InputError, match=r"announces|should have"):
            load_dataset(tmp_path / name)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize("data", [b"", b"PK\x03\x04not really", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x09\x00" + b" " * 99])
def test_row_33_damaged_files(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=rf"^{name}\b.* (damaged|unknown version|not an)[^\n]*$"):
        load_dataset(tmp_path / name)


def test_a_file_that_is_no_npz_is_refused_in_plain_words(tmp_path):
    (tmp_path / "a.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"^a\.npz is damaged or not an \.npz file$"):
        load_dataset(tmp_path / "a.npz")


def test_row_33_a_flipped_byte_in_an_npz_is_found(tmp_path):
    np.savez(tmp_path / "a.npz", images=GREY)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        load_dataset(tmp_path / "a.npz")


SHAPES = st.lists(st.integers(-3, 40), max_size=5).map(tuple)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.one_of(
        st.builds(lambda shape, descr: repr({"descr": descr, "fortran_order": False, "shape": shape}), SHAPES,
                  st.sampled_from(["|u1", "<f4", "|O", "<c8", "<U3", "|V3", "nonsense", "<M8[s]"])),
        st.text(max_size=60),
    ),
    body=st.binary(max_size=400),
    packed=st.booleans(),
)  # fmt: skip
def test_row_33_any_header_is_read_or_refused_in_a_sentence(tmp_path, header, body, packed):
    text = header.encode("latin1", "replace") + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body
    path = tmp_path / ("a.npz" if packed else "a.npy")
    if packed:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("images.npy", data)
    else:
        path.write_bytes(data)
    dataset = opened_or_refused(path)
    assert dataset is None or dataset.images.shape[2:] == (8, 8)


def test_row_33_an_array_without_a_finite_number_is_refused(tmp_path):
    np.save(tmp_path / "nan.npy", np.full((10, 8, 8), np.nan))
    with pytest.raises(InputError, match="no finite number"):
        load_dataset(tmp_path / "nan.npy")


LARGER = """
import resource, sys
import numpy as np
from latentlab.config import DataConfig
from latentlab.data import load_dataset, summary
allowed = 1 << 30
resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
dataset = load_dataset(sys.argv[1], DataConfig(channels=3))
assert dataset.images.nbytes > 40 * allowed, dataset
assert dataset.images[::5000].shape == (50, 3, 256, 256)
assert dataset.images[0].max() == 255
training, validation = dataset.split()
assert dataset.images[training[-32:]].shape == (32, 3, 256, 256)
print(summary(dataset)["images"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA is Linux's")
def test_a_dataset_larger_than_the_memory_is_memory_mapped(tmp_path):
    shape = (250_000, 3, 256, 256)  # 49 GB, of which the file system stores a page or two
    with (tmp_path / "a.npy").open("wb") as file:
        npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        start = file.tell()
        file.write(bytes([255, 3]))  # bright: the range is found without reading many images
        file.truncate(start + int(np.prod(shape, dtype=object)))
    done = subprocess.run(
        [sys.executable, "-c", LARGER, str(tmp_path / "a.npy")], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "250000", done.stderr[-2000:]


@pytest.mark.skipif(not hasattr(mmap, "MADV_RANDOM"), reason="no madvise here")
def test_rows_of_a_large_map_are_read_without_readahead(tmp_path, monkeypatch):
    advice = []

    class Noted(mmap.mmap):
        def madvise(self, option, *rest):
            advice.append(option)
            return super().madvise(option, *rest)

    monkeypatch.setattr(mmap, "mmap", Noted)
    np.save(tmp_path / "a.npy", RGB.transpose(0, 3, 1, 2))
    load_dataset(tmp_path / "a.npy")
    assert advice == []
    monkeypatch.setattr("latentlab.data.loading.read_bytes.total_memory", lambda: RGB.nbytes)
    load_dataset(tmp_path / "a.npy")
    assert advice == [mmap.MADV_RANDOM]
