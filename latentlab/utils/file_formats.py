"""The formats of dataset files, for file dialogs and texts (no pydantic: the command line imports this at once)."""

from __future__ import annotations

import os
import re

FILE_PATTERNS: dict[str, tuple[str, ...]] = {
    ".npz": ("*.npz",),
    ".npy": ("*.npy",),
    ".mat": ("*.mat",),
    "IDX": ("*-ubyte", "*.gz", "*.idx"),
    "Parquet": ("*.parquet", "*.arrow"),
    "HDF5": ("*.h5", "*.hdf5", "*.hdf"),
    "video": ("*.mp4", "*.mov", "*.mkv", "*.webm", "*.avi", "*.m4v", "*.mpg", "*.mpeg"),
    "zip": ("*.zip",),
    "tar": ("*.tar", "*.tgz", "*.tar.gz", "*.tar.bz2", "*.tar.xz"),
}
"""Patterns of the file names by the name of the format, in the order in which formats are tried."""

*_names, _last = FILE_PATTERNS
FORMAT_NAMES = f"{', '.join(_names)} or {_last}"
"""The names as a part of a sentence."""

_OTHERS = ("*.csv", "*.tsv", "*.jsonl", "*.txt", "*.tif", "*.tiff")
DATASET_FILTER = f"Datasets ({' '.join(sum((*FILE_PATTERNS.values(), _OTHERS), ()))});;All files (*)"
"""Filter of a dialog that opens a dataset file; a table of labels (.csv) stands for its folder of images, a text file
lists paths, and a TIFF is a stack of images."""

_ARRAY_IN_FILE = re.compile(r"(.+\.(?:npz|mat|h5|hdf5|hdf|zarr)):([^:]+)", re.IGNORECASE)


def array_in_file(source: str) -> tuple[str, str]:
    """A file and the name of an array in it, as in ``digits.npz:masks``; the name is empty if there is none.

    The colon follows the suffix, so that it is not that of a drive; a file of this very name is opened as itself.

    Examples
    --------
    >>> array_in_file("C:/data/digits.npz:masks"), array_in_file("C:/data/digits.npz")
    (('C:/data/digits.npz', 'masks'), ('C:/data/digits.npz', ''))
    """
    found = _ARRAY_IN_FILE.fullmatch(source)
    if found is None or os.path.exists(source):
        return source, ""
    return found[1], found[2]
