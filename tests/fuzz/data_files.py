"""Small datasets in one file each, and strategies that spoil them: archives, tables of Hugging Face, HDF5, TIFF."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from functools import lru_cache

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from tests.fuzz.mutations import spoilt_bytes, spoilt_json

Files = dict[str, bytes]

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8), dtype=np.uint8)


@lru_cache
def png(number: int) -> bytes:
    """One of the images as a file."""
    file = io.BytesIO()
    Image.fromarray(IMAGES[number]).save(file, "png")
    return file.getvalue()


def _members() -> Files:
    table = b"path,label\ncat/0.png,cat\ndog/1.png,dog\n"
    gif = io.BytesIO()
    Image.fromarray(IMAGES[2]).save(gif, "gif", save_all=True, append_images=[Image.fromarray(IMAGES[3])])
    return {"cat/0.png": png(0), "dog/1.png": png(1), "dog/two.gif": gif.getvalue(), "labels.csv": table}


def zip_files() -> st.SearchStrategy[Files]:
    """Spoilt zip archives, stored and deflated."""
    seeds = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, content in _members().items():
                archive.writestr(name, content)
        seeds.append(file.getvalue())
    return _spoilt(seeds, "data.zip")


def tar_files() -> st.SearchStrategy[Files]:
    """Spoilt tar archives; of compressed ones the content or the file is spoilt."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in (_members() | {"0001.jpg": png(3), "0001.json": b'{"label":"cat","size":3}'}).items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    plain = file.getvalue()[:-8192]
    packed = spoilt_bytes(plain).map(lambda data: {"data.tar.gz": gzip.compress(data, 1)})
    return _spoilt([plain], "data.tar") | packed | _spoilt([gzip.compress(plain)], "data.tar.gz")


def tiff_files() -> st.SearchStrategy[Files]:
    """Spoilt TIFF files: a stack, deflated tiles of 16 bits, a BigTIFF in colour."""
    import tifffile

    seeds = []
    for images, options in (
        (IMAGES, {"photometric": "minisblack"}),
        (IMAGES.astype(np.uint16) * 200, {"photometric": "minisblack", "compression": "zlib", "tile": (16, 16)}),
        (np.stack([IMAGES] * 3, axis=-1), {"bigtiff": True, "photometric": "rgb"}),
    ):
        file = io.BytesIO()
        is_big = options.pop("bigtiff", False)
        with tifffile.TiffWriter(file, bigtiff=is_big) as writer:
            writer.write(images, **options)
        seeds.append(file.getvalue())
    return _spoilt(seeds, "data.tif")


def json_lines_files() -> st.SearchStrategy[Files]:
    """Images with a spoilt table of JSON lines."""
    images = {f"{number}.png": png(number) for number in range(3)}
    lines = [{"file_name": f"{number}.png", "label": "cat", "size": number / 2, "tags": ["a"]} for number in range(3)]

    def table(values: object) -> bytes:
        rows = values if isinstance(values, list) else [values]
        return b"\n".join(json.dumps(row).encode("utf-8", "replace") for row in rows)

    spoilt = spoilt_json(lines).map(table) | spoilt_bytes(table(lines))
    return spoilt.map(lambda data: images | {"metadata.jsonl": data})


def parquet_files() -> st.SearchStrategy[Files]:
    """Spoilt Parquet and Arrow files, as the datasets library writes them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    rows = pa.table({
        "image": [{"bytes": png(number), "path": f"{number}.png"} for number in range(4)],
        "label": [0, 1, 0, None],
        "about": [{"age": 3, "tags": ["x"]}, None, {"age": None, "tags": []}, {"age": 4, "tags": ["y"]}],
        "site": pa.array(["a", "b", "a", "b"]).dictionary_encode(),
    }).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})  # fmt: skip
    file = io.BytesIO()
    pq.write_table(rows, file, row_group_size=2)
    streams = []
    for compression in (None, "zstd"):
        with pa.BufferOutputStream() as sink:
            options = pa.ipc.IpcWriteOptions(compression=compression)
            with pa.ipc.new_stream(sink, rows.schema, options=options) as stream:
                stream.write_table(rows, max_chunksize=2)
            streams.append(sink.getvalue().to_pybytes())
    return _spoilt([file.getvalue()], "data.parquet") | _spoilt(streams, "data.arrow")


def hdf5_files() -> st.SearchStrategy[Files]:
    """Spoilt HDF5 files with chunks, text and splits."""
    import h5py

    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        opened.create_dataset("train/images", data=IMAGES, chunks=(2, 8, 8), compression="gzip")
        opened.create_dataset("test/images", data=IMAGES[:2])
        opened.create_dataset("train/label", data=["cat", "dog"] * 2, dtype=h5py.string_dtype())
        opened["train/angle"] = np.linspace(0, 1, 4)
    return _spoilt([file.getvalue()], "data.h5")


def _spoilt(seeds: list[bytes], name: str) -> st.SearchStrategy[Files]:
    return st.sampled_from(seeds).flatmap(spoilt_bytes).map(lambda data: {name: data})
