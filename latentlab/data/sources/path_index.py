"""Finds the image that an entry of a table means, by the longest common tail of their paths."""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np

from latentlab.data.images.image_file import SUFFIXES

NOT_FOUND, AMBIGUOUS = -1, -2
_MAX_TAIL = 8  # components of a path that are compared
_SEPARATORS = re.compile(r"[\\/]+")


class Match(NamedTuple):
    """The image that an entry means.

    Attributes
    ----------
    number
        Index of the image, `NOT_FOUND` or `AMBIGUOUS`.
    is_exact
        Whether the entry is the image's whole relative path.
    tail
        Number of components at the ends of both paths that are equal, those of the dataset's folder included.
    """

    number: int
    is_exact: bool = False
    tail: int = 0


class PathIndex:
    r"""The images of a dataset by the tails of their paths.

    An entry may be a relative path, an absolute path of another machine, with ``/`` or ``\``, a URL, or a path or name
    without a suffix. It means the image with which it shares the longest tail: one of the two is a tail of the other,
    or at least folder and name are equal. If several images share that tail, the entry is ambiguous. Case is ignored
    when nothing matches otherwise.

    Parameters
    ----------
    paths
        Relative paths of the images, with ``/``.
    root
        The dataset's folder: the common tail may extend into it.
    """

    def __init__(self, paths: Sequence[str], root: str = "") -> None:
        self._paths = paths
        self._root = _parts(root)
        self._deepest = min(_MAX_TAIL, max((path.count("/") + 1 for path in paths), default=1))
        self._exact = {path: number for number, path in enumerate(paths)}
        # Made when first needed: most tables have relative paths as they are, and need none of these.
        self._by_tail: dict[tuple[bool, bool, int], tuple[array[int], array[int]]] = {}

    def find(self, entry: str) -> Match:
        """Find the image that ``entry`` means."""
        entry = entry.strip()
        exact = self._exact.get(entry)
        if exact is not None:
            return Match(exact, True, self._common_tail(exact, _parts(entry)))
        found = Match(NOT_FOUND)
        for text in _readings(entry):
            parts = _parts(text)
            if not parts:
                continue
            for is_folded in (False, True):
                for is_stem in (False,) if has_image_suffix(parts[-1]) else (False, True):
                    other = self._find(parts, is_folded, is_stem)
                    if other.number >= 0:
                        return other
                    found = min(found, other)
        return found

    def _find(self, parts: list[str], is_folded: bool, is_stem: bool) -> Match:
        wanted = [_folded(part) for part in parts] if is_folded else parts
        for length in range(min(len(parts), self._deepest), 0, -1):
            tail = "/".join(wanted[-length:])
            number = self._with_tail(tail, is_folded, is_stem, length)
            if number == NOT_FOUND:
                continue
            whole = self._with_tail(tail, is_folded, is_stem, 0)
            if number == AMBIGUOUS:  # one of these images may lie at the top, and the others in folders below
                number = whole
            if number < 0:
                return Match(AMBIGUOUS)
            if length > 1 or length == len(parts) or whole == number:
                return Match(number, whole == number and length == len(parts), self._common_tail(number, parts))
        return Match(NOT_FOUND)

    def _with_tail(self, tail: str, is_folded: bool, is_stem: bool, length: int) -> int:
        """The image whose last ``length`` components are ``tail``; 0 stands for the whole path."""
        if not (length or is_folded or is_stem):
            return self._exact.get(tail, NOT_FOUND)
        key = is_folded, is_stem, length
        if key not in self._by_tail:
            self._by_tail[key] = self._index_tails(*key)
        hashes, order = self._by_tail[key]
        wanted = hash(tail)
        first = bisect_left(hashes, wanted)
        if first == len(hashes) or hashes[first] != wanted:
            return NOT_FOUND
        if first + 1 < len(hashes) and hashes[first + 1] == wanted:
            return AMBIGUOUS
        number = order[first]
        return number if self._tail_of(number, *key) == tail else NOT_FOUND

    def _index_tails(self, is_folded: bool, is_stem: bool, length: int) -> tuple[array[int], array[int]]:
        """Sorted hashes of the images' tails, and their numbers: 16 bytes an image, a sixth of a dictionary's."""
        deep_enough = [number for number, path in enumerate(self._paths) if not length or path.count("/") >= length - 1]
        hashes = np.array([hash(self._tail_of(number, is_folded, is_stem, length)) for number in deep_enough], np.int64)
        order = np.argsort(hashes, kind="stable")
        numbers = np.array(deep_enough, dtype=np.int64)[order]
        return array("q", hashes[order].tobytes()), array("q", numbers.tobytes())  # faster than numpy item by item

    def _tail_of(self, number: int, is_folded: bool, is_stem: bool, length: int) -> str:
        path = self._paths[number]
        tail = "/".join(path.rsplit("/", length)[-length:]) if length else path
        tail = _without_suffix(tail) if is_stem else tail
        return _folded(tail) if is_folded else tail

    def _common_tail(self, number: int, parts: list[str]) -> int:
        """Number of components in which an image's absolute path and an entry agree, from their ends."""
        image = [*self._root, *self._paths[number].split("/")]
        length = 1  # the names are known to agree but for suffix and case
        while length < min(len(image), len(parts)) and _folded(image[-1 - length]) == _folded(parts[-1 - length]):
            length += 1
        return length


def has_image_suffix(name: str) -> bool:
    """Whether a name ends as that of an image file."""
    return _suffix(name) in SUFFIXES


def _suffix(path: str) -> str:
    stem, dot, suffix = path.rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""


def _without_suffix(path: str) -> str:
    suffix = _suffix(path)
    return path[: -len(suffix)] if suffix in SUFFIXES else path


def _readings(entry: str) -> Iterator[str]:
    """The entry as it is, without a URL's query, and with its %NN decoded."""
    yield entry
    plain = re.split(r"[?#]", entry, maxsplit=1)[0]
    if plain != entry:
        yield plain
    if "%" in plain:
        yield unquote(plain)


def _parts(path: str) -> list[str]:
    return [part for part in _SEPARATORS.split(path) if part not in ("", ".", "..")]


def _folded(text: str) -> str:
    """For a comparison without regard to case and to how accents are composed (macOS decomposes them)."""
    return unicodedata.normalize("NFC", text).casefold()
