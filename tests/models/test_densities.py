"""Gates 4 and 8: closed forms against sampling, and every log-density against torch.distributions."""

from __future__ import annotations

import pytest
import torch
from torch import distributions

from latentlab.config import LikelihoodConfig, PosteriorConfig, PriorConfig
from latentlab.models.families.code_prior import CodePrior
from latentlab.models.functional import gaussian_kl, log_mean_exp, soft_clip
from latentlab.models.likelihoods import build_likelihood
from latentlab.models.posteriors import build_posterior
from latentlab.models.posteriors.cholesky import Cholesky
from latentlab.models.posteriors.diagonal import Diagonal
from latentlab.models.priors import build_prior


def _posterior(kind: str, latent_dim: int = 3, **settings):
    head = build_posterior(PosteriorConfig(kind=kind, **settings), 6, latent_dim)
    with torch.no_grad():
        for weight in head.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return head.eval()(torch.randn(4, 6))


def test_diagonal_posterior_agrees_with_torch():
    q = _posterior("diagonal")
    draw = q.rsample(8)
    reference = distributions.Independent(distributions.Normal(q.mean, q.std), 1)
    torch.testing.assert_close(draw.log_q, reference.log_prob(draw.z), atol=1e-4, rtol=1e-5)
    kl = distributions.kl_divergence(distributions.Normal(q.mean, q.std), distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(q.kl_to_prior(), kl)


def test_cholesky_posterior_agrees_with_torch():
    q = _posterior("cholesky")
    draw = q.rsample(8)
    reference = distributions.MultivariateNormal(q.mean, scale_tril=q.factor)
    torch.testing.assert_close(draw.log_q, reference.log_prob(draw.z), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(q.log_prob(draw.z), draw.log_q, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(q.std, reference.stddev)
    standard = distributions.MultivariateNormal(torch.zeros(3), torch.eye(3))
    kl = distributions.kl_divergence(reference, standard)
    torch.testing.assert_close(q.kl_to_prior().sum(-1), kl)


def test_full_covariance_with_a_diagonal_factor_is_the_diagonal_posterior():
    mean, log_std = torch.randn(4, 3), torch.randn(4, 3)
    full, diagonal = Cholesky(mean, log_std, torch.zeros(4, 3)), Diagonal(mean, log_std)
    torch.testing.assert_close(full.kl_to_prior(), diagonal.kl_to_prior())
    torch.manual_seed(1)
    drawn = full.rsample(5)
    torch.manual_seed(1)
    expected = diagonal.rsample(5)
    torch.testing.assert_close(drawn.z, expected.z)
    torch.testing.assert_close(drawn.log_q, expected.log_q)


@pytest.mark.parametrize("kind", ["iaf", "planar"])
def test_flow_of_no_steps_is_its_base(kind):
    q = _posterior(kind, steps=0)
    torch.manual_seed(1)
    drawn = q.rsample(5)
    torch.manual_seed(1)
    expected = q.base.rsample(5)
    assert torch.equal(drawn.z, expected.z)
    assert torch.equal(drawn.log_q, expected.log_q)
    torch.testing.assert_close(q.mean, q.base.mean)


@pytest.mark.parametrize("kind", ["iaf", "planar"])
def test_determinant_of_a_flow_is_that_of_its_jacobian(kind):
    q = _posterior(kind, steps=3, hidden=16)
    start = torch.randn(4, 3)
    z, log_det = q._carry(start[None])
    assert not torch.allclose(z[0], start, atol=0.1)
    jacobian = torch.autograd.functional.jacobian(lambda s: q._carry(s[None])[0][0].sum(0), start)
    exact = torch.linalg.slogdet(jacobian.permute(1, 0, 2)).logabsdet
    torch.testing.assert_close(log_det[0], exact, atol=1e-4, rtol=1e-4)


def test_planes_begin_as_the_identity_and_learn():
    head = build_posterior(PosteriorConfig(kind="planar"), 6, 3)
    q = head(torch.randn(4, 6))
    start = torch.randn(1, 4, 3)
    z, log_det = q._carry(start)
    torch.testing.assert_close(z, start, atol=0.1, rtol=0)
    assert log_det.abs().max() < 0.1
    (z.sum() + log_det.sum()).backward()
    assert all(step.bias.grad[:3].abs().max() > 0.1 for step in head.steps)


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_autoregressive_networks_see_only_what_comes_before(latent_dim):
    prior = build_prior(PriorConfig(kind="flow", hidden=32), latent_dim, (1, 3, 4))
    for made in prior.steps:
        torch.nn.init.normal_(made.outward.weight)
        jacobian = torch.autograd.functional.jacobian(lambda z: made(z)[0], torch.randn(latent_dim))  # noqa: B023
        for output, place in enumerate(made.ranks):
            for source, earlier in enumerate(made.ranks):
                assert (jacobian[output, source] != 0) == (earlier < place)


def test_concrete_posterior_agrees_with_torch():
    q = _posterior("concrete", 20, categories=5)
    draw = q.rsample(6)
    vectors = draw.z.view(6, 4, 4, 5)
    assert (vectors.sum(-1) == 1).all()
    reference = distributions.OneHotCategorical(logits=q.log_probs)
    torch.testing.assert_close(draw.log_q, reference.log_prob(vectors).sum(-1))
    torch.testing.assert_close(q.log_prob(draw.z), draw.log_q)
    uniform = distributions.OneHotCategorical(logits=torch.zeros(4, 4, 5))
    kl = distributions.kl_divergence(reference, uniform).sum(-1)
    torch.testing.assert_close(q.kl_to_prior().sum(-1), kl, atol=1e-5, rtol=1e-4)
    assert (q.kl_to_prior() >= 0).all()
    torch.testing.assert_close(q.rsample(20_000).z.mean(0), q.mean, atol=0.03, rtol=0)


def test_relaxed_categories_pass_a_gradient_and_sharpen_as_they_cool():
    head = build_posterior(PosteriorConfig(kind="concrete", categories=5, cooling=2.0), 6, 20)
    spreads = []
    for epochs in (0.0, 1.0, 5.0):
        head.update_schedule(epochs)
        spreads.append(head(torch.randn(200, 6)).rsample(1).z.view(-1, 5).amax(-1).mean().item())
    assert spreads[0] < spreads[1] < spreads[2]
    assert head.temperature == 0.5
    head(torch.randn(3, 6)).rsample(1).z[..., 0].sum().backward()
    assert head.logits.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", ["diagonal", "cholesky"])
def test_closed_form_rate_is_the_sampled_one(kind):
    q, prior = _posterior(kind), build_prior(PriorConfig(), 3, (1, 3, 4))
    draw = q.rsample(100_000)
    sampled = draw.log_q - prior.log_prob(draw.z)
    error = sampled.std(0) / sampled.shape[0] ** 0.5
    assert ((sampled.mean(0) - q.kl_to_prior().sum(-1)).abs() < 5 * error).all()


def test_delta_is_a_point_without_a_rate():
    q = _posterior("delta")
    draw = q.rsample(2)
    assert (draw.z == q.mean).all()
    assert not q.kl_to_prior().any()
    assert not q.std.any()


def test_standard_prior_agrees_with_torch_and_samples_itself():
    prior = build_prior(PriorConfig(), 5, (1, 3, 4))
    z = prior.sample(20_000, torch.Generator().manual_seed(1))
    reference = distributions.MultivariateNormal(torch.zeros(5), torch.eye(5))
    torch.testing.assert_close(prior.log_prob(z), reference.log_prob(z))
    torch.testing.assert_close(torch.cov(z.T), torch.eye(5), atol=0.05, rtol=0)
    assert torch.equal(z, prior.sample(20_000, torch.Generator().manual_seed(1)))


def test_bernoulli_agrees_with_torch():
    likelihood = build_likelihood(LikelihoodConfig(kind="bernoulli"))
    output, x = 3 * torch.randn(2, 5, 3, 4, 4), torch.rand(5, 3, 4, 4).round()
    reference = distributions.Independent(distributions.Bernoulli(logits=output), 3).log_prob(x.expand_as(output))
    torch.testing.assert_close(likelihood.log_prob(output, x), reference)
    torch.testing.assert_close(likelihood.mean(output), torch.sigmoid(output))


def _vamp(posterior: str = "diagonal", latent_dim: int = 2, components: int = 4):
    """A VampPrior, and the encoder that its methods are given."""
    prior = build_prior(PriorConfig(kind="vamp", components=components), latent_dim, (1, 2, 3))
    head = build_posterior(PosteriorConfig(kind=posterior), 6, latent_dim)
    return prior, lambda x: head(x.flatten(1))


@pytest.mark.parametrize("posterior", ["diagonal", "cholesky"])
def test_vamp_prior_is_the_mixture_of_its_posteriors(posterior):
    prior, encode = _vamp(posterior)
    z = torch.randn(3, 5, 2)
    q = prior.components(encode)
    factor = q.factor if posterior == "cholesky" else torch.diag_embed(q.std)
    each = distributions.MultivariateNormal(q.mean, scale_tril=factor).log_prob(z[..., None, :])
    torch.testing.assert_close(prior.log_prob(z, encode), log_mean_exp(each, -1), atol=1e-5, rtol=1e-5)


def test_vamp_prior_without_an_encoder_is_refused():
    prior, _ = _vamp()
    with pytest.raises(TypeError, match="pass encode"):
        prior.log_prob(torch.zeros(1, 2))
    with pytest.raises(TypeError, match="pass encode"):
        prior.sample(1)


def test_mixture_prior_agrees_with_torch():
    prior = build_prior(PriorConfig(kind="mixture", components=4), 3, (1, 2, 3))
    parts = distributions.Independent(distributions.Normal(prior.means, torch.exp(prior.log_stds)), 1)
    reference = distributions.MixtureSameFamily(distributions.Categorical(torch.ones(4)), parts)
    z = torch.randn(2, 5, 3)
    torch.testing.assert_close(prior.log_prob(z), reference.log_prob(z), atol=1e-5, rtol=1e-5)


def test_vamp_prior_begins_at_training_images():
    prior, _ = _vamp()
    prior.prepare(torch.full((3, 1, 2, 3), 0.5))
    assert (prior.pseudo_inputs - 0.5).abs().max() < 0.5
    assert prior.pseudo_inputs.std() > 0.01


def test_density_in_pieces_is_the_density(monkeypatch):
    (prior, encode), z = _vamp(), torch.randn(3, 5, 2)
    whole = prior.log_prob(z, encode)
    monkeypatch.setattr("latentlab.models.priors.mixtures.MAX_ELEMENTS", 16)
    torch.testing.assert_close(prior.log_prob(z, encode), whole)


@pytest.mark.parametrize("kind", ["mixture", "flow", "vamp"])
def test_learned_priors_are_normalised_and_sample_themselves(kind):
    if kind == "vamp":
        prior, encode = _vamp()
    else:
        prior, encode = build_prior(PriorConfig(kind=kind, components=3), 2, (1, 3, 4)), None
    if kind == "flow":
        for made in prior.steps:
            torch.nn.init.normal_(made.outward.weight, std=0.1)
    axis = torch.linspace(-10, 10, 401)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        density = torch.exp(prior.log_prob(grid, encode)) * (axis[1] - axis[0]) ** 2
        assert density.sum().item() == pytest.approx(1, abs=1e-2)
        drawn = prior.sample(20_000, torch.Generator().manual_seed(0), encode)
    expected = (density[:, None] * grid).sum(0)
    torch.testing.assert_close(drawn.mean(0), expected, atol=0.08, rtol=0)
    spread = (density[:, None] * (grid - expected) ** 2).sum(0)
    torch.testing.assert_close(drawn.var(0), spread, atol=0.15, rtol=0.1)


def test_categorical_prior_is_uniform():
    prior = build_prior(PriorConfig(kind="categorical"), 12, (1, 3, 4))
    prior.categories = 4
    z = prior.sample(1000, torch.Generator().manual_seed(0))
    assert (z.view(1000, 3, 4).sum(-1) == 1).all()
    assert prior.log_prob(z)[0].item() == pytest.approx(-3 * 1.3862944)


def test_learned_code_prior_is_normalised_and_causal():
    prior = CodePrior(3, (2, 2))
    for weight in prior.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    every = torch.cartesian_prod(*[torch.arange(3)] * 4).view(-1, 2, 2)
    with torch.no_grad():
        probabilities = torch.exp(prior.log_prob(every))
        drawn = prior.sample(4000, generator=torch.Generator().manual_seed(0))
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-4)
    shares = torch.stack([(drawn == codes).flatten(1).all(1).float().mean() for codes in every[:20]])
    torch.testing.assert_close(shares, probabilities[:20], atol=0.02, rtol=0)


def test_codes_are_drawn_as_if_the_whole_grid_were_looked_at_for_each():
    prior, context = CodePrior(5, (3, 4), context=2), torch.randn(6, 2, 3, 4)
    for weight in prior.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    generator = torch.Generator().manual_seed(0)
    codes = torch.zeros(6, 3, 4, dtype=torch.int64)
    with torch.no_grad():
        for row, column in torch.cartesian_prod(torch.arange(3), torch.arange(4)).tolist():
            probabilities = torch.exp(prior(codes, context)[:, :, row, column])
            codes[:, row, column] = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
        drawn = prior.sample(6, context, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, codes)


@pytest.mark.parametrize("sigma", ["fixed", "learned"])
def test_gaussian_agrees_with_torch(sigma):
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma=sigma, sigma_value=0.3))
    output, x = torch.randn(2, 5, 3, 4, 4), torch.rand(5, 3, 4, 4)
    std = torch.tensor(0.3) if sigma == "fixed" else torch.exp(likelihood.clipped_log_sigma())
    reference = distributions.Independent(distributions.Normal(output, std), 3).log_prob(x.expand_as(output))
    torch.testing.assert_close(likelihood.log_prob(output, x), reference)
    assert len(list(likelihood.parameters())) == (sigma == "learned")
    mean = likelihood.mean(output)
    assert mean.min() == 0
    assert mean.max() == 1


def test_pixel_sigma_agrees_with_torch():
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="pixel"))
    output, x = torch.randn(2, 5, 6, 4, 4), torch.rand(5, 3, 4, 4)
    mean, log_sigma = output[:, :, :3], output[:, :, 3:]
    std = torch.exp(soft_clip(log_sigma, -6.0))
    reference = distributions.Independent(distributions.Normal(mean, std), 3).log_prob(x.expand_as(mean))
    torch.testing.assert_close(likelihood.log_prob(output, x), reference)
    assert likelihood.mean(output).shape == (2, 5, 3, 4, 4)


def test_optimal_sigma_is_the_likeliest_one_and_outside_training_the_average():
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="optimal"))
    output, x = torch.rand(1, 5, 1, 4, 4), torch.rand(5, 1, 4, 4)
    best = likelihood.log_prob(output, x).sum()
    root = ((output - x) ** 2).mean().sqrt().item()
    for factor in (0.9, 1.0, 1.1):
        fixed = build_likelihood(LikelihoodConfig(kind="gaussian", sigma_value=root * factor)).log_prob(output, x).sum()
        assert fixed <= best + 0.05
    likelihood.eval()
    torch.testing.assert_close(likelihood.log_prob(output, x).sum(), best)
    alone = likelihood.log_prob(output[:, :1], x[:1])
    torch.testing.assert_close(alone, likelihood.log_prob(output, x)[:, :1])


def test_unobserved_pixels_carry_no_likelihood():
    for kind in ("bernoulli", "gaussian"):
        likelihood = build_likelihood(LikelihoodConfig(kind=kind))
        output, x = torch.randn(2, 5, 3, 4, 4), torch.rand(5, 3, 4, 4)
        mask = (torch.rand(5, 1, 4, 4) > 0.5).float()
        other = torch.where(mask.bool(), x, torch.rand_like(x))
        torch.testing.assert_close(likelihood.log_prob(output, x, mask), likelihood.log_prob(output, other, mask))
        whole = likelihood.log_prob(output, x, mask) + likelihood.log_prob(output, x, 1 - mask)
        torch.testing.assert_close(whole, likelihood.log_prob(output, x))


@pytest.mark.parametrize("sigma", ["bernoulli", "fixed", "pixel"])
def test_drawn_pixels_have_the_mean(sigma):
    kind = "bernoulli" if sigma == "bernoulli" else "gaussian"
    likelihood = build_likelihood(LikelihoodConfig(kind=kind, sigma="fixed" if kind == "bernoulli" else sigma))
    output = torch.rand(2 if sigma == "pixel" else 1, 2, 2) * 0.5
    drawn = likelihood.sample(output.expand(20_000, *output.shape))
    torch.testing.assert_close(drawn.mean(0), likelihood.mean(output), atol=0.06, rtol=0)


def test_learned_sigma_cannot_collapse():
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="learned"))
    with torch.no_grad():
        likelihood.log_sigma.fill_(-100.0)
    assert likelihood.clipped_log_sigma().item() == pytest.approx(-6.0)
    with torch.no_grad():
        likelihood.log_sigma.fill_(0.5)
    assert likelihood.clipped_log_sigma().item() == pytest.approx(0.5, abs=2e-3)


def test_soft_clip_is_the_identity_inside_and_bounded_outside():
    values = torch.tensor([-1e6, -8.0, 0.0, 1e6], requires_grad=True)
    clipped = soft_clip(values, -8.0, 6.0)
    assert clipped[0].item() == pytest.approx(-8.0, abs=1e-4)
    assert clipped[2].item() == pytest.approx(0.0, abs=3e-3)
    assert clipped[3].item() == pytest.approx(6.0, abs=1e-4)
    clipped.sum().backward()
    assert torch.isfinite(values.grad).all()
    assert values.grad[1] == pytest.approx(0.5, abs=1e-3)


def test_log_mean_exp_does_not_overflow():
    values = torch.tensor([[1000.0, -1000.0], [1000.0, -1000.0]])
    torch.testing.assert_close(log_mean_exp(values), values[0])


def test_kl_is_zero_at_the_prior():
    assert gaussian_kl(torch.zeros(3), torch.zeros(3)).abs().max() == 0


@pytest.mark.parametrize("samples", [1, 3])
def test_bernoulli_pixels_agree_with_torch_however_certain(samples):
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
