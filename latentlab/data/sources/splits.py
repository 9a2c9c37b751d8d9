"""Names of the parts of a dataset: training, validation, test and unlabelled images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.types import TEST, TRAIN, UNLABELLED, VALIDATION, Splits

_NAMES = {
    TRAIN: ("train", "training", "trn", "tr"),
    VALIDATION: ("val", "valid", "validation", "dev", "eval", "publictest"),
    TEST: ("test", "testing", "tst", "privatetest"),
    UNLABELLED: ("unlabeled", "unlabelled", "unsupervised"),
}
_SPLIT_OF = {name: split for split, names in _NAMES.items() for name in names}
SPLIT_COLUMNS = ("split", "subset", "partition", "usage", "set")


def split_name(name: str) -> str | None:
    """The part that a folder, an array or a cell is named after: ``train``, ``validation``, ``test``, ``unlabeled``.

    Examples
    --------
    >>> split_name("Val"), split_name("cat")
    ('validation', None)
    """
    return _SPLIT_OF.get(name.strip().lower())


def split_in_name(name: str) -> tuple[str | None, str]:
    """The part in an array's name, and the rest of the name.

    Examples
    --------
    >>> split_in_name("x_train"), split_in_name("val_images"), split_in_name("strain")
    (('train', 'x'), ('validation', 'images'), (None, 'strain'))
    """
    words = [word for word in re.split(r"[_.\-/ ]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)) if word]
    found = [split_name(word) for word in words]
    named = [split for split in found if split]
    if len(named) != 1 or len(words) < 2:
        return None, name.lower()
    return named[0], "_".join(word for word, split in zip(words, found, strict=True) if not split).lower()


def splits_of(distinct: Sequence[str], codes: NDArray[Any]) -> Splits | None:
    """A column of text as splits, "" where it is empty; ``None`` if it says something else.

    Parameters
    ----------
    distinct
        The distinct texts.
    codes
        int [N], index into ``distinct``, -1 where there is no text.
    """
    names = [split_name(text) if text.strip() else "" for text in distinct]
    if None in names or not any(names):
        return None
    splits: Splits = np.array([*names, ""], dtype=np.str_)[codes]
    return splits
