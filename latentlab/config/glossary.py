"""The glossary: terms with their formulas, from ``resources/help/glossary.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from latentlab.paths import resource


@dataclass(frozen=True)
class Term:
    """A term of the glossary.

    Attributes
    ----------
    key
        Its name in the file, and the end of its address in the documentation.
    title, formula
        What it is called, and its formula in one line.
    card
        Two sentences.
    more
        A reference; empty without one.
    names
        Other texts under which it is shown: titles of labels, names of metrics and settings.
    see
        Keys of related terms.
    """

    key: str
    title: str
    formula: str
    card: str
    more: str = ""
    names: tuple[str, ...] = ()
    see: tuple[str, ...] = ()


@cache
def glossary() -> dict[str, Term]:
    """All terms by key, in the order of their titles' letters."""
    with resource("help", "glossary.toml").open("rb") as file:
        entries: dict[str, dict[str, Any]] = tomllib.load(file)
    terms = [
        Term(
            key,
            entry["title"],
            entry["formula"],
            entry["card"],
            entry.get("more", ""),
            tuple(entry.get("names", ())),
            tuple(entry.get("see", ())),
        )
        for key, entry in entries.items()
    ]
    return {term.key: term for term in sorted(terms, key=lambda term: term.title.casefold())}


def term_of(text: str) -> str:
    """Key of the term that a text is the title or one of the names of; empty if there is none.

    Examples
    --------
    >>> term_of("Rate"), term_of("active units"), term_of("Batch size")
    ('rate', 'active-unit', '')
    """
    return _by_text().get(text.strip().casefold(), "")


@cache
def _by_text() -> dict[str, str]:
    return {name.casefold(): term.key for term in glossary().values() for name in (term.key, term.title, *term.names)}
