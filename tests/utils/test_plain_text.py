"""Text from outside is visible, bounded, and no formula."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.utils.plain_text import as_line, as_text, quote_cell, unquote_cell

ANY = st.text(st.characters() | st.characters(categories=["Cs", "Cc", "Cf", "Zl"]), max_size=60)
JOINERS = "\u200c\u200d"


def hidden(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cat · β = 1 − 2", "cat · β = 1 − 2"),
        ("one\ntwo\ttabs", r"one\ntwo\ttabs"),
        ("\x1b[2Jgone\x9b", r"\x1b[2Jgone\x9b"),
        ("photo\u202egnp.exe\u2069", r"photo\u202egnp.exe\u2069"),
        ("\udce9t\u00e9", "\\udce9té"),
        ("\ufeffbom\u200b\U000e0041", r"\ufeffbom\u200b\U000e0041"),
        ("👩\u200d🔬 می\u200cخواهم", "👩\u200d🔬 می\u200cخواهم"),
    ],
    ids=["plain", "breaks", "escapes", "bidi", "surrogates", "invisible", "joiners stay"],
)
def test_hidden_characters_are_shown_as_escapes(text, shown):
    assert as_line(text) == shown


@given(ANY, st.integers(3, 80))
def test_any_text_becomes_one_visible_line_of_at_most_the_limit(text, limit):
    line = as_line(text, limit)
    assert len(line) <= limit
    assert not hidden(line)
    line.encode()


@given(ANY, st.integers(3, 80))
def test_any_text_becomes_visible_lines(text, limit):
    shown = as_text(text, limit, 20)
    assert len(shown) <= limit
    assert not hidden(shown.replace("\n", ""))
    assert all(len(line) <= 20 for line in shown.split("\n"))


def test_a_long_text_is_cut_in_the_middle_and_not_read_whole():
    text = "start" + "\n" * 50_000_000 + "end"
    began = time.perf_counter()
    line = as_line(text, 30)
    assert time.perf_counter() - began < 0.05
    assert line.startswith("start")
    assert line.endswith("end")
    assert "…" in line


@given(ANY | st.from_regex(r"'*[=+\-@\t\r\n']", fullmatch=True))
def test_a_quoted_cell_is_no_formula_and_comes_back(text):
    cell = quote_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert unquote_cell(cell) == text
    assert cell in (text, f"'{text}")
