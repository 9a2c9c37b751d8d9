from __future__ import annotations

import zipfile

import numpy as np
import pytest

import latentlab
from latentlab.data import load_dataset
from latentlab.errors import InputError
from tests.data.helpers import encoded, grey, reasons_of, save, values_of


@pytest.fixture
def animals(tmp_path):
    for number in (1, 2):
        save(tmp_path / "cats" / f"{number}.png", grey(number))
        save(tmp_path / "dogs" / f"{number}.png", grey(10 + number))
    return tmp_path


def test_each_folder_is_a_class(animals):
    dataset = latentlab.load_dataset([animals / "cats", animals / "dogs"])
    assert dataset.classes == ("cats", "dogs")
    assert dataset.labels.tolist() == [0, 0, 1, 1]
    assert dataset.paths == ["cats/1.png", "cats/2.png", "dogs/1.png", "dogs/2.png"]
    assert values_of(dataset) == [1, 2, 11, 12]
    assert dataset.source == f"{animals}/cats|{animals}/dogs"
    assert load_dataset(dataset.source).fingerprint == dataset.fingerprint


def test_classes_are_joined_by_name_and_the_folder_becomes_a_column(tmp_path):
    for place, names in {"north": ("ant", "owl"), "south": ("owl", "bee")}.items():
        for name in names:
            save(tmp_path / place / name / "a.png")
    dataset = load_dataset([tmp_path / "north", tmp_path / "south"])
    assert dataset.classes == ("ant", "bee", "owl")
    assert [dataset.classes[label] for label in dataset.labels] == ["ant", "owl", "bee", "owl"]
    assert dataset.metadata["source"].tolist() == ["north", "north", "south", "south"]


def test_folders_archives_and_columns_are_mixed(animals):
    with zipfile.ZipFile(animals / "birds.zip", "w") as archive:
        archive.writestr("a.png", encoded(21))
        archive.writestr("bad.png", b"x")
    (animals / "cats" / "labels.csv").write_text("path,age,size\n1.png,3,7\n2.png,4,8\n")
    dataset = load_dataset([animals / "cats", animals / "birds.zip"])
    assert values_of(dataset) == [1, 2, 21]
    assert dataset.classes == ("cats", "birds")
    np.testing.assert_equal(dataset.metadata["age"], [3, 4, np.nan])
    assert list(reasons_of(dataset)) == ["birds/bad.png"]


def test_folders_of_one_name_stay_apart(tmp_path):
    save(tmp_path / "a" / "cats" / "1.png", grey(1))
    save(tmp_path / "b" / "cats" / "1.png", grey(2))
    dataset = load_dataset([tmp_path / "a" / "cats", tmp_path / "b" / "cats"])
    assert dataset.classes == ("cats", "cats (2)")
    assert dataset.paths == ["cats/1.png", "cats (2)/1.png"]


def test_an_array_or_an_empty_folder_among_several_is_refused(animals):
    np.save(animals / "a.npy", np.zeros((2, 8, 8), np.uint8))
    (animals / "empty").mkdir()
    with pytest.raises(InputError, match=r"a\.npy is an array of images, which cannot be combined"):
        load_dataset([animals / "cats", animals / "a.npy"])
    with pytest.raises(InputError, match=r"there are no images in .*empty"):
        load_dataset([animals / "cats", animals / "empty"])
    with pytest.raises(InputError, match="the list is empty"):
        load_dataset([])
