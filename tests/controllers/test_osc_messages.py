"""OSC packets: what is understood, and that nothing else raises anything but a refusal."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.controllers.osc_messages import Received, read_packet, write_message
from latentlab.errors import InputError

pytest.importorskip("pythonosc")


def bundle(*parts: bytes) -> bytes:
    return b"#bundle\0" + struct.pack(">II", 0, 1) + b"".join(struct.pack(">I", len(part)) + part for part in parts)


@pytest.mark.parametrize(
    ("address", "values", "received"),
    [
        ("z", (0.5, -1.0), Received("z", (0.5, -1.0))),
        ("z/7", (2,), Received("dimension", (2.0,), "7")),
        ("cursor", (0.5, 1.5), Received("cursor", (0.5, 1.5))),
        ("direction/2", (1.0,), Received("direction", (1.0,), "2")),
        ("direction/smile%20%E2%88%92%20not", (1.0,), Received("direction", (1.0,), "smile − not")),
        ("path", (0.25,), Received("path", (0.25,))),
        ("class", (3,), Received("class", (3.0,))),
        ("play", (1,), Received("play", (1.0,))),
    ],
)
def test_a_message_is_understood(address, values, received):
    assert read_packet(write_message(address, values)) == [received]


def test_the_messages_of_a_bundle_are_understood_in_order():
    inner = bundle(write_message("path", (0.5,)))
    found = read_packet(bundle(write_message("z/1", (1.0,)), inner, write_message("z/1", (2.0,))))
    assert [(each.what, each.values) for each in found] == [
        ("dimension", (1.0,)),
        ("path", (0.5,)),
        ("dimension", (2.0,)),
    ]


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"abc",
        b"\0" * 8,
        write_message("z/1", (1.0,))[:-8],
        write_message("z/0", (1.0,)),
        write_message("z/x", (1.0,)),
        write_message("z/1", (1.0, 2.0)),
        write_message("cursor", (1.0,)),
        write_message("path", (float("nan"),)),
        write_message("path", (1e30,)),
        write_message("path", ("far",)),
        write_message("unknown", (1.0,)),
        write_message("path/2", (1.0,)),
        write_message("direction", (1.0,)),
        write_message("path", ()),
        bundle(write_message("path", (0.5,)))[:-1],
        bundle(b"\xff" * 12),
    ],
)
def test_anything_else_is_refused(packet):
    with pytest.raises(InputError):
        read_packet(packet)


def test_bundles_within_bundles_and_endless_ones_are_refused():
    deep = write_message("path", (0.5,))
    for _ in range(500):
        deep = bundle(deep)
    with pytest.raises(InputError, match="within bundles"):
        read_packet(deep)
    with pytest.raises(InputError, match="too many"):
        read_packet(bundle(*[write_message("path", (0.5,))] * 100))


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda data: b"/latentlab/z\0\0\0\0,f\0\0" + data))
def test_no_packet_raises_anything_but_a_refusal(data):
    try:
        read_packet(data)
    except InputError:
        return
