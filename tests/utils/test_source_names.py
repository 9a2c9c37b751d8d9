from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.errors import InputError
from latentlab.utils.source_names import absolute_source, expand, join_sources, parts_of

NAMES = st.text(
    st.characters(exclude_characters="|{}\0/\\", exclude_categories=("Cs", "Z", "Cc")), min_size=1, max_size=8
)


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_joined_names_are_split_again(names):
    assert parts_of(join_sources(names)) == names


def test_a_path_that_exists_is_one_source_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a|b", "s-{0..1}"):
        (tmp_path / name).mkdir()
        assert parts_of(name) == [name]
        assert expand(name) == [name]
    with pytest.raises(InputError, match=r"a\|b cannot be combined with others"):
        join_sources(["a|b", "c"])


def test_braces_stand_for_numbers_and_for_alternatives():
    assert expand("s-{008..011}.{tar,zip}") == [f"s-{n:03}.{kind}" for n in range(8, 12) for kind in ("tar", "zip")]
    assert expand("{x}") == ["{x}"]
    assert expand("s-{3..1}.tar") == ["s-{3..1}.tar"]


@pytest.mark.parametrize("pattern", ["{0..99999999999}", "{0..999}{0..999}"])
def test_too_many_files_are_refused(pattern):
    with pytest.raises(InputError, match="more than 10,000"):
        expand(pattern)


def test_each_part_is_made_absolute_and_names_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute_source("a|b/s-{0..3}.tar") == f"{tmp_path}/a|{tmp_path}/b/s-{{0..3}}.tar"
    assert absolute_source("demo:shapes") == "demo:shapes"
