"""The formats of dataset files, for file dialogs and texts (no pydantic: the command line imports this at once)."""

from __future__ import annotations

FILE_PATTERNS: dict[str, tuple[str, ...]] = {
    ".npz": ("*.npz",),
    ".npy": ("*.npy",),
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

DATASET_FILTER = f"Datasets ({' '.join(sum(FILE_PATTERNS.values(), ()))} *.csv *.txt);;All files (*)"
"""Filter of a dialog that opens a dataset file; a table of labels (.csv) stands for its folder of images, and a text
file lists paths."""
