"""The formats of dataset files are the same wherever they are named."""

from __future__ import annotations

import os
from fnmatch import fnmatch

import pytest

import latentlab
from latentlab.cli.parser import build_parser
from latentlab.data import load_dataset, open_dataset
from latentlab.data.sources.open import FILE_FORMATS
from latentlab.errors import InputError
from latentlab.utils.file_formats import DATASET_FILTER, FILE_PATTERNS, FORMAT_NAMES


def test_every_format_that_is_read_has_file_names():
    assert [each.name for each in FILE_FORMATS] == list(FILE_PATTERNS)


@pytest.mark.parametrize("text", [open_dataset.__doc__, latentlab.load_dataset.__doc__, build_parser().description])
def test_texts_name_every_format(text):
    assert all(name in text for name in FILE_PATTERNS)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
@pytest.mark.parametrize("name", ["pipe", "pipe.csv", "pipe.npz", "pipe.txt"])
def test_a_pipe_is_refused_instead_of_waited_for(name, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=f"cannot read .*{name}: it is neither a regular file nor a folder"):
        load_dataset(tmp_path / name)


@pytest.mark.parametrize("source", ["", " ", ["a", ""], []])
def test_an_empty_name_is_refused(source):
    with pytest.raises(InputError, match="there is no source"):
        load_dataset(source)


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
