"""Datasets of several sources by one name (no pydantic: the command line imports this at once).

``cats|dogs`` is the folders ``cats`` and ``dogs``, and ``shards-{000..003}.tar`` four files.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from itertools import product
from pathlib import Path

from latentlab.errors import InputError

SEPARATOR = "|"
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MAX_SOURCES = 10_000
NAMED = ("bundled:", "demo:", "torchvision:")
"""Beginnings of names that are not paths."""


def join_sources(sources: Iterable[str | Path]) -> str:
    """One name for several sources.

    Raises
    ------
    InputError
        When one of several contains the separator, or a name is empty.

    Examples
    --------
    >>> join_sources(["cats", "dogs"]), join_sources(["cats"])
    ('cats|dogs', 'cats')
    """
    texts = [str(source) for source in sources]
    if not texts:
        raise InputError("there is no source: the list is empty")
    if not all(text.strip() for text in texts):
        raise InputError("there is no source: the name is empty")
    faulty = next((text for text in texts if SEPARATOR in text and _exists(text)), None)
    if len(texts) > 1 and faulty is not None:
        raise InputError(f"{faulty} cannot be combined with others: its name contains {SEPARATOR}")
    return SEPARATOR.join(texts)


def parts_of(source: str) -> list[str]:
    """The parts of a name that was made by `join_sources`; a path that exists is one part.

    Examples
    --------
    >>> parts_of("cats|dogs"), parts_of("demo:shapes")
    (['cats', 'dogs'], ['demo:shapes'])
    """
    if source.startswith(NAMED) or SEPARATOR not in source or _exists(source):
        return [source]
    return [part.strip() for part in source.split(SEPARATOR) if part.strip()] or [source]


def expand(part: str) -> list[str]:
    """The files of a part with braces; itself if it has none or exists.

    Raises
    ------
    InputError
        When it stands for more than 10,000.

    Examples
    --------
    >>> expand("shards-{08..10}.tar"), expand("{train,test}.parquet")
    (['shards-08.tar', 'shards-09.tar', 'shards-10.tar'], ['train.parquet', 'test.parquet'])
    """
    if part.startswith(NAMED) or not _BRACES.search(part) or _exists(part):
        return [part]
    pieces = _BRACES.split(part)  # text, content of braces, text …
    choices = [_choices(piece) if number % 2 else [piece] for number, piece in enumerate(pieces)]
    count = math.prod(map(len, choices))
    if count > _MAX_SOURCES:
        raise InputError(f"{part} stands for {count:,} files, more than {_MAX_SOURCES:,}")
    return ["".join(chosen) for chosen in product(*choices)]


def absolute_source(source: str) -> str:
    """The source to store: its paths are made absolute, a name is unchanged."""
    return SEPARATOR.join(_absolute(part) for part in parts_of(source))


def _absolute(part: str) -> str:
    if part.startswith(NAMED):
        return part
    path = expand_user(part).absolute()
    # A folder on the way may be removed later.
    return str(path.resolve() if ".." in path.parts else path)


def _choices(content: str) -> list[str]:
    numbers = _RANGE.fullmatch(content)
    if numbers is None:
        return content.split(",") if "," in content else [f"{{{content}}}"]
    first, last = int(numbers[1]), int(numbers[2])
    if last < first:
        return [f"{{{content}}}"]
    if last - first >= _MAX_SOURCES:
        raise InputError(f"{{{content}}} stands for {last - first + 1:,} files, more than {_MAX_SOURCES:,}")
    width = len(numbers[1])
    return [f"{number:0{width}}" for number in range(first, last + 1)]


def _exists(path: str) -> bool:
    return os.path.exists(expand_user(path))


def expand_user(path: str) -> Path:
    """The path with ``~`` as the home folder; unchanged where there is no such user or no home."""
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):  # a ValueError for a zero byte
        return Path(path)
