"""The parent's side of a decoding process: has its own GIL, and a crash in it costs one file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import BinaryIO, cast

from latentlab.config.data import DataConfig
from latentlab.data.images.image_file import FileItem, Ranges, UnexpectedImageError, UnreadableError
from latentlab.data.images.resize import Size
from latentlab.data.images.to_array import DecodedImage, as_pixels
from latentlab.data.loading.decode_main import Answer, Settings, receive, send
from latentlab.utils.child_process import child_environment, module_command

_EIGHT_BITS = Ranges()


class DecodeProcessLostError(Exception):
    """A decoding process has ended, by itself or because it was killed."""


class DecodeProcess:
    """A process that decodes files and the contents of files.

    Parameters
    ----------
    folder
        The folder of the files.
    target, config, ranges
        As in `latentlab.data.images.to_array.decode_item`.
    frames
        How many frames a file named without a frame should have; ``None`` if it does not matter,
        ``ANY_FRAMES`` as in `latentlab.data.images.image_file.read_image`.

    Raises
    ------
    OSError
        When no process can be started.
    """

    def __init__(
        self, folder: str, target: Size, config: DataConfig, ranges: Ranges = _EIGHT_BITS, frames: int | None = None
    ) -> None:
        self._folder = folder
        self._config = config
        options = Settings(config.channels, config.fit, config.invert, config.levels, config.behind, config.margin)
        self._setup = (target, tuple(options), tuple(ranges), frames)
        self._is_ready = False
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW
        self._process = subprocess.Popen(
            module_command("latentlab.data.loading.decode_main"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            creationflags=flags,
        )
        self._requests = cast(BinaryIO, self._process.stdin)
        self._answers = cast(BinaryIO, self._process.stdout)

    @property
    def is_ready(self) -> bool:
        """Whether it has answered at least once; if it ends before, processes cannot be started here."""
        return self._is_ready

    def decode(self, items: Sequence[FileItem | bytes | UnreadableError]) -> list[DecodedImage | str]:
        """Decode some images and wait for the result: each one's image, or the reason why it cannot be read.

        Parameters
        ----------
        items
            Paths of files, absolute or in the folder, with a frame if they have several; contents of files; or why
            there is none.

        Raises
        ------
        DecodeProcessLostError
            When the process ends before it has answered.
        UnexpectedImageError
            When the dataset was not prepared for one of them.
        """
        try:
            if not self._is_ready:
                send(self._requests, self._setup)
                receive(self._answers)
                self._is_ready = True
            send(self._requests, [self._request(item) for item in items if not isinstance(item, UnreadableError)])
            answers: list[Answer] = receive(self._answers)
        except (OSError, EOFError, ValueError) as error:  # ValueError: the pipe was closed in the meantime
            raise DecodeProcessLostError from error
        answered = iter(answers)
        return [str(item) if isinstance(item, UnreadableError) else self._result(next(answered)) for item in items]

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def kill(self) -> None:
        """Kill the process, from any thread; a pending `decode` raises `DecodeProcessLostError`."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Kill the process and close its pipes; only from the thread that uses it."""
        self.kill()
        for pipe in (self._requests, self._answers):
            try:
                pipe.close()
            except OSError:  # unsent data
                continue

    def _request(self, item: FileItem | bytes) -> FileItem | bytes:
        if isinstance(item, tuple):
            return os.path.join(self._folder, item[0]), *item[1:]
        return item if isinstance(item, bytes) else os.path.join(self._folder, item)

    def _result(self, answer: Answer) -> DecodedImage | str:
        if answer is None:
            raise UnexpectedImageError
        if isinstance(answer, str):
            return answer
        format, mode, size, note, prepared, channels, values = answer
        return DecodedImage(as_pixels(values, prepared, channels, self._config), format, mode, size, note)


def can_start() -> bool:
    """Whether processes can be started; where Python is embedded in another program it is not known how."""
    return bool(sys.executable)
