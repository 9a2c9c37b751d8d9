"""Settings that a model does not read are refused, and none that it reads."""

import pytest

from latentlab.config import RunConfig, settings_of, with_settings
from latentlab.config.model import ModelConfig
from latentlab.config.recipes import RECIPES
from latentlab.config.unread import check_settings_act, unread_settings
from latentlab.errors import InputError


@pytest.mark.parametrize(
    ("recipe", "setting", "why"),
    [
        ("vae", "codebook.size=8", "codebook.size does nothing for this model (vae): it needs family=vq"),
        ("vae", "model.divergence.weight=2", "a divergence.kind"),
        ("vae", "likelihood.sigma=learned", "likelihood.kind=gaussian or discretised-logistic"),
        ("mmd-vae", "divergence.projections=9", "sliced-wasserstein"),
        ("factor-vae", "adversary.margin=0.1", "family=vae-gan"),
        ("cvae", "supervision.labels=10", "semi-supervised"),
        ("ae", "rate.capacity=10", "rate.kind=capacity"),
        ("vae", "momentum=0.5", "momentum does nothing with optimizer=adam"),
        ("wae", "rate.kind=capacity", "a posterior.kind other than delta"),
        ("concrete-vae", "kl=monte-carlo", "a posterior.kind other than concrete"),
    ],
)
def test_what_does_nothing_is_refused(recipe, setting, why):
    config = with_settings(RunConfig(model=RECIPES[recipe].config()), [setting])
    with pytest.raises(InputError) as error:
        check_settings_act(config, ["beta=1", setting])
    assert why in str(error.value)


def test_sizes_that_every_model_is_asked_for_are_reported():
    config = RunConfig(model=RECIPES["vq-vae"].config())
    warnings = check_settings_act(config, ["latent_dim=2", "architecture.hidden=9", "codebook.size=4", "epochs=2"])
    assert [warning.split()[0] for warning in warnings] == ["latent_dim", "architecture.hidden"]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_recipes_own_settings_are_all_read(recipe):
    names = settings_of(ModelConfig)
    unread = unread_settings(recipe.config())
    assert set(unread) <= set(names)
    own = [
        name
        for name in names
        if (part := recipe.values.get(name.split(".")[0])) is not None
        and (not isinstance(part, dict) or name.split(".")[1] in part)
    ]
    assert not {*own, *recipe.key_settings} & {*unread} - {"latent_dim"}
