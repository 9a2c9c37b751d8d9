"""The run folder: best model, last checkpoint, metrics and configuration of one run."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from latentlab.config import Config, RunConfig
from latentlab.errors import InputError
from latentlab.paths import resource
from latentlab.storage.atomic import atomic_write, is_leftover, remove_leftovers, write_error
from latentlab.storage.checkpoint_file import CheckpointFile, read_checkpoint, read_position, write_checkpoint
from latentlab.storage.diffusers_folder import folder_of_diffusers
from latentlab.storage.explored_model import is_explored
from latentlab.storage.onnx_package import is_package, package_of
from latentlab.storage.pythae_folder import folder_of_pythae
from latentlab.storage.snapshots import SnapshotFolder
from latentlab.storage.tensors import DAMAGED
from latentlab.storage.validation import (
    DataRecord,
    FileContentError,
    described,
    json_object,
    metrics_line,
    opened_regular,
    read_bounded,
    require_memory,
)
from latentlab.utils.path_checks import require_present

if sys.platform != "win32":
    import fcntl

_BUNDLED = "bundled:"
_LARGEST_RECORD = 32 << 20  # bytes
_LONGEST_LINE = 8 << 20  # of the metrics: the KL of every dimension of a grid of codes
_MOST_BRACKETS = 64  # in a line: lists and objects within each other take far more memory than numbers
_PARSED = 30  # memory for parsed metrics, as a multiple of their size in the file


@dataclass(frozen=True)
class RunRecord:
    """Content of ``run.json``: the configuration, and the dataset's name, source and fingerprint.

    The configuration is the one with which the run was started or resumed. Settings changed during the run are in
    ``metrics.jsonl`` (``adjusted`` lines) and in the checkpoint; the model file records the β it was trained with.
    """

    config: RunConfig
    data: dict[str, Any]


class _Record(Config):
    """``run.json``."""

    config: RunConfig
    data: DataRecord = Field(default_factory=dict)


class RunFolder:
    """The folder of one run.

    Attributes
    ----------
    path
        The folder.
    model, checkpoint, metrics, record
        Paths of ``model.safetensors`` (best), ``checkpoint.safetensors`` (last), ``metrics.jsonl``, ``run.json``.
    snapshots
        Snapshots of its epochs, in the subfolder ``history``.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.model = self.path / "model.safetensors"
        self.checkpoint = self.path / "checkpoint.safetensors"
        self.metrics = self.path / "metrics.jsonl"
        self.record = self.path / "run.json"
        self.snapshots = SnapshotFolder(self.path / "history")

    def check(self, resume: bool = False, to_resume: str = "pass resume=True") -> None:
        """Check that a run can be written here, without creating anything.

        ``to_resume`` tells the user in the error how to resume the run that exists.

        Raises
        ------
        InputError
            When the folder is not empty (and ``resume`` is off, or it is not a run), is a file, or is read-only.
        """
        # os.path: pathlib's predicates raise where a parent folder may not be searched.
        exists = os.path.exists(self.path)
        if "\0" in str(self.path):
            raise InputError(f"{self.path} cannot be a folder: its name holds a null character")
        if not exists and os.path.lexists(self.path):
            raise InputError(f"{self.path} is a link that leads nowhere; a run needs a folder")
        if exists and not os.path.isdir(self.path):
            raise InputError(f"{self.path} is a file; a run needs a folder")
        try:
            has_files = exists and any(not is_leftover(name) for name in os.listdir(self.path))
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror}") from None
        is_run = os.path.exists(self.record)
        if has_files and not resume:
            raise InputError(f"{self.path} is not empty" + (f"; {to_resume} to resume the run in it" if is_run else ""))
        if has_files and not is_run:
            raise InputError(f"{self.path} is not empty and not a run folder")
        nearest = self.path.absolute()
        while not os.path.exists(nearest):
            nearest = nearest.parent
        if not os.path.isdir(nearest) or not os.access(nearest, os.W_OK | os.X_OK):
            raise InputError(f"cannot write to {nearest}; choose another folder for the run")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other runs; the lock ends with the process at the latest.

        No lock is taken where the system has none: on Windows and on some network file systems.

        Raises
        ------
        InputError
            When another run has the lock.
        """
        self._make()
        descriptor = None
        try:
            if sys.platform != "win32":
                descriptor = os.open(self.path, os.O_RDONLY)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise InputError(f"another run is being trained into {self.path}; stop it first") from None
                except OSError:  # this file system has no locks
                    pass
            yield
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def is_locked(self) -> bool | None:
        """Whether a running process has the lock; ``None`` where the system has no such locks."""
        if sys.platform == "win32":
            return None
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError:  # no such folder
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return False

    def create(self, record: RunRecord) -> None:
        """Create the folder and write ``run.json``."""
        self._make()
        remove_leftovers(self.path)
        content = {"config": record.config.model_dump(mode="json"), "data": record.data}
        atomic_write(self.record, (json.dumps(content, indent=2) + "\n").encode())

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self.path, error) from error

    def remove_if_empty(self) -> None:
        """Remove a folder that was claimed for a run which did not start."""
        with suppress(OSError):
            self.path.rmdir()

    def read_record(self) -> RunRecord:
        """Read ``run.json``.

        Raises
        ------
        InputError
            When it does not exist or is damaged.
        """
        try:
            found = described(_Record, json_object(read_bounded(self.record, _LARGEST_RECORD, "a run")))
        except FileContentError as fault:
            raise InputError(f"{self.record} {DAMAGED}: {fault}") from None
        return RunRecord(found.config, found.data)

    def write_checkpoint(self, checkpoint: CheckpointFile) -> None:
        """Replace the checkpoint atomically."""
        write_checkpoint(self.checkpoint, checkpoint)

    def read_checkpoint(self) -> CheckpointFile | None:
        """Read the checkpoint; ``None`` if there is none yet.

        Raises
        ------
        InputError
            When it is damaged.
        """
        return read_checkpoint(self.checkpoint) if os.path.exists(self.checkpoint) else None

    def read_position(self) -> dict[str, Any] | None:
        """Read the progress stored in the checkpoint, without its tensors; ``None`` if there is none yet.

        Raises
        ------
        InputError
            When its description is damaged.
        """
        return read_position(self.checkpoint) if os.path.exists(self.checkpoint) else None

    def append_metrics(self, values: dict[str, Any]) -> None:
        """Append one line to ``metrics.jsonl``; a line that cannot be written completely is removed.

        Raises
        ------
        RunError
            When the disk is full or fails.
        """
        try:
            with open(self.metrics, "ab", buffering=0) as file:
                before = file.seek(0, os.SEEK_END)
                try:
                    line = (json.dumps(values) + "\n").encode()
                    if file.write(line) != len(line):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(before)
                    raise
        except OSError as error:
            raise write_error(self.metrics, error) from error

    def read_metrics(self) -> list[dict[str, Any]]:
        """The epochs and changed settings in ``metrics.jsonl``, oldest first, with the values that are valid.

        A line that is truncated or damaged is left out, and so is a mean that is not finite.

        Raises
        ------
        InputError
            When the file is larger than the memory allows, or cannot be read.
        """
        return [line for values in self._lines() if (line := metrics_line(values)) is not None]

    def trim_metrics(self, epochs: int, adjustments: int = 0) -> None:
        """Keep the lines of the first ``epochs`` epochs and the first ``adjustments`` changed settings.

        A resumed run writes the later ones again. Truncated lines are dropped.
        """
        kept = []
        for values in self._lines():
            if values.get("event") == "adjusted":
                adjustments -= 1
                keep = adjustments >= 0
            else:
                epoch = values.get("epoch", 0)
                keep = isinstance(epoch, int | float) and epoch <= epochs
            if keep:
                kept.append(values)
        atomic_write(self.metrics, "".join(json.dumps(values) + "\n" for values in kept).encode())

    def _lines(self) -> Iterator[dict[str, Any]]:
        """The objects on complete lines of the metrics, as they are written there."""
        if not os.path.exists(self.metrics):
            return
        with opened_regular(self.metrics) as (file, size):
            require_memory(self.metrics, _PARSED * size)
            left = size
            while left > 0 and (line := file.readline(min(left, _LONGEST_LINE))):
                left -= len(line)
                if line.count(b"[") + line.count(b"{") > _MOST_BRACKETS:
                    continue
                try:
                    values = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if line.endswith(b"\n") and isinstance(values, dict):
                    yield values


def claim_run_folder(folder: Path) -> Path:
    """Create an empty folder for a run, and return its path.

    If there is one of this name, the folder gets the first free name of ``folder-2``, ``folder-3`` and so on. Processes
    that claim the same folder at the same time get different ones. The path is returned also if the folder cannot be
    created: the run that is to be written there says why.
    """
    candidate, number = folder, 2
    while True:
        try:
            candidate.parent.mkdir(parents=True, exist_ok=True)
            candidate.mkdir()
        except FileExistsError:
            if os.path.isdir(candidate.parent):
                candidate, number = folder.with_name(f"{folder.name}-{number}"), number + 1
                continue
        except OSError:
            pass
        return candidate


def find_model(source: str | Path) -> Path:
    """The path of the model file for ``bundled:NAME``, a run folder or a path.

    Raises
    ------
    InputError
        When it does not exist, or the name is empty.
    """
    text = os.fspath(source)
    if text.startswith(_BUNDLED):
        name = text.removeprefix(_BUNDLED)
        names = sorted(path.stem for path in resource("models").glob("*.safetensors"))
        if name not in names:
            raise InputError(f"there is no bundled model {name!r}; available: {', '.join(names) or 'none'}")
        return resource("models", f"{name}.safetensors")
    if not text.strip():  # as a path it is the working folder
        raise InputError("there is no model: the name is empty")
    path = package_of(Path(text))
    if is_explored(path):
        return path  # its reader says that its process has ended
    if (folder := folder_of_diffusers(path) or folder_of_pythae(path)) is not None:
        return folder
    if os.path.isdir(path) and not is_package(path):
        model = RunFolder(path).model
        if not os.path.exists(model):
            raise InputError(f"there is no model in {path}")
        return model
    require_present(path)
    return path
