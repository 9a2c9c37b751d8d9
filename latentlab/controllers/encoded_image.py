"""An image that was dropped, opened or painted: encoded, and shown beside its reconstruction."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.controllers.commands import ShowEncodedImage, at_its_mean, extend_last
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    ByteArray,
    DrawingEncoded,
    EncodeDrawing,
    EncodeImage,
    Failed,
    ImageEncoded,
)
from latentlab.gui.panels.decoded_image import DecodedImage
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.gesture_id import next_gesture
from latentlab.gui.widgets.toasts import Notification, Toasts
from latentlab.state.session import Session
from latentlab.utils.text import format_number

INTERVAL_MS = 1000  # between two encodings of the shown image while a run changes the weights


@dataclass(frozen=True)
class _Pending:
    """A request that is not answered yet: for a file that the user opened, or for the shown image by newer weights."""

    path: str
    is_update: bool


class EncodedImageController(QObject):
    """Encodes image files, one at a time, and drawings, and keeps the shown one consistent with the current model.

    Opening an image is one undo step, and so is each stroke of a drawing: its undo restores the latent, the class and
    the image from before. With newer weights of the same model the image is encoded again, and the latent follows
    unless it has been moved since; with another model the image is removed, and a notification is shown.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        undo: QUndoStack,
        panel: DecodedImage,
        notifications: Toasts,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._undo = session, engine, undo
        self._panel, self._notifications = panel, notifications
        self._pending: deque[_Pending] = deque()  # the worker answers in order
        self.is_held = False  # while the posterior of the shown image is refined
        self._drawings = Generations()
        self._strokes: dict[int, Hashable | None] = {}  # of drawings that are not answered; None of an update
        self._new_drawing: int | None = None  # generation of an empty canvas that is not answered yet
        self._inspected: tuple[ImageEncoded, float | None, float | None] | None = None  # with its distortion and rate
        self._shown: ImageEncoded | None = None
        self._encoded_by = ""  # name of the model that encoded the shown image
        self._notification: Notification | None = None
        self._scheduled_update = Debouncer(INTERVAL_MS, self._update, self)

        session.modelChanged.connect(self._on_model_changed)
        session.encodedImageChanged.connect(self._on_encoded_image_changed)
        session.runStateChanged.connect(self._show)
        session.runStateChanged.connect(self._schedule_update)
        engine.imageEncoded.connect(self._on_image_encoded)
        engine.drawingEncoded.connect(self._on_drawing_encoded)
        engine.failed.connect(self._on_failed)
        panel.encodedImageClosed.connect(self._on_closed)

    def open(self, path: str) -> None:
        """Encode an image file and go to its latent; of several the one opened last is shown."""
        self._request(path, is_update=False)

    def draw(self, image: ByteArray, name: str, stroke: Hashable, *, is_new: bool = False) -> None:
        """Encode what is being painted, uint8 [H, W] or [H, W, 3]; changes of one stroke are one undo step.

        What is hidden of the shown image stays hidden, unless the drawing ``is_new``.
        """
        generation = self._drawings.next()
        if is_new:
            self._new_drawing = generation
        self._strokes[generation] = stroke
        self._engine.request(EncodeDrawing(generation, image, name, self._session.label))

    def set_inspected(self, image: ImageEncoded, distortion: float | None, rate: float | None) -> None:
        """Write these figures of the shown image, in nats, as long as it is encoded as ``image`` is."""
        self._inspected = image, distortion, rate
        self._show()

    @property
    def is_drawing(self) -> bool:
        """Whether a newer drawing than the one that is shown is being encoded."""
        return bool(self._strokes)

    def _request(self, path: str, is_update: bool) -> None:
        self._pending.append(_Pending(path, is_update))
        self._engine.request(EncodeImage(path, self._session.label))

    def _schedule_update(self) -> None:
        """Encode the shown image again if the model has newer weights: once an interval while they change.

        A posterior that was refined by weights of a run stays until the run has ended.
        """
        shown = self._session.encoded_image
        is_kept = shown is not None and shown.refinement is not None and self._session.is_learning
        if self.is_held or is_kept:
            return
        if self._is_outdated() and not self._scheduled_update.is_pending():
            self._scheduled_update.start(INTERVAL_MS if self._session.is_learning else 0)

    def _is_outdated(self) -> bool:
        shown = self._session.encoded_image
        return shown is not None and shown.model_version != self._session.model_version

    def release(self) -> None:
        """Encode the shown image by newer weights again."""
        self.is_held = False
        self._schedule_update()

    def _update(self) -> None:
        shown = self._session.encoded_image
        if shown is None or self.is_held or not self._is_outdated() or self._pending or self._strokes:
            return
        if shown.is_drawing:
            self.draw(shown.image, shown.path, None)
        else:
            self._request(shown.path, is_update=True)

    # --- the worker's answers -------------------------------------------------------------------------

    def _on_image_encoded(self, result: ImageEncoded) -> None:
        if not self._pending:
            return
        answered = self._pending.popleft()
        if any(not pending.is_update for pending in self._pending):
            return  # a newer one is being encoded
        is_of_this_model = result.model_version >= self._session.opened_version
        if answered.is_update:
            if is_of_this_model:
                self._show_newer(result)
        elif is_of_this_model:
            self._withdraw_notification()
            self._undo.push(ShowEncodedImage(self._session, result))
        else:
            self._request(result.path, is_update=False)  # another model has been opened since

    def _on_drawing_encoded(self, result: DrawingEncoded) -> None:
        encoded = result.encoded
        if result.generation not in self._strokes or not self._drawings.accept(result.generation):
            return
        stroke = self._strokes[result.generation]
        is_new = self._new_drawing is not None and result.generation >= self._new_drawing
        if is_new:
            self._new_drawing = None
        self._strokes = {key: value for key, value in self._strokes.items() if key > result.generation}
        if encoded.model_version < self._session.opened_version:
            return
        if stroke is None:
            self._show_newer(encoded)
            return
        self._withdraw_notification()
        before = self._session.encoded_image
        if not is_new and before is not None and before.image.shape == encoded.image.shape:
            encoded = replace(encoded, hidden=before.hidden)
        if not extend_last(self._undo, ShowEncodedImage, at_its_mean(encoded), stroke):
            self._undo.push(ShowEncodedImage(self._session, encoded, "Paint", stroke))

    def _show_newer(self, result: ImageEncoded) -> None:
        """Show the image as newer weights encode it; the latent follows if it is still the image's."""
        session, before = self._session, self._session.encoded_image
        if before is None or before.path != result.path:
            return
        follows = np.array_equal(session.latent, before.mean)
        session.set_encoded_image(replace(result, hidden=before.hidden))
        if follows:
            session.set_latent(result.mean)

    def _on_failed(self, failure: Failed) -> None:
        """Remove an image that cannot be encoded again; the failure has a notification of its own.

        An encoding that was lost with its worker follows when the next one has opened the model.
        """
        if failure.request == EncodeDrawing.__name__:
            self._forget_drawings()
            return
        if failure.request != EncodeImage.__name__ or not self._pending:
            return
        shown = self._session.encoded_image
        if self._pending.popleft().is_update and shown is not None and failure.again is None:
            self._session.set_encoded_image(None)
            self._warn(f"{Path(shown.path).name} could not be encoded again and is no longer shown.")

    def _forget_drawings(self) -> None:
        """Drawings that are not answered yet are shown no more."""
        self._strokes, self._new_drawing = {}, None
        self._drawings.discard_pending()

    # --- the session's changes ------------------------------------------------------------------------

    def _on_model_changed(self, is_new_model: bool) -> None:
        if not is_new_model:
            self._schedule_update()
            return
        self._scheduled_update.cancel()
        self._forget_drawings()
        shown = self._shown
        if shown is not None:
            self._withdraw_notification()
            name = Path(shown.path).name
            again = partial(self.open, shown.path)
            if shown.is_drawing:
                again = partial(self.draw, shown.image, shown.path, next_gesture())
            self._notification = self._notifications.notify(
                "info",
                f"{name} was encoded by {self._encoded_by} and is no longer shown.",
                actions=[("Encode again", again)],
            )

    def _on_encoded_image_changed(self) -> None:
        self._shown = self._session.encoded_image
        model = self._session.model
        self._encoded_by = "" if model is None else model.name
        self._show()
        self._schedule_update()  # an undo may have restored an image encoded by older weights

    def _on_closed(self) -> None:
        if self._session.encoded_image is not None:
            self._undo.push(ShowEncodedImage(self._session, None))

    def _show(self) -> None:
        shown = self._shown
        if shown is None:
            self._panel.set_encoded_image(None)
            return
        if shown.refinement is not None:  # its distortion and rate are those of the encoder's posterior
            self._panel.set_encoded_image(shown.image, shown.reconstruction, Path(shown.path).name, "refined")
            return
        distortion, rate, of_what = shown.distortion, shown.rate, ", of one latent"
        if self._inspected is not None and _is_encoded_alike(self._inspected[0], shown):
            (_, distortion, rate), of_what = self._inspected, ""
        if distortion is None or rate is None:  # the Image panel says why there is no ELBO
            error = f"error {format_number(shown.pixel_error, '.3f')} (root mean square of the pixels)"
        else:
            error = f"distortion {format_number(distortion, '.1f')}, rate {format_number(rate, '.1f')} nats{of_what}"
        if self._session.is_learning:
            error += "\nencoded again as the model learns"
        self._panel.set_encoded_image(shown.image, shown.reconstruction, Path(shown.path).name, error)

    def _warn(self, message: str) -> None:
        self._notifications.notify("warning", message)

    def _withdraw_notification(self) -> None:
        if self._notification is not None:
            self._notification.withdraw()
            self._notification = None


def _is_encoded_alike(one: ImageEncoded, other: ImageEncoded) -> bool:
    """Whether both are the same pixels with the same posterior, by the same weights."""
    return (
        (one.model_version, one.label) == (other.model_version, other.label)
        and np.array_equal(one.mean, other.mean)
        and np.array_equal(one.std, other.std)
        and np.array_equal(one.image, other.image)
    )
