from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.data.sources.path_index import AMBIGUOUS, NOT_FOUND, PathIndex

PATHS = ("a/000.png", "b/000.png", "b/001.png", "Top.JPG", "deep/er/x.png", "c.png", "deep/c.png", "noext")


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ("a/000.png", "a/000.png"),
        (" ./b/000.png", "b/000.png"),
        ("/data/set1/images/a/000.png", "a/000.png"),
        ("C:\\Users\\me\\set1\\b\\000.png", "b/000.png"),
        ("https://example.org/a/000.png?w=800&h=2#x", "a/000.png"),
        ("https://example.org/b%2F001.png", "b/001.png"),
        ("b/000", "b/000.png"),
        ("001.png", "b/001.png"),
        ("001", "b/001.png"),
        ("er/x.png", "deep/er/x.png"),
        ("other/er/x.png", "deep/er/x.png"),
        ("c.png", "c.png"),
        ("/elsewhere/c.png", "c.png"),
        ("somewhere/deep/c.png", "deep/c.png"),
        ("top.jpg", "Top.JPG"),
        ("B/000.PNG", "b/000.png"),
        ("noext", "noext"),
        ("000.png", AMBIGUOUS),
        ("d/000.png", AMBIGUOUS),
        ("d/001.png", NOT_FOUND),
        ("absent.png", NOT_FOUND),
        ("", NOT_FOUND),
        ("..", NOT_FOUND),
    ],
)
def test_an_entry_means_the_image_with_the_longest_common_tail(entry, path):
    number = PathIndex(PATHS).find(entry).number
    assert (PATHS[number] if number >= 0 else number) == path


def test_case_is_ignored_only_where_that_is_unambiguous():
    index = PathIndex(["A.png", "a.png", "b.png"])
    assert [index.find(entry).number for entry in ("A.png", "a.png", "B.png", "a.PNG")] == [0, 1, 2, AMBIGUOUS]


def test_composed_and_decomposed_accents_are_equal():
    assert PathIndex(["caf\u00e9.png"]).find("cafe\u0301.png").number == 0


def test_the_folder_tells_entries_of_two_sets_apart():
    index = PathIndex(["0.png"], "/home/me/set1")
    mine, other = index.find("/data/set1/0.png"), index.find("/data/set2/0.png")
    assert mine.number == other.number == 0
    assert mine.tail > other.tail


NAME = st.text(st.sampled_from("abAB01é .%#?-"), min_size=1, max_size=4).filter(lambda name: name.strip(" .") == name)
PATH = st.builds(
    lambda folders, name, suffix: "/".join([*folders, name + suffix]),
    st.lists(NAME, max_size=2), NAME, st.sampled_from([".png", ".jpg", ".PNG", ""]),
)  # fmt: skip
FORMS = {
    "relative": lambda path: path,
    "absolute": lambda path: f"/zzz/yyy/{path}",
    "windows": lambda path: "Z:\\zzz\\" + path.replace("/", "\\"),
    "url": lambda path: f"https://zzz.org/yyy/{path}",
    "upper case": str.upper,
}


@given(st.lists(PATH, unique=True, min_size=1, max_size=12), st.sampled_from(sorted(FORMS)))
def test_no_form_of_an_image_path_means_another_image(paths, form):
    index = PathIndex(paths)
    for number, path in enumerate(paths):
        found = index.find(FORMS[form](path)).number
        if form in ("relative", "absolute", "windows"):
            assert found == number
        elif found >= 0 and found != number:  # as case or a query cannot be told from a name's own letters
            assert form in ("upper case", "url")
            assert paths[found].upper().startswith(path.upper()[:1]) or "?" in path or "#" in path or "%" in path


@given(st.lists(PATH, max_size=6), st.text(max_size=30))
def test_any_entry_finds_an_image_or_none(paths, entry):
    paths = list(dict.fromkeys(paths))
    assert AMBIGUOUS <= PathIndex(paths).find(entry).number < len(paths)
