"""Open a dataset, or a model and a dataset, for a command."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from latentlab.config import DataConfig
from latentlab.data import Dataset, LoadProgress, open_dataset
from latentlab.errors import InputError

if TYPE_CHECKING:
    from latentlab.models.inference import InferenceModel


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
    raise AssertionError("the last step of opening is a dataset")


def model_and_data(arguments: argparse.Namespace) -> tuple[InferenceModel, Dataset]:
    """Open the model, and the dataset prepared like the model's training data.

    Raises
    ------
    InputError
        When either cannot be opened, or the images have another shape than the model's.
    """
    from latentlab.models.inference import load_model

    model = load_model(arguments.model, arguments.device)
    dataset = open_data(arguments.data, model.header.data_config(arguments.limit))
    if dataset.image_shape != model.image_shape:
        raise InputError(
            f"the model needs images of shape {list(model.image_shape)}, and those of {dataset.name} are "
            f"{list(dataset.image_shape)}"
        )
    return model, dataset


def _show(bar: Any, progress: LoadProgress) -> None:
    bar.set_description(progress.message, refresh=False)
    bar.total = progress.total
    bar.update(progress.done - bar.n)
