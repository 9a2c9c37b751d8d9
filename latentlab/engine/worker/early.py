"""Before torch: it is imported in a thread, and the image under the hand is decoded meanwhile (no torch here)."""

from __future__ import annotations

import threading
from contextlib import nullcontext, suppress
from importlib import import_module

from latentlab.engine.protocol.channel import Mailbox
from latentlab.engine.protocol.messages import Decode
from latentlab.engine.worker.decoded_images import Decoder, decoded
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.utils.thread_priority import lower_thread_priority, short_gil_switch_interval


def answer_while_importing(
    name: str, inbox: Mailbox, workspace: Workspace, decoder: Decoder | None, own_process: bool
) -> None:
    """Import a module, and answer ``Decode`` until that is done; everything else waits in the mailbox.

    Whether the import failed is for the caller to see, who imports the module too.

    Parameters
    ----------
    name
        Name of the module.
    inbox, workspace
        The worker's.
    decoder
        Decodes the model that the window was told of; ``None`` leaves the images to torch.
    own_process
        Whether the process is the worker's alone: the import then gives way to the window, and to this.
    """
    over = threading.Event()

    def work() -> None:
        if own_process:
            lower_thread_priority()
        with suppress(BaseException):  # the caller's own import says it again
            import_module(name)
        over.set()
        inbox.nudge()

    importing = threading.Thread(target=work, name="latentlab-import", daemon=True)
    importing.start()
    if decoder is not None:
        with short_gil_switch_interval() if own_process else nullcontext():
            _answer(inbox, workspace, decoder, over)
    importing.join()


def _answer(inbox: Mailbox, workspace: Workspace, decoder: Decoder, over: threading.Event) -> None:
    while (request := inbox.take_late("decode", lambda: 0.0, over.is_set)) is not None:
        assert isinstance(request, Decode)
        try:
            workspace.send(decoded(decoder, request, workspace.version))
        except InputError:
            continue  # asked of another model: the window asks again once it knows of this one
