"""What a process that is not known sends is data, and its sizes are checked before anything is allocated."""

from __future__ import annotations

import json
import pickle
from multiprocessing import Pipe

import numpy as np
import pytest

from latentlab.foreign.frames import FrameError, PeerGoneError, receive, send


@pytest.fixture
def ends():
    ours, theirs = Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_arrays_and_plain_values_arrive_as_they_were_sent(ends):
    ours, theirs = ends
    arrays = {
        "z": np.arange(6, dtype=np.float32).reshape(2, 3),
        "label": np.array([1, -1]),
        "image": np.zeros((0, 1, 2, 2), np.float32),
        "picture": np.arange(4, dtype=np.uint8)[::2],
    }
    send(theirs, {"do": "decode", "note": "é\n"}, arrays)
    header, found = receive(ours, 1000)
    assert header == {"do": "decode", "note": "é\n"}
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def framed(*arrays: object) -> bytes:
    return json.dumps({"arrays": list(arrays)}).encode()


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pickle.dumps({"arrays": []}), "not JSON"),
        (b"[]", "not an object"),
        (b"{}", "no list of arrays"),
        (b"[" * 100_000, "not JSON"),
        (framed(["z", "object", [1]]), "unknown type"),
        (framed(["z", "float64", [1]]), "unknown type"),
        (framed(["z", "float32", [-1]]), "has no shape"),
        (framed(["z", "float32", [1.5]]), "has no shape"),
        (framed(["z", "float32", [True]]), "has no shape"),
        (framed(["z", "float32", [1] * 9]), "has no shape"),
        (framed(["z", "float32"]), "without name, type and shape"),
        (framed(["z", "float32", [1 << 30, 1 << 9]]), "2.0 TB, more than 1000 bytes"),
        (framed(["a", "uint8", [600]], ["b", "uint8", [600]]), "more than 1000 bytes"),
    ],
)
def test_what_is_no_message_is_refused(ends, frame, said):
    ours, theirs = ends
    theirs.send_bytes(frame)
    with pytest.raises(FrameError, match=said):
        receive(ours, 1000)


def test_a_frame_that_is_longer_than_announced_is_not_read(ends):
    ours, theirs = ends
    theirs.send_bytes(framed(["z", "float32", [2]]))
    theirs.send_bytes(bytes(1000))
    with pytest.raises(FrameError, match="more than 8 bytes"):
        receive(ours, 1000)


def test_a_frame_that_is_shorter_than_announced_is_refused(ends):
    ours, theirs = ends
    theirs.send_bytes(framed(["z", "float32", [2]]))
    theirs.send_bytes(bytes(4))
    with pytest.raises(FrameError, match="4 bytes and not 8"):
        receive(ours, 1000)


def test_the_end_of_the_other_side_is_told(ends):
    ours, theirs = ends
    theirs.close()
    with pytest.raises(PeerGoneError):
        receive(ours, 1000)
    with pytest.raises(PeerGoneError):
        send(ours, {"do": "decode"})
