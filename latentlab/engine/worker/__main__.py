"""The worker's process: ``python -m latentlab.engine.worker HANDLE DEVICE FIRST_VERSION MODEL``.

Started by :mod:`latentlab.engine.client.worker_host` with one end of a pipe; not meant to be started by a user.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import importlib.util
import os
import signal
import stat
import sys
import threading
import time

from latentlab.engine.protocol.channel import REQUEST_ORDER, ChannelClosed, Mailbox, Wire, inherited_wire
from latentlab.engine.protocol.exit_codes import FAILED
from latentlab.utils.thread_priority import lower_thread_priority

_LARGEST_LOG = 1 << 20  # bytes
_LOG_INTERVAL = 10.0  # seconds
_LAST_STEP = 30.0  # seconds that a step may take after the window is gone


def main(arguments: list[str] | None = None) -> int:
    """Answer the window at the other end of the pipe until it sends ``Shutdown``, or is gone."""
    handle, device, first_version, model = sys.argv[1:] if arguments is None else arguments
    faulthandler.enable()
    wire = inherited_wire(int(handle))
    inbox = Mailbox(REQUEST_ORDER)
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda _number, _frame: inbox.close())
    threading.Thread(target=_read, args=(wire, inbox), name="latentlab-requests", daemon=True).start()
    threading.Thread(target=_load_torch_libraries, name="latentlab-load-torch", daemon=True).start()
    threading.Thread(target=_truncate_log, name="latentlab-log", daemon=True).start()

    from latentlab.engine.worker.startup import run

    try:
        return run(
            inbox,
            wire.send,
            device=device,
            model=model or None,
            first_version=int(first_version),
            own_process=True,
        )
    finally:
        wire.close()


def _load_torch_libraries() -> None:
    """Load torch's libraries while this process imports what comes before torch.

    ctypes releases the GIL while it loads them; the import of torch does not.
    """
    if sys.platform != "linux":
        return
    lower_thread_priority()
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return
    folder = os.path.join(os.path.dirname(spec.origin), "lib")
    with contextlib.suppress(OSError):  # the import of torch reports what is missing
        # In torch's order: the first makes the libraries it depends on visible to the others.
        ctypes.CDLL(os.path.join(folder, "libtorch_global_deps.so"), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(os.path.join(folder, "libtorch_cpu.so"))


def _read(wire: Wire, inbox: Mailbox) -> None:
    """Receive requests at once, so that the window never waits for a long step; end with the window."""
    try:
        while True:
            inbox.put(wire.receive())
    except ChannelClosed:
        inbox.close()
    # The loop notices after its step. A step that never ends must not outlive the window.
    time.sleep(_LAST_STEP)
    faulthandler.dump_traceback()
    os._exit(FAILED)


def _truncate_log() -> None:
    """Truncate standard error when it is long: a file that the window reads after a crash of this process."""
    try:
        while stat.S_ISREG(os.fstat(2).st_mode):
            time.sleep(_LOG_INTERVAL)
            if os.fstat(2).st_size > _LARGEST_LOG:
                os.ftruncate(2, 0)
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main())
