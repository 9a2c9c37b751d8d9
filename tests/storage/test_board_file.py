"""The Board in a session file: read back exactly, small, and checked whole."""

from __future__ import annotations

import base64
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.errors import InputError
from latentlab.storage.board_file import MOST_IMAGES, KeptSelection, floats, images, pack_floats, pack_images
from latentlab.storage.session_file import SessionFile, read_session

VECTOR = pack_floats([1.0, -2.0])
LATENT = {"kind": "latent", "z": VECTOR}


def item(content: dict, **changes) -> dict:
    return {"id": "0a", "name": "n", "latent_dim": 2, "content": content, **changes}


@given(st.sets(st.integers(0, 2**31 - 1) | st.integers(0, 300), min_size=1, max_size=200))
def test_images_of_a_selection_are_read_back(numbers):
    array = np.array(sorted(numbers), np.int64)
    packed = KeptSelection(**pack_images(array))
    assert images(packed).tolist() == array.tolist()


@pytest.mark.parametrize(
    ("numbers", "most"), [(np.arange(1_000_000), 170_000), (np.arange(0, 1_000_000, 1000), 6000), (np.array([7]), 20)]
)
def test_a_selection_is_small(numbers, most):
    assert len(pack_images(numbers)["data"]) <= most


def test_numbers_are_read_back_and_clipped_to_the_range_of_the_map():
    values = np.array([[0.1, -3e8], [np.float32(1e30), 0]], np.float32)
    assert floats(pack_floats(values)).tolist() == [np.float32(0.1), np.float32(-3e8), 1e9, 0]


def as_text(array, kind: str) -> str:
    return base64.b64encode(np.asarray(array, kind).tobytes()).decode()


def selection(**changes) -> dict:
    return item({"kind": "selection", "encoding": "gaps", "count": 2, "data": as_text([1, 1], "<i4"), **changes})


def direction(**query) -> dict:
    return item({"kind": "direction", "vector": VECTOR, "origin": VECTOR, "query": query})


@pytest.mark.parametrize(
    ("board", "says"),
    [
        ([item({"kind": "latent", "z": "!!"})], "not base64"),
        ([direction(a={"images": {"encoding": "gaps", "count": 3, "data": as_text([1, 1], "<i4")}})], "3 images has 2"),
        ([direction(a={"label": -1})], "label"),
        ([direction(against=pack_floats([1.0]))], "2 dimensions"),
        ([item(LATENT, weights="not hexadecimal")], "weights"),
        ([selection(ranked_by="elbo")], "a ranking does not have its images"),
        ([selection(ranked_by="elbo", order=as_text([1, 1, 2], "<i4"), values=as_text([3, 2, 1], "<f4"))], "once each"),
        ([selection(ranked_by="elbo", order=as_text([1, 2], "<i4"), values=as_text([3], "<f4"))], "once each"),
        ([selection(ranked_by="elbo", order=as_text([1, -2], "<i4"), values=as_text([3, 1], "<f4"))], "negative"),
        ([item({"kind": "latent", "z": "AAA="})], "ends within a number"),
        ([item({"kind": "latent", "z": as_text([1, math.nan], "<f4")})], "not finite or too large"),
        ([item({"kind": "latent", "z": as_text([1, 1e30], "<f4")})], "not finite or too large"),
        ([item({"kind": "latent", "z": pack_floats([1.0])})], "does not have 2 dimensions"),
        ([item(LATENT, latent_dim=0)], "of no latent space"),
        ([item(LATENT, id="../x")], "board.0.id"),
        ([item(LATENT, name="a" * 1001)], "board.0.name"),
        ([item(LATENT, surprise=1)], "surprise"),
        ([item(LATENT), item(LATENT)], "the same id"),
        ([item({"kind": "poem"})], "board.0.content"),
        ([item({"kind": "direction", "vector": pack_floats([0.0, 0.0]), "origin": VECTOR})], "no length"),
        ([item({"kind": "direction", "vector": VECTOR, "origin": pack_floats([1.0])})], "2 dimensions"),
        ([item({"kind": "direction", "vector": VECTOR, "origin": VECTOR, "reach": -1})], "reach"),
        ([item({"kind": "path", "waypoints": pack_floats([1.0, 2.0, 3.0])})], "2 dimensions"),
        ([item({"kind": "path", "waypoints": ""})], "2 dimensions"),
        ([selection(data=as_text([3, 0], "<i4"))], "not ascending"),
        ([selection(data=as_text([-1, 2], "<i4"))], "not ascending"),
        ([selection(data=as_text([2**31 - 1, 1], "<i4"))], "too large"),
        ([selection(count=3)], "a selection of 3 images has 2"),
        ([selection(count=0, data="")], "count"),
        ([selection(count=MOST_IMAGES + 1)], "count"),
        ([selection(encoding="bits", data="A" * (MOST_IMAGES // 6 + 12))], "numbers beyond"),
        ([item(LATENT, id=f"{n:x}") for n in range(1001)], "board"),
    ],
)
def test_a_board_that_claims_what_cannot_be_is_refused_in_a_sentence(tmp_path, board, says):
    path = tmp_path / "bad.latentlab.json"
    path.write_text(json.dumps({"schema_version": 2, "board": board}))
    with pytest.raises(InputError, match=f"^{path}: not a latentlab session: [^\n]*{says}"):
        read_session(path)


def test_all_selections_together_are_bounded(tmp_path):
    half = pack_images(np.arange(MOST_IMAGES // 2 + 1))
    board = [item({"kind": "selection", **half}, id=str(number)) for number in range(2)]
    path = tmp_path / "large.latentlab.json"
    path.write_text(json.dumps({"schema_version": 2, "board": board}))
    with pytest.raises(InputError, match="more than 20,000,000 images"):
        read_session(path)


def test_a_session_of_the_first_version_has_an_empty_board(tmp_path):
    path = tmp_path / "old.latentlab.json"
    path.write_text('{"schema_version": 1, "model": "bundled:mnist-2d"}')
    assert read_session(path) == SessionFile(model="bundled:mnist-2d")
