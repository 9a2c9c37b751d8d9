from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.errors import InputError
from tests.data.helpers import opened_or_refused, reasons_of

h5py = pytest.importorskip("h5py")

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)


def write(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            options = (
                {"chunks": (min(5, len(values)), *values.shape[1:]), "compression": "gzip"} if values.ndim > 2 else {}
            )
            file.create_dataset(name.replace("__", "/"), data=values, **options)
    return path


def test_3d_shapes_has_images_and_named_factors(tmp_path):
    factors = RANDOM.random((12, 6))
    dataset = load_dataset(write(tmp_path / "3dshapes.h5", images=IMAGES, labels=factors))
    assert np.array_equal(dataset.images, IMAGES.transpose(0, 3, 1, 2))
    assert list(dataset.factors) == ["floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"]
    assert np.array_equal(dataset.factors["scale"], factors[:, 3])
    assert dataset.classes == ()
    assert dataset.paths[3] == "3dshapes.h5#3"


def test_labels_and_columns_are_read_and_the_rest_is_left_out(tmp_path):
    path = write(
        tmp_path / "a.h5",
        train__x=IMAGES.transpose(0, 3, 1, 2),
        train__label=np.arange(12) % 3,
        train__angle=np.linspace(0, 1, 12),
        train__other=np.zeros((4, 4)),
        train__site=np.array([b"north", b"south"] * 6),
    )
    with h5py.File(path, "a") as file:
        file["table"] = np.zeros(12, dtype=[("a", "f4")])
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/x")
    dataset = load_dataset(path)
    assert np.array_equal(dataset.images, IMAGES.transpose(0, 3, 1, 2))
    assert dataset.classes == ("0", "1", "2")
    assert dataset.metadata.keys() == {"train/angle", "train/site"}
    assert dataset.metadata["train/site"].tolist()[:2] == ["north", "south"]
    assert reasons_of(dataset).keys() == {"train/other", "table"}
    assert {each.kind for each in dataset.left_out} == {"array"}


@pytest.mark.parametrize("images", [IMAGES[..., 0], IMAGES[..., :1], IMAGES[..., 0] / np.float32(255)])
def test_every_layout_is_read_as_an_array_is(tmp_path, images):
    dataset = load_dataset(write(tmp_path / "a.h5", images=images))
    assert np.array_equal(dataset.images, IMAGES[:, None, :, :, 0])


def test_a_subset_is_read_by_its_rows_and_comes_from_the_cache_later(tmp_path):
    path = write(tmp_path / "a.h5", images=IMAGES, label=np.arange(12))
    dataset = load_dataset(path, DataConfig(limit=4))
    rows = [int(name.partition("#")[2]) for name in dataset.paths]
    assert np.array_equal(dataset.images, IMAGES[rows].transpose(0, 3, 1, 2))
    assert np.array_equal(load_dataset(path, DataConfig(limit=4)).images, dataset.images)


def test_an_array_that_announces_more_than_it_holds_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("images", shape=(10**9, 64, 64), dtype="u1", chunks=(1, 64, 64))
    with pytest.raises(InputError, match=r"a\.h5: images announces .* and holds 0 bytes"):
        load_dataset(path)


def test_an_array_in_pieces_too_large_for_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("latentlab.data.sources.lazy_array._ALWAYS_ALLOWED", 0)
    monkeypatch.setattr("latentlab.data.sources.lazy_array.available_bytes", lambda: 800)
    with pytest.raises(InputError, match="is stored in pieces of"):
        load_dataset(write(tmp_path / "a.h5", images=IMAGES))


def test_a_file_without_one_array_of_images_is_refused(tmp_path):
    with pytest.raises(InputError, match="not exactly one of 3 or 4 dimensions"):
        load_dataset(write(tmp_path / "a.h5", a=IMAGES, b=IMAGES))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(8, 4000), st.integers(0, 255)), min_size=1, max_size=4))
def test_no_damage_raises_anything_but_a_refusal(tmp_path, changes):
    path = write(tmp_path / "a.h5", images=IMAGES[:2], label=np.arange(2))
    data = bytearray(path.read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    path.write_bytes(data)
    opened_or_refused(path)
