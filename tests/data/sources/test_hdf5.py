from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.data.sources import hdf5
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


SHAPES = RANDOM.integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)


def factors_of_3d_shapes(count=12):
    values = [np.arange(10) / 10] * 3 + [np.linspace(0.75, 1.25, 8), np.arange(4.0), np.linspace(-30, 30, 15)]
    return np.stack([RANDOM.choice(each, count) for each in values], axis=1)


def test_3d_shapes_has_images_and_named_factors(tmp_path):
    factors = factors_of_3d_shapes()
    dataset = load_dataset(write(tmp_path / "3dshapes.h5", images=SHAPES, labels=factors))
    assert np.array_equal(dataset.images, SHAPES.transpose(0, 3, 1, 2))
    assert list(dataset.factors) == ["floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"]
    assert np.array_equal(dataset.factors["scale"], factors[:, 3])
    assert dataset.classes == ()
    assert dataset.paths[3] == "3dshapes.h5#3"


@pytest.mark.parametrize(
    ("images", "change"), [(IMAGES, 0.0), (SHAPES / 255, 0.0), (SHAPES, 0.01)], ids=["size", "type", "values"]
)
def test_other_factors_are_not_named_after_3d_shapes(tmp_path, images, change):
    dataset = load_dataset(write(tmp_path / "a.h5", images=images, labels=factors_of_3d_shapes() + change))
    assert list(dataset.factors) == [f"labels {number}" for number in range(6)]


@pytest.mark.parametrize(
    ("first", "second"), [("x_train", "x_test"), ("train__images", "test__images"), ("a__train__z", "a__test__z")]
)
def test_splits_are_read_with_what_belongs_to_them(tmp_path, first, second):
    arrays = {first: IMAGES[:8], second: IMAGES[8:], "site": np.arange(12.0) / 10}
    arrays |= {"train__label": np.arange(8) % 2, "test__label": np.ones(4, int), "train__angle": np.arange(8) / 7}
    dataset = load_dataset(write(tmp_path / "a.h5", **arrays))
    assert np.array_equal(dataset.images, IMAGES.transpose(0, 3, 1, 2))
    assert dataset.splits.tolist() == ["train"] * 8 + ["test"] * 4
    assert dataset.labels.tolist() == [0, 1] * 4 + [1] * 4
    assert dataset.metadata["site"].tolist() == (np.arange(12) / 10).tolist()
    assert np.isnan(dataset.metadata["angle"][8:]).all()
    assert dataset.metadata["angle"][7] == 1
    assert dataset.left_out == []
    assert len(load_dataset(tmp_path / "a.h5", DataConfig(limit=5))) == 5


def test_a_split_with_images_of_another_size_is_left_out(tmp_path):
    dataset = load_dataset(write(tmp_path / "a.h5", x_train=IMAGES, x_test=IMAGES[:, :10]))
    assert len(dataset) == 12
    assert dataset.splits is None
    assert reasons_of(dataset) == {"x_test": "its images have another size than the first ones"}


def test_an_array_is_chosen_by_its_name(tmp_path):
    path = write(tmp_path / "a.h5", images=IMAGES, more__masks=IMAGES[::-1])
    dataset = load_dataset(f"{path}:more/masks")
    assert np.array_equal(dataset.images, IMAGES[::-1].transpose(0, 3, 1, 2))
    assert dataset.source == f"{path}:more/masks"
    assert "adding :images to the file's name" in reasons_of(dataset)["images"]
    assert np.array_equal(load_dataset(dataset.source).images, dataset.images)
    assert not np.array_equal(load_dataset(path).images, dataset.images)
    with pytest.raises(InputError, match=r"a\.h5 has no array of numbers named gone \(it has images"):
        load_dataset(f"{path}:gone")


def test_text_of_variable_length_is_read(tmp_path):
    path = write(tmp_path / "a.h5", images=IMAGES)
    with h5py.File(path, "a") as file:
        file.create_dataset("label", data=["été", "cat"] * 6, dtype=h5py.string_dtype())
        file.create_dataset("site", data=["x" * 1000] + [""] * 11, dtype=h5py.string_dtype("ascii"))
    dataset = load_dataset(path)
    assert dataset.classes == ("cat", "été")
    assert dataset.labels.tolist() == [1, 0] * 6
    assert dataset.metadata["site"].tolist() == ["x" * 200] + [""] * 11


def test_texts_that_are_longer_than_the_file_are_left_out(tmp_path, monkeypatch):
    """Many entries may refer to one long text."""
    path = write(tmp_path / "a.h5", images=IMAGES)
    with h5py.File(path, "a") as file:
        file.create_dataset("label", data=["x" * 100_000] * 12, dtype=h5py.string_dtype())

    class OfSmallFile(hdf5.VariableTexts):
        def __init__(self, dataset, _size):
            super().__init__(dataset, 150_000)

    monkeypatch.setattr(hdf5, "VariableTexts", OfSmallFile)
    assert "texts of" in reasons_of(load_dataset(path))["label"]


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
