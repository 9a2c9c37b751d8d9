"""Small files that promise, or unpack to, far more than they are."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

_MB = 1 << 20


def _header(array_type: str, shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": array_type, "fortran_order": False, "shape": shape})
    return file.getvalue()


def _zipped(path: Path, members: dict[str, list[bytes]], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method, compresslevel=1) as archive:
        for name, parts in members.items():
            with archive.open(name, "w", force_zip64=True) as member:
                for part in parts:
                    member.write(part)
    return path


def _deflated(start: bytes, megabytes: int, end: bytes = b"") -> bytes:
    """Some bytes and so many zeros as a raw deflate stream: a block of zeros is compressed once and repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(16 * _MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + block * (megabytes // 16) + packer.compress(end) + packer.flush()


def _zlib(start: bytes, megabytes: int, end: bytes = b"") -> bytes:
    """The same as a zlib stream; its checksum is wrong, which a reader sees when it is too late."""
    return b"\x78\xda" + _deflated(start, megabytes, end) + bytes(4)


def _gzip(start: bytes, megabytes: int, end: bytes = b"") -> bytes:
    return gzip.compress(start) + gzip.compress(bytes(16 * _MB)) * (megabytes // 16) + gzip.compress(end)


def _zip_of_deflated(path: Path, members: dict[str, tuple[bytes, int]]) -> Path:
    """A zip archive of deflate streams and their sizes when unpacked; the checksums are wrong."""
    content, directory = b"", b""
    for name, (data, size) in members.items():
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, 0, len(data), size, len(name), 0)
        directory += b"PK\1\2\x14\0" + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(content)) + name.encode()
        content += b"PK\3\4" + fields + name.encode() + data
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(content), 0)
    path.write_bytes(content + directory + b"PK\5\6" + end)
    return path


def _zeros(megabytes: int) -> list[bytes]:
    return [bytes(_MB)] * megabytes


def npz_of_zeros(folder: Path) -> Path:
    header = _header("|u1", (1536, 1024, 1024))
    images = _deflated(header, 1536), len(header) + 1536 * _MB
    return _zip_of_deflated(folder / "images.npz", {"images.npy": images})


def idx_gz(folder: Path) -> Path:
    header = b"\0\0\x08\x03" + np.array((1536, 1024, 1024), ">i4").tobytes()
    path = folder / "zeros-images-idx3-ubyte.gz"
    path.write_bytes(_gzip(header, 1536))
    return path


def csv_of_one_row(folder: Path) -> Path:
    """A row over many lines, each within quotes."""
    _images(folder)
    line = b'"' + b"a" * 1000 + b'\n",' + b'"",' * 3000
    with (folder / "labels.csv").open("wb") as file:
        file.write(b"path,label\n0.png,a\n")
        for _ in range(10_000):
            file.write(line)
    return folder


def csv_of_long_lines(folder: Path) -> Path:
    _images(folder)
    with (folder / "labels.csv").open("wb") as file:
        file.write(b"path,label\n")
        for number in range(300):
            file.write(b"%d.png" % (number % 2) + b"," * 900_000 + b"\n")
    return folder


def json_lines(folder: Path) -> Path:
    _images(folder)
    with (folder / "metadata.jsonl").open("wb") as file:
        for number in range(20):
            keys = ",".join(f'"k{number}_{key}":0' for key in range(60_000))
            file.write(f'{{"file_name":"{number % 2}.png",{keys}}}\n'.encode())
    return folder


def _images(folder: Path) -> None:
    for number in range(2):
        Image.new("L", (8, 8), number).save(folder / f"{number}.png")


def _alone(folder: Path, name: str, content: bytes) -> Path:
    """A bomb beside a good image."""
    _images(folder)
    (folder / name).write_bytes(content)
    return folder


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _png(width: int, height: int, data: bytes, extra: bytes = b"", depth: int = 8, colour: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def png_header(folder: Path) -> Path:
    return _alone(folder, "a.png", _png(60_000, 60_000, zlib.compress(bytes(100))))


def png_profile(folder: Path) -> Path:
    profile = b"k\0\0" + _zlib(b"", 1500)
    return _alone(folder, "a.png", _png(8, 8, zlib.compress(bytes(72)), _chunk(b"iCCP", profile)))


def png_text_itxt(folder: Path) -> Path:
    text = b"k\0\1\0\0\0" + _zlib(b"", 1500)
    return _alone(folder, "a.png", _png(8, 8, zlib.compress(bytes(72)), _chunk(b"iTXt", text)))


def png_many_texts(folder: Path) -> Path:
    """Each text unpacks to 60 MB; its wrong checksum, seen at the end, lets it not count as text."""
    text = b"k\0\0" + _zlib(b"", 48)
    return _alone(folder, "a.png", _png(8, 8, zlib.compress(bytes(72)), _chunk(b"zTXt", text) * 300))


def png_deep_alpha(folder: Path) -> Path:
    """16 bits and alpha: 2 GB of pixels, and several copies of a gigabyte on the way to grey."""
    rows = _zlib(b"", 1968)
    return _alone(folder, "a.png", _png(16_000, 16_000, rows, depth=16, colour=6))


def gif_canvas(folder: Path) -> Path:
    file = io.BytesIO()
    Image.new("P", (8, 8)).save(file, "GIF")
    content = bytearray(file.getvalue())
    content[6:10] = struct.pack("<HH", 40_000, 40_000)
    return _alone(folder, "a.gif", bytes(content))


def ppm_header(folder: Path) -> Path:
    return _alone(folder, "a.pgm", b"P5\n60000 60000\n255\n" + bytes(100))


def _tiff(width: int, height: int, tags: dict[int, tuple[int, int, int]], data: bytes = b"", pages: int = 1) -> bytes:
    """A little-endian TIFF, grey of 8 bits unless ``tags`` (type, count, value) say otherwise; strip at offset 8."""
    entries = {256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1)}
    entries |= {273: (4, 1, 8), 277: (3, 1, 1), 278: (4, 1, height), 279: (4, 1, len(data))} | tags
    body = data
    start = first = 8 + len(body)
    size = 2 + 12 * len(entries) + 4
    packed = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(entries.items()))
    parts = []
    for number in range(pages):
        following = start + size if number + 1 < pages else 0
        parts.append(struct.pack("<H", len(entries)) + packed + struct.pack("<I", following))
        start += size
    return b"II*\0" + struct.pack("<I", first) + body + b"".join(parts)


def tiff_header(folder: Path) -> Path:
    return _alone(folder, "a.tif", _tiff(60_000, 60_000, {}, bytes(100)))


def tiff_deflate(folder: Path) -> Path:
    data = _zlib(b"", 1500)
    return _alone(folder, "a.tif", _tiff(100, 100, {259: (3, 1, 8)}, data))


def zip_image(folder: Path) -> Path:
    """A member that unpacks to more than any image."""
    bomb = _deflated(b"BM", 1536), 2 + 1536 * _MB
    return _zip_of_deflated(folder / "x.zip", {"a.bmp": bomb, "b.png": _good_member()})


def zip_images(folder: Path) -> Path:
    """Members that each unpack to what an image may take."""
    bomb = _deflated(b"BM", 192), 2 + 192 * _MB
    return _zip_of_deflated(folder / "x.zip", {f"{n}.bmp": bomb for n in range(20)} | {"b.png": _good_member()})


def zip_tables(folder: Path) -> Path:
    """Twenty tables of 192 MB, which together fill the disk."""
    bomb = _deflated(b"path,label\n", 192), 11 + 192 * _MB
    return _zip_of_deflated(
        folder / "x.zip", {f"{n}/labels.csv": bomb for n in range(20)} | {"0/b.png": _good_member()}
    )


def _good_member() -> tuple[bytes, int]:
    """An empty table, as its checksum is 0."""
    return _deflated(b"", 0), 0


def _small_png() -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8), 9).save(file, "PNG")
    return file.getvalue()


def _tar_member(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def tar_member(folder: Path) -> Path:
    """A member of 1.6 GB of zeros in a compressed archive."""
    png = _small_png()
    path = folder / "x.tar.gz"
    content = gzip.compress(
        _tar_member("b.png", len(png)) + png + bytes(-len(png) % 512) + _tar_member("a.bmp", 1600 * _MB)
    )
    path.write_bytes(content + _gzip(b"", 1600, bytes(1024)))
    return path


def tar_header(folder: Path) -> Path:
    """The long name of a member takes 1.6 GB."""
    path = folder / "x.tar.gz"
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1600 * _MB
    path.write_bytes(_gzip(info.tobuf(tarfile.GNU_FORMAT), 1600))
    return path


def arrow_batches(folder: Path) -> Path:
    """A hundred batches of 64 MB of zeros."""
    import pyarrow as pa

    batch = pa.record_batch({"image": pa.array([bytes(64 * _MB)], pa.binary())})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    streams = []
    for count in (1, 2):
        with pa.BufferOutputStream() as sink:
            with pa.ipc.new_stream(sink, batch.schema, options=options) as stream:
                for _ in range(count):
                    stream.write_batch(batch)
            streams.append(sink.getvalue().to_pybytes())
    one, two = streams
    message = two[len(one) - 8 : -8]  # eight bytes end a stream
    path = folder / "x.arrow"
    path.write_bytes(one[:-8] + message * 99 + one[-8:])
    return path


def arrow_batch(folder: Path) -> Path:
    """One batch of 512 MB of zeros."""
    import pyarrow as pa

    batch = pa.record_batch({"image": pa.array([bytes(512 * _MB)], pa.binary())})
    path = folder / "x.arrow"
    with pa.ipc.new_stream(path, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_batch(batch)
    return path


def parquet_rows(folder: Path) -> Path:
    """A billion images that are the same empty value."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "x.parquet"
    empty = pa.table({"image": pa.array([b""] * 4_000_000, pa.binary())})
    with pq.ParquetWriter(path, empty.schema) as writer:
        for _ in range(8):
            writer.write_table(empty)
    return path


def hdf5_lies(folder: Path) -> Path:
    import h5py

    path = folder / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("images", (1 << 20, 1024, 1024), np.uint8, chunks=(1, 1024, 1024), compression="gzip")
    return path


def hdf5_large_chunk(folder: Path) -> Path:
    import h5py

    path = folder / "x.h5"
    with h5py.File(path, "w") as file:
        images = file.create_dataset(
            "images", (1600, 1024, 1024), np.uint8, chunks=(1600, 1024, 1024), compression="gzip"
        )
        images.id.write_direct_chunk((0, 0, 0), _zlib(b"", 1600))
    return path


def path_list(folder: Path) -> Path:
    _images(folder)
    (folder / "x.txt").write_bytes(b"0.png\n" + b"a" * (400 * _MB))
    return folder / "x.txt"


def _safetensors(path: Path, header: dict[str, Any], size: int) -> Path:
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + size)
    return path


def model_zip(folder: Path) -> Path:
    return _zip_of_deflated(folder / "m.safetensors", {"archive/data.pkl": (_deflated(b"", 1536), 1536 * _MB)})


def model_header(folder: Path) -> Path:
    entries = {f"x{n}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for n in range(140_000)}
    return _safetensors(folder / "m.safetensors", {"__metadata__": {"latentlab": "{}"}, **entries}, 0)


def model_description(folder: Path) -> Path:
    text = '{"schema_version":1,"data":{"x":' + "[[]," * 900_000 + "[]" + "]" * 900_000 + "}}"
    return _safetensors(folder / "m.safetensors", {"__metadata__": {"latentlab": text}}, 0)


def model_sparse(folder: Path) -> Path:
    """Weights of four gigabytes, none of which is on the disk."""
    entry = {"dtype": "F32", "shape": [1 << 30], "data_offsets": [0, 4 << 30]}
    return _safetensors(folder / "m.safetensors", {"__metadata__": {"latentlab": "{}"}, "w": entry}, 4 << 30)


def session_large(folder: Path) -> Path:
    path = folder / "w.latentlab.json"
    path.write_bytes(b'{"schema_version":1,"model":"' + b"a" * (300 * _MB))
    return path


def session_deep(folder: Path) -> Path:
    path = folder / "w.latentlab.json"
    path.write_bytes(b'{"schema_version":1,"model":' + b"[" * 3_000_000)
    return path


def session_wide(folder: Path) -> Path:
    path = folder / "w.latentlab.json"
    path.write_bytes(b'{"schema_version":1,"latent":[' + b"[]," * 1_300_000 + b"[]]}")
    return path


def settings_large(folder: Path) -> Path:
    path = folder / "window.ini"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    return path


def run_record(folder: Path) -> Path:
    with (folder / "run.json").open("wb") as file:
        file.truncate(2 << 30)
    return folder


def run_metrics(folder: Path) -> Path:
    record = Path(__file__).parents[1] / "fixtures" / "v1" / "run" / "run.json"
    (folder / "run.json").write_bytes(record.read_bytes())
    with (folder / "metrics.jsonl").open("wb") as file:
        file.truncate(2 << 30)
    return folder


def metrics_line(folder: Path) -> Path:
    """A line of 32 MB of empty lists."""
    record = Path(__file__).parents[1] / "fixtures" / "v1" / "run" / "run.json"
    (folder / "run.json").write_bytes(record.read_bytes())
    line = b'{"event":"epoch","x":[' + b"[]," * ((32 * _MB - 40) // 3) + b"[]]}\n"
    (folder / "metrics.jsonl").write_bytes(line + b'{"event":"epoch","epoch":3}\n')
    return folder


def _diffusers(folder: Path, weights: str, entries: dict, size: int, **changes: object) -> Path:
    from tests.storage.diffusers_files import KL

    (folder / "config.json").write_text(json.dumps(KL | changes))
    _safetensors(folder / weights, entries, size)
    return folder


def diffusers_terabytes(folder: Path) -> Path:
    """Settings of a model of 1.2 TB, with a file of weights that is nearly empty."""
    blocks = {"block_out_channels": [4096] * 8, "layers_per_block": 32, "norm_num_groups": 32}
    types = {"down_block_types": ["DownEncoderBlock2D"] * 8, "up_block_types": ["UpDecoderBlock2D"] * 8}
    entries = {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    return _diffusers(folder, "diffusion_pytorch_model.safetensors", entries, 4, **blocks, **types)


def diffusers_sparse(folder: Path) -> Path:
    """Weights of eight gigabytes, none of which is on the disk."""
    entries = {"quant_conv.bias": {"dtype": "F32", "shape": [2 << 30], "data_offsets": [0, 8 << 30]}}
    return _diffusers(folder, "diffusion_pytorch_model.safetensors", entries, 8 << 30)


def diffusers_index(folder: Path) -> Path:
    """An index of 600 MB of which none is on the disk."""
    _diffusers(folder, "a.safetensors", {}, 0)
    with (folder / "diffusion_pytorch_model.safetensors.index.json").open("wb") as file:
        file.truncate(600 * _MB)
    return folder
