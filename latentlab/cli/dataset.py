"""Opening a dataset from the command line."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

from latentlab.config import DataConfig
from latentlab.data import Dataset, LoadProgress, open_dataset


def open_data(source: str, config: DataConfig) -> Dataset:
    """Open a dataset, with a progress bar on a terminal.

    Raises
    ------
    InputError
        As ``latentlab.data.open_dataset``.
    """
    with tqdm(disable=not sys.stderr.isatty(), leave=False, delay=0.5) as bar:
        for step in open_dataset(source, config):
            if isinstance(step, Dataset):
                return step
            _show(bar, step)
    raise AssertionError("opening ends with a dataset")


def _show(bar: Any, progress: LoadProgress) -> None:
    bar.set_description(progress.message, refresh=False)
    bar.total = progress.total
    bar.update(progress.done - bar.n)
