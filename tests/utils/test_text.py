from __future__ import annotations

import doctest

from latentlab.utils import text


def test_the_examples_are_true():
    assert doctest.testmod(text).attempted == 6
    assert doctest.testmod(text).failed == 0
