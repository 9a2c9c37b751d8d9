"""Session files: open sources and the state of the window, as versioned JSON (no Qt, no torch)."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from latentlab.config import Config, DataConfig, RunConfig
from latentlab.errors import InputError, NewerFileError
from latentlab.paths import data_folder
from latentlab.storage import atomic_write
from latentlab.storage.board_file import LARGEST_LATENT, KeptBoard, KeptSelection, LongName
from latentlab.storage.session_parts import KeptComparison, KeptLayer, KeptOscillator, KeptPlaces, KeptWaypoints
from latentlab.storage.validation import (
    LONGEST_TEXT,
    MAX_CLASSES,
    Coordinate,
    FileContentError,
    PictureExtent,
    SchemaVersion,
    Source,
    any_text,
    described,
    json_object,
    read_bounded,
)

SCHEMA_VERSION = 3
"""2 added the Board; 3 the map, the panels, the path, oscillators, a comparison, and relative paths.

A session of an older version is read as one without these.
"""
SUFFIX = ".latentlab.json"
_LARGEST_FILE = 36 << 20  # bytes: the longest source takes 12 MB if each character is escaped, Board and selection 10

_LONGEST_PANELS = 1 << 16  # characters of base64; Qt's arrangement of this window takes 2,000

Dimension = Annotated[int, Field(ge=0, lt=LARGEST_LATENT)]
DimensionName = Annotated[str, Field(min_length=1, max_length=40)]
_MOST_NAMES = 4096
AxisName = Annotated[str, Field(pattern=r"^((z|pc)[1-9]\d{0,3}|d:[0-9a-f]{1,32}|(flat|tsne|umap)[12])$")]

PathText = Annotated[str, any_text(LONGEST_TEXT)]


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError("it is not base64") from None
    return text


class SessionFile(Config):
    """A saved session: the sources to open again, the selected latent and the last run.

    Attributes
    ----------
    model, dataset
        Sources for ``OpenModel`` and ``OpenDataset``; empty for none.
    latent, label, axes, locked
        In the model's latent space; ignored if they do not fit the model.
    colour_by, selection
        The column that the points' colours stand for (empty for their class), and the selected images.
    board
        What was kept.
    path
        The path drawn on the map, and its style.
    level, view, layers, tool
        Of the map: the level of the latents, the (left, right, bottom, top) in view, its layers and its tool.
    panels
        The arrangement of the docks, as Qt writes it, in base64.
    oscillators, compared
        What moves the latent when it plays, and the second model.
    relative
        Where the sources are, seen from the session's own folder: looked at before the absolute paths.
    file
        The session file that the window has open; of an autosave, as the next.
    was_modified
        Whether it has changes that are not in that file.
    dimension_names
        Names that the user gave to the model's dimensions: index and name of each.
    run_folder, run_config, run_was_live
        The last run, and whether it was still training.
    was_closed
        Whether its window was closed with a Board that was not saved: not a crash.
    closed_at
        Epochs the run had done when its window was closed during training; otherwise ``None``.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    model: PathText = ""
    dataset: Source = ""
    data: DataConfig = DataConfig()
    latent: Annotated[tuple[Coordinate, ...], Field(max_length=LARGEST_LATENT, fail_fast=True)] = ()
    label: Annotated[int, Field(ge=0, lt=MAX_CLASSES)] | None = None
    axes: tuple[AxisName, AxisName] = ("z1", "z2")
    level: Annotated[int, Field(ge=0, lt=LARGEST_LATENT)] = 0
    locked: Annotated[tuple[Dimension, ...], Field(max_length=LARGEST_LATENT, fail_fast=True)] = ()
    dimension_names: Annotated[tuple[tuple[Dimension, DimensionName], ...], Field(max_length=_MOST_NAMES)] = ()
    colour_by: LongName = ""
    selection: KeptSelection | None = None
    board: KeptBoard = ()
    path: KeptWaypoints | None = None
    view: PictureExtent | None = None
    layers: Annotated[tuple[KeptLayer, ...], Field(max_length=100, fail_fast=True)] = ()
    tool: Literal["explore", "select", "box", "path"] = "explore"
    panels: Annotated[str, Field(max_length=_LONGEST_PANELS), AfterValidator(_base64)] = ""
    oscillators: Annotated[tuple[KeptOscillator, ...], Field(max_length=100, fail_fast=True)] = ()
    compared: KeptComparison | None = None
    relative: KeptPlaces = KeptPlaces()
    file: PathText = ""
    was_modified: bool = False
    run_folder: PathText = ""
    run_config: RunConfig | None = None
    run_was_live: bool = False
    was_closed: bool = False
    closed_at: float | None = Field(default=None, ge=0, le=1_000_000)


def session_of(values: Mapping[str, Any]) -> tuple[SessionFile, tuple[str, ...]]:
    """A session of what can be kept of ``values``.

    Returns
    -------
    session, left_out
        The session, and one sentence for each field that has its default because the value cannot be kept.
    """
    try:
        return SessionFile(**values), ()
    except ValidationError as error:
        faults = {str(fault["loc"][0]): fault["msg"] for fault in error.errors(include_url=False, include_input=False)}
    kept = {name: value for name, value in values.items() if name not in faults}
    left_out = tuple(
        f"the {name.replace('_', ' ')} cannot be kept: {message.removeprefix('Value error, ')}"
        for name, message in faults.items()
    )
    return SessionFile(**kept), left_out


def write_session(path: Path, session: SessionFile) -> None:
    """Write atomically; raises ``RunError`` when writing fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not by pydantic: bytes of file names that are not UTF-8 have escapes in JSON.
    atomic_write(path, json.dumps(session.model_dump(mode="json"), indent=2).encode())


def read_session(path: Path) -> SessionFile:
    """Read a session file.

    Raises
    ------
    InputError
        One sentence: it does not exist, is too large, is not a session; a ``NewerFileError`` if it is of a newer
        latentlab.
    """
    data = read_bounded(path, _LARGEST_FILE, "a session")
    try:
        values = json_object(data)
        version = values.get("schema_version")
        if type(version) is int and version > SCHEMA_VERSION:
            raise NewerFileError(
                f"{path}: written by a newer latentlab (schema {version}; this one knows {SCHEMA_VERSION}), which can "
                "open it; it was left as it is"
            )
        if type(version) is int and 1 <= version < SCHEMA_VERSION:
            # Older versions differ by absent fields alone.
            values["schema_version"] = SCHEMA_VERSION
        return described(SessionFile, values)
    except FileContentError as fault:
        raise InputError(f"{path}: not a latentlab session: {fault}") from None


# --- autosaves: one per process, so that two windows never share one ------------------------------------


def autosave_path(process_id: int | None = None) -> Path:
    """Path of the autosave of a process, by default this one."""
    return data_folder() / "autosave" / f"{process_id or os.getpid()}{SUFFIX}"


def last_session_path() -> Path:
    """Path of the session of the window that was closed last; a newer latentlab has a file of its own."""
    return data_folder() / f"last-session-{SCHEMA_VERSION}{SUFFIX}"


def release_autosave() -> None:
    """Rename an autosave with this process's number that it has not written, so that it is offered and not replaced.

    Numbers of processes come again, in containers at every start.
    """
    path = autosave_path()
    if os.path.exists(path):
        os.replace(path, path.with_name(f"{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"))


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
