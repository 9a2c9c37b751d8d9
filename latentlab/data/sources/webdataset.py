"""WebDataset shards: files of one name and several suffixes are one sample (github.com/webdataset/webdataset).

``0001.jpg`` is the image, ``0001.cls`` its class, ``0001.json`` an object of further values, ``0001.txt`` a caption.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from latentlab.data.sources.columns import Column, as_column, interpret
from latentlab.data.sources.values import Meaning
from latentlab.data.types import NO_IMAGE, LeftOut

_SUFFIXES = {".cls": "label", ".txt": "text", ".json": ""}
_LARGEST = 1 << 20
_MAX_COLUMNS = 64
_LONGEST_TEXT = 200


@dataclass
class Sidecars:
    """Classes and further values of the samples of a shard.

    Attributes
    ----------
    values
        Scalars by column and key, the name without suffix.
    files
        Names of the files by key.
    faults
        Why a file could not be used, by its name.
    """

    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def wants(self, name: str, size: int) -> bool:
        """Whether a file may belong to an image: by its suffix and size."""
        return _suffix(name) in _SUFFIXES and size <= _LARGEST

    def add(self, name: str, content: bytes) -> None:
        """Read a class, an object or a caption."""
        suffix, key = _suffix(name), _key(name)
        self.files.setdefault(key, []).append(name)
        text = content.decode("utf-8", "replace").strip()
        if suffix != ".json":
            self._set(_SUFFIXES[suffix], key, text[:_LONGEST_TEXT])
            return
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            self.faults[name] = "damaged JSON"
            return
        if not isinstance(values, dict):
            self.faults[name] = "JSON that is not an object"
            return
        for column, value in values.items():
            if isinstance(value, str | int | float):
                self._set(column, key, value[:_LONGEST_TEXT] if isinstance(value, str) else value)

    def meaning(self, names: Sequence[str]) -> Meaning:
        """Labels, classes and further columns of the images ``names``."""
        keys = [_key(name) for name in names]
        used = {
            column: as_column([values.get(key) for key in keys])
            for column, values in self.values.items()
            if not values.keys().isdisjoint(keys)
        }
        columns: dict[str, Column] = {name: column for name, column in used.items() if column is not None}
        return interpret(columns)

    def left_out(self, names: Sequence[str]) -> list[LeftOut]:
        """Files that could not be read, or that belong to none of the images ``names``."""
        keys = {_key(name) for name in names}
        return [
            LeftOut(name, self.faults.get(name, f"{NO_IMAGE} ({_suffix(name)})"))
            for key, files in self.files.items()
            for name in files
            if name in self.faults or key not in keys
        ]

    def _set(self, column: str, key: str, value: Any) -> None:
        if column in self.values or len(self.values) < _MAX_COLUMNS:
            self.values.setdefault(column, {}).setdefault(key, value)


def _suffix(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:].lower() if dot > name.rfind("/") + 1 else ""


def _key(name: str) -> str:
    """The sample's name: up to the first dot of the file's name."""
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition('.')[0]}"
