from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentlab.data import load_dataset
from latentlab.errors import InputError
from tests.data.helpers import opened_or_refused, save

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 784))


def write(path, header, rows):
    path.write_text("\n".join([*header, *rows]) + "\n")
    return path


def joined(values, separator=","):
    return separator.join(map(str, values))


@pytest.mark.parametrize(
    ("header", "before"),
    [
        pytest.param(["label," + joined(f"pixel{n}" for n in range(784))], True, id="Kaggle"),
        pytest.param(["label," + joined(f"{n // 28 + 1}x{n % 28 + 1}" for n in range(784))], True, id="MNIST in CSV"),
        pytest.param([], True, id="without names"),
        pytest.param([], False, id="pixels only"),
        pytest.param([joined(f"pixel{n}" for n in range(784))], False, id="Kaggle's test"),
    ],
)
def test_an_image_a_row(tmp_path, header, before):
    rows = [(f"{number % 2}," if before else "") + joined(row) for number, row in enumerate(PIXELS)]
    dataset = load_dataset(write(tmp_path / "train.csv", header, rows))
    assert np.array_equal(dataset.images, PIXELS.reshape(5, 1, 28, 28))
    assert dataset.labels.tolist() == ([0, 1, 0, 1, 0] if before else [-1] * 5)
    assert dataset.left_out == []


def test_fer2013_has_its_pixels_in_one_column_and_splits(tmp_path):
    rows = [
        f"{n},{joined(PIXELS[n], ' ')},{usage}" for n, usage in enumerate(("Training", "PublicTest", "PrivateTest"))
    ]
    dataset = load_dataset(write(tmp_path / "fer.csv", ["emotion,pixels,Usage"], rows))
    assert np.array_equal(dataset.images, PIXELS[:3].reshape(3, 1, 28, 28))
    assert dataset.splits.tolist() == ["train", "validation", "test"]
    assert dataset.classes == ("0", "1", "2")


def test_real_numbers_and_further_columns(tmp_path):
    rows = [f"{n / 3},{joined(row / 255)}" for n, row in enumerate(PIXELS)]
    dataset = load_dataset(write(tmp_path / "a.csv", ["age," + joined(f"p{n}" for n in range(784))], rows))
    assert np.abs(dataset.images[:, 0].reshape(5, 784).astype(int) - PIXELS).max() <= 1
    assert dataset.metadata["age"][1] == pytest.approx(1 / 3)


def test_further_columns_of_image_files_are_no_pixels(tmp_path):
    save(tmp_path / "a.png")
    header = ["file," + joined(f"x{n}" for n in range(100))]
    dataset = load_dataset(write(tmp_path / "features.csv", header, ["a.png," + joined(range(100))]))
    assert dataset.paths == ["a.png"]
    assert len(dataset.metadata) == 100


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([joined(range(784)), joined(range(783))], "row 2 has 783 columns, the first 784"),
        ([joined([*range(783), "x"])], "could not convert"),
        ([], "has no rows"),
    ],
)
def test_row_33_a_damaged_table_is_refused(tmp_path, rows, message):
    header = [joined(f"pixel{n}" for n in range(784))]
    with pytest.raises(InputError, match=message):
        load_dataset(write(tmp_path / "a.csv", header, rows))


def test_pixels_that_are_no_square_are_refused(tmp_path):
    with pytest.raises(InputError, match="80 pixels a row, which is not a square image"):
        load_dataset(write(tmp_path / "a.csv", [joined(f"pixel{n}" for n in range(80))], [joined(range(80))]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.lists(
        st.sampled_from(["label", "pixel1", "x2", "7", "", "split", '"', "1e999"]), min_size=60, max_size=70
    ),
    rows=st.lists(st.sampled_from(["1", "nan", "", "x", "-inf"]).map(lambda cell: ",".join([cell] * 64)), max_size=2),
)
def test_row_33_any_table_of_pixels_is_read_or_refused_in_a_sentence(tmp_path, header, rows):
    opened_or_refused(write(tmp_path / "a.csv", [",".join(header)], rows))
