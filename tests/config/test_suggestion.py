"""What is suggested for a first try: valid for any folder, sensible for the usual ones."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.config.image_statistics import ImageStatistics
from latentlab.config.recipes import RECIPES
from latentlab.config.suggestion import suggest_settings
from latentlab.models import build

MEASURED = 512


def statistics(components: int, greys: float = 1.0) -> ImageStatistics:
    """Of images whose variance is spread evenly over ``components`` dimensions."""
    return ImageStatistics(MEASURED, greys, 784, (1.0,) * components + (1e-6,) * (MEASURED - components))


@pytest.mark.parametrize(
    ("images", "shape", "recipe", "kind", "latent_dim", "batch"),
    [
        (54_000, (1, 28, 28), "vae", "mlp", 2, 128),
        (500, (1, 28, 28), "vae", "mlp", 2, 16),
        (10_000, (1, 64, 64), "vae", "conv", 10, 32),
        (45_000, (3, 32, 32), "gaussian-vae", "conv", 10, 32),
        (1, (3, 256, 256), "gaussian-vae", "conv", 10, 16),
    ],
)
def test_usual_datasets_of_which_only_the_shape_is_known(images, shape, recipe, kind, latent_dim, batch):
    found = suggest_settings(images, shape)
    model, training = found.config.model, found.config.training
    assert (model.recipe, model.architecture.kind, model.latent_dim) == (recipe, kind, latent_dim)
    assert training.batch_size == batch
    epochs = f"{training.epochs} epochs"
    for part in (f"{images:,}", f"{shape[2]} × {shape[1]}", f"{latent_dim} latent", epochs, f"of {batch}"):
        assert part in found.reason


@pytest.mark.parametrize(("components", "good", "quick"), [(4, 10, 2), (18, 10, 2), (55, 24, 24), (400, 64, 64)])
def test_images_that_differ_in_more_ways_get_more_latents(components, good, quick):
    measured = statistics(components)
    for effort, latent_dim in (("good", good), ("quick", quick)):
        found = suggest_settings(10_000, (1, 28, 28), statistics=measured, effort=effort)
        assert found.config.model.latent_dim == latent_dim
        assert ("(a whole map)" in found.reason) == (latent_dim == 2)
        assert found.config.model.architecture.kind == ("mlp" if latent_dim == 2 else "conv")


def test_few_images_tell_nothing_of_the_components():
    few = ImageStatistics(99, 1.0, 784, (1.0,) * 99)
    model = suggest_settings(99, (1, 28, 28), statistics=few).config.model
    assert (model.latent_dim, model.architecture.kind, model.recipe) == (2, "mlp", "gaussian-vae")


def test_greys_are_gaussian_and_black_and_white_is_bernoulli():
    grey = suggest_settings(10_000, (1, 28, 28), statistics=statistics(20, greys=0.8)).config.model
    assert (grey.recipe, grey.likelihood.sigma, grey.likelihood.mean) == ("gaussian-vae", "optimal", "sigmoid")
    digits = suggest_settings(10_000, (1, 28, 28), statistics=statistics(20, greys=0.1)).config.model
    assert (digits.recipe, digits.likelihood.kind) == ("vae", "bernoulli")


def test_a_quick_look_takes_two_minutes_at_most_and_a_good_training_longer():
    for shape in ((1, 28, 28), (1, 64, 64), (3, 32, 32), (3, 64, 64)):
        quick, good = (suggest_settings(5_000, shape, effort=effort) for effort in ("quick", "good"))
        assert quick.minutes <= 2 < 10 > good.minutes > quick.minutes
        assert quick.config.training.epochs < good.config.training.epochs
        assert "minute" in good.reason


def test_what_more_latents_would_buy_is_said():
    found = suggest_settings(10_000, (1, 28, 28), statistics=statistics(60))
    assert [size.dimensions for size in found.sizes][:3] == [2, 5, 10]
    assert found.sizes[2].left == pytest.approx(50 / 60, rel=1e-3)
    assert found.sizes[2].error == pytest.approx(50 / 784, rel=1e-3)
    for fewer, more in pairwise(found.sizes):
        assert more.error < fewer.error
        assert more.rate > fewer.rate
    assert "principal components leave out" in found.reason
    assert "32: 47%" in found.reason


def symmetrical(greys: float = 1.0) -> ImageStatistics:
    """Of images that are as likely mirrored or moved."""
    return replace(statistics(20, greys), fitted=400, unseen=1.2, mirrored=1.0, moved=1.01)


def test_few_images_that_are_as_likely_mirrored_and_moved_are_varied_in_training():
    found = suggest_settings(1_000, (1, 128, 128), statistics=symmetrical())
    assert (found.config.training.mirror, found.config.training.shift) == (True, 4)
    assert "training images mirrored and moved by up to 4 pixels by chance" in found.reason
    assert found.config.model.architecture.linear_path, "a start at principal components gains where they are varied"
    many = suggest_settings(1_000_000, (1, 128, 128), statistics=symmetrical()).config
    assert (many.training.mirror, many.training.shift) == (False, 0)
    assert not many.model.architecture.linear_path
    writing = suggest_settings(1_000, (1, 28, 28), statistics=symmetrical(greys=0.1)).config.training
    assert (writing.mirror, writing.shift) == (False, 1)
    fixed = suggest_settings(1_000, (1, 28, 28), settings=["shift=3"], statistics=symmetrical())
    assert fixed.config.training.shift == 3
    assert "training images mirrored by chance" in fixed.reason
    for other in ("ladder-vae", "concrete-vae", "hierarchical-vae"):
        model = suggest_settings(1_000, (1, 28, 28), other, statistics=symmetrical()).config.model
        assert not model.architecture.linear_path, "it has none"
    evolved = suggest_settings(1_000, (1, 28, 28), "evolved-binary-vae", statistics=symmetrical()).config.training
    assert (evolved.mirror, evolved.shift) == (False, 0)


def test_the_time_is_said_in_words():
    times = [suggest_settings(100, (1, 8, 8), settings=[f"epochs={epochs}"]).reason for epochs in (1, 1500, 100_000)]
    for text, expected in zip(times, ("less than a minute", "about a minute", "minutes on a CPU"), strict=True):
        assert expected in text


@given(st.integers(1, 10**8), st.sampled_from([1, 3]), st.integers(8, 256), st.integers(8, 256))
def test_more_images_never_make_the_batch_smaller(images, channels, height, width):
    training = suggest_settings(images, (channels, height, width)).config.training
    more = suggest_settings(images + 1, (channels, height, width)).config.training
    assert more.batch_size >= training.batch_size
    assert 5 <= training.epochs <= 400


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
