"""What several processes compute of a whole batch is what one computes of it."""

import pytest
import torch

from latentlab.config import CodebookConfig, LikelihoodConfig
from latentlab.models.batch_reduction import batch_share, gather_rows, ratio_over_batch
from latentlab.models.families.codebook import Codebook
from latentlab.models.likelihoods import build_likelihood


class Halves:
    """A process that holds the even rows; what the other would add to its sums is known beforehand."""

    def __init__(self, *others):
        self.others = list(others)

    def sum(self, values):
        return values + self.others.pop(0)

    def rows(self, values):
        whole = torch.zeros(2 * len(values), *values.shape[1:])
        whole[::2] = values
        return self.sum(whole)


def test_without_a_share_nothing_is_reduced():
    values = torch.rand(4, 2)
    assert gather_rows(values) is values
    assert ratio_over_batch(values.sum(), 8) == values.sum() / 8


def test_gathered_rows_keep_order_and_gradient():
    whole = torch.rand(6, 2)
    mine = whole[::2].clone().requires_grad_()
    other = whole.clone()
    other[::2] = 0
    with batch_share(Halves(other)):
        rows = gather_rows(mine)
    assert torch.equal(rows, whole)
    (rows**2).sum().backward()
    assert torch.allclose(mine.grad, 2 * whole[::2])


def test_optimal_sigma_is_of_the_whole_batch():
    likelihood = build_likelihood(LikelihoodConfig(kind="gaussian", sigma="optimal")).train()
    output, x = torch.rand(1, 6, 1, 4, 4), torch.rand(6, 1, 4, 4)
    whole = likelihood.log_prob(output, x)
    squares = ((x[1::2] - output[:, 1::2]) ** 2).sum()
    with batch_share(Halves(torch.stack([squares, torch.tensor(3 * 16.0)]))):
        mine = likelihood.log_prob(output[:, ::2], x[::2])
    assert torch.allclose(mine, whole[:, ::2], rtol=1e-5)


def test_codebooks_are_updated_from_the_whole_batch():
    def followed(maps, share=None):
        torch.manual_seed(0)
        book = Codebook(CodebookConfig(size=4, dimension=2)).train()
        if share is None:
            book(maps)
        else:
            with batch_share(share):
                book(maps)
        remembered = book._pending[0][:2]
        book.update_entries()
        return book.entries, remembered

    maps = torch.rand(6, 2, 3, 3)
    whole, _ = followed(maps)
    _, others = followed(maps[1::2])
    together, _ = followed(maps[::2], Halves(*others))
    assert torch.allclose(together, whole, atol=1e-6)
    assert not torch.allclose(followed(maps[::2])[0], whole, atol=1e-6)


def test_a_share_is_left_after_its_block():
    with pytest.raises(ZeroDivisionError), batch_share(Halves()):
        raise ZeroDivisionError
    values = torch.ones(2)
    assert gather_rows(values) is values
