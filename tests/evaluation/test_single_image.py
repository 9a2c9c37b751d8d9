"""One image: inspected, refined, and filled in, against exact results of a linear model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import latentlab
from latentlab.config.capabilities import why_not_imputed, why_not_refined
from latentlab.config.recipes import RECIPES
from latentlab.errors import InputError
from latentlab.evaluation.latent_target import LatentTarget
from latentlab.evaluation.typical import compared_images, elbos_of, share_below, typical_sentence
from latentlab.models import build
from latentlab.models.inference import InferenceModel
from latentlab.storage import ModelHeader
from tests.models.helpers import ppca, ppca_marginal, smaller, tiny

SHAPE = (1, 3, 4)
SIGMA = 0.5


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def wrapped(module, classes: tuple[str, ...] = ()) -> InferenceModel:
    header = ModelHeader(model=module.config, image_shape=module.image_shape, classes=classes)
    return InferenceModel(module.eval(), header, "cpu")


def of_recipe(recipe: str) -> tuple[InferenceModel, int | None]:
    config = smaller(recipe)
    return wrapped(build(config, (1, 8, 8), 2), ("a", "b")), 1 if config.conditional else None


def an_image(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    return torch.rand(shape).numpy()


def half_hidden(height: int, width: int) -> np.ndarray:
    hidden = np.zeros((height, width), bool)
    hidden[height // 2 :] = True
    return hidden


def conditional(model, image: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The exact mean of the hidden pixels, and mean and covariance of z, given the observed pixels."""
    weight, bias = (getattr(model.decoder.pixels, name).detach().double().numpy() for name in ("weight", "bias"))
    seen = ~hidden.ravel()
    precision = np.eye(weight.shape[1]) + weight[seen].T @ weight[seen] / SIGMA**2
    covariance = np.linalg.inv(precision)
    mean = covariance @ weight[seen].T @ (image.ravel()[seen] - bias[seen]) / SIGMA**2
    return (weight @ mean + bias)[~seen], mean, covariance


# --- refining ---------------------------------------------------------------------------------------


def test_right_a_poor_posterior_is_refined_to_the_exact_one():
    module = ppca(SIGMA, offset=0.7)
    image = an_image()
    exact = ppca_marginal(module, SIGMA).log_prob(torch.from_numpy(image).double().flatten()).item()
    found = latentlab.refine(wrapped(module), image)
    assert found.encoded_elbo < exact - 0.5
    assert found.elbo == pytest.approx(exact, abs=0.05)
    assert found.gap == found.elbo - found.encoded_elbo
    assert [step.elbo for step in found.history] == sorted(step.elbo for step in found.history)


def test_right_the_refined_elbo_is_never_below_the_encoders_even_at_its_optimum():
    module = ppca(SIGMA)
    for seed in range(3):
        found = latentlab.refine(wrapped(module), an_image(), steps=20, seed=seed)
        assert 0 <= found.gap < 0.05, "the encoder is exact"


@pytest.mark.parametrize("recipe", RECIPES)
def test_right_every_recipe_is_refined_or_says_why_not(recipe):
    model, label = of_recipe(recipe)
    image, reason = an_image((1, 8, 8)), why_not_refined(model.module.config)
    if reason:
        with pytest.raises(InputError, match=reason):
            latentlab.refine(model, image, steps=1, label=label)
        return
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    found = latentlab.refine(model, image, steps=10, label=label)
    assert found.elbo >= found.encoded_elbo
    assert found.mean.shape == (model.latent_dim,)
    assert np.isfinite(found.mean).all()
    assert all(torch.equal(value, before[name]) for name, value in model.module.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.module.parameters()), "the model is copied"


# --- filling in -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "tolerance"), [(20_000, 0.04), (2, 0.08)])
def test_right_fillings_are_draws_of_the_exact_conditional_distribution(samples, tolerance):
    """Of many samples by importance sampling; two samples are too few, and Langevin chains are run."""
    module, image, hidden = ppca(SIGMA), an_image(), half_hidden(3, 4)
    pixels, mean, covariance = conditional(module, image, hidden)
    count = 300
    found = latentlab.imputations(wrapped(module), image, hidden, count=count, samples=samples)
    assert found.method == ("langevin" if samples == 2 else "importance")
    assert np.abs(found.z.mean(0) - mean).max() < 4 * np.sqrt(covariance.diagonal().max() / count) + 0.02
    assert np.allclose(found.z.std(0), np.sqrt(covariance.diagonal()), rtol=0.2)
    if (pixels > 0.1).all() and (pixels < 0.9).all():  # means are clamped
        assert np.abs(found.expected[0][hidden] - pixels).max() < tolerance
    assert (found.draws[:, 0][:, ~hidden] == image[0][~hidden]).all(), "observed pixels stay"


def test_honest_hidden_pixels_carry_no_likelihood():
    model, image, hidden = wrapped(ppca(SIGMA)), an_image(), half_hidden(3, 4)
    changed = image.copy()
    changed[:, hidden] = 1 - changed[:, hidden]
    for samples in (64, 2):
        one, other = (latentlab.imputations(model, each, hidden, 4, samples) for each in (image, changed))
        assert np.array_equal(one.z, other.z)
        assert np.array_equal(one.draws, other.draws)
        assert np.array_equal(one.expected, other.expected)
    target = LatentTarget(model.module, torch.from_numpy(image)[None], torch.from_numpy(hidden))
    output = target.output(torch.randn(5, 3)).requires_grad_()
    (gradient,) = torch.autograd.grad(target.log_likelihood_of(output).sum(), output)
    assert not gradient[:, :, hidden].any()
    assert gradient[:, :, ~hidden].all()


@pytest.mark.parametrize("recipe", RECIPES)
def test_right_every_recipe_fills_in_or_says_why_not(recipe):
    model, label = of_recipe(recipe)
    image, hidden, reason = an_image((1, 8, 8)), half_hidden(8, 8), why_not_imputed(model.module.config)
    if reason:
        with pytest.raises(InputError, match=reason):
            latentlab.imputations(model, image, hidden, label=label)
        return
    found = latentlab.imputations(model, image, hidden, count=2, samples=8, label=label)
    assert np.isfinite(found.draws).all()
    assert found.draws.shape == (2, 1, 8, 8)


def test_right_two_hundred_dimensions_are_filled_in_by_chains_that_part():
    model = wrapped(tiny(SHAPE, latent_dim=200, likelihood={"kind": "gaussian", "sigma_value": 0.05}))
    found = latentlab.imputations(model, an_image(), half_hidden(3, 4), count=4, samples=32)
    assert found.method == "langevin"
    assert np.isfinite(found.z).all()
    assert len(np.unique(found.z[:, 0])) == 4


def test_yours_the_same_seed_gives_the_same_fillings():
    model, image, hidden = wrapped(tiny(SHAPE, latent_dim=5)), an_image(), half_hidden(3, 4)
    one, same, other = (latentlab.imputations(model, image, hidden, 3, 32, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.z, same.z)
    assert not np.array_equal(one.z, other.z)


# --- inspecting -------------------------------------------------------------------------------------


def test_right_the_predictive_distribution_of_a_linear_model_is_exact():
    module, image = ppca(SIGMA, offset=0.0), an_image()
    with torch.no_grad():
        module.decoder.pixels.weight.mul_(0.2)  # means are clamped to [0, 1]
        module.decoder.pixels.bias.fill_(0.5)
    found = latentlab.inspect(wrapped(module), image, samples=4000)
    target = LatentTarget(module, torch.from_numpy(image)[None])
    with torch.no_grad():
        q = target.model.infer(target.batch)
        weight = module.decoder.pixels.weight
        variance = (weight**2 @ q.std[0] ** 2 + SIGMA**2).view(SHAPE).sqrt()
    assert np.allclose(found.std, variance, rtol=0.05)
    assert np.allclose(found.mean, found.reconstruction, atol=0.02)


def test_right_the_elbo_of_an_exact_posterior_is_the_log_likelihood():
    module, image = ppca(SIGMA), an_image()
    found = latentlab.inspect(wrapped(module), image, samples=4000)
    exact = ppca_marginal(module, SIGMA).log_prob(torch.from_numpy(image).double().flatten()).item()
    assert found.elbo == pytest.approx(exact, abs=0.2)
    assert found.elbo == pytest.approx(-found.rate - found.distortion)


@pytest.mark.parametrize("recipe", RECIPES)
def test_right_every_recipe_is_inspected(recipe):
    model, label = of_recipe(recipe)
    image = an_image((1, 8, 8))
    found = latentlab.inspect(model, image, samples=6, shown=3, label=label)
    assert found.samples.shape == found.draws.shape == (3, 1, 8, 8)
    assert (found.std > 0).all()
    assert np.isfinite([found.elbo, found.rate, found.distortion]).all()
    assert found.draws.min() >= 0
    assert found.draws.max() <= 1
    same = latentlab.inspect(model, image, samples=6, shown=3, label=label)
    assert same.elbo == found.elbo
    assert np.array_equal(same.draws, found.draws)


def test_honest_the_words_follow_the_rank():
    others = np.arange(1000.0)
    assert share_below(250.0, others) == pytest.approx(0.2505)
    assert share_below(-1.0, others) == 0
    for elbo, word in ((-1, "Not typical"), (30, "Unusual"), (500, "Typical"), (2000, "Simpler")):
        assert typical_sentence(share_below(elbo, others), 1000).startswith(word)
    assert "50 % of 1,000 images" in typical_sentence(0.5, 1000)


def test_honest_an_image_is_compared_with_training_images(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "images.npy", rng.integers(0, 256, (40, 8, 8), np.uint8))
    dataset = latentlab.load_dataset(tmp_path / "images.npy", validation=0.25)
    model = of_recipe("vae")[0]
    data = {"fingerprint": dataset.fingerprint, "config": dataset.config.model_dump()}
    model.header = model.header.model_copy(update={"data": data})
    index = compared_images(model, dataset, 20)
    assert len(index) == 20
    assert set(index.tolist()) <= set(dataset.split()[0].tolist())
    otherwise_split = replace(dataset, config=dataset.config.model_copy(update={"validation": 0.5}))
    assert compared_images(model, otherwise_split, 20).tolist() == index.tolist(), "those that it was trained on"
    assert len(compared_images(model, dataset)) == 30
    assert elbos_of(model, dataset, index).shape == (20,)
    model.header = model.header.model_copy(update={"data": data | {"fingerprint": "other"}})
    assert len(compared_images(model, dataset)) == 40, "none is a training image"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model, image: latentlab.refine(model, image, steps=0), "at least 1 step"),
        (lambda model, image: latentlab.refine(model, image[:, :2]), r"not \[1, 2, 4\]"),
        (lambda model, image: latentlab.inspect(model, np.stack([image, image])), "one image is needed, not 2"),
        (lambda model, image: latentlab.inspect(model, image, samples=0), "at least 1 sample"),
        (lambda model, image: latentlab.imputations(model, image, np.zeros((3, 4))), "hides nothing"),
        (lambda model, image: latentlab.imputations(model, image, np.ones((3, 4)), count=0), "at least 1 filling"),
        (lambda model, image: latentlab.inspect(model, 2 + image), "from 0 to 1"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, message):
    with pytest.raises(InputError, match=message):
        call(wrapped(ppca(SIGMA)), an_image())


# --- pixels of given latents ------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", RECIPES)
def test_right_pixels_are_drawn_from_the_likelihood_of_every_recipe(recipe):
    model, label = of_recipe(recipe)
    z = model.sample_prior(2)
    assert (model.pixel_std(z, label) > 0).all()
    drawn = model.sample_pixels(z, label)
    assert np.array_equal(drawn, model.sample_pixels(z, label))
    assert not np.array_equal(drawn, model.sample_pixels(z, label, seed=1))


def test_right_the_mean_and_spread_of_drawn_pixels_are_those_of_the_likelihood():
    module = tiny(SHAPE, architecture={"layers": 0}, likelihood={"kind": "gaussian", "sigma_value": 0.05})
    with torch.no_grad():
        module.decoder.pixels.bias.fill_(0.5)
        module.decoder.pixels.weight.zero_()
    model = wrapped(module)
    drawn = model.sample_pixels(np.zeros((2000, 2)))
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert drawn.std() == pytest.approx(0.05, rel=0.05)
    assert model.pixel_std(np.zeros((1, 2))).max() == pytest.approx(0.05)
