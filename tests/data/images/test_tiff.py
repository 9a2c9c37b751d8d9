"""TIFF files of microscopes, gels and remote sensing: every number type, photometric and arrangement."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from latentlab.config import DataConfig
from latentlab.data.images.image_file import UnreadableError, read_facts
from latentlab.data.images.to_array import decode
from tests.data.helpers import grey

RAMP = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (24, 1))
COLOURS = np.stack([RAMP, RAMP[:, ::-1], np.full_like(RAMP, 60)], axis=2)


def decoded(path, **config):
    return decode(str(path), None, DataConfig(**config))


def written(tmp_path, values, **options):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values, **options)
    return path


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(RAMP, id="uint8"),
        pytest.param(RAMP.astype(np.int16), id="int16 of 8 bits"),
        pytest.param((RAMP.astype(int) - 128).astype(np.int8), id="int8"),
        pytest.param(RAMP.astype(np.uint16) * 257, id="uint16"),
        pytest.param(RAMP.astype(np.uint16) * 16, id="12 bits in uint16"),
        pytest.param(RAMP.astype(np.uint32) * 16843009, id="uint32"),
        pytest.param((RAMP / 255).astype(np.float16), id="half"),
        pytest.param((RAMP / 255).astype(np.float32), id="float"),
        pytest.param(RAMP / 255, id="double"),
        pytest.param(RAMP / 255 * 1.0000001, id="double a hair above 1"),
    ],
)
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_row_30_every_number_type_has_its_brightness(tmp_path, values, photometric):
    shown = decoded(written(tmp_path, values, photometric=photometric)).pixels[0].astype(int)
    expected = 255 - RAMP.astype(int) if photometric == "miniswhite" else RAMP
    assert np.abs(shown - expected).max() <= 1


@pytest.mark.parametrize(
    "options",
    [
        {"tile": (16, 16)},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": 2},
        {"compression": "lzma"},
        {"rowsperstrip": 5},
        {"byteorder": ">"},
        {"bigtiff": True},
    ],
    ids=str,
)
def test_row_30_tiles_strips_and_compressions(tmp_path, options):
    path = written(tmp_path, RAMP.astype(np.uint16) * 257, photometric="minisblack", **options)
    assert np.abs(decoded(path).pixels[0].astype(int) - RAMP).max() <= 1


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate"])
def test_row_30_what_tifffile_alone_cannot_unpack_is_read_by_pillow(tmp_path, compression):
    Image.fromarray(RAMP).save(tmp_path / "a.tif", compression=compression)
    assert np.abs(decoded(tmp_path / "a.tif").pixels[0].astype(int) - RAMP).max() <= 4


@pytest.mark.parametrize("white", [False, True])
def test_row_30_sixteen_bits_through_pillow_are_inverted_too(tmp_path, white):
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(
        tmp_path / "a.tif", compression="tiff_lzw", tiffinfo={262: 0} if white else {}
    )
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        is_white = tiff.pages[0].photometric == 0
    expected = 255 - RAMP.astype(int) if is_white else RAMP
    assert np.abs(decoded(tmp_path / "a.tif").pixels[0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("scale", [1, 257])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_row_30_colour_at_any_depth(tmp_path, scale, planar):
    values = COLOURS.astype(np.uint8 if scale == 1 else np.uint16) * scale
    values = np.moveaxis(values, 2, 0) if planar == "separate" else values
    path = written(tmp_path, values, photometric="rgb", planarconfig=planar)
    assert np.abs(decoded(path).pixels.astype(int) - COLOURS.transpose(2, 0, 1)).max() <= 1


@pytest.mark.parametrize(
    ("values", "photometric", "note", "shape"),
    [
        (np.dstack([RAMP, RAMP]), "minisblack", "1 of 2 bands used", (1, 24, 32)),
        (np.dstack([COLOURS, RAMP, RAMP]), "minisblack", "1 of 5 bands used", (1, 24, 32)),
        (np.dstack([COLOURS, RAMP]), "rgb", "3 of 4 bands used", (3, 24, 32)),
    ],
)
def test_row_30_bands_beyond_grey_or_colour_are_left_out_and_said(tmp_path, values, photometric, note, shape):
    extra = values.shape[2] - (3 if photometric == "rgb" else 1)
    path = written(tmp_path, values, photometric=photometric, planarconfig="contig", extrasamples=[0] * extra)
    found = decoded(path)
    assert found.note == note
    assert found.pixels.shape == shape
    assert np.array_equal(found.pixels[0], RAMP)


def test_row_30_alpha_of_sixteen_bits_shows_the_background(tmp_path):
    alpha = np.zeros_like(RAMP, np.uint16)
    alpha[:, 16:] = 65535
    values = np.dstack([COLOURS.astype(np.uint16) * 257, alpha])
    found = decoded(written(tmp_path, values, photometric="rgb", extrasamples=["unassalpha"])).pixels
    assert (found[:, :, :16] == 255).all()
    assert np.abs(found[:, :, 16:].astype(int) - COLOURS.transpose(2, 0, 1)[:, :, 16:]).max() <= 1


def test_row_30_a_palette_gives_its_colours(tmp_path):
    palette = np.zeros((3, 256), np.uint16)
    palette[:, 7] = 200 * 257, 100 * 257, 50 * 257
    path = written(tmp_path, np.full((9, 9), 7, np.uint8), photometric="palette", colormap=palette)
    assert decoded(path).pixels[:, 0, 0].tolist() == [200, 100, 50]


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_row_30_orientation(tmp_path, orientation):
    path = written(tmp_path, RAMP, photometric="minisblack", extratags=[(274, "H", 1, orientation, True)])
    turns = {1: RAMP, 3: RAMP[::-1, ::-1], 6: np.rot90(RAMP, -1)}
    assert np.array_equal(decoded(path).pixels[0], turns[orientation])
    assert read_facts(str(path)).size == turns[orientation].shape[::-1]


def test_pages_are_frames_but_reduced_copies_are_not(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for value, kind in ((10, 0), (20, 1), (30, 2)):
            file.write(np.full((8, 8), value, np.uint8), photometric="minisblack", subfiletype=kind)
    assert read_facts(str(tmp_path / "a.tif")).frames == 2
    shown = [decode(str(tmp_path / "a.tif"), None, DataConfig(), frame).pixels[0, 0, 0] for frame in (0, 1)]
    assert shown == [10, 30]


@pytest.mark.parametrize(
    ("values", "options", "reason"),
    [
        (RAMP.astype(np.complex64), {}, "complex numbers are not an image"),
        (np.stack([RAMP] * 4), {"volumetric": True, "tile": (4, 16, 16)}, "a volume in one page"),
    ],
)
def test_what_is_not_read_is_refused_with_its_true_reason(tmp_path, values, options, reason):
    with pytest.raises(UnreadableError, match=f"^{reason}"):
        decoded(written(tmp_path, values, photometric="minisblack", **options))


def test_row_29_a_page_that_announces_more_than_the_memory_is_refused(tmp_path, monkeypatch):
    path = written(tmp_path, np.zeros((9000, 9000), np.uint8), photometric="minisblack", compression="zlib")
    monkeypatch.setattr("latentlab.data.images.limits.available_bytes", lambda: 64 << 20)
    with pytest.raises(UnreadableError, match="of the memory"):
        decoded(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_row_28_a_damaged_tiff_is_read_or_refused(tmp_path, data):
    """Tags and bytes are changed at random; whatever is announced, little memory is used and no other error comes."""
    path = written(tmp_path, RAMP.astype(np.uint16), photometric="minisblack", compression=None)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(content), 300) - 4))
        value = data.draw(st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 2, 8, 65535, 2**31])))
        content[at : at + 4] = struct.pack("<I", value)
    path.write_bytes(content[: data.draw(st.integers(8, len(content)))])
    try:
        shape = decode(str(path), (8, 8), DataConfig()).pixels.shape[1:]
    except UnreadableError:
        return
    assert shape == (8, 8)


def test_a_file_that_is_only_a_header_is_damaged(tmp_path):
    for content in (b"II*\0", b"II*\0\x08\0\0\0", b"II*\0\xff\xff\xff\xff" + bytes(40)):
        (tmp_path / "a.tif").write_bytes(content)
        with pytest.raises(UnreadableError, match="damaged"):
            decoded(tmp_path / "a.tif")


def test_row_28_a_cut_file_is_refused(tmp_path):
    grey(RAMP).save(tmp_path / "a.tif")
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableError, match="damaged"):
        decoded(tmp_path / "a.tif")
