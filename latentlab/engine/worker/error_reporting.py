"""Turns the worker's errors into results; only a lost device ends it (does not import torch)."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from latentlab.engine.protocol.channel import ChannelClosed
from latentlab.engine.protocol.messages import Failed
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import LatentlabError


class DeviceLostError(Exception):
    """The device no longer answers in this process; only another process may be able to use it."""


class ErrorReporter:
    """Turns an exception into a result, so that the loop keeps running; used as ``with report_errors("OpenModel"):``.

    Parameters
    ----------
    workspace
        Sends the result.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @contextmanager
    def __call__(self, request: str, path: str = "") -> Iterator[list[str]]:
        """Send an exception as the failure of ``request``, which was to write ``path``; the list then has its message.

        Raises
        ------
        DeviceLostError
            After it has been sent, when the device is lost.
        ChannelClosed
            When the window is gone.
        """
        failed: list[str] = []
        try:
            yield failed
        except (ChannelClosed, DeviceLostError):
            raise
        except LatentlabError as error:
            failed.append(str(error))
            self._workspace.send(Failed(request, str(error), error.details, path=path))
        except Exception as error:
            message = _sentence(error)
            failed.append(message)
            self._workspace.send(Failed(request, message, traceback.format_exc(), _is_out_of_memory(error), path=path))
            if is_device_lost(error):
                raise DeviceLostError from error


def is_device_lost(error: BaseException) -> bool:
    """Whether this process cannot use the device any more: CUDA's errors persist, except for missing memory."""
    return _is_torch_error(error, "AcceleratorError") and not _is_out_of_memory(error)


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or _is_torch_error(error, "OutOfMemoryError")


def _is_torch_error(error: BaseException, name: str) -> bool:
    kind = getattr(sys.modules.get("torch"), name, None)  # its errors cannot occur before it is imported
    return kind is not None and isinstance(error, kind)


def _sentence(error: BaseException) -> str:
    if _is_out_of_memory(error):
        return "there is too little memory for this; try smaller images, a smaller model or another device"
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
