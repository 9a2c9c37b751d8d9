"""A small dataset on disk and a run on it, made by the commands themselves."""

import numpy as np
import pytest

from latentlab.cli import main
from tests.training.helpers import bars

SMALL = ("--set", "architecture.hidden=16", "--batch-size", "16", "--device", "cpu")


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    dataset = bars()
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    np.savez(path, images=dataset.images[:, 0], labels=dataset.labels)
    return path


@pytest.fixture(scope="session")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["train", str(data), "--out", str(folder), "--epochs", "2", *SMALL]) == 0
    return folder
