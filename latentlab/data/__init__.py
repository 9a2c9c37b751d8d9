"""Loads folders and files of images as uint8 arrays (numpy and Pillow; no Qt, no torch).

Public names are imported when first used: a process that only decodes needs few of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentlab.data.dataset import Dataset, split
    from latentlab.data.sources.open import DEMOS, load_dataset, open_dataset
    from latentlab.data.summary import summary
    from latentlab.data.types import FileStats, LeftOut, LoadProgress

_MODULES = {
    "Dataset": "dataset",
    "FileStats": "types",
    "LoadProgress": "types",
    "LeftOut": "types",
    "split": "dataset",
    "summary": "summary",
    "DEMOS": "sources.open",
    "load_dataset": "sources.open",
    "open_dataset": "sources.open",
}

__all__ = [
    "DEMOS",
    "Dataset",
    "FileStats",
    "LeftOut",
    "LoadProgress",
    "load_dataset",
    "open_dataset",
    "split",
    "summary",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
