"""The class of most neighbours."""

from __future__ import annotations

import numpy as np

from latentlab.latent.voting import majority


def test_the_most_frequent_class_and_its_share():
    winner, share = majority([[3, 1, 3, 3], [0, 2, 2, 0]])
    assert winner.tolist() == [3, 0], "the lower number of equally frequent ones"
    assert share.tolist() == [0.75, 0.5]


def test_no_rows():
    winner, share = majority(np.zeros((0, 5), int))
    assert (winner.shape, share.shape) == ((0,), (0,))
