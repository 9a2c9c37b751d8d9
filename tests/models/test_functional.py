"""The numerically stable functions."""

from __future__ import annotations

import pytest
import torch

from latentlab.models.functional import gaussian_kl, log_mean_exp, soft_clip


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
