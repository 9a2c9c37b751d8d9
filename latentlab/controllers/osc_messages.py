"""What arrives by OSC (Open Sound Control 1.0) and what is sent: addresses and values (no Qt).

Everything from the network is checked here; a packet that is not understood raises ``InputError``.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import unquote

from latentlab.errors import InputError
from latentlab.utils.plain_text import NAME, as_line

PREFIX = "/latentlab/"
LARGEST_DATAGRAM = 1 << 16
LARGEST_VALUE = 1e4
"""Of a latent: decoders are trained within a few units of 0."""
_MOST_MESSAGES = 64  # of one packet
_MOST_BUNDLES = 8  # within each other
MISSING = 'Playing by OSC needs python-osc: pip install "latentlab[osc]"'

_ONE = {"path", "play", "record", "class"}  # addresses with one number


@dataclass(frozen=True)
class Received:
    """A message.

    Attributes
    ----------
    what
        ``z``, ``dimension``, ``cursor``, ``direction``, ``path``, ``class``, ``play`` or ``record``.
    values
        Its numbers, finite: of ``z`` all of a latent, of ``cursor`` two, of all others one.
    key
        Of a dimension its number from 1, of a direction its number on the Board from 1 or its name; else empty.
    at
        When it arrived, in seconds of ``time.monotonic``; 0 if that is not known.
    """

    what: str
    values: tuple[float, ...]
    key: str = ""
    at: float = 0.0

    @property
    def address(self) -> str:
        """What it was sent to, as a visible line."""
        what = "z" if self.what == "dimension" else self.what
        return as_line(f"{PREFIX}{what}/{self.key}" if self.key else f"{PREFIX}{what}", NAME)


def is_installed() -> bool:
    """Whether python-osc can be imported."""
    return find_spec("pythonosc") is not None


def read_packet(data: bytes) -> list[Received]:
    """The messages of a datagram, those of bundles too, whose times are not waited for.

    Raises
    ------
    InputError
        When it is not OSC, too large, or has an address or a value that means nothing here.
    """
    if not data or len(data) > LARGEST_DATAGRAM or len(data) % 4:
        raise InputError("a packet is not OSC")
    return [_received(address, values) for address, values in _messages(data, _MOST_BUNDLES)]


def _messages(data: bytes, depth: int) -> list[tuple[str, list[object]]]:
    """Address and values of each message of a packet.

    Bundles are taken apart here: python-osc calls itself for bundles within bundles, however deep.
    """
    if not data.startswith(b"#bundle\0"):
        return [_message(data)]
    if depth == 0:
        raise InputError("a packet has too many bundles within bundles")
    found: list[tuple[str, list[object]]] = []
    at = 16
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        part = data[at + 4 : at + 4 + size]
        if size == 0 or len(part) < size or len(found) >= _MOST_MESSAGES:
            raise InputError("a bundle ends within a message, or has too many")
        found += _messages(part, depth - 1)
        at += 4 + size
    return found


def _message(data: bytes) -> tuple[str, list[object]]:
    from pythonosc.osc_message import OscMessage, ParseError

    logging.getLogger("pythonosc").setLevel(logging.CRITICAL)  # what is wrong with a packet is counted, not logged
    try:
        message = OscMessage(data)
        return message.address, list(message.params)
    except (ParseError, ValueError, IndexError, UnicodeError, RecursionError) as error:
        raise InputError(f"a packet is not OSC: {error}") from None


def _received(address: str, given: Sequence[object]) -> Received:
    name = address.removeprefix(PREFIX)
    what, _, key = name.partition("/")
    values = tuple(_number(each) for each in given)
    if name == address or not values:
        raise InputError(f"nothing is played by {address[:80]}")
    if what == "z" and key:
        if not key.isdecimal() or len(key) > 6 or int(key) == 0:
            raise InputError("a dimension is a number from 1")
        what = "dimension"
    if what == "direction" and key:
        key = unquote(key)[:200]
    is_known = (what == "z" and not key) or (what == "cursor" and not key and len(values) == 2)
    is_known |= what in {"dimension", "direction"} and bool(key) and len(values) == 1
    is_known |= what in _ONE and not key and len(values) == 1
    if not is_known:
        raise InputError(f"nothing is played by {address[:80]} with {len(values)} numbers")
    return Received(what, values, key)


def _number(value: object) -> float:
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > LARGEST_VALUE:
        raise InputError(f"a value is not a number from −{LARGEST_VALUE:g} to {LARGEST_VALUE:g}")
    return float(value)


def write_message(address: str, values: Sequence[float | int | str]) -> bytes:
    """A datagram with one message to ``/latentlab/`` and this address."""
    from pythonosc.osc_message_builder import OscMessageBuilder

    builder = OscMessageBuilder(address=PREFIX + address)
    for value in values:
        kind = {float: "f", int: "i", str: "s"}[type(value)]
        builder.add_arg(value, kind)
    return bytes(builder.build().dgram)
