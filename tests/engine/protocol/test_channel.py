"""The mailbox's order, and messages between processes."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.engine.protocol import channel
from latentlab.engine.protocol.channel import ChannelClosed, Mailbox, Wire, inherited_wire, pipe_pair


@dataclass(frozen=True)
class Ordered:
    slot: ClassVar[str | None] = None
    value: int


@dataclass(frozen=True)
class Slotted:
    value: int
    slot: str = "interactive"


def test_newest_wins_in_a_slot_and_nothing_else_is_dropped():
    box = Mailbox()
    for value in range(100):
        box.put(Slotted(value))
        box.put(Ordered(value))
    taken = [box.take() for _ in range(len(box))]
    assert [m.value for m in taken if isinstance(m, Slotted)] == [99]
    assert [m.value for m in taken if isinstance(m, Ordered)] == list(range(100))
    assert box.take() is None


def test_slots_are_taken_by_rank_but_never_before_an_older_ordered_message():
    box = Mailbox(priority=("decode", "grid"))
    box.put(Slotted(1, "grid"))
    box.put(Slotted(2, "decode"))
    box.put(Ordered(3))
    box.put(Slotted(4, "other"))
    assert [box.take().value for _ in range(4)] == [2, 1, 3, 4]
    box.put(Ordered(1))
    box.put(Slotted(2, "decode"))
    assert box.take() == Ordered(1)


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.integers())))
def test_without_ranks_messages_are_taken_by_age_of_the_newest_in_their_slot(puts):
    box = Mailbox()
    for slot, value in puts:
        box.put(Ordered(value) if slot is None else Slotted(value, slot))
    last = {slot: index for index, (slot, _) in enumerate(puts)}
    expected = [value for index, (slot, value) in enumerate(puts) if slot is None or last[slot] == index]
    assert [box.take().value for _ in range(len(box))] == expected


def test_what_waits_in_the_queue_can_be_asked_for():
    box = Mailbox()
    box.put(Slotted(1))
    assert not box.holds(Ordered, Slotted)
    box.put(Ordered(2))
    assert box.holds(Ordered)
    assert not box.holds(Slotted)
    assert len(box) == 2


def test_closing_ends_a_wait_and_leaves_what_can_be_taken():
    box = Mailbox()
    taken = []
    waiter = threading.Thread(target=lambda: taken.append(box.take(None)))
    waiter.start()
    box.close()
    waiter.join(5)
    assert taken == [None]
    full = Mailbox()
    full.put(Ordered(1))
    full.close()
    full.put(Ordered(2))
    assert full.take(None) == Ordered(1)
    assert full.take(None) is None


def test_arrival_is_signalled_once_until_the_mailbox_is_empty_again():
    lengths = []
    box = Mailbox(on_arrival=lambda: lengths.append(len(box)))
    for value in range(5000):
        box.put(Slotted(value))
    box.put(Ordered(0))
    assert lengths == [1]


@pytest.fixture
def wires(monkeypatch, request):
    monkeypatch.setattr(channel, "HAS_SHARED_MEMORY", channel.HAS_SHARED_MEMORY and getattr(request, "param", True))
    ours, theirs = pipe_pair()
    theirs = Wire(theirs)
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize("wires", [True, False], indirect=True, ids=["shared-memory", "pipe"])
def test_arrays_of_any_size_cross_unchanged(wires):
    ours, theirs = wires
    small, large, larger = np.arange(10), np.random.default_rng(0).random(300_000), np.ones((3, 500_001), np.float32)
    received = []
    reader = threading.Thread(target=lambda: received.extend(theirs.receive() for _ in range(3)))
    reader.start()
    for message in ("first", {"small": small, "large": large, "larger": larger[:, ::2]}, "last"):
        ours.send(message)
    reader.join(10)
    assert [received[0], received[2]] == ["first", "last"]
    np.testing.assert_array_equal(received[1]["small"], small)
    np.testing.assert_array_equal(received[1]["large"], large)
    np.testing.assert_array_equal(received[1]["larger"], larger[:, ::2])
    received[1]["large"][0] = 7.0  # a copy of its own, which can be written to
    assert large[0] != 7.0


@pytest.mark.skipif(not channel.HAS_SHARED_MEMORY, reason="needs anonymous shared memory")
def test_shared_memory_is_freed_with_the_last_array(wires):
    ours, theirs = wires
    large = np.zeros(1 << 20)

    def mapped() -> int:
        with open("/proc/self/maps") as maps:
            return sum("memfd:latentlab" in line for line in maps)

    reader_got = []
    reader = threading.Thread(target=lambda: reader_got.append(theirs.receive()))
    reader.start()
    ours.send(large)
    reader.join(10)
    part = reader_got.pop()[:10]
    del reader
    assert mapped() == 1
    assert part.sum() == 0
    del part
    assert mapped() == 0
    assert not [fd for fd in os.listdir("/proc/self/fd") if _target(fd).startswith("/memfd:latentlab")]


def _target(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return ""


def test_a_closed_end_is_noticed_on_both_sides(wires):
    ours, theirs = wires
    theirs.close()
    with pytest.raises(ChannelClosed):
        ours.receive()
    with pytest.raises(ChannelClosed):
        ours.send("anyone?")


def test_an_inherited_end_is_not_passed_on():
    ours, theirs = pipe_pair()
    wire = inherited_wire(os.dup(theirs.fileno()))
    theirs.close()
    assert not os.get_inheritable(wire.pipe.fileno())
    wire.send("hello")
    assert ours.receive() == "hello"
    wire.close()
    ours.close()
