"""Classes cross from a dataset to a model by name."""

import numpy as np
import pytest

from latentlab.data import load_dataset
from latentlab.data.match_classes import match_classes, with_folder_classes
from tests.data.helpers import grey, save


@pytest.mark.parametrize(
    ("classes", "model", "expected", "said"),
    [
        (("cat", "dog"), ("cat", "dog"), [0, 1, -1], "1 image without a class"),
        (("cat", "dog"), ("dog", "cat"), [1, 0, -1], "1 image without a class"),
        (("bird", "dog"), ("cat", "dog"), [-1, 1, -1], "does not know the class bird: it takes 1 image as unlabelled"),
        (("0", "1"), ("one", "two"), [-1, -1, -1], "does not know the classes 0, 1: it takes 2 images"),
    ],
)
def test_by_name_and_never_by_number(classes, model, expected, said):
    matched = match_classes(np.array([0, 1, -1]), classes, model)
    assert matched.labels.tolist() == expected
    assert said in matched.sentence


def test_nothing_is_said_when_all_is_known():
    matched = match_classes(np.array([1, 0]), ("a", "b"), ("b", "a", "c"))
    assert matched.labels.tolist() == [0, 1]
    assert matched.sentence == ""


def test_one_folder_is_a_class_that_the_model_knows_by_name(tmp_path):
    for number in range(2):
        save(tmp_path / "dog" / f"{number}.png", grey(90 * number, (8, 8)))
    dataset = load_dataset(tmp_path)
    assert dataset.classes == ()
    known = with_folder_classes(dataset, ("cat", "dog"))
    assert (known.classes, known.labels.tolist()) == (("dog",), [0, 0])
    assert with_folder_classes(dataset, ("cat", "bird")) is dataset
