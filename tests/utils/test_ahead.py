"""Items that are made ahead come in order, one is made while another is used, and errors arrive in their place."""

from __future__ import annotations

import threading

import pytest

from latentlab.utils.ahead import ahead


def test_items_come_in_order_and_the_next_is_made_while_one_is_used():
    made = [threading.Event() for _ in range(5)]

    def items():
        for number, event in enumerate(made):
            event.set()
            yield number

    found = []
    for number in ahead(items(), 2):
        found.append(number)
        assert made[min(number + 1, 4)].wait(20), "the next one is made meanwhile"
    assert found == [0, 1, 2, 3, 4]
    assert list(ahead([])) == []


def test_an_error_is_raised_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("broken")

    found = []
    with pytest.raises(ValueError, match="broken"):
        found.extend(ahead(items()))
    assert found == [1]


def test_no_more_is_made_than_may_wait_and_nothing_once_it_is_left():
    made = []

    def items():
        for number in range(100):
            made.append(number)
            yield number

    steps = ahead(items(), 3)
    assert next(steps) == 0
    steps.close()
    assert len(made) <= 4
