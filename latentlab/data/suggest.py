"""Suggested settings for a dataset, the same for the command line, Python and the window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from latentlab.config import RunConfig
from latentlab.config.suggestion import Effort, Suggestion, suggest_settings, suggest_sizes
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


def suggest_sizes_for(
    dataset: Dataset, start: RunConfig, settings: Iterable[str] = (), effort: Effort = "good"
) -> Suggestion | None:
    """Latents and epochs for a recipe's settings ``start``, as in `suggest_sizes`; ``None`` if both are given."""
    count = max(1, len(dataset.split()[0]))
    if suggest_sizes(count, dataset.image_shape, start, settings, effort=effort) is None:
        return None
    found = suggest_sizes(
        count, dataset.image_shape, start, settings, statistics=image_statistics(dataset), effort=effort
    )
    assert found is not None
    return replace(found, config=found.config.model_copy(update={"data": dataset.config}))
