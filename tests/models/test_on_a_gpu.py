"""Computations written for the GPU give the same results as the usual ones."""

import pytest
import torch

from latentlab.models.divergences import closed_form
from latentlab.models.families.per_datapoint import ADAM_DECAYS, adam_step


def test_adam_step_equals_torch_bit_for_bit():
    torch.manual_seed(0)
    mine = torch.randn(5, 3, requires_grad=True)
    theirs = mine.detach().clone().requires_grad_()
    first, second = torch.zeros(5, 3), torch.zeros(5, 3)
    adam = torch.optim.Adam([theirs], lr=0.1, betas=ADAM_DECAYS)
    for step in range(1, 8):
        adam.param_groups[0]["lr"] = rate = 0.1 / step
        theirs.grad = torch.randn(5, 3)
        adam.step()
        adam_step(mine, theirs.grad, first, second, step, rate)
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("size", [1, 2, 20])
def test_the_longest_series_equals_the_adaptive_one(monkeypatch, size):
    """From 0 to beyond the range of the series."""
    lengths = torch.tensor([0.0, 1e-3, 1.0, 10.0, 100.0, 140.0, 200.0])
    z = torch.zeros(7, size)
    z[:, 0] = lengths
    z.requires_grad_()
    needed = closed_form.expected_distance(z)
    (slope,) = torch.autograd.grad(needed.sum(), z)
    monkeypatch.setattr(closed_form, "_terms", lambda spread: closed_form.MAX_TERMS)
    longest = closed_form.expected_distance(z)
    (other,) = torch.autograd.grad(longest.sum(), z)
    assert torch.allclose(longest, needed, rtol=1e-6, atol=0)
    assert torch.allclose(other, slope, rtol=1e-6, atol=1e-9)
