"""The kind of a file, by its first bytes."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentlab.data.images.file_kind import HEAD, file_kind, foreign_kind, webp_size


@pytest.mark.parametrize(
    ("format", "kind"),
    [(name, name) for name in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF")]
    + [("MPO", "JPEG"), ("ICO", ""), ("TGA", "")],
)
def test_files_of_pillow_are_recognised(format, kind):
    file = BytesIO()
    Image.new("RGB", (16, 16)).save(file, format)
    assert file_kind(file.getvalue()[:HEAD]) == kind


def test_brands_of_one_container():
    def box(*brands):
        return (16 + 4 * (len(brands) - 1)).to_bytes(4, "big") + b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])

    assert file_kind(box(b"mif1", b"avif", b"mif1")) == "AVIF"
    assert file_kind(box(b"mif1", b"heic")) == "HEIF"
    assert file_kind(box(b"isom", b"mp42")) == ""


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 50}, {"save_all": True, "append_images": [0]}])
def test_the_size_of_a_webp_is_in_its_first_bytes(options):
    file = BytesIO()
    if "append_images" in options:
        options = options | {"append_images": [Image.new("RGB", (300, 17), "red")]}
    Image.new("RGB", (300, 17)).save(file, "WEBP", **options)
    assert webp_size(file.getvalue()[:HEAD]) == (300, 17)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=HEAD), st.binary(max_size=50).map(lambda rest: b"RIFF\0\0\0\0WEBPVP8" + rest)))
def test_any_bytes_are_named_or_not(start):
    assert isinstance(file_kind(start) + foreign_kind(start), str)
    assert min(webp_size(start)) >= 0
