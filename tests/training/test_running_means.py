"""Means over an epoch and over the last read-outs."""

import pytest
import torch

from latentlab.training.running_means import RunningMeans

CPU = torch.device("cpu")


def test_batches_are_weighted_by_their_number_of_images():
    means = RunningMeans(CPU)
    means.add({"elbo": torch.tensor(1.0)}, 3)
    means.add({"elbo": torch.tensor(5.0)}, 1)
    assert means.read() == {"elbo": 2.0}
    means.add({"elbo": torch.tensor(2.0), "gradient_norm": torch.tensor(7.0)}, 4)
    assert means.read() == {"elbo": 2.0, "gradient_norm": 7.0}
    means.end_epoch()
    assert means.read() == {}


def test_the_means_continue_from_their_state():
    means, resumed = RunningMeans(CPU), RunningMeans(CPU)
    means.add({"elbo": torch.tensor(0.1), "gradient_norm": torch.tensor(7.0)}, 3)
    resumed.load_state(*means.state())
    for each in (means, resumed):
        each.add({"elbo": torch.tensor(0.7)}, 7)
    assert resumed.read() == means.read()
    assert means.read()["gradient_norm"] == 7.0


def test_recent_means_are_kept_apart_from_those_of_the_epoch():
    means, resumed = RunningMeans(CPU), RunningMeans(CPU)
    means.add({"elbo": torch.tensor(-900.0)}, 10)
    assert means.read_out() == ({"elbo": -900.0}, {"elbo": -900.0})
    for _ in range(20):
        means.add({"elbo": torch.tensor(-100.0), "gradient_norm": torch.tensor(3.0)}, 10)
        epoch, recent = means.read_out()
    assert epoch["elbo"] == pytest.approx(-2900 / 21)
    assert recent == pytest.approx({"elbo": -100.0, "gradient_norm": 3.0})
    resumed.load_state(*means.state())
    resumed.add({"elbo": torch.tensor(-50.0)}, 10)
    assert resumed.read_out()[1] == pytest.approx({"elbo": -50.0}), "nothing from before the resume"
    means.end_epoch()
    means.add({"elbo": torch.tensor(-40.0)}, 10)
    epoch, recent = means.read_out()
    assert epoch == {"elbo": -40.0}
    # Five read-outs ago, with the end of the epoch between: four batches of the last epoch, and one of this.
    assert recent["elbo"] == pytest.approx((4 * -100.0 - 40.0) / 5)
