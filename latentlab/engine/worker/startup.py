"""Start-up of the worker: it sends the map's points and the first images before torch is imported (no torch)."""

from __future__ import annotations

import sys
import threading
from contextlib import nullcontext, suppress
from importlib import import_module
from pathlib import Path

from latentlab.engine.protocol.channel import Mailbox
from latentlab.engine.protocol.messages import OpenModel
from latentlab.engine.worker.decode_service import DecodeService, Fallback
from latentlab.engine.worker.error_reporting import ErrorReporter
from latentlab.engine.worker.numpy_decoder import numpy_decoder
from latentlab.engine.worker.workspace import Send, Workspace
from latentlab.storage import ModelFile, find_model, read_model
from latentlab.utils.thread_priority import lower_thread_priority, short_gil_switch_interval

_LOOP = "latentlab.engine.worker.loop"


def run(
    inbox: Mailbox,
    send: Send,
    *,
    device: str = "auto",
    model: str | None = None,
    first_version: int = 1,
    own_process: bool = False,
) -> int:
    """Answer requests until asked to end, or until the mailbox is closed.

    Parameters
    ----------
    inbox
        Requests; its priority should be :data:`~latentlab.engine.protocol.channel.REQUEST_ORDER`.
    send
        Sends a result to the window.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    model
        What to open first. By default the first request's model, if it is already there and is ``OpenModel``.
    first_version
        The first model version.
    own_process
        Whether the process is the worker's alone, so that its priority may be lowered.

    Returns
    -------
    int
        Exit code (see :mod:`latentlab.engine.protocol.exit_codes`).
    """
    workspace = Workspace(send, first_version)
    errors = ErrorReporter(workspace)
    service = DecodeService(inbox, workspace, errors)
    opened = None
    with errors("OpenModel"):
        opened = _open_first_model(workspace, inbox, model)
    if _LOOP not in sys.modules:
        decoder = None if opened is None else numpy_decoder(opened[1])
        service.set_fallback(None if decoder is None else Fallback(decoder))
        import_while_decoding(_LOOP, inbox, service, own_process)
    from latentlab.engine.worker.loop import Worker

    return Worker(inbox, workspace, service, errors, device, own_process).run(opened)


def import_while_decoding(module: str, inbox: Mailbox, service: DecodeService, own_process: bool) -> None:
    """Import a module in a second thread while answering ``Decode``; all other requests wait.

    An error of the import is ignored: the caller imports the module, too.

    Parameters
    ----------
    module
        Its name.
    inbox, service
        The worker's. The service has a fallback if images can be decoded before the import is over.
    own_process
        Whether the process is the worker's alone: the import then gets a lower priority than window and decoding.
    """
    is_over = threading.Event()

    def work() -> None:
        if own_process:
            lower_thread_priority()
        with suppress(BaseException):
            import_module(module)
        is_over.set()
        inbox.wake()

    importing = threading.Thread(target=work, name="latentlab-import", daemon=True)
    importing.start()
    with short_gil_switch_interval() if own_process else nullcontext():
        service.answer_overdue(is_over.is_set)
    importing.join()
    service.set_fallback(None)


def _open_first_model(workspace: Workspace, inbox: Mailbox, model: str | None) -> tuple[Path, ModelFile] | None:
    first = OpenModel(model) if model else inbox.take()
    if not isinstance(first, OpenModel):
        if first is not None:
            inbox.requeue(first)
        return None
    path = find_model(first.source)
    file = read_model(path)
    workspace.publish_file(path, file, first.source, first.is_new_model)
    return path, file
