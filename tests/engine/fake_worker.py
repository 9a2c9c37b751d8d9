"""A worker without torch and with fixed answers, to test hosts and client by themselves."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading

import numpy as np

from latentlab.engine.protocol.channel import REQUEST_ORDER, ChannelClosed, Mailbox, inherited_wire
from latentlab.engine.protocol.exit_codes import DEVICE_LOST
from latentlab.engine.protocol.messages import (
    Decode,
    Decoded,
    EncodeImage,
    Failed,
    ModelChanged,
    ModelInfo,
    Notice,
    OpenModel,
    Ping,
    PointsChanged,
    Pong,
    SaveModel,
    Shutdown,
    WorkerReady,
)

released = threading.Event()  # ends a hanging worker in a thread of the test


def info(source: str) -> ModelInfo:
    return ModelInfo(source, source, "vae", 2, (1, 8, 8), (), False, 1, 1.0, {}, {}, {}, source)


def work(inbox: Mailbox, send, model: str = "", version: int = 1) -> int:
    send(WorkerReady("cpu", ("cpu",), {}, os.getpid()))
    if model:
        send(ModelChanged(version, info(model), is_new_model=True))
    while not inbox.closed:
        match inbox.take(None):
            case Shutdown():
                return 0
            case Ping():
                send(Pong())
            case Decode() as decode:
                image = np.full((8, 8), decode.generation % 256, np.uint8)
                send(Decoded(decode.generation, version, decode.z, image, decode.preview))
            case OpenModel(source, is_new_model):
                version += 1
                send(ModelChanged(version, info(source), is_new_model))
            case EncodeImage(path="segfault"):
                faulthandler._sigsegv()
            case EncodeImage(path="abort"):
                os.abort()
            case EncodeImage(path="raise"):
                raise ValueError("as asked")
            case EncodeImage(path="hang"):
                released.wait(60)
            case EncodeImage(path="print"):
                print("a line on stdout", flush=True)  # noqa: T201
                send(Notice("printed"))
            case EncodeImage(path="flood"):
                for number in range(5000):
                    send(Failed("flood", str(number)))
            case SaveModel():
                big = np.zeros((400_000, 2), np.float32)
                send(PointsChanged(version, big, big, np.zeros(400_000, np.int64), (), np.zeros(2, np.float32)))
    return 0


def main() -> None:
    faulthandler.enable()
    handle, model, version = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    wire = inherited_wire(handle)
    inbox = Mailbox(REQUEST_ORDER)

    def read() -> None:
        try:
            while True:
                inbox.put(wire.receive())
        except ChannelClosed:
            inbox.close()

    threading.Thread(target=read, daemon=True).start()
    if model == "crash":
        os.abort()
    if model == "device lost":
        sys.exit(DEVICE_LOST)
    sys.exit(work(inbox, wire.send, model, version))


if __name__ == "__main__":
    main()
