from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest

from latentlab.data.images.image_file import UnreadableError
from latentlab.data.loading.fetcher import Fetcher
from latentlab.errors import InputError


class Reader:
    """Fetches numbers as bytes; number 5 is damaged, 9 is refused."""

    def __init__(self):
        self.threads, self.closed, self.fetched = set(), threading.Event(), []

    @contextmanager
    def open(self):
        try:
            yield self.fetch
        finally:
            self.closed.set()

    def fetch(self, numbers):
        self.threads.add(threading.current_thread())
        for number in numbers:
            self.fetched.append(number)
            if number == 5:
                raise OSError("broken")
            if number == 9:
                raise InputError("refused")
            yield bytes([number])


def test_batches_are_fetched_in_order_in_one_thread_and_the_file_is_closed():
    reader = Reader()
    with Fetcher(reader.open) as fetcher:
        batches = [fetcher.submit([0, 1]), fetcher.submit([2]), fetcher.submit([3, 4])]
        assert [batch.result(5) for batch in batches] == [[b"\0", b"\1"], [b"\2"], [b"\3", b"\4"]]
    assert reader.closed.wait(5)
    assert reader.fetched == [0, 1, 2, 3, 4]
    assert len(reader.threads) == 1


def test_an_error_is_the_reason_of_the_rest_of_its_batch():
    with Fetcher(Reader().open) as fetcher:
        first, *rest = fetcher.submit([4, 5, 6]).result(5)
        assert first == b"\4"
        assert [str(each) for each in rest] == ["damaged: broken"] * 2
        assert all(isinstance(each, UnreadableError) for each in rest)
        assert fetcher.submit([7]).result(5) == [b"\7"]


def test_a_refusal_for_the_user_ends_the_loading():
    with Fetcher(Reader().open) as fetcher, pytest.raises(InputError, match="refused"):
        fetcher.submit([9]).result(5)


def test_stopping_ends_the_batch_after_the_current_payload():
    reader, started, resume = Reader(), threading.Event(), threading.Event()
    fetch = reader.fetch

    def slow(numbers):
        for payload in fetch(numbers):
            started.set()
            resume.wait(5)
            yield payload

    reader.fetch = slow
    fetcher = Fetcher(reader.open)
    batch = fetcher.submit(range(4))
    assert started.wait(5)
    fetcher.stop()
    resume.set()
    assert len(batch.result(5)) == 1
    assert reader.closed.wait(5)
