from __future__ import annotations

import numpy as np
import pytest

from latentlab.data.sources.values import (
    column_of_texts,
    meaning_of_matrix,
    meaning_of_numbers,
    meaning_of_texts,
)


def meaning_of(cells: list[str]):
    distinct = list(dict.fromkeys(cell for cell in cells if cell))
    return meaning_of_texts("label", distinct, np.array([distinct.index(cell) if cell else -1 for cell in cells]))


def column(cells: list[str], **options):
    distinct = list(dict.fromkeys(cell for cell in cells if cell))
    codes = np.array([distinct.index(cell) if cell else -1 for cell in cells])
    return column_of_texts(distinct, codes, **options)


@pytest.mark.parametrize(
    ("values", "labels", "classes"),
    [
        pytest.param(np.array([3, 1, 3]), [1, 0, 1], ("1", "3"), id="whole numbers"),
        pytest.param(np.array([2.0, 0.0, np.nan]), [1, 0, -1], ("0", "2"), id="NaN is unknown"),
        pytest.param(np.array([-1, 0, 7]), [-1, 0, 1], ("0", "7"), id="-1 is unknown"),
        pytest.param(np.array([-2, -1, 0]), [0, 1, 2], ("-2", "-1", "0"), id="negative numbers are classes"),
        pytest.param(np.array([True, False]), [1, 0], ("False", "True"), id="booleans"),
        pytest.param(np.array([0.5, 1.5, 0.5, 1.5]), [0, 1, 0, 1], ("0.5", "1.5"), id="few real numbers"),
        pytest.param(np.arange(20), list(range(20)), tuple(map(str, range(20))), id="as many as images, but few"),
    ],
)
def test_numbers_that_are_classes(values, labels, classes):
    found = meaning_of_numbers("y", values)
    assert found.labels.tolist() == labels
    assert (found.classes, found.note) == (classes, "")


@pytest.mark.parametrize("values", [np.arange(30) / 7, np.arange(30), np.repeat(np.arange(1001), 2)])
def test_numbers_that_are_values_to_colour_by(values):
    found = meaning_of_numbers("age", values)
    assert found.labels is None
    assert np.array_equal(found.columns["age"], values)
    assert found.note.startswith("age has ")


@pytest.mark.parametrize(
    ("cells", "labels", "classes"),
    [
        (["dog", "cat", "", "nan"], [1, 0, -1, -1], ("cat", "dog")),
        (["10", "9", "-1"], [1, 0, -1], ("9", "10")),
        (["010", "9", "-1"], [1, 0, 2], ("9", "010", "-1")),
        (["1.0", "2.0"], [0, 1], ("1", "2")),
    ],
)
def test_texts_that_are_classes(cells, labels, classes):
    found = meaning_of(cells)
    assert (found.labels.tolist(), found.classes) == (labels, classes)


@pytest.mark.parametrize(
    "cells", [["cat|dog", "dog", ""], ["['cat', 'dog']", "[dog]", ""], ['["cat","dog"]', '["dog"]', ""]]
)
def test_several_labels_an_image_are_columns(cells):
    found = meaning_of(cells)
    assert found.labels is None
    np.testing.assert_array_equal(found.columns["label: cat"], [1, 0, np.nan])
    np.testing.assert_array_equal(found.columns["label: dog"], [1, 1, np.nan])
    assert "several labels" in found.note


def test_too_many_labels_an_image_are_left_out():
    found = meaning_of(["|".join(map(str, range(300))), "1|2"])
    assert [(each.path, each.kind) for each in found.left_out] == [("label", "column")]


def test_one_hot_and_multi_hot():
    one_hot = meaning_of_matrix("y", np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]), ("a", "b", "c"))
    assert (one_hot.labels.tolist(), one_hot.classes) == ([1, 0, -1], ("a", "b", "c"))
    multi_hot = meaning_of_matrix("y", np.array([[1, 1], [0, 1]]), ("a", "b"))
    assert multi_hot.labels is None
    assert multi_hot.columns["y: a"].tolist() == [1, 0]
    assert "each is a column" in multi_hot.note


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "2.5e1", "", "nan"], [1, 25, np.nan, np.nan]),
        (["2021-01-01", "2021-07-02 12:00", "2020/12/31T24:00"], None),
        (["2021-01-01", "2021-07-02T12:00:00Z", "2021-07-02 14:00+02:00"], [2021, 2021.5, 2021.5]),
        (["2020:01:01 00:00:00"], [2020]),
        (["007", "1"], None),
        (["1_000", "2"], None),
        (["1,5"], None),
    ],
)
def test_columns_are_numbers_dates_or_text(cells, values):
    found = column(cells)
    if values is None:
        assert found.tolist() == cells
    else:
        np.testing.assert_allclose(found, values)


def test_a_decimal_comma_where_it_cannot_be_a_delimiter():
    assert column(["1,5", "2"], comma_is_point=True).tolist() == [1.5, 2]
