"""What goes wrong in the worker becomes a result; only a lost accelerator ends it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from latentlab.engine.protocol.channel import ChannelClosed
from latentlab.engine.protocol.messages import Failed
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import LatentlabError


class DeviceLostError(Exception):
    """The accelerator answers nothing any more in this process; only another process can go on."""


class ErrorReporter:
    """Turns an exception into a result, so that the loop goes on; to be used as ``with failures("OpenModel"):``.

    Parameters
    ----------
    workspace
        How the window is told.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @contextmanager
    def __call__(self, request: str) -> Iterator[list[str]]:
        """Tell an exception as the failure of ``request``; the list given then holds its message.

        Raises
        ------
        DeviceLostError
            Once it is told, when the device is of no more use.
        ChannelClosed
            When there is nobody to tell.
        """
        failed: list[str] = []
        try:
            yield failed
        except (ChannelClosed, DeviceLostError):
            raise
        except LatentlabError as error:
            failed.append(str(error))
            self._workspace.send(Failed(request, str(error), ""))
        except Exception as error:
            message = _sentence(error)
            failed.append(message)
            expected = isinstance(error, MemoryError | torch.OutOfMemoryError)
            self._workspace.send(Failed(request, message, traceback.format_exc(), expected))
            if is_device_lost(error):
                raise DeviceLostError from error


def is_device_lost(error: BaseException) -> bool:
    """Whether the accelerator is of no more use to this process: CUDA's errors stick, but for missing memory."""
    return isinstance(error, torch.AcceleratorError) and not isinstance(error, torch.OutOfMemoryError)


def _sentence(error: BaseException) -> str:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "there is too little memory for this; try smaller images, a smaller model or another device"
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
