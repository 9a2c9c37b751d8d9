"""Every recipe has a plain name and a group."""

from __future__ import annotations

from latentlab.config.recipe_titles import GROUPS, grouped, title_of
from latentlab.config.recipes import RECIPES


def test_every_recipe_has_a_plain_name_in_one_group():
    names = [name for titles in GROUPS.values() for name in titles]
    assert sorted(names) == sorted(RECIPES)
    titles = [title_of(name) for name in RECIPES]
    assert len(set(titles)) == len(titles)


def test_a_recipe_of_no_group_comes_last():
    assert list(grouped([*RECIPES, "mine"]))[-1] == "Others"
