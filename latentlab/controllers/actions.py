"""Menus, toolbar, dialogs and drops: opening, saving, copying, and switching what is shown."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage, QPixmap, QUndoStack
from PySide6.QtWidgets import QFileDialog

from latentlab import paths
from latentlab.config import DataConfig
from latentlab.controllers.copied_commands import copy_command
from latentlab.controllers.data import DataController
from latentlab.controllers.encoded_image import EncodedImageController
from latentlab.controllers.exports import save_picture
from latentlab.controllers.model import ModelController
from latentlab.controllers.model_command import command_of_model
from latentlab.controllers.session_document import SessionDocumentController
from latentlab.controllers.training import TrainingController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import EncodeImage, OpenDataset, OpenModel, Request, Train
from latentlab.errors import LatentlabError
from latentlab.gui.action_text import set_reason
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.latent_map.layers.base import LayerState
from latentlab.gui.main_window import OPENING, MainWindow
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.qimage import to_qimage
from latentlab.gui.widgets.toasts import Notification
from latentlab.state.session import Session
from latentlab.storage.source_kind import IMAGE_SUFFIXES, kind_of
from latentlab.utils.file_formats import DATASET_FILTER
from latentlab.utils.source_names import join_sources

MODEL_KINDS = "Models (*.safetensors *.onnx *.zip model.json)"
SAVED_KINDS = "Models (*.safetensors)"
CHECKPOINT = "checkpoint.safetensors"
"""A file of a run folder without a model description: opening it opens its run."""
IMAGE_KINDS = f"Images ({' '.join(f'*{suffix}' for suffix in sorted(IMAGE_SUFFIXES))})"


class ActionsController(QObject):
    """Connects the window's actions with the controllers that carry them out."""

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        undo: QUndoStack,
        window: MainWindow,
        latent_map: LatentMap,
        data: DataController,
        model: ModelController,
        encoded_image: EncodedImageController,
        training: TrainingController,
        document: SessionDocumentController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._window = session, engine, window
        self._map = latent_map
        self._settings_warning: Notification | None = None
        self._data, self._model, self._training, self._document = data, model, training, document
        self._encoded_image = encoded_image
        self._connect_actions(undo)
        self._connect_panels()
        window.pathsDropped.connect(self._on_paths_dropped)
        latent_map.filesDropped.connect(self._on_paths_dropped)
        latent_map.filesDragged.connect(window.drop_hint.set_shown)
        model.openAlready.connect(self._on_open_already)
        training.dataRequested.connect(data.open)
        training.finished.connect(self._on_training_finished)
        engine.failed.connect(self._on_failed)
        engine.modelClosed.connect(self._on_failed)
        session.runStateChanged.connect(self._show_run_state)
        session.datasetChanged.connect(self._show_run_state)
        session.datasetChanged.connect(self._show_continue_tip)
        session.runStatusChanged.connect(self._show_continue_tip)
        session.modelChanged.connect(self._show_decoding)
        self._show_waiting(OPENING)
        self._show_run_state()

    def _connect_actions(self, undo: QUndoStack) -> None:
        a, panel = self._window.actions_, self._window.training_panel
        a.open_folder.triggered.connect(self._on_open_folder)
        a.open_file.triggered.connect(self._on_open_file)
        a.open_image.triggered.connect(self._on_open_image)
        a.open_model.triggered.connect(self._on_open_model)
        a.open_run.triggered.connect(self._on_open_run)
        a.save_model.triggered.connect(self._on_save_model)
        a.undo.triggered.connect(undo.undo)
        a.redo.triggered.connect(undo.redo)
        undo.canUndoChanged.connect(a.undo.setEnabled)
        undo.canRedoChanged.connect(a.redo.setEnabled)
        a.reset_view.triggered.connect(self._map.reset_view)
        a.fit_view.triggered.connect(self._map.fit_to_points)
        a.train.triggered.connect(panel.train)
        a.continue_run.triggered.connect(panel.continue_run)
        panel.continueAvailable.connect(a.continue_run.setEnabled)
        a.pause.triggered.connect(self._on_pause)
        a.stop.triggered.connect(self._training.stop)
        a.copy_command.triggered.connect(self._on_copy_command)
        self._window.toolChosen.connect(self._map.set_mode)
        self._window.set_layers([(layer.name, layer.title, layer.visible) for layer in self._map.layers()])
        self._map.layerChanged.connect(self._show_layer)
        for layer in self._map.layers():
            self._show_layer(layer)
        self._window.layerToggled.connect(self._map.set_layer_visible)

    def _show_layer(self, layer: LayerState) -> None:
        self._window.show_layer(layer.name, layer.visible, layer.unavailable)

    def _connect_panels(self) -> None:
        window = self._window
        window.data_panel.openFolderRequested.connect(self._on_open_folder)
        window.data_panel.openFileRequested.connect(self._on_open_file)
        window.model_panel.openRequested.connect(self._on_open_model)
        window.model_panel.saveRequested.connect(self._on_save_model)
        window.latent_sliders.openModelRequested.connect(self._on_open_model)
        window.decoded_image.openModelRequested.connect(self._on_open_model)
        window.decoded_image.saveRequested.connect(self._on_save_image)
        window.filmstrip.openModelRequested.connect(self._on_open_model)
        window.filmstrip.openDatasetRequested.connect(self._on_open_folder)
        window.training_panel.openDatasetRequested.connect(self._on_open_folder)
        window.training_panel.configRefused.connect(self._warn_of_settings)
        window.training_panel.configAccepted.connect(self._withdraw_settings_warning)
        window.data_panel.configRefused.connect(self._warn)

    # --- opening --------------------------------------------------------------------------------------

    def open(self, source: str, data_config: DataConfig | None = None) -> None:
        """Open a model, run folder, session, image folder, dataset file or image."""
        match kind_of(source):
            case "model":
                path = Path(source)
                is_checkpoint = path.name == CHECKPOINT and os.path.isfile(path.parent / "model.safetensors")
                self._model.open(str(path.parent) if is_checkpoint else source)
            case "session":
                self._document.open(source)
            case "image":
                self._encoded_image.open(source)
            case _:
                self._window.show_panel("data")
                self._data.open(source, data_config)

    def _on_paths_dropped(self, paths: list[str]) -> None:
        """Open all datasets as one and the first path of each other kind, and warn about the others."""
        by_kind: dict[str, list[str]] = {}
        for path in paths:
            by_kind.setdefault(kind_of(path), []).append(path)
        for kind, same_kind in by_kind.items():
            if kind == "dataset" and len(same_kind) > 1:
                self._open_together(same_kind)
                continue
            self.open(same_kind[0])
            if len(same_kind) > 1:
                self._warn(_not_opened(kind, [Path(path).name for path in same_kind]))

    def _open_together(self, paths: list[str]) -> None:
        try:
            self.open(join_sources(paths))
        except LatentlabError as error:
            self._warn(str(error))

    def _on_open_already(self, source: str) -> None:
        kept = ", and the path stays" if self._session.path is not None else ""
        self._window.notifications.notify("info", f"{source} is open already{kept}")

    def _on_open_folder(self) -> None:
        dialogs.choose_folder(self._window, "Open a folder of images", self.open)

    def _on_open_file(self) -> None:
        dialogs.choose_file(self._window, "Open a dataset file", DATASET_FILTER, self.open)

    def _on_open_image(self) -> None:
        dialogs.choose_file(self._window, "Open an image", IMAGE_KINDS, self._encoded_image.open)

    def _on_open_model(self) -> None:
        self._start_in_runs(dialogs.choose_file(self._window, "Open a model", MODEL_KINDS, self.open))

    def _on_open_run(self) -> None:
        self._start_in_runs(dialogs.choose_folder(self._window, "Open a run", self.open))

    def _start_in_runs(self, dialog: QFileDialog) -> None:
        folder = paths.runs_folder()
        if os.path.isdir(folder):
            dialog.setDirectory(str(folder))

    def request_again(self, request: Request) -> None:
        """Send a request again that was lost with its worker, as its controller sends it."""
        match request:
            case OpenModel():
                self._model.open(request.source)
            case OpenDataset():
                self._data.open(request.source, request.config)
            case EncodeImage():
                self._encoded_image.open(request.path)
            case Train():
                self._training.start(request.config, request.out, request.resume)
            case _:
                self._engine.request(request)

    # --- saving and copying -----------------------------------------------------------------------------

    def _on_save_model(self) -> None:
        model = self._session.model
        if model is None:
            self._warn("There is no model to save.")
            return
        name = f"{model.name}.safetensors"
        dialogs.choose_target(self._window, "Save the model", name, SAVED_KINDS, self._model.save)

    def _on_save_image(self, path: str) -> None:
        image = self._window.decoded_image.image()
        if image is not None:
            self._save_picture(path, to_qimage(image))

    def _save_picture(self, path: str, picture: QImage | QPixmap) -> None:
        try:
            save_picture(path, picture, self._session)
        except LatentlabError as error:
            self._warn(str(error))
        else:
            self._window.notifications.notify("info", f"Saved {path}")

    def _on_copy_command(self) -> None:
        try:
            command = command_of_model(self._session)
        except LatentlabError as error:
            self._warn(str(error))
            return
        copy_command(self._window.notifications, command, "trains this model")

    def _warn_of_settings(self, message: str) -> None:
        self._withdraw_settings_warning()
        self._settings_warning = self._warn(message)

    def _withdraw_settings_warning(self) -> None:
        if self._settings_warning is not None:
            self._settings_warning.withdraw()
            self._settings_warning = None

    def _warn(self, message: str) -> Notification:
        return self._window.notifications.notify("warning", message)

    # --- the window -----------------------------------------------------------------------------------

    def _on_pause(self) -> None:
        panel = self._window.training_panel
        (panel.resumeRequested if self._session.run.can_unpause else panel.pauseRequested).emit()

    def _on_training_finished(self, _event: object) -> None:
        """Mark the model as saved: the best one is in its run folder."""
        self._session.set_dirty(False)

    def _show_run_state(self) -> None:
        run = self._session.run
        self._window.set_run_status(run, self._session.dataset is not None)
        if run.is_active and not self._window.lessons_panel.isVisible():  # a lesson is followed there
            self._window.show_panel("training")

    def _show_continue_tip(self) -> None:
        """Say in the tooltip of Continue which images must be opened first."""
        missing = self._session.run.missing_source(self._session.dataset)
        self._window.actions_.show_continue_tip(f"To continue the opened run, open {missing} first" if missing else "")

    def _show_waiting(self, text: str) -> None:
        """Show a text in every panel that waits for a model; an empty text removes it."""
        self._map.set_message(text or None)
        w = self._window
        for panel in (w.decoded_image, w.latent_sliders, w.filmstrip, w.generate_panel, w.model_panel, w.your_image):
            panel.set_waiting(text)

    def _on_failed(self, _failure: object) -> None:
        if self._session.model is None:
            self._show_waiting("")
            self._map.set_message("The latent map of a model appears here.", "Open a model…", self._on_open_model)

    def _show_decoding(self) -> None:
        model, save = self._session.model, self._window.actions_.save_model
        reason = "" if model is None else model.capabilities.why_not_saved
        set_reason(save, f"This model cannot be saved: {reason}" if reason else "")
        save.setEnabled(not reason)
        if model is not None:
            self._show_waiting("")
            # May take a while at the start of a run: the training comes first.
            self._window.filmstrip.set_waiting("The first images are being decoded …")
            self._window.decoded_image.set_waiting("The first image is being decoded …")


def _not_opened(kind: str, names: list[str]) -> str:
    """Which of several dropped files is opened, and that the others are not."""
    others = f"{names[1]} was" if len(names) == 2 else f"the other {len(names) - 1:,} were"
    verb, advice = ("shown", " To open them all, drop their folder.") if kind == "image" else ("opened", "")
    return f"{names[0]} is {verb}; {others} not opened, because only one {kind} is open at a time.{advice}"
