"""Layouts of the encoded points by t-SNE and UMAP, computed in a process of their own, beside the worker."""

from __future__ import annotations

import subprocess
import sys
import threading
from io import BufferedReader
from typing import BinaryIO, cast

import numpy as np

from latentlab.config.embedding import FEWEST_POINTS
from latentlab.engine.protocol.messages import Embed, Embedded
from latentlab.engine.worker.embedding_main import HEADER, REFUSED, SHAPE
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.latent.embedding import starting_layout
from latentlab.latent.terrain import AssignmentError, Terrain
from latentlab.storage import Points
from latentlab.utils.array_types import FloatArray
from latentlab.utils.child_process import child_environment, module_command

_BETWEEN_CHECKS = 0.1  # seconds, while nothing else is to be done
_END_SECONDS = 2.0  # that a killed process has to end


class EmbeddingProcess:
    """One process that lays points out; its newest positions are kept.

    Parameters
    ----------
    points
        float32 [N, d].
    method
        ``tsne`` or ``umap``.
    """

    def __init__(self, points: FloatArray, method: str) -> None:
        self._rows = len(points)
        self._lock = threading.Lock()
        self._newest: tuple[FloatArray | None, float] | None = None
        self._errors = b""
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW
        self._process = subprocess.Popen(
            module_command("latentlab.engine.worker.embedding_main", method),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            creationflags=flags,
        )
        self._threads = [
            threading.Thread(target=work, name="latentlab-embedding", daemon=True, args=args)
            for work, args in ((self._send, (points,)), (self._receive, ()), (self._read_errors, ()))
        ]
        for thread in self._threads:
            thread.start()

    def take(self) -> tuple[FloatArray | None, float] | None:
        """The newest positions [N, 2] (``None`` if only the fraction is newer) and the fraction that is done."""
        with self._lock:
            newest, self._newest = self._newest, None
        return newest

    @property
    def is_over(self) -> bool:
        """Whether it has ended and everything it wrote has been received."""
        return self._process.poll() is not None and not any(thread.is_alive() for thread in self._threads)

    @property
    def failure(self) -> str:
        """Why it ended; empty if it has completed."""
        code = self._process.returncode
        if not code:
            return ""
        lines = self._errors.decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else f"it ended with code {code}"
        return last if code == REFUSED else f"the layout failed: {last}"

    def close(self) -> None:
        """End the process and its threads."""
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(_END_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except OSError:  # it was killed before it had read all points
                    continue

    def _send(self, points: FloatArray) -> None:
        pipe = cast(BinaryIO, self._process.stdin)
        try:
            pipe.write(SHAPE.pack(*points.shape))
            pipe.write(np.ascontiguousarray(points, np.float32).data)
            pipe.close()
        except OSError:
            return  # it has ended

    def _receive(self) -> None:
        pipe = cast(BinaryIO, self._process.stdout)
        while len(head := pipe.read(HEADER.size)) == HEADER.size:
            fraction, size = HEADER.unpack(head)
            data = pipe.read(size)
            if size not in (0, 8 * self._rows) or len(data) < size:
                return
            positions = np.frombuffer(data, np.float32).reshape(-1, 2) if size else None
            with self._lock:
                if positions is None and self._newest is not None:
                    positions = self._newest[0]
                self._newest = positions, fraction

    def _read_errors(self) -> None:
        pipe = cast(BufferedReader, self._process.stderr)
        while chunk := pipe.read1(1 << 16):
            self._errors = (self._errors + chunk)[-4096:]


class EmbeddingRunner:
    """Answers ``Embed``: the newest request at a time, whose process is asked for news by :meth:`check`.

    Parameters
    ----------
    workspace
        Holds the encoded points.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._process: EmbeddingProcess | None = None
        self._request = Embed(0, "")
        self._points: Points | None = None
        self._version = -1
        self._positions: FloatArray | None = None  # the newest of the present layout
        self._finished: dict[str, tuple[Points, FloatArray]] = {}  # by method

    def answer(self, request: Embed) -> None:
        """Begin a layout in place of the present one, after sending one by principal components; or only end it.

        Raises
        ------
        InputError
            When there are too few points.
        """
        self.close()
        if not request.method and self._positions is not None:  # as far as it has come
            self._keep_terrain()
        self._positions = None
        points = self._workspace.points
        self._request, self._points, self._version = request, points, self._workspace.points_version
        if not request.method:
            self._send(None, 1.0, True)
            return
        if points is None or len(points.mean) < FEWEST_POINTS:
            raise InputError(f"a layout needs {FEWEST_POINTS} encoded images at least")
        finished = self._finished.get(request.method)
        if finished is not None and finished[0] is points:
            self._send(finished[1], 1.0, True)
            return
        self._send(starting_layout(points.mean), float(request.method == "flat"), request.method == "flat")
        if request.method == "flat":
            return
        self._process = EmbeddingProcess(points.mean, request.method)

    def check(self) -> None:
        """Send what is new.

        Raises
        ------
        InputError
            When the layout has failed, in one sentence.
        """
        process = self._process
        if process is None:
            return
        is_over, news = process.is_over, process.take()
        positions, fraction = news if news is not None else (None, 0.0)
        is_done = news is not None and fraction >= 1.0
        if news is not None:
            self._send(positions, fraction, is_done)
        if is_done and positions is not None and self._points is not None:
            self._finished[self._request.method] = self._points, positions
        if is_over or is_done:
            failure = process.failure if is_over else ""
            self.close()
            if failure:
                raise InputError(failure)

    def wait(self) -> float | None:
        """Seconds until the next check is due; ``None`` while nothing is laid out."""
        return None if self._process is None else _BETWEEN_CHECKS

    def close(self) -> None:
        """End the present layout."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _send(self, positions: FloatArray | None, fraction: float, is_done: bool) -> None:
        request = self._request
        self._positions = self._positions if positions is None else positions
        error = spread = 0.0
        if is_done and self._positions is not None:
            error, spread = self._keep_terrain()
        self._workspace.send(
            Embedded(request.generation, self._version, request.method, positions, fraction, is_done, error, spread)
        )

    def _keep_terrain(self) -> AssignmentError:
        """Make the layout a surface that can be decoded; returns how well it holds the latents."""
        assert self._points is not None
        assert self._positions is not None
        terrain = Terrain(self._points.mean, self._positions)
        self._workspace.terrain = self._request.generation, terrain
        return terrain.assignment_error()


def _environment() -> dict[str, str]:
    environment = child_environment()
    environment.pop("OMP_NUM_THREADS", None)  # the worker's own process computes with one thread
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin would compete with the window's
    return environment
