"""Answers ``Decode``: in the loop, or in a second thread while the loop is busy (no torch).

The loop is busy while torch is imported and while a training step runs. Whichever thread answers, the same rules hold:

- The mailbox keeps the newest request only.
- A request is stale when its latent has another size than the model's: it was made for an earlier model, and the
  window asks again once it learns of this one. It is dropped.
- A result carries the version that the model had before it was decoded.
- An error becomes ``Failed``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from numpy.typing import ArrayLike

from latentlab.engine.protocol.channel import ChannelClosed, Mailbox
from latentlab.engine.protocol.messages import Decode, Decoded, FloatArray
from latentlab.engine.worker.decoded_images import decode_for_display
from latentlab.engine.worker.workspace import Workspace
from latentlab.utils.pixels import as_pixels, to_bytes

if TYPE_CHECKING:
    from latentlab.models.inference import InferenceModel


class Decoder(Protocol):
    """Makes images of latents: a loaded model, or what replaces it while the loop is busy."""

    @property
    def latent_dim(self) -> int:
        """Size of a latent."""

    def decode(self, z: ArrayLike, label: ArrayLike | None = None) -> FloatArray:
        """Mean of p(x|z) for z [N, d]: float32 [N, C, H, W] in [0, 1]."""


@dataclass
class Fallback:
    """What decodes while the loop is busy.

    Attributes
    ----------
    decoder
        Used by the second thread alone.
    model
        The model it decodes like; not used once the workspace holds another. ``None`` before torch is imported.
    timeout
        Seconds that the loop has to answer a request first.
    """

    decoder: Decoder
    model: InferenceModel | None = None
    timeout: float = 0.0


class DecodeService:
    """Answers ``Decode`` requests.

    Parameters
    ----------
    inbox
        The worker's mailbox.
    workspace
        Holds the current model, and sends results.
    report_errors
        Turns an exception into a result.
    """

    def __init__(
        self, inbox: Mailbox, workspace: Workspace, report_errors: Callable[[str], AbstractContextManager[object]]
    ) -> None:
        self._inbox, self._workspace, self._report_errors = inbox, workspace, report_errors
        self._fallback: Fallback | None = None

    def answer(self, request: Decode) -> None:
        """Answer with the current model; for the loop.

        Raises
        ------
        InputError
            When there is no model, or the latent is not finite.
        """
        model = self._workspace.need_model()
        self._decode(request, model, model)

    def set_fallback(self, fallback: Fallback | None) -> None:
        """Decode with ``fallback`` while the loop is busy; ``None`` leaves every request to the loop."""
        self._fallback = fallback
        self._inbox.wake()

    def answer_overdue(self, is_over: Callable[[], bool]) -> None:
        """Answer with the fallback what the loop does not take in time; for a second thread.

        Parameters
        ----------
        is_over
            Whether to return; asked again after :meth:`Mailbox.wake`.
        """
        try:
            while (request := self._inbox.take_if_overdue("decode", self._timeout, is_over)) is not None:
                with self._report_errors(Decode.__name__):
                    fallback = self._fallback
                    if fallback is not None:
                        self._decode(request, fallback.decoder, fallback.model)
        except ChannelClosed:
            return  # the loop finds it closed, too

    def _timeout(self) -> float | None:
        fallback = self._fallback
        return None if fallback is None or fallback.model is not self._workspace.model else fallback.timeout

    def _decode(self, request: Decode, decoder: Decoder, model: InferenceModel | None) -> None:
        version = self._workspace.version  # before the comparison: a new model is set before its version
        if model is not self._workspace.model or request.z.size != decoder.latent_dim:
            return
        image = as_pixels(to_bytes(decode_for_display(self._workspace, decoder, request.z[None], request.label)))[0]
        self._workspace.send(Decoded(request.generation, version, request.z, image, request.preview))
