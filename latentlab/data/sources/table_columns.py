"""A column of a table while it is read, in memory that follows the number of images and not that of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.loading.read_bytes import total_memory
from latentlab.data.sources.values import (
    ZERO_PADDED,
    Meaning,
    as_numbers,
    column_of_texts,
    meaning_of_numbers,
    meaning_of_texts,
)

_DISTINCT_NUMBERS = 20_000  # above so many distinct numbers their texts are not kept
_TEXTS_SHARE = 16  # the texts of a column may take this part of the memory
_BYTES_OF_TEXT = 120  # of an entry of a dictionary, beside its characters
_BYTES_OF_CHARACTER = 4  # in an array of text


class TableColumn:
    """The cells of a column by image.

    Parameters
    ----------
    name
        Of the column.
    images
        Number of images.
    has_decimal_comma
        Whether ``1,5`` is a number.

    Attributes
    ----------
    problem
        Why the column cannot be used; empty if it can.
    """

    def __init__(self, name: str, images: int, has_decimal_comma: bool = False) -> None:
        self.name = name
        self.problem = ""
        self._has_decimal_comma = has_decimal_comma
        self._codes = np.full(images, -1, dtype=np.int32)
        self._distinct: dict[str, int] = {}
        self._numbers: NDArray[np.float64] | None = None  # instead of codes and texts
        self._may_be_numbers = True
        self._bytes = 0
        self._most_bytes = total_memory() // _TEXTS_SHARE

    def set(self, images: Sequence[int], cells: Iterable[str]) -> None:
        """Set the cells of some images."""
        if self.problem:
            return
        stripped = [cell.strip() for cell in cells]
        if self._numbers is not None:
            numbers = as_numbers([cell for cell in stripped if cell])
            if numbers is not None:
                values = np.full(len(stripped), np.nan)
                values[[bool(cell) for cell in stripped]] = numbers
                self._numbers[list(images)] = values
                return
            self._to_texts()
        known = len(self._distinct)
        distinct = self._distinct
        self._codes[list(images)] = [distinct.setdefault(cell, len(distinct)) if cell else -1 for cell in stripped]
        if len(distinct) > known:
            self._bytes += sum(len(cell) + _BYTES_OF_TEXT for cell in list(distinct)[known:])
            if len(distinct) > _DISTINCT_NUMBERS and self._may_be_numbers:
                self._to_numbers()
            if self._bytes > self._most_bytes:
                self._give_up()

    def clear(self, images: Sequence[int]) -> None:
        """Forget the cells of some images."""
        if self._numbers is not None:
            self._numbers[list(images)] = np.nan
        elif not self.problem:
            self._codes[list(images)] = -1

    def texts(self) -> tuple[list[str], NDArray[np.int32]]:
        """The distinct texts, and the index of each image's, -1 for none."""
        if self._numbers is not None:
            self._to_texts()
        return list(self._distinct), self._codes

    def values(self) -> NDArray[Any]:
        """The column: float64 (NaN where missing) or text; ``problem`` is set if it would be too large."""
        if self._numbers is not None:
            return self._numbers
        distinct, codes = self.texts()
        longest = max(map(len, distinct), default=0)
        if longest * _BYTES_OF_CHARACTER * len(codes) > self._most_bytes and as_numbers(distinct) is None:
            self._give_up()
            return np.zeros(len(codes))
        return column_of_texts(distinct, codes, self._has_decimal_comma)

    def meaning(self) -> Meaning:
        """What the column means as labels."""
        if self._numbers is not None:
            return meaning_of_numbers(self.name, self._numbers)
        distinct, codes = self.texts()
        return meaning_of_texts(self.name, distinct, codes)

    def _to_numbers(self) -> None:
        self._may_be_numbers = False
        texts = list(self._distinct)
        numbers = None if any(map(ZERO_PADDED.match, texts)) else as_numbers(texts)
        if numbers is not None:
            self._numbers = np.append(numbers, np.nan)[self._codes]
            self._distinct, self._bytes = {}, 0

    def _to_texts(self) -> None:
        """Write numbers as texts again, because a text has come."""
        assert self._numbers is not None
        numbers, self._numbers = self._numbers, None
        distinct, codes = np.unique(numbers, return_inverse=True)
        texts = [_text_of(each) for each in distinct.tolist()]
        self._distinct = {text: number for number, text in enumerate(texts)}
        self._codes = codes.astype(np.int32)
        self._codes[np.isnan(numbers)] = -1
        self._bytes = sum(len(text) + _BYTES_OF_TEXT for text in texts)

    def _give_up(self) -> None:
        self.problem = f"its texts take more than {self._most_bytes >> 20:,} MB"
        self._distinct, self._codes = {}, self._codes[:0]


def _text_of(number: float) -> str:
    if np.isnan(number):
        return ""
    return f"{number:.0f}" if number == np.rint(number) else repr(number)
