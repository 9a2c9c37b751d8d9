"""Search among images: what each kind of condition finds."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.data.image_search import SearchedImages, search_images
from latentlab.errors import InputError

IMAGES = SearchedImages(
    paths=["cats/Tom.png", "cats/felix.png", "dogs/rex.png", "dogs/Tom and Jerry.png"],
    labels=np.array([0, 0, 1, -1]),
    classes=("cat", "dog"),
    columns={
        "age": np.array([3.0, 7.5, np.nan, 7.5]),
        "Colour": np.array(["grey", "Black", "", "brown"]),
        "year=1": np.array([1, 2, 3, 4]),
    },
)


def found(text: str) -> list[int]:
    return np.concatenate(list(search_images(IMAGES, text))).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tom", [0, 3]),
        ("cat", [0, 1]),  # in the path and the class
        ("BLACK", [1]),
        ("nothing", []),
        ("age > 3", [1, 3]),
        ("age >= 3", [0, 1, 3]),
        ("AGE = 7.5", [1, 3]),
        ("age != 7.5", [0]),  # an unknown age is no other one
        ("age<5", [0]),
        ("age <= 3", [0]),
        ("class = dog", [2]),
        ("class != dog", [0, 1, 3]),
        ("class =", [3]),
        ("colour = grey", [0]),
        ("colour: r", [0, 3]),
        ('"year=1" > 2', [2, 3]),
        ("age > 3 and path: dogs", [3]),
        ('"Tom and"', [3]),
        ('path: "tom and" and age > 3', [3]),
        ('"age > 3"', []),
        ("a:b", []),
    ],
)
def test_conditions(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  ", "type what to search for"),
        ("size > 3", "there is no column 'size' .columns: age, Colour, year=1, class, path.*quotes"),
        ("colour > 3", "colour is text"),
        ("age = old", "column of numbers, and 'old' is none"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_sentence(text, message):
    with pytest.raises(InputError, match=message):
        found(text)


def test_images_without_names_are_found_by_class_alone():
    images = SearchedImages([], np.array([0, 1, -1]), ("cat", "dog"), {})
    assert np.concatenate(list(search_images(images, "dog"))).tolist() == [1]
    with pytest.raises(InputError, match="no column 'path'"):
        list(search_images(images, "path = x"))


def test_the_name_of_a_class_finds_this_class_alone():
    images = SearchedImages([f"t10k-idx3#{n}" for n in range(20)], np.arange(20) % 10, tuple("0123456789"), {})
    assert np.concatenate(list(search_images(images, "3"))).tolist() == [3, 13]
    assert np.concatenate(list(search_images(images, '"3"'))).tolist() == [3, 13], "names of images 3 and 13"
    assert np.concatenate(list(search_images(images, "#12"))).tolist() == [12]
    assert np.concatenate(list(search_images(images, "idx3"))).tolist() == []
    assert len(np.concatenate(list(search_images(images, "path: idx3")))) == 20


def test_the_name_of_one_of_several_arrays_is_searched():
    images = SearchedImages(["a.npy#0", "a.npy#1", "b.npy#0"], np.full(3, -1), (), {})
    assert np.concatenate(list(search_images(images, "a.npy"))).tolist() == [0, 1]


def test_many_images_are_searched_in_steps():
    count = 25_000
    images = SearchedImages([f"{n}.png" for n in range(count)], np.full(count, -1), (), {})
    steps = list(search_images(images, "99.png"))
    assert len(steps) == 3
    assert np.concatenate(steps).tolist() == [n for n in range(count) if "99.png" in f"{n}.png"]
