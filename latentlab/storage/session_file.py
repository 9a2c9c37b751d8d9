"""Session files: open sources and the state of the window, as versioned JSON (no Qt, no torch)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from latentlab.config import Config, DataConfig, RunConfig
from latentlab.errors import InputError
from latentlab.paths import data_folder
from latentlab.storage import atomic_write
from latentlab.storage.validation import (
    MAX_CLASSES,
    Coordinate,
    FileContentError,
    SchemaVersion,
    Text,
    described,
    json_object,
    read_bounded,
)

SCHEMA_VERSION = 1
SUFFIX = ".latentlab.json"
_LARGEST_FILE = 4 << 20  # bytes
_LARGEST_LATENT = 2**17  # dimensions: a grid of codes has thousands

Dimension = Annotated[int, Field(ge=0, lt=_LARGEST_LATENT)]
AxisName = Annotated[str, Field(pattern=r"^(z|pc)[1-9]\d{0,3}$")]


class SessionFile(Config):
    """A saved session: the sources to open again, the selected latent and the last run.

    Attributes
    ----------
    model, dataset
        Sources for ``OpenModel`` and ``OpenDataset``; empty for none.
    latent, label, axes, locked
        In the model's latent space; ignored if they do not fit the model.
    run_folder, run_config, run_was_live
        The last run, and whether it was still training.
    closed_at
        Epochs the run had done when its window was closed during training; otherwise ``None``.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    model: Text = ""
    dataset: Text = ""
    data: DataConfig = DataConfig()
    latent: Annotated[tuple[Coordinate, ...], Field(max_length=_LARGEST_LATENT)] = ()
    label: Annotated[int, Field(ge=0, lt=MAX_CLASSES)] | None = None
    axes: tuple[AxisName, AxisName] = ("z1", "z2")
    locked: Annotated[tuple[Dimension, ...], Field(max_length=_LARGEST_LATENT)] = ()
    run_folder: Text = ""
    run_config: RunConfig | None = None
    run_was_live: bool = False
    closed_at: float | None = Field(default=None, ge=0, le=1_000_000)


def write_session(path: Path, session: SessionFile) -> None:
    """Write atomically; raises ``RunError`` when writing fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, session.model_dump_json(indent=2).encode())


def read_session(path: Path) -> SessionFile:
    """Read a session file.

    Raises
    ------
    InputError
        One sentence: it does not exist, is too large, is not a session, or is of a newer latentlab.
    """
    data = read_bounded(path, _LARGEST_FILE, "a session")
    try:
        values = json_object(data)
        version = values.get("schema_version")
        if type(version) is int and version > SCHEMA_VERSION:
            raise InputError(f"{path}: written by a newer latentlab (schema {version})")
        return described(SessionFile, values)
    except FileContentError as fault:
        raise InputError(f"{path}: not a latentlab session: {fault}") from None


# --- autosaves: one per process, so that two windows never share one ------------------------------------


def autosave_path(process_id: int | None = None) -> Path:
    """Path of the autosave of a process, by default this one."""
    return data_folder() / "autosave" / f"{process_id or os.getpid()}{SUFFIX}"


def abandoned_autosaves() -> list[Path]:
    """Autosaves of processes that ended without removing them, newest first."""
    found = [
        path
        for path in (data_folder() / "autosave").glob(f"*{SUFFIX}")
        if not is_running(path.name.removesuffix(SUFFIX))
    ]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def set_aside(path: Path) -> Path:
    """Rename an unreadable file to keep it as a backup."""
    backup = path.with_name(path.name + ".bad")
    os.replace(path, backup)
    return backup


def is_running(process_id: str) -> bool:
    """Whether a process with this id (as decimal text) is running on this machine."""
    if not process_id.isdecimal():
        return False
    if int(process_id) == os.getpid():
        return True
    if os.name == "nt":  # on Windows os.kill would end the process
        return _is_running_on_windows(int(process_id))
    try:
        os.kill(int(process_id), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _is_running_on_windows(process_id: int) -> bool:
    import ctypes

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(0x1000, False, process_id)
    if handle:
        kernel.CloseHandle(handle)
    return bool(handle)
