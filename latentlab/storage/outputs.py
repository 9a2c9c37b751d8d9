"""An output is never an input: refuses to write over what is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from latentlab.errors import InputError
from latentlab.storage.run_folder import RunFolder
from latentlab.storage.source_kind import IMAGE_SUFFIXES
from latentlab.utils.file_formats import array_in_file
from latentlab.utils.source_names import NAMED, expand, expand_user, parts_of

_TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl")
_TABLES = {f"{name}{suffix}" for name in ("labels", "metadata") for suffix in _TABLE_SUFFIXES}
_LISTS = (".txt", ".lst", ".list")
_MAX_LIST = 16 * 2**20  # bytes


def check_output(out: str | Path, *inputs: str | Path, data: str = "", follows_links: bool = True) -> None:
    """Refuse an output that is one of the inputs of the same command, before anything is read.

    Links of both kinds are followed. A new file inside a folder of images is an output like any other, and so is an
    existing one that is neither an image nor a table of labels.

    Parameters
    ----------
    out
        The file or folder to write.
    inputs
        Models, run folders and files; a name such as ``bundled:…`` is none of them.
    data
        The source of the images, as for ``latentlab.data.open_dataset``.
    follows_links
        Whether a folder of images is searched for links to the output, which takes seconds for a million files.

    Raises
    ------
    InputError
        Names the output.
    """
    target = Path(out)
    for path in (found for source in map(str, inputs) for found in _paths_of(source)):
        if any(_is_same(target, each) for each in (path, *_files_of_run(path))):
            raise InputError(f"{out} is an input of this command: write to another file")
    for path in _paths_of(data):
        if _is_same(target, path) or _is_read(target, path, follows_links):
            raise InputError(f"{out} is an input of this command: write to another file")


def is_inside_data(out: str | Path, data: str) -> bool:
    """Whether an output is to be written into a folder of images, where it may be read with them the next time.

    Parameters
    ----------
    out
        The file or folder to write, which need not exist.
    data
        The source of the images, as for ``latentlab.data.open_dataset``.
    """
    target = os.path.realpath(out)
    folders = [os.path.realpath(path) for path in _paths_of(data) if os.path.isdir(path)]
    return any(target != folder and Path(target).is_relative_to(folder) for folder in folders)


def _paths_of(source: str) -> Iterator[Path]:
    """The files and folders of a source, and those that a text file of paths names."""
    for part in parts_of(source) if source else ():
        for each in expand(part):
            if each.startswith(NAMED):
                continue
            path = expand_user(array_in_file(each)[0])
            yield path
            if path.suffix.lower() in _LISTS:
                yield from _listed(path)


def _listed(path: Path) -> Iterator[Path]:
    try:
        if path.stat().st_size > _MAX_LIST:
            return
        text = path.read_text("utf-8-sig", errors="replace")
    except (OSError, ValueError):  # reported when it is opened
        return
    for line in text.splitlines():
        name = line.partition("\t")[0].strip()
        if name and not name.startswith("#"):
            yield path.parent / name


def _is_same(one: str | Path, other: str | Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # one of them does not exist
        return False


def _files_of_run(path: Path) -> tuple[Path, ...]:
    run = RunFolder(path)
    return (run.model, run.checkpoint, run.record, run.metrics)


def _is_read(out: Path, path: Path, follows_links: bool) -> bool:
    """Whether an existing file is one that opening a folder, or a table of its images, reads; by any name."""
    if not os.path.isfile(out):
        return False
    folder = path.absolute().parent if path.suffix.lower() in _TABLE_SUFFIXES and os.path.isfile(path) else path
    if not os.path.isdir(folder):
        return False
    suffix = out.suffix.lower()
    if suffix not in IMAGE_SUFFIXES and suffix not in _TABLE_SUFFIXES:
        return False
    if _has_name_of_input(out, folder):
        return True
    return follows_links and any(_is_same(out, link) for link in _links(folder, suffix))


def _has_name_of_input(out: Path, folder: Path) -> bool:
    """Whether a file is an image or a table, by its name, when the folder is opened."""
    real = Path(os.path.realpath(out))
    is_inside = real.is_relative_to(os.path.realpath(folder))
    return is_inside and (real.suffix.lower() in IMAGE_SUFFIXES or real.name.lower() in _TABLES)


def _links(folder: Path, suffix: str) -> Iterator[str]:
    """Symbolic links to files with this suffix."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if name.lower().endswith(suffix) and os.path.islink(path):
                yield path
