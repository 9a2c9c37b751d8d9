from __future__ import annotations

import sys

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.data import load_dataset
from latentlab.errors import InputError
from tests.data.helpers import opened_or_refused

scipy_io = pytest.importorskip("scipy.io")

COLOUR = np.random.default_rng(0).integers(0, 256, (9, 8, 3, 12), dtype=np.uint8)  # as SVHN: H×W×C×N
LABELS = np.arange(12)[:, None] % 3 + 1.0


def test_svhn_as_matlab_5(tmp_path):
    cells = np.empty((1, 2), dtype=object)
    cells[0] = "one", "two"
    scipy_io.savemat(tmp_path / "train_32x32.mat", {"X": COLOUR, "y": LABELS, "names": cells})
    dataset = load_dataset(tmp_path / "train_32x32.mat")
    assert np.array_equal(dataset.images, COLOUR.transpose(3, 2, 0, 1))
    assert dataset.classes == ("1", "2", "3")
    assert dataset.labels.tolist() == [0, 1, 2] * 4
    assert [(each.path, each.kind) for each in dataset.left_out] == [("names", "array")]


def test_matlab_7_3_reverses_its_axes(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array, kind in (("X", COLOUR, b"uint8"), ("y", LABELS, b"double")):
            file.create_dataset(name, data=array.T).attrs["MATLAB_class"] = np.bytes_(kind)
        file.create_group("#refs#")
        file.create_group("info").attrs["MATLAB_class"] = np.bytes_(b"struct")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    dataset = load_dataset(path)
    assert np.array_equal(dataset.images, COLOUR.transpose(3, 2, 0, 1))
    assert dataset.labels.tolist() == [0, 1, 2] * 4
    assert [each.path for each in dataset.left_out] == ["info"]


def test_an_array_can_be_chosen(tmp_path):
    scipy_io.savemat(tmp_path / "a.mat", {"X": COLOUR, "masks": COLOUR[:, :, 0].transpose(2, 0, 1)})
    assert load_dataset(f"{tmp_path / 'a.mat'}:masks").image_shape == (1, 9, 8)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(InputError, match=r"a\.mat needs scipy to be read: pip install"):
        load_dataset(tmp_path / "a.mat")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_row_33_a_damaged_file_is_read_or_refused_in_a_sentence(tmp_path, data):
    path = tmp_path / "a.mat"
    scipy_io.savemat(path, {"X": COLOUR, "y": LABELS}, do_compression=data.draw(st.booleans()))
    damaged = bytearray(path.read_bytes())
    for position in data.draw(st.lists(st.integers(0, min(len(damaged) - 1, 400)), min_size=1, max_size=4)):
        damaged[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(damaged[: data.draw(st.integers(1, len(damaged)))])
    opened_or_refused(path)
