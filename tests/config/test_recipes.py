"""The recipes as plain data."""

from __future__ import annotations

import pytest

from latentlab.config import ModelConfig, RunConfig, settings_of, validated, with_settings
from latentlab.config.recipes import RECIPES, recipe
from latentlab.errors import InputError


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_valid_and_explained(name):
    chosen = recipe(name)
    config = chosen.config(latent_dim=20)
    assert config.recipe == chosen.name == name
    assert config.latent_dim == 20
    assert chosen.summary.count(". ") >= 1 or chosen.summary.count(": ") >= 1
    assert chosen.summary.endswith(".")
    assert chosen.formula
    assert chosen.paper
    known = settings_of(RunConfig)
    assert all(f"model.{setting}" in known or setting in known for setting in chosen.key_settings)


def test_unknown_recipe_names_those_there_are():
    with pytest.raises(InputError, match="no recipe 'vea'; the recipes are: vae"):
        recipe("vea")


def test_a_bad_value_is_named():
    with pytest.raises(InputError, match="latent_dim"):
        recipe("vae").config(latent_dim=0)


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_leaves_open_suits_the_images(name):
    suggested = recipe("gaussian-vae").config(latent_dim=10, architecture={"kind": "conv"})
    suited, own = recipe(name).suited(suggested), recipe(name).config()
    assert suited.recipe == name
    assert recipe(name).suited(None) == own
    for part in ("architecture", "likelihood", "latent_dim"):
        from_the_images = part not in recipe(name).values
        assert getattr(suited, part) == getattr(suggested if from_the_images else own, part)
    same = {"architecture", "likelihood", "latent_dim"}
    assert suited.model_dump(exclude=same) == own.model_dump(exclude=same)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"posterior": {"kind": "concrete"}}, "go together"),
        ({"latent_dim": 7, "posterior": {"kind": "concrete"}, "prior": {"kind": "categorical"}}, "multiple of"),
        ({"latent_dim": 300, "posterior": {"kind": "cholesky"}}, "at most 256"),
        ({"posterior": {"start": "prior"}}, "posterior.refine"),
        ({"posterior": {"kind": "iaf", "refine": 5}}, "posterior.refine is for"),
        ({"posterior": {"refine": 5, "search": "evolution"}}, "delta"),
        ({"prior": {"kind": "vamp"}, "conditional": True}, "vamp"),
        ({"bound": "importance", "posterior": {"kind": "delta"}}, "bound=importance"),
        ({"bound": "importance", "divergence": {"kind": "mmd"}}, "divergence.kind=none"),
        ({"estimator": "score"}, "at least 2 samples"),
        ({"divergence": {"kind": "total-correlation"}, "posterior": {"kind": "delta"}}, "total-correlation"),
        ({"divergence": {"kind": "energy"}, "prior": {"kind": "mixture"}}, "prior.kind=standard"),
        ({"rate": {"kind": "free-bits"}, "posterior": {"refine": 5}}, "each image's own bound"),
        ({"rate": {"kind": "free-bits"}, "bound": "importance"}, "rate.kind=beta"),
        ({"rate": {"kind": "free-bits"}, "family": "wake-sleep"}, "learns from dreams"),
        ({"rate": {"kind": "free-bits"}, "family": "semi-supervised", "conditional": True}, "of the class"),
        ({"family": "ladder", "latent_dim": 2}, "hierarchy.layers"),
        ({"family": "vq"}, "architecture.kind"),
        ({"family": "vq", "posterior": {"kind": "delta"}}, "posterior.kind=diagonal"),
        ({"family": "semi-supervised"}, "conditional=true"),
        ({"family": "factor", "conditional": True}, "conditional=false"),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_one_sentence(values, why):
    with pytest.raises(InputError, match=why) as refused:
        validated(ModelConfig, values)
    assert "\n" not in str(refused.value)


def test_every_part_is_reached_by_its_dotted_name():
    config = with_settings(RunConfig(), ["rate.kind=capacity", "divergence.kind=mmd", "posterior.steps=3", "beta=2"])
    model = config.model
    assert (model.rate.kind, model.divergence.kind, model.posterior.steps, model.beta) == ("capacity", "mmd", 3, 2.0)
