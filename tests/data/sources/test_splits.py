from __future__ import annotations

import numpy as np
import pytest

from latentlab.config import DataConfig, RunConfig, validated, with_settings
from latentlab.data import load_dataset, summary
from latentlab.data.sources.class_folders import class_folders, split_folders
from latentlab.errors import InputError
from tests.data.helpers import save


@pytest.mark.parametrize(
    ("folders", "splits", "classes"),
    [
        pytest.param(
            ["train/cat", "train/dog", "test/cat"], ["train", "train", "test"], ("cat", "dog"), id="ImageFolder"
        ),
        pytest.param(["data/Train", "data/VAL"], ["train", "validation"], (), id="shared level above"),
        pytest.param(
            ["train/images/a", "train/images/b", "test"], ["train", "train", "test"], ("a", "b"), id="flat test"
        ),
        pytest.param(["", "train/a", "test/b"], ["", "train", "test"], ("a", "b"), id="an image beside them"),
        pytest.param(["train", "test", "masks"], ["train", "test", ""], (), id="another folder beside them"),
        pytest.param(["train/x", "unlabeled/unlabeled"], ["train", "unlabeled"], (), id="unlabelled is no class"),
        pytest.param(["train", "plane"], None, ("plane", "train"), id="a class named train"),
        pytest.param(["cat/train", "dog/train"], None, ("cat", "dog"), id="below the classes"),
        pytest.param(["train/a", "train/b"], None, ("a", "b"), id="one split is none"),
        pytest.param(["cat", "dog"], None, ("cat", "dog"), id="none"),
    ],
)
def test_folders_that_are_splits(folders, splits, classes):
    counted = [(folder, 1) for folder in folders]
    found = split_folders(counted)
    assert (None if found is None else found.tolist()) == splits
    assert class_folders(counted)[1] == classes


@pytest.fixture
def folder(tmp_path):
    for path in ("train/cat/1.png", "train/dog/2.png", "val/cat/3.png", "test/dog/4.png", "unlabeled/x/5.png"):
        save(tmp_path / path)
    return tmp_path


def names(dataset, index):
    return sorted(dataset.paths[number][-5] for number in index)


def test_a_dataset_keeps_the_splits_of_its_data(folder):
    dataset = load_dataset(folder)
    training, validation = dataset.split()
    assert (names(dataset, training), names(dataset, validation)) == (["1", "2", "5"], ["3"])
    assert dataset.labels[dataset.paths.index("unlabeled/x/5.png")] == -1
    assert dataset.classes == ("cat", "dog")
    told = summary(dataset)
    assert told["splits"] == {"train": 2, "validation": 1, "test": 1, "unlabeled": 1}
    assert (told["training"], told["validation"]) == (3, 1)


def test_without_a_validation_split_the_test_split_is_held_out(folder):
    (folder / "val/cat/3.png").unlink()
    dataset = load_dataset(folder)
    assert [names(dataset, part) for part in dataset.split()] == [["1", "2", "5"], ["4"]]


def test_a_fraction_given_by_hand_overrides_the_splits(folder):
    dataset = load_dataset(folder, validated(DataConfig, {"validation": 0.4}))
    assert [len(part) for part in dataset.split()] == [3, 2]
    assert [len(part) for part in load_dataset(folder).split(0.4)] == [3, 2]
    config = with_settings(RunConfig(), ["data.validation=0.4"]).data
    assert (config.validation, config.split) == (0.4, "random")
    assert with_settings(RunConfig(), ["validation=0.4", "split=data"]).data.split == "data"
    assert RunConfig().data.split == "data"


def test_a_configuration_of_an_older_run_keeps_its_random_split(folder):
    older = RunConfig().data.model_dump()
    del older["split"]
    assert len(load_dataset(folder, validated(DataConfig, older)).split()[1]) == 1


def test_splits_follow_the_subset(folder):
    dataset = load_dataset(folder, DataConfig(classes=("dog",)))
    assert dataset.splits.tolist() == ["test", "train"]
    assert [len(part) for part in dataset.split()] == [1, 1]


def test_a_subset_without_both_parts_is_split_at_random(folder):
    dataset = load_dataset(folder).part("train")
    assert [len(part) for part in dataset.split()] == [1, 1]
    assert names(dataset, range(2)) == ["1", "2"]


def test_a_part_is_a_dataset_and_an_unknown_one_is_refused(folder):
    dataset = load_dataset(folder)
    part = dataset.part("test")
    assert (part.paths, part.labels.tolist()) == (["test/dog/4.png"], [1])
    assert part.fingerprint != dataset.fingerprint
    assert np.array_equal(part.images[0], dataset.images[dataset.paths.index("test/dog/4.png")])
    with pytest.raises(InputError, match="no split 'dev'"):
        dataset.part("dev")
