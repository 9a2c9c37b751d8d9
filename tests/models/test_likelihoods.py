"""Likelihoods: log-densities against torch.distributions, masks, and learned variances."""

from __future__ import annotations

import math

import pytest
import torch
from torch import distributions

from latentlab.config import LikelihoodConfig, ModelConfig, validated
from latentlab.errors import InputError
from latentlab.models.functional import soft_clip
from latentlab.models.likelihoods import build_likelihood
from latentlab.models.likelihoods.logistic import discretised_logistic_log_prob


def test_bernoulli_matches_torch():
    likelihood = build_likelihood(LikelihoodConfig(kind="bernoulli"))
    output, x = 3 * torch.randn(2, 5, 3, 4, 4), torch.rand(5, 3, 4, 4).round()
    reference = distributions.Independent(distributions.Bernoulli(logits=output), 3).log_prob(x.expand_as(output))
    torch.testing.assert_close(likelihood.log_prob(output, x), reference)
    torch.testing.assert_close(likelihood.mean(output), torch.sigmoid(output))


@pytest.mark.parametrize("samples", [1, 3])
def test_bernoulli_values_and_gradients_match_torch_at_extreme_logits(samples):
    """Values and gradients of grey pixels, also where a probability rounds to 0 or 1."""
    likelihood = build_likelihood(LikelihoodConfig())
    x = torch.rand(2, 1, 4, 5)
    logits = torch.linspace(-120, 120, samples * x.numel()).view(samples, *x.shape).requires_grad_()
    ours = likelihood.log_prob(logits, x)
    reference = distributions.Bernoulli(logits=logits.double(), validate_args=False).log_prob(x.double())
    torch.testing.assert_close(ours.double(), reference.sum((2, 3, 4)), atol=1e-4, rtol=1e-6)
    weights = torch.rand_like(ours)
    (gradient,) = torch.autograd.grad((ours * weights).sum(), logits)
    expected = (x - torch.sigmoid(logits.detach().double())) * weights[:, :, None, None, None]
    torch.testing.assert_close(gradient.double(), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("sigma", ["fixed", "learned"])
def test_gaussian_matches_torch(sigma):
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma=sigma, sigma_value=0.3))
    output, x = torch.randn(2, 5, 3, 4, 4), torch.rand(5, 3, 4, 4)
    std = torch.tensor(0.3) if sigma == "fixed" else torch.exp(likelihood.clipped_log_sigma())
    reference = distributions.Independent(distributions.Normal(output, std), 3).log_prob(x.expand_as(output))
    torch.testing.assert_close(likelihood.log_prob(output, x), reference)
    assert len(list(likelihood.parameters())) == (sigma == "learned")
    mean = likelihood.mean(output)
    assert mean.min() == 0
    assert mean.max() == 1


@pytest.mark.parametrize("sigma", ["fixed", "learned", "optimal", "pixel"])
def test_a_sigmoid_mean_is_a_gaussian_of_the_outputs_sigmoid(sigma):
    kinds = (LikelihoodConfig(kind="gaussian", sigma=sigma, mean=mean) for mean in ("linear", "sigmoid"))
    linear, sigmoid = (build_likelihood(kind) for kind in kinds)
    output, x = 4 * torch.randn(2, 5, 6, 4, 4), torch.rand(5, 6, 4, 4)
    if sigma == "pixel":
        x = x[:, :3]
    means = torch.sigmoid(output)
    if sigma == "pixel":
        means[:, :, 3:] = output[:, :, 3:]
    torch.testing.assert_close(sigmoid.log_prob(output, x), linear.log_prob(means, x))
    assert 0 < sigmoid.mean(output).min() < sigmoid.mean(output).max() < 1
    torch.testing.assert_close(sigmoid.mean(output), linear.mean(means))


def test_gaussian_with_sigma_per_pixel_matches_torch():
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="pixel"))
    output, x = torch.randn(2, 5, 6, 4, 4), torch.rand(5, 3, 4, 4)
    mean, log_sigma = output[:, :, :3], output[:, :, 3:]
    std = torch.exp(soft_clip(log_sigma, -6.0))
    reference = distributions.Independent(distributions.Normal(mean, std), 3).log_prob(x.expand_as(mean))
    torch.testing.assert_close(likelihood.log_prob(output, x), reference)
    assert likelihood.mean(output).shape == (2, 5, 3, 4, 4)


def test_optimal_sigma_maximises_the_likelihood_and_is_averaged_for_evaluation():
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="optimal"))
    output, x = torch.rand(1, 5, 1, 4, 4), torch.rand(5, 1, 4, 4)
    best = likelihood.log_prob(output, x).sum()
    root = ((output - x) ** 2).mean().sqrt().item()
    for factor in (0.9, 1.0, 1.1):
        fixed = build_likelihood(LikelihoodConfig(kind="gaussian", sigma_value=root * factor)).log_prob(output, x).sum()
        assert fixed <= best + 1e-3
    likelihood.eval()
    torch.testing.assert_close(likelihood.log_prob(output, x).sum(), best)
    alone = likelihood.log_prob(output[:, :1], x[:1])
    torch.testing.assert_close(alone, likelihood.log_prob(output, x)[:, :1])


@pytest.mark.parametrize("error", [0.2, 0.02, 0.01])
def test_optimal_sigma_is_the_root_of_the_mean_squared_error(error):
    """log p = −n (log σ + ½ log 2π + ½) at σ² = MSE; a soft limit at e⁻⁶ would add .0025 to σ, 523 nats at .01."""
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="optimal"))
    x = torch.rand(5, 3, 64, 64)
    output = (x + error * torch.randn_like(x)).requires_grad_()
    found = likelihood.log_prob(output[None], x).mean()
    root = ((output - x) ** 2).mean().sqrt()
    torch.testing.assert_close(found, -(3 * 64 * 64) * (root.log() + 0.5 * math.log(2 * math.pi) + 0.5))


def test_optimal_sigma_of_a_perfect_reconstruction_is_the_lower_limit():
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="optimal"))
    x = torch.rand(5, 1, 4, 4)
    output = x[None].clone().requires_grad_()
    found = likelihood.log_prob(output, x)
    torch.testing.assert_close(found, torch.full((1, 5), 16 * (6 - 0.5 * math.log(2 * math.pi))))
    found.sum().backward()
    assert not output.grad.any()


def test_images_weigh_what_they_are_given_in_an_optimal_sigma():
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="optimal"))
    output, x, weights = torch.rand(2, 5, 1, 4, 4), torch.rand(5, 1, 4, 4), torch.rand(5)
    log_probs = likelihood.log_prob(output, x, weights=weights)
    squares = ((output - x) ** 2).mean((0, 2, 3, 4))
    variance = (weights * squares).sum() / weights.sum()
    torch.testing.assert_close(likelihood.running_variance, variance)
    fixed = build_likelihood(LikelihoodConfig(kind="gaussian", sigma_value=variance.sqrt().item()))
    torch.testing.assert_close(log_probs, fixed.log_prob(output, x))


def test_a_held_sigma_is_the_running_one_and_stays():
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="optimal"))
    output, x = torch.rand(1, 5, 1, 4, 4), torch.rand(5, 1, 4, 4)
    expected = likelihood.log_prob(output, x)
    before = likelihood.running_variance.clone()
    with likelihood.held():
        torch.testing.assert_close(likelihood.log_prob(output[:, :1], x[:1]), expected[:, :1])
    assert torch.equal(likelihood.running_variance, before)
    likelihood.log_prob(output[:, :1], x[:1])
    assert not torch.equal(likelihood.running_variance, before)


def test_masked_pixels_have_no_likelihood():
    for kind in ("bernoulli", "gaussian"):
        likelihood = build_likelihood(LikelihoodConfig(kind=kind))
        output, x = torch.randn(2, 5, 3, 4, 4), torch.rand(5, 3, 4, 4)
        mask = (torch.rand(5, 1, 4, 4) > 0.5).float()
        other = torch.where(mask.bool(), x, torch.rand_like(x))
        torch.testing.assert_close(likelihood.log_prob(output, x, mask), likelihood.log_prob(output, other, mask))
        whole = likelihood.log_prob(output, x, mask) + likelihood.log_prob(output, x, 1 - mask)
        torch.testing.assert_close(whole, likelihood.log_prob(output, x))


@pytest.mark.parametrize("sigma", ["bernoulli", "fixed", "pixel"])
def test_sampled_pixels_have_the_right_mean(sigma):
    kind = "bernoulli" if sigma == "bernoulli" else "gaussian"
    likelihood = build_likelihood(LikelihoodConfig(kind=kind, sigma="fixed" if kind == "bernoulli" else sigma))
    output = torch.rand(2 if sigma == "pixel" else 1, 2, 2) * 0.5
    drawn = likelihood.sample(output.expand(20_000, *output.shape))
    torch.testing.assert_close(drawn.mean(0), likelihood.mean(output), atol=0.06, rtol=0)


def test_learned_sigma_has_a_lower_limit():
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="learned"))
    with torch.no_grad():
        likelihood.log_sigma.fill_(-100.0)
    assert likelihood.clipped_log_sigma().item() == pytest.approx(-6.0)
    with torch.no_grad():
        likelihood.log_sigma.fill_(0.5)
    assert likelihood.clipped_log_sigma().item() == pytest.approx(0.5, abs=2e-3)


def test_continuous_bernoulli_matches_torch():
    likelihood = build_likelihood(LikelihoodConfig(kind="continuous-bernoulli"))
    x = torch.rand(5, 1, 4, 5)
    output = torch.linspace(-20, 20, 2 * x.numel()).view(2, *x.shape).requires_grad_()
    reference = distributions.ContinuousBernoulli(logits=output.double())
    found = likelihood.log_prob(output, x)
    expected = reference.log_prob(x.double().expand_as(output)).sum((2, 3, 4))
    torch.testing.assert_close(found.double(), expected, atol=1e-3, rtol=1e-5)
    torch.testing.assert_close(likelihood.mean(output).double(), reference.mean, atol=1e-5, rtol=1e-5)
    found.sum().backward()
    assert torch.isfinite(output.grad).all()


def test_continuous_bernoulli_is_a_density_at_any_logit():
    """∫ p(x) dx = 1 and ∫ x p(x) dx = the mean, also around 0, where C is a quotient of small numbers."""
    likelihood = build_likelihood(LikelihoodConfig(kind="continuous-bernoulli"))
    logits = torch.tensor([-80.0, -3.0, -0.31, -0.29, -1e-3, 0.0, 1e-6, 0.05, 0.3, 2.0, 80.0])
    x = torch.linspace(0, 1, 20_001)
    output = logits[:, None, None, None, None].expand(-1, len(x), 1, 1, 1)
    density = likelihood.log_prob(output, x[:, None, None, None]).double().exp()
    torch.testing.assert_close(torch.trapezoid(density, x.double()), torch.ones(11).double(), atol=1e-4, rtol=0)
    means = torch.trapezoid(density * x, x.double())
    torch.testing.assert_close(likelihood.mean(logits).double(), means, atol=1e-4, rtol=0)


@pytest.mark.parametrize("sigma", ["learned", "pixel"])
def test_discretised_logistic_matches_differences_of_the_distribution_function(sigma):
    config = LikelihoodConfig(kind="discretised-logistic", sigma=sigma, sigma_value=0.05)
    likelihood = build_likelihood(config)
    x = torch.randint(0, 256, (5, 1, 6, 6)) / 255
    x[0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    output = torch.rand(2, 5, likelihood.parameters_per_pixel, 6, 6)
    mean, log_scale = (part.detach().double() for part in likelihood.mean_and_log_scale(output))
    upper, lower = (torch.sigmoid((x.double() + step - mean) / log_scale.exp()) for step in (0.5 / 255, -0.5 / 255))
    upper, lower = torch.where(x == 1, 1.0, upper), torch.where(x == 0, 0.0, lower)
    expected = torch.log(upper - lower).sum((2, 3, 4))
    torch.testing.assert_close(likelihood.log_prob(output, x).double(), expected, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("log_scale", [-8.0, -4.0, 0.0, 6.0])
@pytest.mark.parametrize("centre", [-0.3, 0.0, 0.4982, 1.2])
def test_the_probabilities_of_all_levels_sum_to_one(log_scale, centre):
    """256 levels, with all the mass below the first and above the last; finite gradients far from the mean too."""
    x = torch.arange(256) / 255
    mean = torch.full((256,), centre, requires_grad=True)
    scale = torch.tensor(log_scale, requires_grad=True)
    log_probs = discretised_logistic_log_prob(x, mean, scale)
    assert log_probs.double().exp().sum().item() == pytest.approx(1, abs=1e-4)
    log_probs.sum().backward()
    assert torch.isfinite(mean.grad).all()
    assert torch.isfinite(scale.grad)


def test_bits_of_a_wide_logistic_are_those_of_its_density():
    """The probability of a level is its density times 1/255 where the density hardly changes within a level."""
    config = LikelihoodConfig(kind="discretised-logistic", sigma="learned", sigma_value=0.3)
    likelihood = build_likelihood(config)
    x, output = torch.full((1, 1, 1, 1), 100 / 255), torch.full((1, 1, 1, 1, 1), 0.5)
    scaled = (100 / 255 - 0.5) / 0.3
    density = math.exp(-scaled) / (0.3 * (1 + math.exp(-scaled)) ** 2)
    assert likelihood.log_prob(output, x).item() == pytest.approx(math.log(density / 255), abs=5e-3)
    assert not likelihood.is_density


def test_a_discretised_logistic_needs_a_scale_that_is_learned():
    with pytest.raises(InputError, match=r"needs likelihood\.sigma=learned or pixel"):
        validated(ModelConfig, {"likelihood": {"kind": "discretised-logistic"}})


@pytest.mark.parametrize("kind", ["continuous-bernoulli", "discretised-logistic"])
def test_drawn_pixels_have_the_right_mean(kind):
    likelihood = build_likelihood(LikelihoodConfig(kind=kind, sigma="learned", sigma_value=0.03))
    output = torch.tensor([[[0.4, 0.6], [0.5, 0.55]]])
    drawn = likelihood.sample(output.expand(20_000, *output.shape))
    torch.testing.assert_close(drawn.mean(0), likelihood.mean(output), atol=0.02, rtol=0)
    assert 0 <= drawn.min() < drawn.max() <= 1
    if kind == "discretised-logistic":
        torch.testing.assert_close((drawn * 255).round(), drawn * 255, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("config", "channels", "reference"),
    [
        ({}, 1, lambda output: distributions.Bernoulli(logits=output)),
        ({"kind": "continuous-bernoulli"}, 1, lambda output: distributions.ContinuousBernoulli(logits=output)),
        ({"kind": "gaussian", "sigma_value": 0.3}, 1, lambda output: distributions.Normal(output, 0.3)),
        (
            {"kind": "gaussian", "sigma": "pixel"},
            2,
            lambda output: distributions.Normal(output[:, :1], torch.exp(soft_clip(output[:, 1:], -6.0))),
        ),
    ],
)
def test_the_standard_deviation_of_pixels_matches_torch(config, channels, reference):
    likelihood = build_likelihood(validated(LikelihoodConfig, config))
    output = torch.linspace(-8, 8, 30 * channels).view(6, channels, 1, 5)
    expected = reference(output.double()).stddev.float()
    torch.testing.assert_close(likelihood.std(output), expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("logits", [0.0, 1e-3, 90.0, -200.0])
def test_a_continuous_bernoulli_has_a_finite_standard_deviation_everywhere(logits):
    likelihood = build_likelihood(LikelihoodConfig(kind="continuous-bernoulli"))
    found = likelihood.std(torch.tensor(logits)).item()
    exact = math.sqrt(1 / 12) if abs(logits) < 1 else 1 / abs(logits)
    assert found == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("sigma", ["learned", "pixel"])
def test_the_standard_deviation_of_a_logistic_is_that_of_its_draws(sigma):
    likelihood = build_likelihood(LikelihoodConfig(kind="discretised-logistic", sigma=sigma, sigma_value=0.05))
    output = torch.full((1, likelihood.parameters_per_pixel, 1, 1), 0.5)
    if sigma == "pixel":
        output[:, 1] = -3.0
    drawn = likelihood.sample(output.expand(40_000, -1, -1, -1))
    assert likelihood.std(output).item() == pytest.approx(drawn.std().item(), rel=0.03)
