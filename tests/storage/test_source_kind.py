"""What is opened is remembered so that it is found again."""

from pathlib import Path

import numpy as np
import pytest

from latentlab.data import load_dataset
from latentlab.utils.source_names import absolute_source


@pytest.mark.parametrize("name", ["bundled:mnist-2d", "demo:shapes", "torchvision:MNIST"])
def test_names_stay_as_they_are(name):
    assert absolute_source(name) == name


def test_paths_are_made_absolute(tmp_path: Path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    assert absolute_source("photos") == str(tmp_path / "here" / "photos")
    assert absolute_source("../linked") == str(tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    assert absolute_source("linked") == str(tmp_path / "linked"), "a link keeps the name that the user knows"


def test_the_source_of_a_dataset_has_no_parent_references(tmp_path: Path, monkeypatch):
    (tmp_path / "here").mkdir()
    np.save(tmp_path / "images.npy", np.zeros((4, 8, 8), np.uint8))
    monkeypatch.chdir(tmp_path / "here")
    assert load_dataset("../images.npy").source == str(tmp_path / "images.npy")
