"""Image files decoded by processes, which share no lock of the interpreter and whose crash costs one file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from latentlab.config.data import DataConfig
from latentlab.data.images.resize import Size
from latentlab.data.images.to_array import DecodedImage, as_pixels
from latentlab.data.loading.decode_main import Answer, Settings, receive, send


class DecodeProcessLostError(Exception):
    """A decoder has ended, by itself or because it was closed."""


class DecodeProcess:
    """A process that decodes the files of one folder.

    Parameters
    ----------
    folder
        Where they lie.
    target, config
        As for `latentlab.data.images.to_array.decode`.

    Raises
    ------
    OSError
        When no process can be started.
    """

    def __init__(self, folder: str, target: Size, config: DataConfig) -> None:
        self._folder = folder
        self._config = config
        options = Settings(config.channels, config.fit, config.invert, config.levels, config.behind, config.margin)
        self._first = (target, tuple(options))
        self._is_ready = False
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW
        self._process = subprocess.Popen(
            # -P: the folder one happens to be in is no place to import from.
            [sys.executable, "-P", "-m", "latentlab.data.loading.decode_main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            creationflags=flags,
        )
        self._requests = cast(BinaryIO, self._process.stdin)
        self._answers = cast(BinaryIO, self._process.stdout)

    @property
    def is_ready(self) -> bool:
        """Whether it has ever answered; one that ends before cannot be started here."""
        return self._is_ready

    def decode(self, names: Sequence[str]) -> list[DecodedImage | str]:
        """Decode some files, or say why they cannot be; waits until that is done.

        Raises
        ------
        DecodeProcessLostError
            When the process ends before it has answered.
        """
        try:
            if not self._is_ready:
                send(self._requests, self._first)
                receive(self._answers)
                self._is_ready = True
            send(self._requests, [f"{self._folder}/{name}" for name in names])
            answers: list[Answer] = receive(self._answers)
        except (OSError, EOFError, ValueError) as error:  # ValueError: closed meanwhile
            raise DecodeProcessLostError from error
        return [answer if isinstance(answer, str) else self._decoded(*answer) for answer in answers]

    def end(self) -> None:
        """End the process at once, from any thread: whoever waits for its answer is told that it is lost."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process and close its pipes; for the one thread that uses it."""
        self.end()
        for pipe in (self._requests, self._answers):
            try:
                pipe.close()
            except OSError:  # what was not sent any more
                continue

    def _decoded(
        self, format: str, mode: str, size: Size, prepared: Size, channels: int, values: bytes
    ) -> DecodedImage:
        return DecodedImage(as_pixels(values, prepared, channels, self._config), format, mode, size)


def can_start() -> bool:
    """Whether this interpreter can be started anew; a frozen program is no interpreter."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[3])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}
