"""M2's objective and its log-likelihood, term by term against the paper's formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.evaluation import evaluate
from latentlab.models import Batch, StepState
from latentlab.models.functional import log_mean_exp
from latentlab.models.seeded_noise import fixed_noise
from tests.models.helpers import SHAPE, tiny

CLASSES, LABELS = 3, 6


def m2(**values):
    """A model whose labelled images are collected."""
    model = tiny(
        classes=CLASSES,
        family="semi-supervised",
        conditional=True,
        supervision={"labels": LABELS, "weight": 0.0},
        **values,
    )
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.5 * torch.randn_like(weight))
    model.train()
    model.losses("model", labelled_batch(12), StepState(images=1000))
    assert model.has_all_labels
    return model


def labelled_batch(count):
    return Batch(torch.rand(count, *SHAPE), torch.arange(count) % CLASSES)


@pytest.mark.parametrize("images", [60, 6000])
def test_the_labelled_bound_has_the_labelled_images_share_of_the_objective(images):
    """J = Σ_labelled L(x, y) + Σ_unlabelled U(x) + …, per image (Kingma et al. 2014, eq. 8, 9)."""
    losses = m2().losses("model", labelled_batch(12), StepState(images=images))
    terms = losses.terms
    own = terms["distortion"] + terms["rate"]
    assert (losses.objective - own).item() == pytest.approx(LABELS / images * terms["labelled_loss"].item(), rel=1e-3)


def test_warmup_weights_the_rate_of_the_labelled_term_too():
    """With β at 0 the labelled term is −log p(x|y, z) − log p(y); at the end of the warm-up its rate is added."""
    model, batch = m2(rate={"warmup": 10.0}), labelled_batch(12)
    with torch.no_grad():  # a likelihood and a rate that do not depend on what is drawn
        for weight in (*model.decoder.parameters(), *model.posterior.parameters()):
            weight.zero_()
        model.posterior.mean.bias.fill_(2.0)
    found = []
    for step in (0, 5, 10):
        state = StepState(step=step, steps_per_epoch=1, images=1000)
        model.on_step_start(state)
        found.append(model.losses("model", batch, state).terms["labelled_loss"].item())
    rate = 2 * 0.5 * 2.0**2
    assert found[1] - found[0] == pytest.approx(rate / 2, rel=1e-3)
    assert found[2] - found[0] == pytest.approx(rate, rel=1e-3)


def test_log_likelihood_is_the_log_mean_of_the_weights_with_the_class_summed_out():
    """The mean of log Σ_y p(x, y, z_y) / q(z_y|x, y) is above the ELBO by Jensen's inequality over y.

    ELBO + (log-mean-exp − mean) of these weights is therefore too low, by more than two nats on digits.
    """
    model = m2().eval()
    pixels = np.random.default_rng(0).integers(0, 256, (40, *SHAPE), dtype=np.uint8)
    result = evaluate(model, pixels, importance_samples=50, seed=3)
    with torch.no_grad(), fixed_noise(torch.device("cpu"), 3):
        bound = model.bound(Batch(torch.from_numpy(pixels) / 255), 50)
        weights = bound.log_likelihood - bound.log_ratio
    expected = log_mean_exp(weights).mean().item()
    assert weights.mean().item() > result.elbo + 0.1
    assert result.log_likelihood == pytest.approx(expected, abs=1e-3)
    assert result.log_likelihood > result.elbo


def test_an_optimal_sigma_is_that_of_all_images_with_their_classes_probabilities():
    """It maximises Σ_i Σ_y q(y|x_i) log N(x_i; x̂_iy, σ²): σ² = mean over images of Σ_y q(y|x) · mean squared error."""
    model = m2(likelihood={"kind": "gaussian", "sigma": "optimal"})
    batch = labelled_batch(12)
    with torch.no_grad():
        model.posterior.log_std.weight.zero_()
        model.posterior.log_std.bias.fill_(-20)  # every draw is the mean
        model.likelihood.batches.zero_()
        model.losses("model", batch, StepState(images=1000))
        log_q = model.log_class_probabilities(batch)
        errors = []
        for label in range(CLASSES):
            own = Batch(batch.x, torch.full((12,), label))
            output = model.output(model.infer(own).mean, own.label)
            errors.append(((output - batch.x) ** 2).mean((1, 2, 3)))
        expected = (log_q.exp() * torch.stack(errors, 1)).sum(1).mean()
    torch.testing.assert_close(model.likelihood.running_variance, expected, rtol=1e-3, atol=0)
