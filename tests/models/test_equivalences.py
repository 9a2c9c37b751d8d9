"""Special cases that equal the VAE, and the two gradient estimators."""

from __future__ import annotations

import pytest
import torch

from latentlab.config.recipes import RECIPES
from latentlab.models import Batch, StepState, build
from latentlab.models.objective import batch_objective
from tests.models.helpers import images, tiny

SHAPE = (1, 8, 8)


def objective(model, batch, state=StepState()):  # noqa: B008
    torch.manual_seed(7)
    return model.losses("model", batch, state).objective


def test_conditioning_on_a_constant_label_equals_the_vae():
    plain, conditional = tiny(), tiny(classes=3, conditional=True)
    batch = images(5)
    batch = Batch(batch.x, torch.full((5,), 1))
    own = conditional.state_dict()
    with torch.no_grad():
        for name, weight in plain.state_dict().items():
            own[name].zero_()
            # The label's inputs come last, and have weight 0 here.
            own[name][tuple(slice(0, size) for size in weight.shape)].copy_(weight)
    torch.testing.assert_close(objective(conditional, batch), objective(plain, batch))


def test_vamp_prior_with_one_standard_normal_component_equals_the_vae():
    plain = tiny()
    vamp = tiny(prior={"kind": "vamp", "components": 1})
    with torch.no_grad():
        for model in (plain, vamp):
            torch.manual_seed(2)
            for weight in model.encoder.parameters():
                weight.copy_(torch.randn_like(weight)) if weight.ndim > 1 else weight.zero_()
            for head in (model.posterior.mean, model.posterior.log_std):
                head.weight.copy_(0.1 * torch.randn_like(head.weight))
                head.bias.zero_()
        vamp.decoder.load_state_dict(plain.decoder.state_dict())
        vamp.prior.pseudo_inputs.zero_()  # without biases their posterior is N(0, I)
    q = vamp.prior.components(vamp.infer_images)
    torch.testing.assert_close(q.mean, torch.zeros(1, 2))
    torch.testing.assert_close(q.std, torch.ones(1, 2), atol=1e-4, rtol=0)
    batch = images(5)
    torch.manual_seed(1)
    sampled = vamp.bound(batch, 3)
    torch.manual_seed(1)
    expected = plain.bound(batch, 3)
    torch.testing.assert_close(sampled.log_ratio, expected.log_ratio, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(sampled.log_likelihood, expected.log_likelihood)


def test_importance_weighting_of_one_sample_equals_the_elbo():
    weighted, plain = tiny(bound="importance", kl="monte-carlo"), tiny(kl="monte-carlo")
    plain.load_state_dict(weighted.state_dict())
    batch = images(5)
    torch.testing.assert_close(objective(weighted, batch), objective(plain, batch))


def test_importance_weighted_bound_is_the_log_mean_weight():
    log_likelihood, rate = torch.randn(5, 3), torch.rand(5, 3)
    losses = batch_objective(log_likelihood, rate, lambda nats: nats, importance=True)
    expected = -torch.log(torch.exp(log_likelihood - rate).mean(0)).mean()
    torch.testing.assert_close(losses.objective, expected)


def test_total_correlation_with_weight_0_equals_the_vae():
    penalised = tiny(divergence={"kind": "total-correlation", "weight": 0.0})
    plain = tiny()
    plain.load_state_dict(penalised.state_dict())
    batch = images(5)
    torch.testing.assert_close(objective(penalised, batch), objective(plain, batch))


def test_corruption_of_level_0_equals_the_vae_and_masked_pixels_are_not_seen():
    plain, noisy = tiny(), tiny(corruption={"kind": "noise", "level": 0.0})
    noisy.load_state_dict(plain.state_dict())
    batch = images(3)
    q, expected = noisy.infer(noisy.corrupted(batch)), plain.infer(batch)
    torch.testing.assert_close(q.mean, expected.mean)
    masked = tiny(corruption={"kind": "mask", "level": 0.5})
    seen = masked.corrupted(batch)
    hidden = Batch(torch.where(seen.mask.bool(), batch.x, 1 - batch.x), mask=seen.mask)
    assert 0 < seen.mask.mean() < 1
    torch.testing.assert_close(masked.infer(hidden).mean, masked.infer(seen).mean)


def test_capacity_free_bits_and_warmup():
    batch = images(5)
    state = StepState(step=15, epoch=1, steps_per_epoch=10, images=50)  # 1.5 epochs
    plain = tiny()
    terms = plain.losses("model", batch, state).terms
    for rate, expected in (
        ({"kind": "capacity", "gamma": 7.0, "capacity": 40.0, "epochs": 3.0}, 7 * (20 - terms["rate"])),
        ({"kind": "capacity", "gamma": 7.0, "capacity": 40.0, "epochs": 1.0}, 7 * (40 - terms["rate"])),
        ({"kind": "free-bits", "free_bits": 5.0}, torch.tensor(10.0)),
        ({"kind": "free-bits", "free_bits": 0.0}, terms["rate"]),
        ({"warmup": 3.0}, terms["rate"] / 2),
        ({"warmup": 1.0}, terms["rate"]),
        ({"warmup": 1.0, "cycle": 1.25}, terms["rate"] / 4),  # a quarter of an epoch after the second start
    ):
        model = tiny(rate=rate)
        model.load_state_dict(plain.state_dict())
        model.on_step_start(state)
        torch.manual_seed(3)
        losses = model.losses("model", batch, state)
        cost = losses.objective.detach() - losses.terms["distortion"]
        torch.testing.assert_close(cost, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(losses.terms["rate"], terms["rate"])  # reported unchanged


def test_score_function_and_reparameterised_gradients_agree_on_average(capsys):
    samples, rounds = 400, 60
    batch = images(3)
    torch.manual_seed(0)
    models = {
        "reparameterised": tiny(samples=samples),
        "score": tiny(samples=samples, estimator="score"),
    }
    models["score"].load_state_dict(models["reparameterised"].state_dict())
    means, errors = {}, {}
    for name, model in models.items():
        gradients = []
        for _ in range(rounds):
            model.zero_grad()
            model.losses("model", batch, StepState()).objective.backward()
            gradients.append(torch.cat([p.grad.flatten() for p in model.posterior.parameters()]))
        stacked = torch.stack(gradients)
        means[name], errors[name] = stacked.mean(0), stacked.std(0) / rounds**0.5
    difference = (means["score"] - means["reparameterised"]).abs()
    assert (difference <= 5 * (errors["score"] ** 2 + errors["reparameterised"] ** 2).sqrt() + 1e-6).all()
    ratio = (errors["score"].square().sum() / errors["reparameterised"].square().sum()).item()
    with capsys.disabled():
        print(f"\n  variance of the score-function gradient: {ratio:.0f} × that of the reparameterised one")  # noqa: T201
    assert ratio > 1
    terms = models["score"].losses("model", batch, StepState()).terms
    assert terms["gradient_variance_score"] > terms["gradient_variance_reparameterised"] > 0


def test_score_function_estimator_reports_the_bound_unchanged():
    model, plain = tiny(samples=4, estimator="score"), tiny(samples=4)
    plain.load_state_dict(model.state_dict())
    batch = images(5)
    torch.testing.assert_close(objective(model, batch), objective(plain, batch))


@pytest.mark.parametrize(
    ("beta", "rate", "slope"),
    [
        (1.0, {}, 1.0),
        (3.0, {}, 3.0),
        (1.0, {"kind": "capacity", "gamma": 7.0, "capacity": 500.0}, -7.0),  # below the capacity
    ],
)
def test_score_function_estimator_takes_no_path_through_the_sample_in_a_sampled_rate(beta, rate, slope):
    """∇ E_q[log p(x|z) − c (log q − log p(z))] = E_q[(the bracket − b) ∇ log q], as E_q[∇ log q] = 0 (Williams 1992).

    c is the derivative of the rate's cost.
    """
    model = tiny(samples=4, estimator="score", kl="monte-carlo", beta=beta, rate=rate)
    model.on_step_start(StepState(step=1000))
    batch = images(5)
    objective(model, batch, StepState(step=1000)).backward()
    found = [weight.grad.clone() for weight in model.posterior.parameters()]
    model.zero_grad()
    torch.manual_seed(7)
    q = model.infer(batch)
    z = q.rsample(4).z.detach()
    log_q = q.log_prob(z)
    signal = model.log_likelihood(z, batch) - slope * (log_q - model.log_prior(z))
    baseline = (signal.sum(0) - signal) / 3
    (-(signal - baseline).detach() * log_q).mean().backward()
    for weight, gradient in zip(model.posterior.parameters(), found, strict=True):
        torch.testing.assert_close(gradient, weight.grad, rtol=1e-4, atol=1e-4)


def test_a_learned_prior_gets_its_gradient_beside_the_score_function():
    """∇ of −E_q[log p(z)] with respect to the prior, at fixed z."""
    model = tiny(samples=4, estimator="score", prior={"kind": "mixture", "components": 3})
    batch = images(5)
    objective(model, batch).backward()
    found = model.prior.means.grad.clone()
    model.zero_grad()
    torch.manual_seed(7)
    (-model.log_prior(model.infer(batch).rsample(4).z.detach()).mean()).backward()
    torch.testing.assert_close(found, model.prior.means.grad)


@pytest.mark.parametrize("name", ["vae", "iwae", "full-covariance-vae", "gaussian-vae", "vq-vae", "ae"])
def test_repeating_the_batch_does_not_change_the_loss(name):
    config = RECIPES[name].config()
    model = build(config.model_copy(update={"beta": 2.0}), SHAPE)
    batch = images(6, SHAPE)
    model.train()
    model.prepare(batch, 6)
    repeat = 3000 if name not in ("vq-vae", "ae") else 1
    # The losses agree on average over the noise, which many copies of the images reduce.
    once = Batch(batch.x.repeat(repeat // 6 + 1, 1, 1, 1))
    twice = Batch(torch.cat([once.x, once.x]))
    first, second = (model.losses("model", each, StepState()) for each in (once, twice))
    tolerance = 1e-5 if repeat == 1 else 0.02
    torch.testing.assert_close(first.objective, second.objective, rtol=tolerance, atol=tolerance)
    for term in first.terms:
        torch.testing.assert_close(first.terms[term], second.terms[term], rtol=tolerance, atol=tolerance)


def test_the_rate_of_categories_has_a_gradient_when_it_is_to_be_sampled():
    """E[∇ log q(z)] = 0 for hard draws z (Σ q ∇ log q = ∇ Σ q = 0): a sampled rate would not regularise."""
    values = {"latent_dim": 8, "posterior": {"kind": "concrete", "categories": 4}, "prior": {"kind": "categorical"}}
    gradients = []
    for kl in ("analytic", "monte-carlo"):
        torch.manual_seed(0)
        model = tiny(kl=kl, **values)
        with torch.no_grad():
            for weight in model.decoder.parameters():
                weight.zero_()  # the objective's only gradient is that of the rate
            model.posterior.logits.bias.normal_()
        losses = model.losses("model", images(5), StepState())
        losses.objective.backward()
        gradients.append(model.posterior.logits.bias.grad)
    assert gradients[0].norm() > 0.1
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("rate", [{"kind": "capacity"}, {"kind": "free-bits"}])
def test_points_have_no_rate_to_hold_at_a_capacity(rate):
    model, plain = (tiny(posterior={"kind": "delta"}, beta=0.0, rate=kind) for kind in (rate, {}))
    plain.load_state_dict(model.state_dict())
    model.on_step_start(StepState(step=1000))
    batch = images(5)
    torch.testing.assert_close(objective(model, batch), objective(plain, batch))


@pytest.mark.parametrize("family", ["factor", "vae-gan"])
def test_free_bits_of_models_with_a_discriminator(family):
    """The rate of a dimension below λ costs λ: all of them together d λ, and nothing is gained by less."""
    free, plain = (tiny(family=family, beta=2.0, rate=rate) for rate in ({"kind": "free-bits", "free_bits": 50.0}, {}))
    plain.load_state_dict(free.state_dict())
    batch, found = images(5), []
    for model in (free, plain):
        torch.manual_seed(7)
        found.append(model.losses(model.phases[0], batch, StepState()))
    difference = found[0].objective - found[1].objective
    torch.testing.assert_close(difference.detach(), 2 * (2 * 50 - found[1].terms["rate"]), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(found[0].terms["rate"], found[1].terms["rate"])
