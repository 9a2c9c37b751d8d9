"""The image of the user's own: pasted or painted, inspected, refined, partly hidden and filled in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QIODevice, QMimeData, QObject, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage, QImageReader, QUndoStack

from latentlab import paths
from latentlab.config import ModelConfig, validated
from latentlab.config.capabilities import why_not_imputed, why_not_inspected, why_not_refined
from latentlab.controllers.board import BoardController
from latentlab.controllers.commands import HidePixels, ShowEncodedImage, at_its_mean, extend_last
from latentlab.controllers.copied_commands import copy_command
from latentlab.controllers.encoded_image import EncodedImageController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.exports import save_picture
from latentlab.controllers.generations import Generations
from latentlab.controllers.image_command import enlarged, image_command, image_sheet
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    BoolArray,
    ByteArray,
    Failed,
    ImageEncoded,
    ImageImputed,
    ImageInspected,
    ImageRefined,
    ImputeImage,
    InspectImage,
    RefineImage,
    StopImageWork,
)
from latentlab.errors import LatentlabError
from latentlab.gui.action_text import set_reason
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.your_image import NO_LATENT, YourImagePanel
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.gesture_id import next_gesture
from latentlab.gui.widgets.image_canvas import PAINT, VIEW
from latentlab.gui.widgets.qimage import to_qimage
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.board import Latent
from latentlab.state.session import Session
from latentlab.utils.source_names import absolute_source
from latentlab.utils.text import format_number

SOON_MS = 60  # between two inspections while an image is painted
FOLLOW_MS = 2000  # while a run changes the weights
LARGEST_PASTED = 1024  # px: a larger pasted image is scaled down first, as models read 256 at most
MOST_PASTED = 16_000_000
"""Pixels: decoding and scaling as many takes about half a second; a file of more is decoded by the worker."""
_IMAGE_TYPES = ("image/png", "image/jpeg", "image/bmp", "image/webp", "image/tiff")
SAVED_SIDE = 512  # px: an image that is saved alone is enlarged to about this
DRAWING = "Drawing"
_REFINING, _FILLING = "refine-image", "impute-image"


class YourImageController(QObject):
    """Joins the panel with the encoded image of the session.

    The image, its hidden region and its refined posterior are the session's, so that undo restores them; what the
    worker says of them is asked for again whenever they change. The newest request of each kind wins.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        explore: ExploreController,
        undo: QUndoStack,
        encoded_image: EncodedImageController,
        board: BoardController,
        window: MainWindow,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._explore, self._undo = session, engine, explore, undo
        self._encoded_image, self._board, self._window, self._activity = encoded_image, board, window, activity
        self._panel: YourImagePanel = window.your_image
        self._inspections, self._refinements, self._imputations = Generations(), Generations(), Generations()
        self._inspected: ImageInspected | None = None
        self._imputed: ImageImputed | None = None
        self._inspected_image: ImageEncoded | None = None  # what was asked about
        self._imputed_image: ImageEncoded | None = None
        self._fill_seed = 0
        self._refining: tuple[Hashable, ImageEncoded, ImageEncoded] | None = None  # gesture, before, what it has set
        self._drawn_name = DRAWING
        self._is_filling = False
        self._soon = Debouncer(SOON_MS, self._inspect, self)
        self._follow = Debouncer(FOLLOW_MS, self._impute, self)
        self._connect()
        self._show_image()
        self._show_reasons()

    def _connect(self) -> None:
        session, engine, panel, actions = self._session, self._engine, self._panel, self._window.actions_
        session.encodedImageChanged.connect(self._on_image_changed)
        session.modelChanged.connect(self._on_model_changed)
        session.datasetChanged.connect(self._on_dataset_changed)
        session.runStateChanged.connect(self._on_run_state_changed)
        engine.imageInspected.connect(self._on_inspected)
        engine.imageRefined.connect(self._on_refined)
        engine.imageImputed.connect(self._on_imputed)
        engine.failed.connect(self._on_failed)
        panel.canvas.painted.connect(self._on_painted)
        panel.canvas.hiddenChanged.connect(self._on_hidden_changed)
        panel.openRequested.connect(actions.open_image.trigger)
        panel.paintRequested.connect(self.paint)
        panel.closeRequested.connect(self._window.decoded_image.encodedImageClosed)
        panel.refineRequested.connect(self.refine)
        panel.stopRequested.connect(self.stop)
        panel.fillingsRequested.connect(self._on_other_fillings)
        panel.chosen.connect(self._on_chosen)
        panel.keepRequested.connect(self._on_keep_requested)
        panel.saveRequested.connect(self._on_save_requested)
        panel.exportRequested.connect(self._on_export)
        panel.copyCommandRequested.connect(self._on_copy_command)
        panel.escapePressed.connect(self.back_out)
        actions.paste.triggered.connect(self.paste)
        actions.paint_image.triggered.connect(self.paint)
        actions.refine_image.triggered.connect(self.refine)
        self._window.escapePressed.connect(self._on_escape_elsewhere)

    # --- opening, pasting, painting -------------------------------------------------------------------

    def paste(self) -> None:
        """Open the image, or the image file, in the clipboard."""
        data = QGuiApplication.clipboard().mimeData()
        files = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        if files:
            self._window.pathsDropped.emit(files)
            return
        image = self._pasted_image(data)
        if image is None:
            return
        if image.isNull():
            self._notify("warning", "There is no image in the clipboard.")
            return
        if max(image.width(), image.height()) > LARGEST_PASTED:
            image = image.scaled(
                LARGEST_PASTED,
                LARGEST_PASTED,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        path = self._stored(image, "pasted")
        if path:
            self._window.show_panel("image")
            self._encoded_image.open(path)

    def _pasted_image(self, data: QMimeData) -> QImage | None:
        """The image in the clipboard, null without one; ``None`` for one too large to be decoded here, which is said.

        Its size is read from its first bytes: decoding and scaling a hundred million pixels would stop the window.
        """
        size = next((found for each in _IMAGE_TYPES if (found := _size_of(data, each)).isValid()), QSize())
        if size.isValid() and size.width() * size.height() > MOST_PASTED:
            self._refuse_pasted(size)
            return None
        image = QGuiApplication.clipboard().image() if data.hasImage() else QImage()
        if image.width() * image.height() > MOST_PASTED:  # of this program, so that it was decoded already
            self._refuse_pasted(image.size())
            return None
        return image

    def _refuse_pasted(self, size: QSize) -> None:
        self._notify(
            "warning",
            f"The image in the clipboard has {size.width():,} × {size.height():,} pixels, more than "
            f"{MOST_PASTED // 1_000_000} million: save it as a file and drop that on the window.",
        )

    def paint(self) -> None:
        """Show an empty canvas of the model's size."""
        model = self._session.model
        if model is None:
            self._notify("warning", "Open a model first: an image is painted at its size.")
            return
        self._window.show_panel("image")
        self._panel.set_paper(self._has_light_paper())
        channels, height, width = model.image_shape
        shape = (height, width) if channels == 1 else (height, width, channels)
        self._drawn_name = DRAWING
        self._encoded_image.draw(np.full(shape, self._panel.paper(), np.uint8), DRAWING, next_gesture(), is_new=True)
        self._panel.set_mode(PAINT)
        self._panel.show_canvas()

    def _has_light_paper(self) -> bool:
        """Whether images of this model are light at their border, as the one decoded now is."""
        image = self._window.decoded_image.image()
        if image is None:
            return False
        border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        return bool(np.median(border) > 127)

    def _on_painted(self, stroke: int) -> None:
        pixels, shown = self._panel.canvas.pixels(), self._session.encoded_image
        if pixels is None or shown is None:
            return
        self._end_refinement()
        if not shown.is_drawing:
            self._drawn_name = f"{Path(shown.path).name}, painted on"
        else:
            self._drawn_name = shown.path
        self._encoded_image.draw(pixels, self._drawn_name, ("paint", stroke))

    def _on_hidden_changed(self, stroke: int) -> None:
        shown = self._session.encoded_image
        if shown is None:
            return
        self._end_refinement()
        after, gesture = replace(shown, hidden=self._panel.canvas.hidden()), ("hide", stroke)
        if not extend_last(self._undo, HidePixels, after, gesture):
            self._undo.push(HidePixels(self._session, after, gesture))

    # --- the session's changes ------------------------------------------------------------------------

    def _on_image_changed(self) -> None:
        if self._refining is not None and self._session.encoded_image is not self._refining[2]:
            self._end_refinement()
        self._show_image()
        self._soon.throttle() if self._session.encoded_image is not None else self._soon.cancel()
        self._impute()

    def _show_image(self) -> None:
        panel, shown = self._panel, self._session.encoded_image
        refused = "There is no image yet: open, paste or paint one" if shown is None else self._why_not_refined()
        set_reason(self._window.actions_.refine_image, refused)
        self._window.actions_.refine_image.setEnabled(not refused)
        if shown is None:
            self._inspected = self._imputed = self._inspected_image = self._imputed_image = None
            self._inspections.discard_pending()
            panel.set_image(None)
            self._show_reasons()
            return
        if not self._encoded_image.is_drawing:  # else the canvas is newer
            if not _is_same(panel.canvas.pixels(), shown.image):
                panel.set_image(shown.image, Path(shown.path).name, shown.note)
            if not _is_same(panel.canvas.hidden(), shown.hidden):
                panel.canvas.set_hidden(shown.hidden)
        if panel.canvas.pixels() is None:
            panel.set_image(shown.image, Path(shown.path).name, shown.note)
        panel.set_name(Path(shown.path).name, shown.note)
        panel.set_reconstruction(shown.reconstruction)
        if self._refining is None:
            self._show_refinement(shown)
        self._show_reasons()

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            for each in (self._inspections, self._refinements, self._imputations):
                each.discard_pending()
            self._refining = None
            self._encoded_image.is_held = False
            self._activity.end(_REFINING)
            self._is_filling = False
            self._activity.end(_FILLING)
            self._show_reasons()

    def _on_dataset_changed(self) -> None:
        if self._session.encoded_image is not None:
            self._soon.throttle()

    def _on_run_state_changed(self) -> None:
        self._show_reasons()
        if self._session.encoded_image is not None and not self._session.is_learning:
            self._soon.throttle()

    def _config(self) -> ModelConfig | None:
        model = self._session.model
        return None if model is None or not model.config else validated(ModelConfig, model.config)

    def _why_not_refined(self) -> str:
        config = self._config()
        return "" if config is None else why_not_refined(config)

    def _why_no_likelihood(self) -> str:
        config = self._config()
        return "" if config is None else why_not_inspected(config)

    def _show_reasons(self) -> None:
        config, model, panel = self._config(), self._session.model, self._panel
        refine, hide = ("", "") if config is None else (why_not_refined(config), why_not_imputed(config))
        panel.set_refine_reason(f"This posterior cannot be refined: {refine}" if refine else "")
        unknown = self._why_no_likelihood()
        panel.set_likelihood_reason(f"Not with this model: {unknown}" if unknown else "")
        panel.set_hide_reason(f"This model fills in no hidden pixels: {hide}" if hide else "")
        encode = "" if model is None else model.capabilities.why_not_encoded
        panel.set_encoding_reason(f"Images cannot be encoded by this model: {encode}." if encode else "")
        self._window.actions_.set_encoding_reason(f"Not with this model: {encode}" if encode else "")
        reason = ""
        if model is None or self._session.encoded_image is None:
            reason = "There is no image yet"
        elif self._session.run_is_active or not model.source:
            reason = "The model is being trained: its weights are in no file yet"
        panel.set_copy_reason(reason)

    # --- inspecting -----------------------------------------------------------------------------------

    def _inspect(self) -> None:
        shown = self._session.encoded_image
        if shown is None or self._refining is not None:
            return
        elbo = None if shown.refinement is None else shown.refinement[1][0]
        self._inspected_image = shown
        self._engine.request(
            InspectImage(
                self._inspections.next(),
                shown.image,
                shown.label,
                shown.mean,
                elbo,
                compare=not self._session.is_learning,
            )
        )

    def _on_inspected(self, result: ImageInspected) -> None:
        session = self._session
        if session.encoded_image is None or result.model_version < session.opened_version:
            return
        if not self._inspections.accept(result.generation, is_continuation=True):
            return
        before, self._inspected = self._inspected, result
        typical = result.typical
        if not result.done and before is not None:
            typical = before.typical  # until the new sentence is there, it does not flicker
        elif session.is_learning:
            typical = "It is compared with the open images when the run has ended."
        shown = self._inspected_image
        has_bound = result.distortion is not None and result.rate is not None
        if shown is not None and has_bound and result.generation == self._inspections.newest:
            self._encoded_image.set_inspected(shown, result.distortion, result.rate)
        panel = self._panel
        figures = _figures(shown, result, self._why_no_likelihood())
        panel.set_inspection(result.error, result.std, result.samples, result.draws, figures, typical)

    # --- refining -------------------------------------------------------------------------------------

    def refine(self) -> None:
        """Refine the posterior of the image; one undo step."""
        shown = self._session.encoded_image
        if shown is None or self._why_not_refined():
            return
        self._window.show_panel("image")
        self._end_refinement()
        request = RefineImage(self._refinements.next(), shown.image, shown.label)
        self._refining = (("refine", request.generation), shown, shown)
        self._encoded_image.is_held = True
        self._panel.set_refinement((), (), "Refining …", running=True, last=request.steps)
        entry = ActivityEntry(
            "Refining the posterior of the image …", is_busy=True, cancel=self.stop, cancel_text="Stop"
        )
        self._activity.begin(_REFINING, entry)
        self._engine.request(request)

    def stop(self) -> None:
        """Stop a refinement with the best posterior so far, and an imputation with its latest fillings."""
        if self._refining is not None:
            self._engine.request(StopImageWork("refine"))
        else:
            self._engine.request(StopImageWork("impute"))

    def _on_refined(self, result: ImageRefined) -> None:
        session = self._session
        if self._refining is None or result.model_version < session.opened_version:
            return
        gesture, before, shown = self._refining
        if gesture != ("refine", result.generation) or session.encoded_image is not shown:
            return
        if result.problem:
            self._end_refinement()
            self._panel.set_refinement((), (), result.problem)
            return
        if result.reconstruction is not None:
            after = replace(
                shown,
                mean=result.mean,
                std=result.std,
                reconstruction=result.reconstruction,
                refinement=(result.steps, result.elbos),
            )
            self._refining = gesture, before, after
            if not extend_last(self._undo, ShowEncodedImage, at_its_mean(after), gesture):
                self._undo.push(ShowEncodedImage(session, after, "Refine", gesture))
            self._panel.set_refinement(
                result.steps, result.elbos, _gap_text(result.elbos, result.is_bound), running=True,
                last=RefineImage(0, before.image).steps,
            )  # fmt: skip
        if result.done:
            self._end_refinement()
            self._soon.throttle()

    def _end_refinement(self) -> None:
        """End a refinement that is running; the best posterior so far stays."""
        if self._refining is None:
            return
        self._refining = None
        self._encoded_image.release()
        self._refinements.discard_pending()
        self._activity.end(_REFINING)
        self._engine.request(StopImageWork("refine"))
        shown = self._session.encoded_image
        if shown is not None:
            self._show_refinement(shown)

    def _show_refinement(self, shown: ImageEncoded) -> None:
        steps, elbos = shown.refinement or ((), ())
        is_bound = bool(shown.std.any())
        self._panel.set_refinement(steps, elbos, _gap_text(elbos, is_bound) if elbos else "")

    # --- hiding and filling in ------------------------------------------------------------------------

    def _impute(self) -> None:
        """Ask for fillings of the hidden region, if it or the image is another one."""
        shown, before = self._session.encoded_image, self._imputed_image
        if shown is None or shown.hidden is None:
            if before is not None or self._imputed is not None:
                self._imputations.discard_pending()
                self._engine.request(StopImageWork("impute"))
            self._imputed = self._imputed_image = None
            self._is_filling = False
            self._activity.end(_FILLING)
            self._panel.set_fillings(None, None, "")
            return
        is_same = (
            before is not None
            and before.hidden is shown.hidden
            and before.label == shown.label
            and np.array_equal(before.image, shown.image)
        )
        is_of_these_weights = before is not None and before.model_version == shown.model_version
        # While a run changes the weights, fillings are finished before those of newer weights begin.
        if not is_same or not (is_of_these_weights or self._is_filling):
            self._request_fillings(shown)

    def _request_fillings(self, shown: ImageEncoded) -> None:
        assert shown.hidden is not None
        self._imputed_image, self._is_filling = shown, True
        entry = ActivityEntry("Filling in the hidden region …", is_busy=True, cancel=self.stop, cancel_text="Stop")
        self._activity.begin(_FILLING, entry)
        self._engine.request(
            ImputeImage(self._imputations.next(), shown.image, shown.hidden, shown.label, seed=self._fill_seed)
        )

    def _on_other_fillings(self) -> None:
        shown = self._session.encoded_image
        if shown is not None and shown.hidden is not None:
            self._fill_seed += 1
            self._request_fillings(shown)

    def _on_imputed(self, result: ImageImputed) -> None:
        if self._imputed_image is None or result.model_version < self._session.opened_version:
            return
        if not self._imputations.accept(result.generation, is_continuation=True):
            return
        self._imputed = result
        if result.done and result.generation == self._imputations.newest:
            self._is_filling = False
            self._activity.end(_FILLING)
            self._follow.throttle()
        self._panel.set_fillings(result.expected, result.draws, result.problem or _filling_text(result))

    # --- gestures -------------------------------------------------------------------------------------

    def back_out(self) -> None:
        """Escape: undo a running refinement, else leave painting or hiding."""
        if self._refining is not None:
            gesture = self._refining[0]
            self._end_refinement()
            last = None if self._undo.canRedo() else self._undo.command(self._undo.count() - 1)
            if isinstance(last, ShowEncodedImage) and last.gesture == gesture:
                self._undo.undo()
        elif self._panel.canvas.mode != VIEW:
            self._panel.set_mode(VIEW)

    def _on_escape_elsewhere(self) -> None:
        if self._refining is not None:
            self.back_out()

    def _latent_at(self, kind: str, index: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None:
        shown = self._session.encoded_image
        if kind == "image":
            return None if shown is None else shown.mean
        if kind == "samples":
            z = None if self._inspected is None else self._inspected.z
        else:  # the first filling is the expected image, which no latent decodes to
            z, index = (None if self._imputed is None else self._imputed.z), index - 1
        return z[index] if z is not None and 0 <= index < len(z) else None

    def _on_chosen(self, kind: str, index: int) -> None:
        z, shown = self._latent_at(kind, index), self._session.encoded_image
        if kind == "fillings" and index == 0 and self._imputed is not None:
            self._notify("info", f"{NO_LATENT}.")
        if z is None or shown is None:
            return
        self._session.set_preview(None)
        what = "a sample of the image" if kind == "samples" else "a filling"
        self._explore.go_to(z, text=f"Go to {what}", label=shown.label)

    def _on_keep_requested(self, kind: str, index: int) -> None:
        z, shown, model = self._latent_at(kind, index), self._session.encoded_image, self._session.model
        if z is None or shown is None or model is None:
            return
        name = Path(shown.path).stem
        what = {"image": "posterior mean", "samples": "sample of q(z|x)", "fillings": "filling"}[kind]
        if kind == "image" and shown.refinement is not None:
            what = f"refined posterior mean, gap {format_number(_gap(shown.refinement[1]), '.2f')} nats"
        title = name if kind == "image" else f"{name}, {'sample' if kind == 'samples' else 'filling'} {index + 1}"
        latent = Latent(np.array(z, np.float32), shown.label)
        self._board.keep(self._board.of_model(title, latent, f"{what} of {name}, by {model.name}"), "Keep image")

    def _image_at(self, kind: str, index: int) -> tuple[ByteArray, str] | None:
        """An image of a strip, with the end of a name for its file."""
        name, images = f"{kind.removesuffix('s')}-{index + 1}", None
        if kind == "fillings":
            found = self._imputed
            if found is not None and found.expected is not None and index == 0:
                return found.expected, "expected"
            images, index = None if found is None else found.draws, index - 1
        elif self._inspected is not None:
            images = self._inspected.samples if kind == "samples" else self._inspected.draws
        return (images[index], name) if images is not None and 0 <= index < len(images) else None

    # --- files ----------------------------------------------------------------------------------------

    def _on_export(self) -> None:
        shown = self._session.encoded_image
        if shown is None:
            return
        sheet = image_sheet(shown, self._inspected, self._imputed)
        name = f"{Path(shown.path).stem or 'image'}-inspected.png"
        dialogs.choose_target(
            self._window, "Export the image", name, "Pictures (*.png)", lambda path: self._save(path, sheet)
        )

    def _on_save_requested(self, kind: str, index: int) -> None:
        shown, found = self._session.encoded_image, self._image_at(kind, index)
        if shown is None or found is None:
            return
        image, what = enlarged(found[0], SAVED_SIDE), found[1]
        name = f"{Path(shown.path).stem or 'image'}-{what}.png"
        dialogs.choose_target(
            self._window, "Save image", name, "Pictures (*.png)", lambda path: self._save(path, image)
        )

    def _save(self, path: str, sheet: ByteArray) -> None:
        try:
            save_picture(path, to_qimage(sheet), self._session)
        except LatentlabError as error:
            self._notify("warning", str(error))
        else:
            self._notify("info", f"Saved {path}")

    def _on_copy_command(self) -> None:
        shown, model, dataset = self._session.encoded_image, self._session.model, self._session.dataset
        if shown is None or model is None:
            return
        image = self._stored(to_qimage(shown.image), "image")
        mask = "" if shown.hidden is None else self._stored(to_qimage(_as_mask(shown.hidden)), "mask")
        if not image or (shown.hidden is not None and not mask):
            return
        data: tuple[str, ...] = ()
        if dataset is not None and dataset.image_shape == model.image_shape:
            limit = dataset.config.limit
            data = absolute_source(dataset.source), *(() if limit is None else ("--limit", str(limit)))
        command = image_command(shown, model, image, mask, data, self._fill_seed)
        copy_command(self._window.notifications, command, "repeats this")

    def _stored(self, image: QImage, kind: str) -> str:
        """Write an image into the data folder, under a name that is the same for the same pixels."""
        digest = hashlib.blake2b(digest_size=4)
        digest.update(f"{image.width()} {image.height()} {image.format()}".encode())
        digest.update(bytes(image.constBits()))
        folder = paths.data_folder() / "images"
        path = folder / f"{kind}-{digest.hexdigest()}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.path.isfile(path):
                save_picture(str(path), image, self._session)
        except (OSError, LatentlabError) as error:
            self._notify("warning", f"The image cannot be stored: {error}")
            return ""
        return str(path)

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == RefineImage.__name__:
            self._end_refinement()
        elif failure.request == ImputeImage.__name__:
            self._is_filling = False
            self._activity.end(_FILLING)

    def _notify(self, level: str, text: str, details: str = "", copied: str = "") -> None:
        self._window.notifications.notify(level, text, details, copied=copied)


def _size_of(data: QMimeData, kind: str) -> QSize:
    """Size of the clipboard's image of a type, without decoding it; invalid if there is none."""
    if not data.hasFormat(kind):
        return QSize()
    buffer = QBuffer()
    buffer.setData(data.data(kind))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    return QImageReader(buffer).size()


def _is_same(one: ByteArray | BoolArray | None, other: ByteArray | BoolArray | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and bool(np.array_equal(one, other))


def _as_mask(hidden: BoolArray) -> ByteArray:
    mask: ByteArray = np.where(hidden, np.uint8(255), np.uint8(0)).astype(np.uint8)
    return mask


def _gap(elbos: tuple[float, ...]) -> float:
    return elbos[-1] - elbos[0]


def _gap_text(elbos: tuple[float, ...], is_bound: bool) -> str:
    what = "ELBO" if is_bound else "log p(x, z)"
    first, last = (format_number(value, ".1f") for value in (elbos[0], elbos[-1]))
    return f"{what} {first} → {last}: gap {format_number(_gap(elbos), '.2f')} nats"


def _figures(shown: ImageEncoded | None, result: ImageInspected, why_not: str) -> str:
    """The ELBO and its parts in words; where p(x|z) is not known the error, and what the encoding has said of it."""
    if result.elbo is not None and result.distortion is not None and result.rate is not None:
        return _bound_text(result.elbo, result.distortion, result.rate)
    if shown is None:
        return ""
    error = f"Error {format_number(shown.pixel_error, '.3f')} (root mean square of the pixels)"
    if shown.distortion is None or shown.rate is None:
        return f"{error}; no ELBO: {why_not}"
    return f"{error}; {_bound_text(-shown.distortion - shown.rate, shown.distortion, shown.rate)}, of one latent"


def _bound_text(elbo: float, distortion: float, rate: float) -> str:
    values = (format_number(value, ".1f") for value in (elbo, distortion, rate))
    return "ELBO {} nats: distortion {}, rate {}".format(*values)


def _filling_text(result: ImageImputed) -> str:
    """What the fillings are, and what a click on one shows."""
    match result.method:
        case "importance":
            worth = format_number(result.effective_samples, ".0f")
            how = f"weighted latents, which are worth {worth} equal ones"
        case "langevin":
            how = "Langevin chains, as too few latents of a first draw agree with the observed pixels"
        case _:
            return "First fillings; better ones follow …"
    return (
        "The expected image first, then means of p(x|z), without the noise of the pixels, at latents drawn from "
        f"p(z | observed pixels) by {how}. A click shows what the latent decodes to, without the observed pixels"
    )
