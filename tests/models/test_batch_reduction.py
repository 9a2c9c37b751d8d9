"""Several processes compute the same for a whole batch as one process does."""

from contextlib import nullcontext

import pytest
import torch

from latentlab.config import CodebookConfig, LikelihoodConfig, RateConfig
from latentlab.models.batch_reduction import batch_share, gather_rows, ratio_over_batch
from latentlab.models.families.codebook import Codebook
from latentlab.models.likelihoods import build_likelihood
from latentlab.models.rate_schedule import RateSchedule
from latentlab.training.distributed import ProcessGroup, Shard


class Halves:
    """A process that has the even rows; ``others`` are the summands of the other process."""

    def __init__(self, *others):
        self.others = list(others)

    def sum(self, values):
        return values + self.others.pop(0)

    def mean(self, values):
        return self.sum(values / 2)

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


@pytest.mark.parametrize(
    ("config", "mine", "other", "expected"),
    [
        # |1/2 (4 + 8) − 5| = 1, and not the mean of 1 and 3.
        (RateConfig(kind="capacity", gamma=1.0, capacity=5.0), 4.0, 8.0, 1.0),
        # max(1/2 (1 + 4), 2) = 2.5, and not the mean of 2 and 4.
        (RateConfig(kind="free-bits", free_bits=2.0), 1.0, 4.0, 2.5),
        (RateConfig(), 1.0, 4.0, 1.0),  # linear: each share's own
    ],
)
def test_a_capacity_and_free_bits_are_of_the_whole_batch(config, mine, other, expected):
    schedule = RateSchedule(config, beta=1.0)
    schedule.update(1000.0)
    with batch_share(Halves(torch.tensor(other / 2))):
        assert schedule.cost(torch.tensor(mine)).item() == pytest.approx(expected)
    with batch_share(Halves(torch.tensor(other / 2))):
        assert schedule.slope(torch.tensor(mine)).item() == pytest.approx(1.0)


def test_a_shard_counts_with_its_images(monkeypatch):
    shard = Shard(ProcessGroup(0, 2, torch.device("cpu")), images=3, total=12)
    monkeypatch.setattr(Shard, "sum", lambda self, values: values + 9 / 12 * 8.0)
    assert shard.mean(torch.tensor(4.0)).item() == pytest.approx(7.0)


def test_codebooks_are_updated_from_the_whole_batch():
    def codebook():
        torch.manual_seed(0)
        return Codebook(CodebookConfig(size=4, dimension=2)).train()

    def updated(maps, *others):
        book = codebook()
        with batch_share(Halves(*others)) if others else nullcontext():
            book(maps)
        book.update_entries(torch.ones(()))
        return book.entries

    maps = torch.rand(6, 2, 3, 3)
    assigned = torch.nn.functional.one_hot(codebook().nearest(maps[1::2]).flatten(), 4).float()
    vectors = maps[1::2].permute(0, 2, 3, 1).flatten(0, 2)
    whole = updated(maps)
    torch.testing.assert_close(updated(maps[::2], assigned.sum(0), assigned.T @ vectors), whole)
    assert not torch.allclose(updated(maps[::2]), whole, atol=1e-6)


def test_a_share_is_left_after_its_block():
    with pytest.raises(ZeroDivisionError), batch_share(Halves()):
        raise ZeroDivisionError
    values = torch.ones(2)
    assert gather_rows(values) is values
