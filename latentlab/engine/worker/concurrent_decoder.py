"""The image under the hand while a run takes its steps: decoded beside them, from a copy of the weights.

A step of convolutions takes a third of a second on two cores, a checkpoint waits for the disk, and torch's compiler
takes seconds to import. The loop can answer nothing meanwhile. A thread beside it can, for torch gives the
interpreter's lock away while it computes: it decodes from weights of its own, so that no step is waited for, none is
seen half done, and none is changed by it in a single bit. (The loop alone writes the copy, between two steps;
decoding draws no random numbers; and how many of the processor's threads torch takes is each thread's own.)
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

from latentlab.engine.protocol.channel import ChannelClosed, Mailbox
from latentlab.engine.protocol.messages import Decode
from latentlab.engine.worker.decoded_images import decoded
from latentlab.engine.worker.workspace import Workspace
from latentlab.models.base import LatentModel
from latentlab.models.inference import InferenceModel
from latentlab.utils.duty_cycle import WEIGHTS_COPY

LONG = 0.015
"""Seconds of a turn of the loop that the hand need not wait for."""

_PATIENCE = 0.012  # seconds that a loop of short turns is given to answer itself, by the newest weights


class ConcurrentDecoder:
    """A thread that answers ``Decode`` when the loop does not come to it.

    Made, served and closed by the loop's thread. It rests until it is told of a model by :meth:`serve`.

    Parameters
    ----------
    inbox
        The loop's mailbox.
    workspace
        What there is, and how the window is told.
    failures
        Turns an exception into a result.
    """

    def __init__(
        self, inbox: Mailbox, workspace: Workspace, failures: Callable[[str], AbstractContextManager[list[str]]]
    ) -> None:
        self._inbox, self._workspace, self._failures = inbox, workspace, failures
        self._of: InferenceModel | None = None  # the live model that the copy is of
        self._copy: InferenceModel | None = None
        self._weights = threading.Lock()  # held while the copy is read or written
        self._patience, self._usual = _PATIENCE, 0.0
        self._copied_at, self._copying_took = 0.0, 0.0
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="latentlab-hand", daemon=True)
        self._thread.start()

    @property
    def thread(self) -> int | None:
        """The system's number of its thread, whose priority is to stay the window's."""
        return self._thread.native_id

    def serve(self, model: InferenceModel | None) -> None:
        """Answer for this live model from now on; ``None`` leaves every answer to the loop."""
        if model is not None and model.device.type != "cpu":
            model = None  # an accelerator's steps are short, and take turns with what else it does
        with self._weights:
            self._of = model
            self._copy = None if model is None else _copy_of(model)
        self._copied_at, self._copying_took = time.perf_counter(), 0.0
        self._patience, self._usual = _PATIENCE, 0.0
        self._inbox.nudge()

    def turned(self, seconds: float) -> None:
        """Note that the loop has taken a turn of so long, and bring the copy up to date when that costs little."""
        if self._of is None:
            return
        # One long turn is enough to know of more; many short ones are needed to forget.
        usual = max(seconds, 0.9 * self._usual)
        self._patience = 0.0 if usual > LONG else _PATIENCE
        self._usual = usual
        now = time.perf_counter()
        # A thread that reads it now is not waited for: the next turn will do.
        if now > self._copied_at + self._copying_took / WEIGHTS_COPY and self._weights.acquire(blocking=False):
            try:
                self._refresh(self._of)
            finally:
                self._weights.release()
            self._copied_at = time.perf_counter()
            self._copying_took = self._copied_at - now

    def close(self) -> None:
        """End the thread."""
        self._ended = True
        self._inbox.nudge()
        self._thread.join()

    def _refresh(self, model: InferenceModel) -> None:
        assert self._copy is not None
        try:
            _put(model.module, self._copy.module)
        except (RuntimeError, ValueError):  # a model that has changed its shape
            self._copy = _copy_of(model)

    # --- in its thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        torch.get_num_threads()  # takes over, once for all, the number that the loop has now: one
        try:
            while (request := self._inbox.take_late("decode", self._wait, lambda: self._ended)) is not None:
                assert isinstance(request, Decode)
                with self._failures(Decode.__name__):
                    self._answer(request)
        except ChannelClosed:
            return  # the loop will see it too

    def _wait(self) -> float | None:
        """Seconds to leave a decode to the loop; ``None`` for as long as it takes."""
        return self._patience if self._of is not None and self._of is self._workspace.model else None

    def _answer(self, request: Decode) -> None:
        with self._weights:
            model = self._copy
            if model is None or self._of is not self._workspace.model or request.z.size != model.latent_dim:
                return  # asked of the model before: the window asks again once it knows of this one
            image = decoded(model, request, self._workspace.version)
        self._workspace.send(image)


def _copy_of(model: InferenceModel) -> InferenceModel:
    return InferenceModel(copy.deepcopy(model.module).eval(), model.header, model.device)


@torch.no_grad()
def _put(source: LatentModel, target: LatentModel) -> None:
    """Copy every weight and buffer."""
    for tensors in (LatentModel.parameters, LatentModel.buffers):
        for theirs, mine in zip(tensors(source), tensors(target), strict=True):
            mine.copy_(theirs)
