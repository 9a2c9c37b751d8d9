"""The glossary is complete: two sentences, a formula, and links that lead somewhere."""

from __future__ import annotations

import re

import pytest

from latentlab.config.glossary import glossary, term_of


@pytest.mark.parametrize("key", glossary())
def test_a_term_has_two_sentences_and_a_formula(key):
    term = glossary()[key]
    assert len(re.findall(r"\.(?= [A-Z]|$)", term.card)) == 2, term.card
    assert 0 < len(term.formula) <= 80
    assert "\n" not in term.formula
    assert len(term.card) <= 300
    assert set(term.see) <= set(glossary()) - {key}


def test_no_two_terms_have_a_name_in_common():
    names = [
        name.casefold()
        for term in glossary().values()
        for name in {term.key, term.title.casefold(), *(each.casefold() for each in term.names)}
    ]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(
    "shown",
    ["ELBO", "rate", "distortion", "KL per dimension", "active units", "β", "nat", "posterior", "prior", "log p(x)"],
)
def test_what_the_window_shows_is_found(shown):
    assert term_of(shown)
