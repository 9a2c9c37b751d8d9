"""Decodes the latent at the pointer in a second thread, from a snapshot of the weights, while a training step runs.

A step of convolutions takes a third of a second on two cores, a checkpoint waits for the disk, and importing torch's
compiler takes seconds. The loop cannot answer during that time; a second thread can, since torch releases the GIL
while it computes. It reads its own copy of the weights, so that no step waits for it, no half step is shown, and
the result of the training stays the same to the bit: only the loop writes the copy, between two steps; decoding draws
no random numbers; and the number of torch's threads is set for each thread separately.
"""

from __future__ import annotations

import copy
import threading
import time

import torch
from numpy.typing import ArrayLike

from latentlab.engine.worker.decode_service import DecodeService, Fallback
from latentlab.models.base import LatentModel
from latentlab.models.inference import InferenceModel
from latentlab.utils.array_types import FloatArray
from latentlab.utils.duty_cycle import WEIGHTS_COPY

LONG = 0.015
"""If an iteration of the loop takes more seconds than this, the thread answers at once."""

_TIMEOUT = 0.012  # seconds for which short iterations of the loop, which has the newest weights, may answer first


class ConcurrentDecoder:
    """A thread that answers ``Decode`` when the loop does not.

    Created, used and closed in the loop's thread. It does nothing until it gets a model by :meth:`set_model`.

    Parameters
    ----------
    service
        Answers the requests.
    """

    def __init__(self, service: DecodeService) -> None:
        self._service = service
        self._snapshot: WeightsSnapshot | None = None
        self._fallback: Fallback | None = None
        self._longest_recent = 0.0
        self._copied_at, self._copying_took = 0.0, 0.0
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="latentlab-decoder", daemon=True)
        self._thread.start()

    @property
    def thread_id(self) -> int | None:
        """The system's number of its thread, whose priority must not be lowered."""
        return self._thread.native_id

    def set_model(self, model: InferenceModel | None) -> None:
        """Decode like this model from now on; ``None`` leaves every request to the loop."""
        # An accelerator's steps are short, and decoding would wait for them on the device anyway.
        if model is None or model.device.type != "cpu":
            self._snapshot = self._fallback = None
        else:
            self._snapshot = WeightsSnapshot(model)
            self._fallback = Fallback(self._snapshot, model, _TIMEOUT)
        self._copied_at, self._copying_took = time.perf_counter(), 0.0
        self._longest_recent = 0.0
        self._service.set_fallback(self._fallback)

    def after_iteration(self, seconds: float) -> None:
        """Adapt to how long an iteration of the loop took, and update the snapshot if that costs little."""
        if self._snapshot is None or self._fallback is None:
            return
        # One long iteration is enough to stop waiting for the loop; many short ones are needed to wait again.
        self._longest_recent = max(seconds, 0.9 * self._longest_recent)
        self._fallback.timeout = 0.0 if self._longest_recent > LONG else _TIMEOUT
        now = time.perf_counter()
        if now > self._copied_at + self._copying_took / WEIGHTS_COPY and self._snapshot.update():
            self._copied_at = time.perf_counter()
            self._copying_took = self._copied_at - now

    def close(self) -> None:
        """End the thread."""
        self._is_closed = True
        self._service.set_fallback(None)
        self._thread.join()

    def _run(self) -> None:
        torch.get_num_threads()  # fixes this thread's number to the loop's present one, which is one
        self._service.answer_overdue(lambda: self._is_closed)


class WeightsSnapshot:
    """A model's decoder with a copy of its weights; one thread may decode while another updates it."""

    def __init__(self, model: InferenceModel) -> None:
        self._model = model
        self._copy = _copy_of(model)
        self._lock = threading.Lock()

    @property
    def latent_dim(self) -> int:
        """Size of a latent."""
        return self._copy.latent_dim

    def decode(self, z: ArrayLike, label: ArrayLike | None = None) -> FloatArray:
        """As :meth:`~latentlab.models.inference.InferenceModel.decode`."""
        with self._lock:
            return self._copy.decode(z, label)

    def update(self) -> bool:
        """Copy the model's present weights, unless the snapshot is being decoded from; whether they were copied."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            _copy_weights(self._model.module, self._copy.module)
        except (RuntimeError, ValueError):  # the model's shape has changed
            self._copy = _copy_of(self._model)
        finally:
            self._lock.release()
        return True


def _copy_of(model: InferenceModel) -> InferenceModel:
    return InferenceModel(copy.deepcopy(model.module).eval(), model.header, model.device)


@torch.no_grad()
def _copy_weights(source: LatentModel, target: LatentModel) -> None:
    """Copy every weight and buffer."""
    for tensors in (LatentModel.parameters, LatentModel.buffers):
        for from_, to in zip(tensors(source), tensors(target), strict=True):
            to.copy_(from_)
