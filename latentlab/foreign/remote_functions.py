"""The functions of another process, asked for by the worker over a connection without pickle (no torch, no Qt)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Client, Connection
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from latentlab.errors import InputError
from latentlab.foreign.frames import Arrays, FrameError, PeerGoneError, receive, send
from latentlab.foreign.user_model import FunctionError
from latentlab.storage.explored_model import ExploredModel
from latentlab.utils.array_types import FloatArray, IntArray
from latentlab.utils.plain_text import TEXT, as_line

GONE = "the Python process that computes this model has ended, so nothing more can be computed; what is shown stays"
_INTERVAL = 1.0  # seconds between two signs of life while a function runs
_LONGEST_DETAILS = 20_000

Waiting = Callable[[str, float], None]
"""Called with the function's name and the seconds that it has run; may raise to wait no longer."""


def connect(model: ExploredModel, role: str) -> Connection:
    """Connect to the process that has the functions, as ``worker`` or ``window``.

    Raises
    ------
    InputError
        When it has ended, or is not the one that wrote the description.
    """
    try:
        connection: Any = Client(model.address, authkey=bytes.fromhex(model.description.key))
        send(connection, {"role": role})
    except (OSError, EOFError, PeerGoneError):
        raise InputError(GONE) from None
    except Exception as error:  # of the handshake: multiprocessing.AuthenticationError
        raise InputError(f"{model.path} is not of the process that listens there: {type(error).__name__}") from None
    connected: Connection = connection
    return connected


class RemoteFunctions:
    """The functions of an explored model, as :class:`latentlab.foreign.protocol.ModelProtocol`, in [0, 1].

    Any thread may call them, one at a time.

    Parameters
    ----------
    model
        Its description.

    Attributes
    ----------
    on_wait
        Called every second while a function runs, with its name and the seconds so far; with 0 when it has answered.

    Raises
    ------
    InputError
        When the process has ended.
    """

    def __init__(self, model: ExploredModel) -> None:
        self._model = model
        said = model.description
        self.latent_dim, self.value_range = said.latent_dim, (0.0, 1.0)
        self.image_shape = (said.image_shape[0], said.image_shape[1], said.image_shape[2])
        self.capabilities = model.capabilities
        self.on_wait: Waiting | None = None
        self._lock = threading.Lock()
        self._connection: Connection | None = connect(model, "worker")

    def __deepcopy__(self, _memo: dict[int, Any]) -> RemoteFunctions:
        """Itself: there is one process that computes."""
        return self

    def encode(self, images: FloatArray, label: IntArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Posterior mean and standard deviation [B, d] of images [B, C, H, W] in [0, 1]."""
        shape = len(images), self.latent_dim
        answer = self._ask("encode", {"image": images}, label, {"mean": shape, "std": shape})
        return answer["mean"], answer["std"]

    def decode(self, z: FloatArray, label: IntArray | None = None) -> FloatArray:
        """Images [B, C, H, W] in [0, 1], before clipping, of latents [B, d]."""
        return self._ask("decode", {"z": z}, label, {"image": (len(z), *self.image_shape)})["image"]

    def log_likelihood(self, images: FloatArray, z: FloatArray, label: IntArray | None = None) -> FloatArray:
        """Log p(x|z) in nats [B] of images [B, C, H, W] in [0, 1] and latents [B, d]."""
        return self._ask("log_likelihood", {"image": images, "z": z}, label, {"value": (len(z),)})["value"]

    def jvp(self, z: FloatArray, directions: FloatArray, label: IntArray | None = None) -> FloatArray:
        """Derivatives [B, C, H, W] of ``decode`` along directions [B, d]."""
        shape = len(z), *self.image_shape
        return self._ask("jvp", {"z": z, "direction": directions}, label, {"derivative": shape})["derivative"]

    def close(self) -> None:
        """Close the connection; the next call makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(
        self,
        name: str,
        arrays: Mapping[str, NDArray[Any]],
        label: IntArray | None,
        shapes: Mapping[str, tuple[int, ...]],
    ) -> Arrays:
        """What a function answers, float32 arrays of these shapes.

        Raises
        ------
        InputError
            When the function failed, with its traceback as details; when the process has ended, or sends what is no
            answer.
        """
        given = dict(arrays) if label is None else {**arrays, "label": label}
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = connect(self._model, "worker")
                send(self._connection, {"do": name}, given)
                self._wait(self._connection, name)
                largest = sum(4 * int(np.prod(shape)) for shape in shapes.values())
                header, answer = receive(self._connection, largest)
            except PeerGoneError:
                self.close()
                raise InputError(GONE) from None
            except FrameError as error:
                self._refuse(str(error))
            except BaseException:  # the answer that nobody waits for would be taken for the next one
                self.close()
                raise
            if "error" in header:
                details = header.get("details", "")
                raise FunctionError(
                    as_line(str(header["error"]), TEXT), details[:_LONGEST_DETAILS] if isinstance(details, str) else ""
                )
            for key, shape in shapes.items():
                found = answer.get(key)
                if found is None or found.dtype != np.float32 or found.shape != shape:
                    held = "nothing" if found is None else f"{found.dtype} {list(found.shape)}"
                    self._refuse(f"{held} instead of {key}, float32 {list(shape)}")
            return answer

    def _wait(self, connection: Connection, name: str) -> None:
        began, on_wait = time.monotonic(), self.on_wait
        has_told = False
        try:
            while not connection.poll(_INTERVAL):
                if on_wait is not None:
                    has_told = True
                    on_wait(name, time.monotonic() - began)
        except OSError as error:
            raise PeerGoneError from error
        finally:
            if has_told and on_wait is not None:
                on_wait(name, 0.0)

    def _refuse(self, what: str) -> NoReturn:
        self.close()
        raise InputError(f"the process that computes this model sent what is no answer: {as_line(what, TEXT)}")
