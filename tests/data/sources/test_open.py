"""The formats of dataset files are the same wherever they are named."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest

import latentlab
from latentlab.cli.parser import build_parser
from latentlab.data import open_dataset
from latentlab.data.sources.open import FILE_FORMATS
from latentlab.utils.file_formats import DATASET_FILTER, FILE_PATTERNS, FORMAT_NAMES


def test_every_format_that_is_read_has_file_names():
    assert [each.name for each in FILE_FORMATS] == list(FILE_PATTERNS)


@pytest.mark.parametrize("text", [open_dataset.__doc__, latentlab.load_dataset.__doc__, build_parser().description])
def test_texts_name_every_format(text):
    assert all(name in text for name in FILE_PATTERNS)


def test_names_are_part_of_a_sentence():
    assert FORMAT_NAMES == ".npz, .npy, .mat, IDX, Parquet, HDF5, video, zip or tar"


@pytest.mark.parametrize(
    "file",
    [
        "digits.npz",
        "train-images-idx3-ubyte",
        "train-images-idx3-ubyte.gz",
        "labels.csv",
        "metadata.jsonl",
        "a.mat",
        "a.zip",
        "s.tar.gz",
        "a.parquet",
    ],
)
def test_the_dialog_shows_dataset_files(file):
    patterns = DATASET_FILTER.split("(")[1].split(")")[0].split()
    assert any(fnmatch(file, pattern) for pattern in patterns)
