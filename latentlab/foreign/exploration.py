"""What was made in the window of an explored model, for the process that opened it (no Qt, no torch)."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.errors import RunError
from latentlab.foreign.frames import Arrays
from latentlab.foreign.model_server import ModelServer
from latentlab.utils.array_types import FloatArray, IntArray

_CLOSE_SECONDS = 30.0  # a window checkpoints a run before it closes
LOG = "log"
"""Name of the file, in the folder, that the window writes its output to."""
_LOG_TAIL = 2000


@dataclass(frozen=True)
class BoardEntry:
    """Something that is kept on the Board.

    Attributes
    ----------
    name, provenance
        As the Board shows them.
    kind
        ``selection``, ``direction``, ``path`` or ``latent``.
    array
        int64 [k], the numbers of a selection's images; float32 with the shape of a latent for a latent or a direction,
        whose length is one unit of its slider; float32 [n, …] for a path through n latents.
    origin
        Where the slider of a direction is 0; ``None`` for anything else.
    tag
        The user's own column that a selection belongs to; empty for none.
    """

    name: str
    kind: str
    array: NDArray[Any]
    provenance: str = ""
    origin: FloatArray | None = None
    tag: str = ""


class Exploration:
    """A window on a model of this process; :func:`latentlab.explore` makes it.

    What is on the Board is sent by the window whenever it changes, and stays here when the window is closed. As a
    context manager it closes the window.

    Parameters
    ----------
    folder
        Of the description; removed at the end.
    latent_shape
        Of one latent.
    """

    def __init__(self, folder: Path, latent_shape: tuple[int, ...]) -> None:
        self._folder, self._shape = folder, latent_shape
        self._server: ModelServer | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._changed = threading.Condition()
        self._board: tuple[BoardEntry, ...] = ()
        self._latent: FloatArray | None = None
        self._selection: IntArray | None = None
        self._log = ""
        self._cleaning, self._is_clean = threading.Lock(), False
        atexit.register(self._clean)

    def __enter__(self) -> Exploration:
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _frames: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        kinds = [entry.kind for entry in self.board]
        counts = ", ".join(f"{kinds.count(kind)} {kind}s" for kind in ("selection", "direction", "path", "latent"))
        return f"<Exploration, {'open' if self.is_open else 'closed'}: {counts}>"

    # --- what was made ---------------------------------------------------------------------------------

    @property
    def board(self) -> tuple[BoardEntry, ...]:
        """What is on the Board, in its order."""
        with self._changed:
            return self._board

    @property
    def selections(self) -> dict[str, IntArray]:
        """Kept selections by name: numbers of the images, int64 [k], ascending."""
        return self._of_kind("selection")

    @property
    def directions(self) -> dict[str, FloatArray]:
        """Kept directions by name, float32 with the shape of a latent."""
        return self._of_kind("direction")

    @property
    def paths(self) -> dict[str, FloatArray]:
        """Kept paths by name: their waypoints, float32 [n, …]."""
        return self._of_kind("path")

    @property
    def latents(self) -> dict[str, FloatArray]:
        """Kept latents by name, float32 with the shape of a latent."""
        return self._of_kind("latent")

    @property
    def latent(self) -> FloatArray | None:
        """The latent that the window shows, or showed last; ``None`` before it has shown one."""
        with self._changed:
            return self._latent

    @property
    def selection(self) -> IntArray | None:
        """Numbers of the images that are selected on the map, int64 [k]; ``None`` if none are."""
        with self._changed:
            return self._selection

    def _of_kind(self, kind: str) -> dict[str, NDArray[Any]]:
        return {entry.name: entry.array for entry in self.board if entry.kind == kind}

    def wait_for(self, condition: Callable[[Exploration], bool], timeout: float | None = None) -> bool:
        """Wait until a condition on what was made holds; whether it does.

        Parameters
        ----------
        condition
            Called with this object after every change.
        timeout
            Seconds to wait at most; ``None`` for any time.
        """
        with self._changed:
            return self._changed.wait_for(lambda: condition(self), timeout)

    # --- the window ------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether the window's process runs."""
        return self._process is not None and self._process.poll() is None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the window is closed; whether it is.

        Parameters
        ----------
        timeout
            Seconds to wait at most; ``None`` for any time.

        Raises
        ------
        latentlab.errors.RunError
            When the window failed.
        """
        if self._process is None:
            return True
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        except KeyboardInterrupt:
            self.close()
            raise
        self._clean()
        if code:
            last = " ".join(self._log.strip().splitlines()[-3:])
            raise RunError(f"the window ended with code {code}: {last or 'it wrote nothing'}")
        return True

    def close(self) -> None:
        """Close the window as its own close button does, but without a question, and stop answering it."""
        process = self._process
        if process is not None and process.poll() is None:
            if self._server is None or not self._server.ask_to_close():
                process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_CLOSE_SECONDS)
            if process.poll() is None:
                process.kill()
                process.wait()
        self._clean()

    def serve(self, server: ModelServer) -> None:
        """Set what answers the window and its worker."""
        self._server = server

    def attach(self, process: subprocess.Popen[bytes]) -> None:
        """Set the window's process; everything is tidied up when it ends."""
        self._process = process

        def tidy() -> None:
            process.wait()
            self._clean()

        threading.Thread(target=tidy, name="latentlab-explore", daemon=True).start()

    def take_report(self, header: Mapping[str, Any], arrays: Arrays) -> None:
        """Take what the window tells: ``items`` with their arrays, the latent and the selection."""
        entries = []
        items = header.get("items")
        for number, item in enumerate(items if isinstance(items, list) else ()):
            entry = self._entry(item, arrays, f"{number}") if isinstance(item, dict) else None
            if entry is not None:
                entries.append(entry)
        latent, selection = arrays.get("latent"), arrays.get("selection")
        with self._changed:
            self._board = tuple(entries)
            self._latent = None if latent is None else self._shaped(latent)
            self._selection = None if selection is None else selection.astype(np.int64)
            self._changed.notify_all()

    def _entry(self, item: Mapping[str, Any], arrays: Arrays, key: str) -> BoardEntry | None:
        name, kind = item.get("name"), item.get("kind")
        array, origin = arrays.get(key), arrays.get(f"{key} origin")
        if not isinstance(name, str) or kind not in ("selection", "direction", "path", "latent") or array is None:
            return None
        if kind != "selection":
            shaped = self._shaped(array)
            if shaped is None:
                return None
            array = shaped
        provenance, tag = str(item.get("provenance", "")), str(item.get("tag", ""))
        return BoardEntry(name, str(kind), array, provenance, None if origin is None else self._shaped(origin), tag)

    def _shaped(self, array: NDArray[Any]) -> FloatArray | None:
        """Latents [d] or [n, d] with the shape of a latent; ``None`` for those of another latent space."""
        if array.shape[-1] != int(np.prod(self._shape)):
            return None
        shaped: FloatArray = array.reshape(*array.shape[:-1], *self._shape).astype(np.float32)
        return shaped

    def _clean(self) -> None:
        """Stop answering, and remove the folder; once, whichever thread is first."""
        with self._cleaning:
            if self._is_clean:
                return
            self._is_clean = True
            atexit.unregister(self._clean)
            if self._server is not None:
                # What a closed window has sent is still read.
                self._server.close(drain=self._process is not None and not self.is_open)
            with contextlib.suppress(OSError):
                self._log = (self._folder / LOG).read_bytes()[-_LOG_TAIL:].decode(errors="replace")
            shutil.rmtree(self._folder, ignore_errors=True)
