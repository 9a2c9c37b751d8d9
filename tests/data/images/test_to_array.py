from __future__ import annotations

import os
import socket
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from latentlab.config import DataConfig
from latentlab.data import load_dataset
from latentlab.data.images.image_file import UnreadableError, read_facts, read_image_info, read_raw_values
from latentlab.data.images.to_array import decode
from tests.data.helpers import grey, save

RAMP = np.linspace(0, 255, 80).round().astype(np.uint8).reshape(8, 10)
COLOURS = np.stack([RAMP, RAMP[::-1], np.full_like(RAMP, 40)], axis=2)


def pixels(path, **config):
    return decode(str(path), None, DataConfig(**config)).pixels


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "pgm", "webp"])
def test_row_30_grey_comes_back_exactly_from_every_lossless_format(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", grey(RAMP), **({"lossless": True} if suffix == "webp" else {}))
    assert (pixels(path, channels=1)[0] == RAMP).all()


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp"])
def test_row_30_colour_comes_back_exactly_from_every_lossless_format(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(COLOURS), **({"lossless": True} if suffix == "webp" else {}))
    assert (pixels(path) == COLOURS.transpose(2, 0, 1)).all()


def test_row_30_jpeg_is_close(tmp_path):
    path = save(tmp_path / "a.jpg", grey(RAMP), quality=95)
    assert np.abs(pixels(path)[0].astype(int) - RAMP).max() < 12


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_row_30_sixteen_bits_are_rescaled_not_clipped(tmp_path, suffix):
    deep = np.array([[0, 257, 32896, 65535]], dtype=np.uint16).repeat(8, axis=0)
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(deep))
    assert pixels(path)[0, 0].tolist() == [0, 1, 128, 255]


def test_row_30_big_endian_sixteen_bits(tmp_path):
    deep = np.array([[0, 65535], [32896, 257]], dtype=">u2")
    path = save(tmp_path / "a.tif", Image.frombytes("I;16B", (2, 2), deep.tobytes()))
    assert pixels(path)[0].tolist() == [[0, 255], [128, 1]]


def test_row_30_stretch_maps_the_image_s_own_range(tmp_path):
    path = save(tmp_path / "a.tif", Image.fromarray(np.array([[1000, 2000, 3000]], dtype=np.uint16)))
    assert pixels(path, levels="stretch")[0, 0].tolist() == [0, 128, 255]
    assert pixels(path)[0, 0].tolist() == [62, 125, 187]  # 12 bits
    assert pixels(path, levels="type")[0, 0].tolist() == [4, 8, 12]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([-500.0, 0.0, 500.0], [0, 128, 255]),
        ([np.nan, 0.5, 1.0], [0, 128, 255]),
        ([np.inf, 0.5, 0.0], [0, 128, 0]),
    ],
)
def test_row_30_float(tmp_path, values, expected):
    path = save(tmp_path / "a.tif", Image.fromarray(np.array([values], dtype=np.float32)))
    assert pixels(path)[0, 0].tolist() == expected


def test_row_30_one_bit(tmp_path):
    path = save(tmp_path / "a.png", Image.fromarray(RAMP > 128))
    assert (pixels(path)[0] == np.where(RAMP > 128, 255, 0)).all()


def test_row_30_palette_gives_its_colours(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    path = save(tmp_path / "a.png", image)
    assert pixels(path)[:, 0].T.tolist() == [[10, 20, 30], [200, 100, 50]]


def test_row_30_transparent_palette_colour_shows_the_background(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    path = save(tmp_path / "a.png", image, transparency=0)
    assert pixels(path)[:, 0].T.tolist() == [[255, 255, 255], [200, 100, 50]]


@pytest.mark.parametrize(("background", "behind"), [("auto", 255), ("white", 255), ("black", 0)])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_row_30_alpha_is_composited(tmp_path, mode, background, behind):
    image = Image.new(mode, (3, 1))
    for x, alpha in enumerate((0, 128, 255)):
        image.putpixel((x, 0), (90, alpha) if mode == "LA" else (90, 90, 90, alpha))
    path = save(tmp_path / "a.png", image)
    half = round((90 * 128 + behind * 127) / 255)
    assert pixels(path, background=background).tolist() == [[[behind, half, 90]]]


def test_row_30_cmyk(tmp_path):
    cmyk = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    tiff = pixels(save(tmp_path / "a.tif", cmyk))
    jpeg = pixels(save(tmp_path / "a.jpg", cmyk, quality=100))
    assert tiff[:, 0, 0].tolist() == [255, 0, 0]
    assert np.abs(jpeg[:, 0, 0].astype(int) - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_row_30_exif_orientation_is_applied(tmp_path, suffix):
    stored = np.zeros((8, 16), dtype=np.uint8)
    stored[:, 8:] = 255  # white to the right, to be turned a quarter clockwise: white below
    image, exif = grey(stored), Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / f"a.{suffix}", image, exif=exif)
    decoded = decode(str(path), None, DataConfig(channels=1))
    assert decoded.size == read_image_info(str(path))[0] == (8, 16)
    assert decoded.pixels.shape == (1, 16, 8)
    assert decoded.pixels[0, 2].max() < 20
    assert decoded.pixels[0, 13].min() > 235


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_row_30_an_animation_gives_its_first_frame(tmp_path, suffix):
    frames = [grey(value) for value in (30, 200, 250)]
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:], **options)
    assert (pixels(path, channels=1) == 30).all()


def test_row_30_an_mpo_file_gives_its_first_image(tmp_path):
    path = tmp_path / "a.jpg"
    grey(30).save(path, format="MPO", save_all=True, append_images=[grey(200)])
    assert (pixels(path) == 30).all()


def test_row_30_colour_is_converted_to_luma(tmp_path):
    path = save(tmp_path / "a.png", Image.fromarray(COLOURS))
    luma = COLOURS @ np.array([0.299, 0.587, 0.114])
    assert np.abs(pixels(path, channels=1)[0] - luma).max() <= 1


def test_row_30_grey_is_broadcast_to_three_channels(tmp_path):
    path = save(tmp_path / "a.png", grey(RAMP))
    assert (pixels(path, channels=3) == RAMP).all()


def test_row_30_grey_stored_as_rgb_is_detected(tmp_path):
    path = save(tmp_path / "a.png", grey(RAMP).convert("RGB"))
    assert pixels(path).shape == (1, 8, 10)
    assert (pixels(path)[0] == RAMP).all()


def test_invert_does_not_change_the_margins(tmp_path):
    path = save(tmp_path / "a.png", grey(255, (8, 4)))
    prepared = decode(str(path), (8, 8), DataConfig(invert=True, background="white")).pixels
    assert (prepared[0, 2:6] == 0).all()
    assert (prepared[0, :2] == 255).all()


def test_row_28_a_truncated_jpeg_is_refused(tmp_path):
    whole = save(tmp_path / "a.jpg", grey(np.random.default_rng(0).integers(0, 255, (64, 64)))).read_bytes()
    (tmp_path / "b.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableError, match="truncated"):
        pixels(tmp_path / "b.jpg")


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tif", "webp", "ppm"])
def test_row_28_a_file_cut_in_half_is_refused(tmp_path, suffix):
    noise = grey(np.random.default_rng(0).integers(0, 255, (64, 64)))
    whole = save(tmp_path / f"a.{suffix}", noise).read_bytes()
    (tmp_path / f"b.{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableError):
        pixels(tmp_path / f"b.{suffix}")


def test_row_29_a_decompression_bomb_is_refused_by_its_header(tmp_path):
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT")
    with pytest.raises(UnreadableError, match="decompression bomb"):
        pixels(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"\0\0\1\0" + bytes(60), "an icon file, which is not read"),
        (b"%PDF-1.7", "a PDF document, which is not read"),
        (b"\xef\xbb\xbf <!DOCTYPE html>", "a web page, which is not read"),
        (b"\0\0\0\x0cjP  \r\n", "JPEG 2000, which is not read"),
        (b"some text", "not an image of a known format"),
    ],
)
def test_row_29_formats_outside_the_list_are_refused_by_their_name(tmp_path, start, reason):
    (tmp_path / "a.png").write_bytes(start)
    with pytest.raises(UnreadableError, match=f"^{reason}"):
        pixels(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif", "bmp", "ppm", "avif"])
@pytest.mark.parametrize("name", ["photo.jpg", "photo.jpg?w=800", "nosuffix"])
def test_the_content_and_not_the_name_decides_the_kind(tmp_path, suffix, name):
    path = save(tmp_path / f"a.{suffix}", grey(200, (32, 32))).rename(tmp_path / name)
    assert np.abs(pixels(path, channels=1).astype(int) - 200).max() <= 3


def png_bytes(width, height, *chunks, rows=None, depth=8):
    """A grey PNG, black without ``rows``, with further chunks before its pixels."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    body = zlib.compress(rows if rows is not None else bytes((width * depth // 8 + 1) * height), 1)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


SCENE = b"x" * 3_000_000


@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", b"prompt\0" + SCENE),
        (b"zTXt", b"prompt\0\0" + zlib.compress(SCENE)),
        (b"iTXt", b"prompt\0\1\0\0\0" + zlib.compress(SCENE)),
        (b"iCCP", b"icc\0\0" + zlib.compress(SCENE)),
    ],
    ids=lambda chunk: chunk[0].decode(),
)
def test_a_png_with_much_text_or_a_large_profile_is_read(tmp_path, chunk):
    (tmp_path / "a.png").write_bytes(png_bytes(8, 8, chunk))
    assert pixels(tmp_path / "a.png").shape == (1, 8, 8)


def test_text_that_unpacks_without_end_is_refused(tmp_path):
    bomb = zlib.compress(bytes(70 << 20), 9)
    (tmp_path / "a.png").write_bytes(png_bytes(8, 8, (b"zTXt", b"prompt\0\0" + bomb)))
    with pytest.raises(UnreadableError, match=r"unpacks to more than 64 MB"):
        pixels(tmp_path / "a.png")


def test_row_29_a_photo_of_108_megapixels_is_read_in_a_reduced_copy(tmp_path):
    path = save(tmp_path / "a.jpg", Image.linear_gradient("L").resize((12_000, 9_000)), quality=30)
    prepared = decode(str(path), (32, 24), DataConfig())
    assert prepared.size == (12_000, 9_000)
    assert np.abs(np.diff(prepared.pixels[0, :, 0].astype(int)) - 10.6).max() < 3


@pytest.mark.parametrize(("width", "height"), [(9_600, 9_400), (13_600, 13_400)])
def test_row_29_between_and_above_the_limits_of_pillow_the_memory_decides(tmp_path, monkeypatch, width, height):
    """Pillow warns above 89 megapixels and refuses above 179; one bit each is quick to unpack."""
    (tmp_path / "a.png").write_bytes(png_bytes(width, height, depth=1))
    assert decode(str(tmp_path / "a.png"), (32, 24), DataConfig()).size == (width, height)
    monkeypatch.setattr("latentlab.data.images.limits.available_bytes", lambda: 160 << 20)
    with pytest.raises(UnreadableError, match=f"^{width:,} × {height:,} pixels take .* of the memory"):
        pixels(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("suffix", "header"),
    [
        ("ppm", b"P6 30000 30000 255\n"),
        ("ppm", b"P5 60000 60000 65535\n"),
        ("pbm", b"P4 100000 100000\n"),
        ("pfm", b"PF 20000 20000 -1.0\n"),
        ("bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 30000, 30000, 1, 24, 0, 0, 0, 0, 0, 0)),
        ("webp", b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0" + b"\xff\x3f\0\xff\x3f\0" + bytes(8)),
    ],
)
def test_row_29_a_header_that_announces_more_than_the_file_holds_is_refused_at_once(tmp_path, suffix, header):
    (tmp_path / f"a.{suffix}").write_bytes(header + bytes(100))
    with pytest.raises(UnreadableError, match=r"decompression bomb|of the memory|damaged"):
        pixels(tmp_path / f"a.{suffix}")


def test_an_image_that_takes_more_than_the_memory_is_refused_with_both_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr("latentlab.data.images.limits.available_bytes", lambda: 64 << 20)
    (tmp_path / "a.png").write_bytes(png_bytes(10_000, 9_000))
    with pytest.raises(UnreadableError, match=r"^10,000 × 9,000 pixels take 85\.8 MB, and one image may take 32\.0 MB"):
        pixels(tmp_path / "a.png")


def test_heic_is_read(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(grey(120, (64, 48)).convert("RGB")).save(tmp_path / "a.HEIC", quality=90)
    assert np.abs(pixels(tmp_path / "a.HEIC").astype(int) - 120).max() < 4


def test_without_pillow_heif_the_reason_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))
    with pytest.raises(UnreadableError, match=r"^HEIC is read with pip install latentlab\[heic\]$"):
        pixels(tmp_path / "a.heic")


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_any_frame_can_be_read_in_any_order(tmp_path, suffix):
    frames = [grey(value) for value in (30, 120, 250)]
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:], **options)
    assert read_facts(str(path)).frames == 3
    config = DataConfig(channels=1)
    shown = [int(decode(str(path), None, config, frame).pixels[0, 0, 0]) for frame in (2, 0, 1, 1)]
    assert shown == [250, 30, 120, 120]


def test_a_file_that_is_replaced_is_read_anew(tmp_path):
    path = tmp_path / "a.tif"
    for values in ((10, 20), (30, 40)):
        frames = [grey(value) for value in values]
        save(path, frames[0], save_all=True, append_images=frames[1:], software="x" * values[0])
        assert [int(decode(str(path), None, DataConfig(), frame).pixels[0, 0, 0]) for frame in (0, 1)] == list(values)


def test_a_jpeg_named_png_is_read_by_its_content(tmp_path):
    path = save(tmp_path / "a.jpg").rename(tmp_path / "a.png")
    assert decode(str(path), None, DataConfig()).format == "JPEG"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_row_31_a_fifo_or_socket_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo.png")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.png"))
        for name in ("fifo.png", "socket.png", "."):
            with pytest.raises(UnreadableError):
                pixels(tmp_path / name)


def test_row_31_a_file_that_has_vanished_is_refused(tmp_path):
    with pytest.raises(UnreadableError, match="vanished"):
        pixels(tmp_path / "a.png")


def test_jpeg_draft_gives_nearly_the_same_pixels(tmp_path):
    y, x = np.mgrid[:512, :512]
    smooth = (127 + 60 * np.sin(x / 40) + 60 * np.cos(y / 55)).round()
    path = save(tmp_path / "a.jpg", grey(smooth), quality=95)
    png = save(tmp_path / "a.png", grey(smooth))
    config = DataConfig(image_size=64)
    drafted, whole = (decode(str(each), (64, 64), config).pixels.astype(int) for each in (path, png))
    assert np.abs(drafted - whole).max() <= 4


def deep_png(values):
    """A PNG with 16 bits of each colour, whose rows are filtered by all five filters."""
    height, width, channels = values.shape
    rows = [row.astype(">u2").tobytes() for row in values]
    step, before, filtered = 2 * channels, bytes(len(rows[0])), b""
    for number, row in enumerate(rows):
        left = bytes(step) + row[:-step]
        corner = bytes(step) + before[:-step]
        predicted = {
            0: lambda *_: 0,
            1: lambda a, *_: a,
            2: lambda _a, b, _c: b,
            3: lambda a, b, _c: (a + b) // 2,
            4: lambda a, b, c: min((a, b, c), key=lambda each: abs(a + b - c - each)),
        }[number % 5]
        filtered += bytes([number % 5]) + bytes(
            (x - predicted(a, b, c)) % 256 for x, a, b, c in zip(row, left, before, corner, strict=True)
        )
        before = row

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    idat = chunk(b"IDAT", zlib.compress(filtered))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + idat + chunk(b"IEND", b"")


@pytest.mark.parametrize("channels", [3, 4])
def test_row_30_all_16_bits_of_a_colour_png_are_read(tmp_path, channels):
    """As 12 bits in 16, whose upper 8 bits alone are nearly black."""
    values = np.random.default_rng(4).integers(0, 4096, (10, 9, channels)).astype(np.uint16)
    values[0, 0, 0] = 4095
    if channels == 4:
        values[..., 3] = 65535
    (tmp_path / "a.png").write_bytes(deep_png(values))
    raw = read_raw_values(str(tmp_path / "a.png"))
    assert np.array_equal(raw.values, values[..., :3])
    dataset = load_dataset(tmp_path)
    assert dataset.value_range.high == 4095
    expected = np.rint(values[..., :3] * (255 / 4095)).transpose(2, 0, 1)
    assert np.array_equal(dataset.images[0], expected)


def test_row_30_transparency_of_a_deep_png_is_composited(tmp_path):
    values = np.zeros((8, 8, 4), np.uint16)
    values[:, 4:, 3] = 65535
    pixels = decode(deep_png(values), None, DataConfig(levels="type")).pixels
    assert (pixels[:, :, :4] == 255).all()
    assert not pixels[:, :, 4:].any()
