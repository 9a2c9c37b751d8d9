"""Names are found by a few letters, the likeliest first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.utils.fuzzy import fuzzy_match

TITLES = ["Train", "Dark", "Continue", "Open run…", "Open model…", "Undo", "Export film…", "Copy as command", "β-VAE"]


def best(query: str) -> str:
    scored = [(match[0], title) for title in TITLES if (match := fuzzy_match(query, title))]
    return max(scored)[1]


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("tr", "Train"),
        ("run", "Open run…"),
        ("run open", "Open run…"),
        ("exf", "Export film…"),
        ("CAC", "Copy as command"),
        ("om", "Open model…"),
        ("vae", "β-VAE"),
    ],
)
def test_the_likeliest_name_comes_first(query, title):
    assert best(query) == title
    assert fuzzy_match(f"{query}q", title) is None


def test_letters_that_need_not_begin_words_are_found_too():
    _, positions = fuzzy_match("oel", "Open model e")
    assert "".join("Open model e"[at] for at in positions).lower() == "oel"


@given(st.text(max_size=30), st.lists(st.integers(0, 29), max_size=6))
def test_every_subsequence_is_found_where_it_stands(text, picked):
    positions = sorted({at for at in picked if at < len(text)})
    query = "".join(text[at] for at in positions if not text[at].isspace())
    found = fuzzy_match(query, text)
    if len(text.lower()) != len(text) or len(query.split()) != 1:
        return
    assert found is not None
    assert [text[at].lower() for at in found[1]] == list(query.lower())
