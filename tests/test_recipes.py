"""The recipes as plain data."""

from __future__ import annotations

import pytest

from latentlab.config import RunConfig, settings_of
from latentlab.errors import InputError
from latentlab.recipes import RECIPES, recipe


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_valid_and_explained(name):
    chosen = recipe(name)
    config = chosen.config(latent_dim=7)
    assert config.recipe == chosen.name == name
    assert config.latent_dim == 7
    assert chosen.summary.count(". ") >= 1 or chosen.summary.count(": ") >= 1
    assert chosen.summary.endswith(".")
    assert chosen.formula
    assert chosen.paper
    known = settings_of(RunConfig)
    assert all(f"model.{setting}" in known or setting in known for setting in chosen.matters)


def test_unknown_recipe_names_those_there_are():
    with pytest.raises(InputError, match="no recipe 'vea'; those there are: vae"):
        recipe("vea")


def test_a_bad_value_is_named():
    with pytest.raises(InputError, match="latent_dim"):
        recipe("vae").config(latent_dim=0)
