"""Gradients without the score term: the right mean, and no variance at the exact posterior."""

from __future__ import annotations

import pytest
import torch

from latentlab.config import ModelConfig, validated
from latentlab.errors import InputError
from latentlab.models import Batch, StepState
from tests.models.helpers import images, ppca, tiny


def encoder_gradients(model, batch, rounds):
    """Gradients [rounds, parameters] of the posterior's parameters."""
    found = []
    for _ in range(rounds):
        model.zero_grad()
        model.losses("model", batch, StepState()).objective.backward()
        found.append(torch.cat([p.grad.flatten() for p in model.posterior.parameters()]))
    return torch.stack(found)


@pytest.mark.parametrize("posterior", ["diagonal", "cholesky"])
@pytest.mark.parametrize(
    ("estimator", "bound"), [("sticking-the-landing", "elbo"), ("doubly-reparameterised", "importance")]
)
def test_the_mean_is_that_of_the_reparameterised_gradient(posterior, estimator, bound):
    values = {"bound": bound, "samples": 4, "kl": "monte-carlo", "posterior": {"kind": posterior}}
    batch, rounds = Batch(images(3).x.repeat(50, 1, 1, 1)), 30
    plain, path = tiny(**values), tiny(**values, estimator=estimator)
    with torch.no_grad():
        for weight in plain.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    path.load_state_dict(plain.state_dict())
    one, other = encoder_gradients(plain, batch, rounds), encoder_gradients(path, batch, rounds)
    error = ((one.var(0) + other.var(0)) / rounds).sqrt()
    assert ((one.mean(0) - other.mean(0)).abs() <= 5 * error + 1e-6).all()
    assert one.mean(0).norm() > 10 * error.norm() / error.numel() ** 0.5


def test_sticking_the_landing_is_biased_for_several_importance_samples():
    """Why the bound has an estimator of its own: the score term's mean is not 0 there."""
    values = {"bound": "importance", "samples": 4, "kl": "monte-carlo"}
    batch, rounds = Batch(images(3).x.repeat(200, 1, 1, 1)), 30
    plain, path = tiny(**values), tiny(**values, estimator="sticking-the-landing")
    with torch.no_grad():
        plain.posterior.log_std.bias.add_(1.5)  # far from the posterior
    path.load_state_dict(plain.state_dict())
    one, other = encoder_gradients(plain, batch, rounds), encoder_gradients(path, batch, rounds)
    error = ((one.var(0) + other.var(0)) / rounds).sqrt()
    assert ((one.mean(0) - other.mean(0)).abs() > 5 * error).any()


@pytest.mark.parametrize(
    ("estimator", "values"),
    [
        ("sticking-the-landing", {}),
        ("doubly-reparameterised", {"bound": "importance", "samples": 5}),
    ],
)
def test_there_is_no_gradient_left_at_the_exact_posterior(estimator, values):
    """log w is log p(x) for every z there, so that ∂log w/∂z = 0; the reparameterised gradient is noise."""
    torch.manual_seed(0)
    batch, sizes = images(5), {}
    for name in ("reparameterised", estimator):
        torch.manual_seed(1)
        model = ppca(kl="monte-carlo", estimator=name, **values)
        model.losses("model", batch, StepState()).objective.backward()
        sizes[name] = torch.cat([p.grad.flatten() for p in model.posterior.parameters()]).abs().max().item()
    assert sizes["reparameterised"] > 0.05
    assert sizes[estimator] < 1e-3


def test_the_generative_model_s_gradient_and_the_bound_are_the_same():
    values = {"bound": "importance", "samples": 4, "kl": "monte-carlo"}
    plain, path = tiny(**values), tiny(**values, estimator="doubly-reparameterised")
    path.load_state_dict(plain.state_dict())
    batch, found = images(5), []
    for model in (plain, path):
        torch.manual_seed(3)
        losses = model.losses("model", batch, StepState())
        losses.objective.backward()
        found.append((losses.objective.detach(), torch.cat([p.grad.flatten() for p in model.decoder.parameters()])))
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"estimator": "doubly-reparameterised"}, "needs bound=importance"),
        ({"estimator": "sticking-the-landing", "posterior": {"kind": "iaf"}}, "diagonal or cholesky"),
    ],
)
def test_what_does_not_go_together_is_refused(values, reason):
    with pytest.raises(InputError, match=reason):
        validated(ModelConfig, values)
