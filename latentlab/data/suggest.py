"""Suggested settings for a dataset, the same for the command line, Python and the window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from latentlab.config.suggestion import Effort, Suggestion, suggest_settings
from latentlab.data.dataset import Dataset
from latentlab.data.image_statistics import image_statistics


def suggest(dataset: Dataset, settings: Iterable[str] = (), effort: Effort = "good") -> Suggestion:
    """Settings for a first training on a dataset; :func:`latentlab.suggest` describes them.

    Parameters
    ----------
    dataset
        The images; the suggestion's data part is the dataset's own.
    settings
        ``KEY=VALUE`` settings of model and training given by hand, which stay.
    effort
        ``quick`` or ``good``.
    """
    training, _ = dataset.split()
    statistics = image_statistics(dataset)
    found = suggest_settings(
        max(1, len(training)), dataset.image_shape, settings=settings, statistics=statistics, effort=effort
    )
    return replace(found, config=found.config.model_copy(update={"data": dataset.config}))
