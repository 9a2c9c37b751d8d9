"""Open a dataset, or a model and a dataset, for a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from tqdm import tqdm

from latentlab.cli.console import write_note
from latentlab.config import DataConfig, validated
from latentlab.data import Dataset, LoadProgress, open_dataset
from latentlab.data.match_classes import with_folder_classes
from latentlab.data.types import Labels
from latentlab.errors import InputError
from latentlab.storage import Points

if TYPE_CHECKING:
    from latentlab.data.images.image_types import Ranges
    from latentlab.models.inference import InferenceModel

_T = TypeVar("_T")


def open_data(source: str, config: DataConfig, is_quiet: bool = False, ranges: Ranges | None = None) -> Dataset:
    """Open a dataset, with a progress bar on a terminal; what was left out is said on stderr, unless ``is_quiet``.

    ``ranges`` are those of a model's training images.

    Raises
    ------
    InputError
        As ``latentlab.data.open_dataset``.
    """
    with tqdm(disable=not sys.stderr.isatty(), leave=False, delay=0.5) as bar:
        for step in open_dataset(source, config, ranges):
            if isinstance(step, Dataset):
                break
            _show(bar, step)
        else:
            raise AssertionError("the last step of opening is a dataset")
    if step.left_out and not is_quiet:
        write_note(f"latentlab: {left_out_message(step)}")
    return step


def with_progress(steps: Generator[tuple[int, int], None, _T], text: str) -> _T:
    """What a generator of pieces returns, with a progress bar on a terminal."""
    with tqdm(disable=not sys.stderr.isatty(), leave=False, delay=0.5, desc=text) as bar:
        while True:
            try:
                done, total = next(steps)
            except StopIteration as end:
                result: _T = end.value
                return result
            bar.total = total
            bar.update(done - bar.n)


def left_out_message(dataset: Dataset) -> str:
    """What was left out of a dataset, and where all of it is listed."""
    return f"{dataset.left_out_summary}; see latentlab info {dataset.source}"


def model_and_data(arguments: argparse.Namespace) -> tuple[InferenceModel, Dataset, Labels]:
    """Open the model, and the dataset prepared like the model's training data.

    Returns
    -------
    (InferenceModel, Dataset, Labels)
        The labels are in the model's numbers. What the model cannot know about the images is said on stderr.

    Raises
    ------
    InputError
        When either cannot be opened, or the images have another shape than the model's.
    """
    from latentlab.models.inference import load_model

    model = load_model(arguments.model, arguments.device)
    config, ranges = model.header.data_config(arguments.limit), model.value_ranges
    if arguments.levels is not None:
        config, ranges = validated(DataConfig, config.model_dump() | {"levels": arguments.levels}), None
    dataset = open_data(arguments.data, config, ranges=ranges)
    if dataset.image_shape != model.image_shape:
        raise InputError(
            f"the model needs images of shape {list(model.image_shape)}, and those of {dataset.name} are "
            f"{list(dataset.image_shape)}"
        )
    if model.module.classes:
        dataset = with_folder_classes(dataset, model.header.classes)
    matched = model.labels_of(dataset)
    for sentence in (matched.sentence, dataset.value_range.remark):
        if sentence:
            write_note(f"latentlab: {sentence}")
    return model, dataset, matched.labels


def points_of(model: InferenceModel, arguments: argparse.Namespace) -> Points:
    """The encoded images of ``--data``, or those in the model's file if it is not given.

    Raises
    ------
    InputError
        When there are none.
    """
    if arguments.data is None:
        if model.points is None or not len(model.points.mean):
            raise InputError(f"{arguments.model} has no encoded images in its file: add --data DATA")
        return model.points
    _, dataset, labels = model_and_data(arguments)
    mean, std = model.encode(dataset.images, labels)
    return Points(mean, std, labels, np.arange(len(mean)))


def _show(bar: Any, progress: LoadProgress) -> None:
    bar.set_description(progress.message, refresh=False)
    bar.total = progress.total
    bar.update(progress.done - bar.n)
