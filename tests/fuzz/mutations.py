"""Strategies that spoil valid content: JSON values, tensors, arrays, bytes and text."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from safetensors.numpy import load, save

_LARGEST_ARRAY = 1_000_000  # elements of an array of another shape
HOSTILE_NUMBERS = [
    0, 1, -1, 2, 255, 2**31, -(2**31), 2**62, 2**63, 10**30, 0.5, 1e-320, 3e38, -3e38, 1e300, -1e308,
    float("inf"), float("-inf"), float("nan"),
]  # fmt: skip
HOSTILE_TEXTS = [
    "",
    "\0",
    "a\nb",
    "<img src='/dev/zero'>",
    "\u202e\x1b[31m",
    "../../etc/passwd",
    "x" * 70_000,
    "=1+1",
    "1",
]


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


HOSTILE_VALUES = st.one_of(
    st.sampled_from([None, True, False, *HOSTILE_NUMBERS, *HOSTILE_TEXTS, [], {}, [[]], [0] * 3, {"a": {}}]),
    st.sampled_from([20, 200]).map(_nested),
    st.integers(-3, 300),
    st.floats(allow_nan=True),
    st.text(max_size=6),
)


@st.composite
def spoilt_json(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value of which one to three parts are replaced, removed, doubled or renamed."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        slots = list(_slots(value))
        if not slots:
            return _hostile(draw)
        container, key = draw(st.sampled_from(slots))
        action = draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "double"]))
        if action == "replace":
            container[key] = _hostile(draw)
        elif action == "remove":
            del container[key]
        elif isinstance(container, list):
            container[key:key] = [copy.deepcopy(container[key]) for _ in range(1 if action == "double" else 50)]
        else:
            container[draw(st.text(max_size=4)) or "surprise"] = copy.deepcopy(container[key])
            if action == "rename":
                del container[key]
    return value


def _hostile(draw: st.DrawFn) -> Any:
    return copy.deepcopy(draw(HOSTILE_VALUES))  # it may be spoilt itself, and would be drawn so again


def _slots(value: Any) -> Any:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _slots(value[key])


@st.composite
def spoilt_array(draw: st.DrawFn, array: np.ndarray) -> np.ndarray:
    """An array with other values, another shape or another type."""
    action = draw(st.sampled_from(["value", "value", "all", "shape", "type", "transpose"]))
    if array.dtype.kind == "U" and action in ("type", "value", "all"):
        text = draw(st.sampled_from(HOSTILE_TEXTS[:-3]))
        return np.array([text, *array[1:]] if array.ndim and array.size else text)
    if action == "type":
        kind = draw(st.sampled_from(["f2", "f4", "f8", "u1", "i1", "i4", "i8", "u8", "?"]))
        with np.errstate(all="ignore"):
            return array.astype(kind)
    if action == "shape":
        shape = draw(st.lists(st.sampled_from([0, 1, 2, 3, 5, 100]), max_size=5))
        while math.prod(shape) > _LARGEST_ARRAY:
            shape.pop()
        return np.resize(array, shape) if array.size else np.zeros(shape, array.dtype)
    if action == "transpose":
        return np.ascontiguousarray(array.T)
    number = draw(st.sampled_from(HOSTILE_NUMBERS))
    if array.dtype.kind not in "fc" and number != number:
        number = 7
    array = array.copy()
    with np.errstate(all="ignore"):
        if array.dtype.kind in "iu":
            info = np.iinfo(array.dtype)
            number = int(min(max(number, info.min), info.max))
        if array.size:
            flat = array.reshape(-1)
            flat[slice(None) if action == "all" else draw(st.integers(0, array.size - 1))] = number
    return array


@st.composite
def spoilt_arrays(draw: st.DrawFn, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Named arrays of which one or two are spoilt, removed, renamed or added."""
    arrays = dict(arrays)
    for _ in range(draw(st.integers(1, 2))):
        if not arrays:
            break
        name = draw(st.sampled_from(sorted(arrays)))
        action = draw(st.sampled_from(["spoil", "spoil", "spoil", "spoil", "remove", "rename", "add"]))
        if action == "spoil":
            arrays[name] = draw(spoilt_array(arrays[name]))
            continue
        other = draw(
            st.sampled_from(["points.mean", "preview", "x", f"{name}x", "random.cuda", "optimizer.model.x/step"])
        )
        arrays[other] = arrays[name]
        if action != "add":
            del arrays[name]
    return arrays


@st.composite
def spoilt_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes of which some are changed, cut off, repeated or inserted."""
    content = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        # Most structure is at the beginning of a file.
        at = draw(st.integers(0, max(0, min(len(content), 300) - 1)) | st.integers(0, max(0, len(content) - 1)))
        action = draw(st.sampled_from(["flip", "flip", "cut", "number", "insert", "repeat"]))
        if action == "flip" and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif action == "cut":
            del content[at : at + draw(st.integers(1, 64) | st.just(len(content)))]
        elif action == "number":
            size = draw(st.sampled_from([2, 4, 8]))
            number = draw(st.sampled_from([0, 1, 127, 2**15 - 1, 2**31 - 1, 2**63 - 1, 2**64 - 1])) % 2 ** (8 * size)
            content[at : at + size] = number.to_bytes(size, draw(st.sampled_from(["little", "big"])))
        elif action == "insert":
            content[at:at] = draw(st.binary(max_size=16))
        else:
            content[at:at] = content[at : at + 40]
    return bytes(content)


@st.composite
def spoilt_safetensors(
    draw: st.DrawFn, data: bytes, key: str, sign: Callable[[Any, dict[str, np.ndarray]], Any]
) -> bytes:
    """A safetensors file with a spoilt description, spoilt tensors, a spoilt header or spoilt bytes.

    ``sign`` writes the checksum of the tensors into the description, so that what is spoilt is not hidden by it.
    """
    action = draw(st.sampled_from(["description", "description", "tensors", "tensors", "both", "header", "bytes"]))
    if action == "bytes":
        return draw(spoilt_bytes(data))
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    if action == "header":
        text = json.dumps(draw(spoilt_json(header))).encode("utf-8", "replace")
        return len(text).to_bytes(8, "little") + text + data[8 + length :]
    tensors = load(data)
    if action in ("tensors", "both"):
        tensors = draw(spoilt_arrays(tensors))
    description = sign(json.loads(header["__metadata__"][key]), tensors)
    if action in ("description", "both"):
        description = draw(spoilt_json(description))
    text = json.dumps(description).encode("utf-8", "replace").decode()
    return save(
        {name: np.ascontiguousarray(array) if array.ndim else array for name, array in tensors.items()}, {key: text}
    )


@st.composite
def spoilt_text(draw: st.DrawFn, text: str) -> bytes:
    """A text of which words are replaced, in one of several encodings, or of which bytes are spoilt."""
    words = text.split(" ")
    for _ in range(draw(st.integers(0, 3))):
        words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(HOSTILE_TEXTS) | st.text(max_size=6))
    data = " ".join(words).encode(
        draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"])), "replace"
    )
    return draw(spoilt_bytes(data)) if draw(st.booleans()) else data
