"""The worker from its first moment: points and the hand's first images go out before torch is there (no torch here)."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from latentlab.engine.protocol.channel import Mailbox
from latentlab.engine.protocol.messages import Failed, OpenModel
from latentlab.engine.worker.early import answer_while_importing
from latentlab.engine.worker.numpy_decoder import numpy_decoder
from latentlab.engine.worker.workspace import Send, Workspace
from latentlab.errors import InputError
from latentlab.storage import ModelFile, find_model, read_model

_WORKER = "latentlab.engine.worker.loop"


def run(
    inbox: Mailbox,
    send: Send,
    *,
    device: str = "auto",
    model: str | None = None,
    first_version: int = 1,
    own_process: bool = False,
) -> int:
    """Work until asked to end, or until the mailbox is closed.

    Parameters
    ----------
    inbox
        Requests; live ones should be served in :data:`~latentlab.engine.protocol.channel.REQUEST_ORDER`.
    send
        Tells the window a result.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    model
        What to open first; else the first request, if it is there already and opens one.
    first_version
        The first model version given out.
    own_process
        Whether the process is the worker's alone, to lower its priority and to end with it.

    Returns
    -------
    int
        Exit code.
    """
    workspace = Workspace(send, first_version)
    opened = _open_early(workspace, inbox, model)
    if _WORKER not in sys.modules:
        decoder = None if opened is None else numpy_decoder(opened[1])
        answer_while_importing(_WORKER, inbox, workspace, decoder, own_process)
    from latentlab.engine.worker.loop import Worker

    return Worker(inbox, workspace, device, own_process).run(opened)


def _open_early(workspace: Workspace, inbox: Mailbox, model: str | None) -> tuple[Path, ModelFile] | None:
    first = OpenModel(model) if model else inbox.take()
    if not isinstance(first, OpenModel):
        if first is not None:
            inbox.put_back(first)
        return None
    try:
        path = find_model(first.source)
        file = read_model(path)
        workspace.tell_file(path, file, first.source, first.is_new_model)
        return path, file
    except InputError as error:
        workspace.send(Failed("OpenModel", str(error)))
    except Exception as error:  # a fault of the program; the worker goes on without a model
        workspace.send(Failed("OpenModel", f"{type(error).__name__}: {error}", traceback.format_exc(), expected=False))
    return None
