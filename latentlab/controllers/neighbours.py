"""The real images nearest to the latent shown, and whether the decoded image is a copy of one."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.config.training_images import UNKNOWN, training_images_remark
from latentlab.controllers.commands import ChangeBoard, ChangeSelection
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import CopyMeasured, MeasureCopy, Nearest, NearestFound
from latentlab.gui.panels.nearest_images import NearestImage, NearestImages
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.latent.copies import AROUND, COPY, is_copy
from latentlab.state.board import BoardItem, Latent
from latentlab.state.selection import Selection, SelectMode
from latentlab.state.session import Posterior, Session
from latentlab.utils.text import format_number

COUNT = 8
"""How many images are shown."""
REST_MS = 120  # without a new latent
COPY_REST_MS = 300  # before the decoded image is compared with all images
PREVIEW_MS = 100  # between two searches while the pointer moves
NO_DATASET = "Open their images to see them here: a model's file has none."


class NeighboursController(QObject):
    """Finds the encoded images nearest to the latent shown: the one under the pointer, else the committed one.

    The nearest image's posterior goes to the session, for the map's ellipse while the latent is that image's own, and
    all of them for its marks. Under the pointer there is at most one search every ``PREVIEW_MS``. During a run a search
    waits until the latent rests: every search slows the training, and whether the image is a copy is measured when it
    has ended.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        explore: ExploreController,
        undo: QUndoStack,
        row: NearestImages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._explore, self._undo, self._row = session, engine, explore, undo, row
        self._generations, self._copies = Generations(), Generations()
        self._shown: NearestFound | None = None
        self._copy: CopyMeasured | None = None  # of the committed latent
        self._committed: NearestFound | None = None  # shown again when the pointer leaves the map
        self._at_rest = Debouncer(REST_MS, self._request, self)
        # Else in the next iteration of the event loop: the worker would receive it while it decodes the image.
        self._soon = Debouncer(0, self._request, self)
        self._while_moving = Debouncer(PREVIEW_MS, self._request_preview, self)
        self._copy_at_rest = Debouncer(COPY_REST_MS, self._request_copy, self)

        session.latentChanged.connect(self._on_latent_changed)
        session.labelChanged.connect(self._schedule_copy)
        session.previewChanged.connect(self._on_preview_changed)
        session.modelChanged.connect(self._on_model_changed)
        session.pointsChanged.connect(self._on_points_changed)
        session.runStateChanged.connect(self._schedule_copy)
        session.viewedEpochChanged.connect(self._on_viewed_epoch_changed)
        engine.nearestFound.connect(self._on_found)
        engine.copyMeasured.connect(self._on_copy_measured)
        row.chosen.connect(self._on_chosen)
        row.selectRequested.connect(self._on_select_requested)
        row.keepRequested.connect(self._on_keep_requested)
        row.unfolded.connect(self._schedule_copy)

    # --- requests -----------------------------------------------------------------------------------

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._generations.discard_pending()
            self._forget()
        self._request()
        self._schedule_copy()

    def _on_points_changed(self) -> None:
        if self._session.points is None:
            self._forget()
        self._request()
        self._schedule_copy()

    def _forget(self) -> None:
        self._copies.discard_pending()
        self._shown = self._committed = self._copy = None
        self._row.set_images((), None)
        self._row.set_copy_text("")

    def _on_viewed_epoch_changed(self) -> None:
        if self._session.viewed_epoch is None:
            self._request()

    def _on_latent_changed(self) -> None:
        self._committed = self._copy = None
        self._copies.discard_pending()
        self._row.set_copy_text("")
        if self._session.run_is_active:
            self._at_rest.debounce()
        else:
            self._soon.throttle()
        self._schedule_copy()

    def _on_preview_changed(self) -> None:
        if self._session.preview is not None:
            self._row.set_copy_text("")  # it is of another image
            if not self._session.is_learning:
                self._while_moving.throttle()
            return
        self._while_moving.cancel()
        self._show_copy()
        if self._committed is not None:
            self._show(self._committed)

    def _request(self) -> None:
        if self._session.model is not None and self._session.points is not None:
            self._engine.request(Nearest(self._generations.next(), self._session.latent, COUNT))

    def _request_preview(self) -> None:
        preview = self._session.preview
        if preview is not None and self._session.points is not None and self._row.is_unfolded():
            self._engine.request(Nearest(self._generations.next(), preview, COUNT, preview=True))

    def _schedule_copy(self) -> None:
        self._copy_at_rest.debounce()

    def _request_copy(self) -> None:
        session = self._session
        is_possible = session.model is not None and session.points is not None and session.dataset is not None
        if is_possible and session.points_are_of_dataset and not session.is_learning and self._row.is_unfolded():
            self._engine.request(MeasureCopy(self._copies.next(), session.latent, session.label))

    # --- results ------------------------------------------------------------------------------------

    def _on_found(self, result: NearestFound) -> None:
        points = self._session.points
        if points is None or points.model_version != result.model_version or not len(result.rows):
            return
        if not self._generations.accept(result.generation):
            return
        if not result.preview:
            self._committed = result
            row = int(result.rows[0])
            has_std = row < len(points.std)
            self._session.set_nearest_posterior(Posterior(result.z[0], points.std[row]) if has_std else None)
            if self._session.preview is None:
                self._show_copy()  # that it is the image's own reconstruction is known now
        if result.preview == (self._session.preview is not None):
            self._show(result)

    def _show(self, result: NearestFound) -> None:
        points = self._session.points
        classes = () if points is None else points.classes
        paths = result.paths or ("",) * len(result.rows)
        images = [
            NearestImage(int(number), float(distance), classes[label] if 0 <= label < len(classes) else path)
            for number, distance, label, path in zip(result.numbers, result.distance, result.label, paths, strict=True)
        ]
        self._shown = result
        self._row.set_images(images, result.images, NO_DATASET)
        self._session.set_neighbours(result.z)

    def _on_copy_measured(self, result: CopyMeasured) -> None:
        if result.model_version == self._session.model_version and self._copies.accept(result.generation):
            self._copy = result
            if self._session.preview is None:
                self._show_copy()

    def _show_copy(self) -> None:
        if self._copy is not None:
            is_copied = is_copy(self._copy.distance, self._copy.typical, self._copy.around)
            dataset, model = self._session.dataset, self._session.model
            count = 0 if dataset is None else dataset.images
            remark = "" if dataset is None or model is None else training_images_remark(model.data, dataset)
            is_own = is_copied and self._is_own_latent(self._copy.number)
            text = copy_text(self._copy, is_copied, count, remark, is_own)
            self._row.set_copy_text(text, is_copied and remark != UNKNOWN and not is_own)

    def _is_own_latent(self, number: int) -> bool:
        """Whether the latent is that of this image of the dataset: it then decodes to its reconstruction."""
        committed, latent = self._committed, self._session.latent
        if committed is None:
            return False
        return any(np.array_equal(z, latent) for z in committed.z[committed.numbers == number])

    # --- gestures -----------------------------------------------------------------------------------

    def _on_chosen(self, place: int) -> None:
        if self._shown is not None and place < len(self._shown.rows):
            self._session.set_preview(None)
            self._explore.go_to(self._shown.z[place], text="Go to a nearest image")

    def _on_select_requested(self, place: int, is_added: bool) -> None:
        session, shown = self._session, self._shown
        if shown is None or session.points is None:
            return
        number = int(shown.numbers[place])
        chosen = Selection(np.array([number]), session.points.fingerprint, f"image {number}")
        if is_added and session.selection is not None:
            chosen = session.selection.combined(chosen, SelectMode.ADD)
        self._undo.push(ChangeSelection(session, chosen))

    def _on_keep_requested(self, place: int) -> None:
        session, shown = self._session, self._shown
        if shown is None or session.model is None:
            return
        board, number = session.board, int(shown.numbers[place])
        item = BoardItem(
            board.free_name(f"image {number}"),
            Latent(np.array(shown.z[place], np.float32), session.label),
            f"Latent of image {number}, near to the latent that was shown",
            session.model.source,
            session.model.latent_dim,
            None if shown.images is None else shown.images[place],
            weights=session.model.sha256,
        )
        self._undo.push(ChangeBoard(session, board.with_added(item), "Keep a latent"))


def copy_text(result: CopyMeasured, is_copied: bool, count: int, remark: str = "", is_own: bool = False) -> str:
    """Whether an image is a copy of one of the ``count`` open images, in words.

    ``remark`` says whether these are the training images, see `training_images_remark`; what the model has not seen it
    cannot have copied. With ``is_own`` the image is the reconstruction of the one it is like.
    """
    if not np.isfinite(result.typical) or result.typical <= 0:
        return ""
    share = f"at {format_number(result.distance / result.typical, '.1f')} × the typical distance"
    if is_own:
        return f"The reconstruction of image {result.number:,} itself: {share}"
    if is_copied and remark == UNKNOWN:
        text = f"Like image {result.number:,} of {count:,} open images: {share}"
    elif is_copied:
        text = f"Copies image {result.number:,} of {count:,} open images: {share}"
    else:
        text = f"Not a copy: nearest of {count:,} open images {share}"
        if result.distance < COPY * result.typical:
            text += f", but {format_number(result.distance / result.around, '.1f')} × that of its {AROUND} nearest"
    return f"{text}. {remark}" if remark else text
