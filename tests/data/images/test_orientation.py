"""The EXIF orientation, read from whole and from damaged data."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentlab.config import DataConfig
from latentlab.data.images.image_file import read_image_info
from latentlab.data.images.orientation import exif_orientation, orientation_of, upright
from latentlab.data.images.to_array import decode

TURNED = (0x0112, 3, 1, struct.pack("<H", 6))


def exif(*entries, count=None) -> bytes:
    """A directory of entries (tag, type, count, value), little-endian."""
    base = 8 + 2 + 12 * len(entries) + 4
    packed, data = struct.pack("<H", len(entries) if count is None else count), b""
    for tag, kind, number, value in entries:
        if len(value) <= 4:
            packed += struct.pack("<HHI", tag, kind, number) + value.ljust(4, b"\0")
        else:
            packed += struct.pack("<HHII", tag, kind, number, base + len(data))
            data += value
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + packed + b"\0\0\0\0" + data


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(exif(TURNED), id="whole"),
        pytest.param(b"Exif\0\0" + exif(TURNED), id="doubled header"),
        pytest.param(exif(TURNED, (0x011A, 5, 1, struct.pack("<II", 0, 0))), id="zero denominator"),
        pytest.param(exif((0x0110, 99, 5, b"abcde"), TURNED), id="unknown type"),
        pytest.param(exif((0x010E, 2, 6, b"caf\xe9 x"), TURNED), id="not ASCII"),
        pytest.param(exif(TURNED, (0x8769, 4, 1, struct.pack("<I", 99999))), id="pointer to nowhere"),
        pytest.param(exif((0x011B, 5, 2, struct.pack("<IIII", 72, 1, 72, 1)), TURNED, count=9), id="cut short"),
        pytest.param(exif((0x0112, 4, 1, struct.pack("<I", 6))), id="as LONG"),
    ],
)
def test_the_picture_is_used_and_turned_upright_in_spite_of_damage(tmp_path, block):
    stored = np.zeros((8, 16), np.uint8)
    stored[:, 8:] = 255
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=block, quality=95)
    decoded = decode(str(tmp_path / "a.jpg"), None, DataConfig(channels=1))
    assert decoded.size == read_image_info(str(tmp_path / "a.jpg"))[0] == (8, 16)
    assert decoded.pixels[0, 1].max() < 30
    assert decoded.pixels[0, 14].min() > 225


@pytest.mark.parametrize(
    "block", [b"Exif\0\0" + bytes(range(40)), b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12\0\x03"]
)
def test_unreadable_exif_costs_nothing_but_the_orientation(tmp_path, block):
    Image.new("L", (16, 8), 77).save(tmp_path / "a.jpg", exif=block, quality=95)
    assert decode(str(tmp_path / "a.jpg"), None, DataConfig()).pixels.shape == (1, 8, 16)


def test_xmp_and_raw_profiles_are_read():
    assert orientation_of({"xmp": b'<x tiff:Orientation="8"/>'}) == 8
    assert orientation_of({"XML:com.adobe.xmp": "<tiff:Orientation>3</tiff:Orientation>"}) == 3
    hexed = "\nexif\n  40\n" + exif(TURNED).hex() + "\n"
    assert orientation_of({"Raw profile type exif": hexed}) == 6
    assert orientation_of({"Raw profile type exif": "no digits"}) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_turn_is_the_one_of_pillow(orientation):
    from PIL import ImageOps

    image = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    tagged = image.copy()
    tagged.getexif()[0x0112] = orientation
    expected = ImageOps.exif_transpose(tagged)
    assert np.array_equal(np.asarray(upright(image, orientation)), np.asarray(expected))


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=80), st.binary(max_size=60).map(lambda rest: b"Exif\0\0II*\0\x08\0\0\0" + rest)))
def test_any_bytes_give_an_orientation_or_none(data):
    assert exif_orientation(data) in (None, *range(1, 9))
