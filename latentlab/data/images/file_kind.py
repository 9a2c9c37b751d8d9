"""The kind of an image file, from its first bytes: names lie, and many files have none."""

from __future__ import annotations

HEAD = 64  # bytes that `file_kind` looks at

_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
)
_AVIF, _HEIF = (
    (b"avif", b"avis"),
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"),
)
_FOREIGN = (
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\x01\0", "an icon file"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"DDS ", "a DirectDraw texture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x93NUMPY", "an .npy array"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML file"),
)
_NETPBM = b"123456"


def file_kind(start: bytes) -> str:
    """The format of an image file: PNG, JPEG, GIF, BMP, TIFF, WEBP, AVIF, HEIF or PPM; empty for all others.

    Parameters
    ----------
    start
        The first 64 bytes of the file, or all if there are fewer.
    """
    for magic, kind in _STARTS:
        if start.startswith(magic):
            return kind
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp":
        brands = {start[8:12], *(start[i : i + 4] for i in range(16, _box_length(start), 4))}
        if not brands.isdisjoint(_AVIF):
            return "AVIF"
        return "" if brands.isdisjoint(_HEIF) else "HEIF"
    if start[:1] == b"P" and (start[1:2] in (b"f", b"F") or start[1:2] in _NETPBM) and start[2:3].isspace():
        return "PPM"
    return ""


def foreign_kind(start: bytes) -> str:
    """What a file is that is not read as an image, for instance "a PDF document"; empty if unknown."""
    lower = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, name in _FOREIGN:
        if start.startswith(magic) or (magic[:1] == b"<" and lower.startswith(magic)):
            return name
    return ""


def _box_length(start: bytes) -> int:
    """End of the list of compatible brands within ``start``."""
    return min(int.from_bytes(start[:4], "big"), len(start))


def webp_size(start: bytes) -> tuple[int, int]:
    """Width and height of a WebP file's canvas; (0, 0) if its header is cut short or of an unknown kind.

    Parameters
    ----------
    start
        The first 30 bytes of the file.
    """
    kind, data = start[12:16], start[20:30]
    if len(data) < 10:
        return 0, 0
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    return 0, 0
