from __future__ import annotations

import os
import socket
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from latentlab.config import DataConfig
from latentlab.data.images.image_file import UnreadableError, read_image_info
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
    assert pixels(path)[0, 0].tolist() == [4, 8, 12]


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


def test_row_29_a_tiff_named_png_is_refused(tmp_path):
    path = save(tmp_path / "a.tif").rename(tmp_path / "a.png")
    with pytest.raises(UnreadableError, match=r"a TIFF file named \.png"):
        pixels(path)


def test_row_29_formats_outside_the_list_are_refused(tmp_path):
    path = save(tmp_path / "a.ico", grey(50, (16, 16))).rename(tmp_path / "a.png")
    with pytest.raises(UnreadableError, match="not an image of a known format"):
        pixels(path)


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
