"""Selections are of images, whatever points encode them."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.engine.protocol.messages import PointsChanged
from latentlab.state.selection import Selection, SelectMode, inverted, selection_of_rows


def points(count: int = 6, index: list[int] | None = None, fingerprint: str = "a") -> PointsChanged:
    mean = np.zeros((count, 2), np.float32)
    return PointsChanged(
        1, mean, mean, np.zeros(count, np.int64), (), None, fingerprint=fingerprint,
        index=None if index is None else np.array(index, np.int64),
    )  # fmt: skip


def selection(*images: int, fingerprint: str = "a", description: str = "") -> Selection:
    return Selection(np.array(images, np.int64), fingerprint, description)


def test_a_selection_of_rows_names_their_images_in_ascending_order():
    chosen = selection_of_rows(points(3, index=[7, 2, 5]), np.array([1, 0, 0]), "lasso")
    assert chosen.images.tolist() == [2, 7]
    assert chosen.description == "lasso"


def test_other_points_of_the_same_dataset_show_the_same_images():
    chosen = selection_of_rows(points(3, index=[7, 2, 5]), np.array([0, 2]), "")
    assert chosen.rows(points(8)).tolist() == [5, 7]
    assert chosen.rows(points(2, index=[5, 9])).tolist() == [0]
    assert chosen.rows(points(8, fingerprint="b")).tolist() == []


@pytest.mark.parametrize(
    ("mode", "images"),
    [(SelectMode.REPLACE, [2, 3]), (SelectMode.ADD, [1, 2, 3]), (SelectMode.SUBTRACT, [1])],
)
def test_a_selection_is_replaced_extended_or_reduced(mode, images):
    assert selection(1, 2).combined(selection(2, 3), mode).images.tolist() == images


def test_a_selection_of_another_dataset_counts_for_nothing():
    before = selection(1, 2, fingerprint="b")
    assert before.combined(selection(4), SelectMode.ADD) == selection(4)
    assert before.combined(selection(4), SelectMode.SUBTRACT) == selection()


def test_what_was_combined_is_described():
    before, other = selection(1, description="class 3"), selection(2, description="lasso")
    assert before.combined(other, SelectMode.ADD).description == "class 3 + lasso"
    assert before.combined(other, SelectMode.SUBTRACT).description == "class 3 − lasso"
    assert before.combined(other, SelectMode.REPLACE).description == "lasso"
    for _ in range(60):
        before = before.combined(other, SelectMode.ADD)
    assert before.description.startswith("… ")
    assert before.description.endswith("lasso + lasso")
    assert len(before.description) <= 200


def test_inverting_selects_the_other_points():
    where = points(4, index=[3, 1, 8, 5])
    assert inverted(selection(1, 8), where).images.tolist() == [3, 5]
    assert inverted(inverted(selection(1, 8), where), where) == selection(1, 8)


@pytest.mark.parametrize(
    ("description", "is_by_place"),
    [
        ("lasso", True),
        ("box", True),
        ("class 3 + lasso", True),
        ("lasso − box", True),
        ("not (class 3 − box)", True),
        ("class 3", False),
        ("class lasso", False),
        ("click", False),
        ("", False),
    ],
)
def test_whether_it_was_drawn_on_the_map(description, is_by_place):
    assert selection(1, description=description).is_by_place == is_by_place
