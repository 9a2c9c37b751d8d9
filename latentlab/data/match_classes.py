"""Classes of a dataset in the numbers of a model: names cross that boundary, numbers never do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from latentlab.data.dataset import Dataset
from latentlab.data.types import UNKNOWN, Labels
from latentlab.utils.text import pluralize

_MAX_NAMED = 8


@dataclass(frozen=True)
class MatchedLabels:
    """Labels in a model's numbers.

    Attributes
    ----------
    labels
        int64 [N], index into the model's classes; −1 where there is no class, or one that the model does not know.
    unknown
        Number of images of each class that the model does not know.
    unlabelled
        Number of images without a class.
    """

    labels: Labels
    unknown: dict[str, int]
    unlabelled: int = 0

    @property
    def sentence(self) -> str:
        """What a model that reads classes cannot know about the images; empty if it knows all classes."""
        parts = []
        if self.unknown:
            names = ", ".join(list(self.unknown)[:_MAX_NAMED]) + (" …" if len(self.unknown) > _MAX_NAMED else "")
            classes = "class" if len(self.unknown) == 1 else "classes"
            count = pluralize(sum(self.unknown.values()), "image")
            parts.append(f"the model does not know the {classes} {names}: it takes {count} as unlabelled")
        if self.unlabelled:
            count = pluralize(self.unlabelled, "image")
            parts.append(f"{count} without a class, which the model reads")
        return "; ".join(parts)


def with_folder_classes(dataset: Dataset, model_classes: Sequence[str]) -> Dataset:
    """A dataset without classes whose folders have the names of a model's classes, with these as its classes.

    A folder alone is no class for training, but it is one for a model that knows its name.
    """
    if dataset.classes or dataset.folder is None:
        return dataset
    folders = [path.partition("/")[0] if "/" in path else "" for path in dataset.paths]
    classes = tuple(name for name in model_classes if name in set(folders))
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.array([numbers.get(folder, UNKNOWN) for folder in folders], np.int64)
    return replace(dataset, labels=labels, classes=classes) if classes else dataset


def match_classes(labels: Labels, classes: Sequence[str], model_classes: Sequence[str]) -> MatchedLabels:
    """Translate labels by the names of their classes.

    Parameters
    ----------
    labels
        int64 [N], index into ``classes``; −1 where unknown.
    classes, model_classes
        Names of the dataset's and of the model's classes.

    Examples
    --------
    >>> matched = match_classes(np.array([0, 1, 2, 2, -1]), ["bird", "cat", "dog"], ["cat", "dog"])
    >>> matched.labels.tolist(), matched.unknown, matched.unlabelled
    ([-1, 0, 1, 1, -1], {'bird': 1}, 1)
    """
    unlabelled = int((labels < 0).sum())
    if tuple(classes) == tuple(model_classes):
        return MatchedLabels(labels, {}, unlabelled)
    numbers = {name: number for number, name in enumerate(model_classes)}
    table = np.array([*(numbers.get(name, UNKNOWN) for name in classes), UNKNOWN], np.int64)  # the last is for −1
    counts = np.bincount(labels[labels >= 0], minlength=len(classes))
    unknown = {name: int(count) for name, count in zip(classes, counts, strict=True) if count and name not in numbers}
    return MatchedLabels(table[labels], unknown, unlabelled)
