"""The prior over codes: normalisation, and sampling."""

from __future__ import annotations

import pytest
import torch

from latentlab.models.families.code_prior import CodePrior


def test_code_prior_is_normalised_and_samples_match_it():
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


def test_incremental_sampling_of_codes_equals_full_passes():
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
