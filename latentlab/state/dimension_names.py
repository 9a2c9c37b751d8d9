"""Names that the user gave to dimensions of a latent space (QtCore only)."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal

from latentlab.utils.plain_text import as_line
from latentlab.utils.text import subscript

LONGEST_NAME = 40
"""Characters of a name at most."""


class DimensionNames(QObject):
    """Names of dimensions, by the model's source: a dimension of another model means something else.

    Signals
    -------
    changed
        A name was given or removed, or the names of another model apply.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._names: dict[str, dict[int, str]] = {}

    def of(self, source: str) -> Mapping[int, str]:
        """Names of a model's dimensions, by index."""
        return dict(self._names.get(source, {}))

    def set_name(self, source: str, dimension: int, name: str) -> None:
        """Name a dimension of a model; an empty name removes it, and of a longer one the beginning is kept."""
        name = as_line(name.strip(), LONGEST_NAME)
        names = self._names.setdefault(source, {})
        if names.get(dimension, "") == name:
            return
        if name:
            names[dimension] = name
        else:
            del names[dimension]
        self.changed.emit()


def symbol(dimension: int) -> str:
    """The symbol of a dimension by its index, for instance z₁ for 0."""
    return f"z{subscript(dimension + 1)}"


def titled(dimension: int, names: Mapping[int, str]) -> str:
    """A dimension's symbol, and its name if it has one: "z₇ tilt"."""
    name = names.get(dimension, "")
    return f"{symbol(dimension)} {name}" if name else symbol(dimension)
