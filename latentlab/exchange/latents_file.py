"""Writes encoded images as a table or as arrays: ``.csv``, ``.npz`` or ``.parquet``."""

from __future__ import annotations

import csv
import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from latentlab.data.sources.extras import import_extra
from latentlab.errors import InputError
from latentlab.exchange.encoded import Encoded
from latentlab.storage import atomic_write
from latentlab.utils.plain_text import quote_cell
from latentlab.utils.stamp import STAMP_KEY, Stamp

LATENTS_SUFFIXES = (".npz", ".csv", ".parquet")


def check_latents_file(suffix: str) -> None:
    """Refuse an unknown kind of file, or ``.parquet`` without pyarrow, before anything is computed.

    Raises
    ------
    InputError
        Says what to do.
    """
    if suffix not in LATENTS_SUFFIXES:
        raise InputError(f"latents are written as .npz, .csv or .parquet, not {suffix or 'without an ending'}")
    if suffix == ".parquet":
        _parquet_library()


def why_no_parquet() -> str:
    """Why no parquet file can be written here; empty if one can."""
    return "" if find_spec("pyarrow") else 'pyarrow is not installed: pip install "latentlab[hf]"'


def write_latents(out: Path, encoded: Encoded, stamp: Stamp | None = None) -> None:
    """Write the posteriors of images, with the names of their classes if they have any.

    Parameters
    ----------
    out
        ``.npz`` (arrays ``mean``, ``std``, ``label``, ``path``, ``class_names``), or ``.csv`` or ``.parquet`` with the
        columns ``path``, ``label``, ``mean_0`` …, ``std_0`` …, ``class``.
    encoded
        The images.
    stamp
        Where they are from: an array or an entry of the parquet schema called ``latentlab``. A CSV file, which has no
        room for it, has a file ``NAME.csv-metadata.json`` beside it, as the W3C proposes for tables.

    Raises
    ------
    InputError, RunError
        When it cannot be written.
    """
    match out.suffix.lower():
        case ".npz":
            atomic_write(out, lambda file: np.savez(file, **_arrays(encoded, stamp)))  # type: ignore[arg-type]
        case ".parquet":
            atomic_write(out, lambda file: _write_parquet(file, encoded, stamp))
        case _:
            atomic_write(out, lambda file: _write_csv(file, encoded))
            if stamp is not None:
                atomic_write(out.with_name(f"{out.name}-metadata.json"), _metadata(out.name, stamp))


def _arrays(encoded: Encoded, stamp: Stamp | None) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        "mean": encoded.mean,
        "std": encoded.std,
        "label": encoded.label,
        "path": np.array(encoded.paths, dtype=np.str_),
    }
    if encoded.classes:
        arrays["class_names"] = np.array(encoded.classes, dtype=np.str_)
    if stamp is not None:
        arrays[STAMP_KEY] = np.array(stamp.text())
    return arrays


def _write_csv(file: BinaryIO, encoded: Encoded) -> None:
    # Bytes of a name that are not UTF-8 are written as \xNN.
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    rows = csv.writer(text)
    dimensions, classes = range(encoded.mean.shape[1]), encoded.classes
    names = [*(f"mean_{i}" for i in dimensions), *(f"std_{i}" for i in dimensions), *(["class"] if classes else [])]
    rows.writerow(["path", "label", *names])
    for path, label, means, stds in zip(encoded.paths, encoded.label.tolist(), encoded.mean, encoded.std, strict=True):
        name = [quote_cell(classes[label]) if 0 <= label < len(classes) else ""] if classes else []
        rows.writerow([quote_cell(path), label, *means, *stds, *name])
    text.flush()
    text.detach()


def _metadata(name: str, stamp: Stamp) -> bytes:
    """A description of the table: https://www.w3.org/TR/tabular-metadata/."""
    values = {"@context": "http://www.w3.org/ns/csvw", "url": name, "dc:source": stamp.values()}
    return json.dumps(values, indent=1).encode()


def _write_parquet(file: BinaryIO, encoded: Encoded, stamp: Stamp | None) -> None:
    pa, parquet = _parquet_library()
    columns: dict[str, Any] = {
        "path": pa.array([_valid(path) for path in encoded.paths], pa.string()),
        "label": encoded.label.astype(np.int64),
    }
    columns |= {f"mean_{i}": encoded.mean[:, i] for i in range(encoded.mean.shape[1])}
    columns |= {f"std_{i}": encoded.std[:, i] for i in range(encoded.std.shape[1])}
    if encoded.classes:
        known = [_valid(name) for name in encoded.classes]
        columns["class"] = pa.array(
            [known[label] if 0 <= label < len(known) else None for label in encoded.label.tolist()], pa.string()
        )
    table = pa.table(columns)
    if stamp is not None:
        table = table.replace_schema_metadata({STAMP_KEY: stamp.text()})
    parquet.write_table(table, file)


def _valid(name: str) -> str:
    r"""A name as UTF-8, which parquet needs: bytes that are none are written as ``\xNN``."""
    return name.encode("utf-8", "backslashreplace").decode()


def _parquet_library() -> tuple[Any, Any]:
    pa = import_extra("pyarrow", "pyarrow", "hf", "a .parquet file is written")
    return pa, import_extra("pyarrow.parquet", "pyarrow", "hf", "a .parquet file is written")
