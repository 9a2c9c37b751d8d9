"""Suggested settings for a dataset, the same for the command line, Python and the window."""

from __future__ import annotations

from collections.abc import Iterable

from latentlab.config.suggestion import Suggestion, suggest_settings
from latentlab.data.dataset import Dataset


def suggest(dataset: Dataset, settings: Iterable[str] = ()) -> Suggestion:
    """Settings for a first training on a dataset; :func:`latentlab.suggest` describes them.

    Parameters
    ----------
    dataset
        The images; the suggestion's data part is the dataset's own.
    settings
        ``KEY=VALUE`` settings of model and training given by hand, which stay.
    """
    training, _ = dataset.split()
    found = suggest_settings(max(1, len(training)), dataset.image_shape, settings=settings)
    return Suggestion(found.config.model_copy(update={"data": dataset.config}), found.reason)
