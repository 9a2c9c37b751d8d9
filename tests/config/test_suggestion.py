"""What is suggested for a first try: valid for any folder, sensible for the usual ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.config.recipes import RECIPES
from latentlab.config.suggestion import suggest_settings
from latentlab.models import build


@pytest.mark.parametrize(
    ("images", "shape", "recipe", "kind", "latent_dim", "batch", "epochs"),
    [
        (54_000, (1, 28, 28), "vae", "mlp", 2, 128, 20),
        (500, (1, 28, 28), "vae", "mlp", 2, 16, 125),
        (10_000, (1, 64, 64), "vae", "conv", 10, 128, 16),
        (45_000, (3, 32, 32), "gaussian-vae", "conv", 10, 128, 5),
        (1, (3, 256, 256), "gaussian-vae", "conv", 10, 16, 200),
    ],
)
def test_usual_datasets(images, shape, recipe, kind, latent_dim, batch, epochs):
    found = suggest_settings(images, shape)
    model, training = found.config.model, found.config.training
    assert (model.recipe, model.architecture.kind, model.latent_dim) == (recipe, kind, latent_dim)
    assert (training.batch_size, training.epochs) == (batch, epochs)
    for part in (f"{images:,}", f"{shape[2]} × {shape[1]}", f"{latent_dim} latent", f"{epochs} epochs", f"of {batch}"):
        assert part in found.reason


@given(st.integers(1, 10**8), st.sampled_from([1, 3]), st.integers(8, 256), st.integers(8, 256))
def test_more_images_never_make_the_batch_smaller(images, channels, height, width):
    training = suggest_settings(images, (channels, height, width)).config.training
    more = suggest_settings(images + 1, (channels, height, width)).config.training
    assert more.batch_size >= training.batch_size
    assert 5 <= training.epochs <= 200


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 256, 256), (3, 8, 8), (3, 60, 33)])
def test_the_model_can_be_built(shape):
    assert build(suggest_settings(100, shape).config.model, shape).image_shape == shape


@pytest.mark.parametrize("name", RECIPES)
def test_yours_every_recipe_gets_settings_that_suit_it(name):
    """Promise Yours: the recipe that was chosen keeps what makes it what it is."""
    own, found = RECIPES[name], suggest_settings(10_000, (1, 64, 64), name)
    assert found.config.model == own.suited(suggest_settings(10_000, (1, 64, 64)).config.model)
    assert f"the recipe {name}" in found.reason
    assert ("latent dimensions" in found.reason) == ("latent_dim" not in own.values)
    assert ("convolutions" in found.reason) == ("architecture" not in own.values)
