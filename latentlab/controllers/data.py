"""Opening images: the Data panel's requests to the engine, what was opened back to the panel, and whether it fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from latentlab.config import LARGEST_IMAGE, SMALLEST_IMAGE, DataConfig
from latentlab.config.events import Finished
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    ByteArray,
    CancelLoading,
    DatasetClosed,
    DatasetOpened,
    DatasetPreview,
    DatasetProgress,
    EncodeDataset,
    Failed,
    OpenDataset,
    PreviewDataset,
)
from latentlab.gui.panels.data import DataPanel
from latentlab.gui.panels.dataset_facts import misfit
from latentlab.gui.widgets.toasts import Notification, Toasts
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.session import Session
from latentlab.utils.source_names import absolute_source

_LOADING = "loading"  # id of the activity of opening or encoding images


class DataController(QObject):
    """Opens datasets in the worker, and shows the progress in panel and status line.

    Signals
    -------
    opened(source)
        A dataset is open; for the recent files.
    """

    opened = Signal(str)

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        panel: DataPanel,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._panel, self._activity = session, engine, panel, activity
        self._opening = ""  # the source being opened
        self._contact_sheet: ByteArray | None = None  # of the open dataset
        self._run_data = ("", "")  # source and name of the opened run whose images are not open
        panel.openRequested.connect(self.open)
        panel.previewRequested.connect(self._preview)
        panel.cancelRequested.connect(self.cancel)
        panel.openRunDataRequested.connect(self._on_open_run_data)
        session.runStatusChanged.connect(self._show_run_data)
        session.datasetChanged.connect(self._show_run_data)
        engine.datasetProgress.connect(self._on_progress)
        engine.datasetPreview.connect(self._on_preview)
        engine.datasetOpened.connect(self._on_opened)
        engine.datasetCancelled.connect(self._on_not_opened)
        engine.datasetClosed.connect(self._on_closed)
        engine.pointsChanged.connect(self._on_encoding_ended)
        engine.trainingFinished.connect(self._on_training_finished)
        engine.failed.connect(self._on_failed)
        engine.workerLost.connect(self._on_encoding_ended)
        session.modelChanged.connect(self._on_model_changed)

    def open(self, source: str, config: DataConfig | None = None) -> None:
        """Open a folder, a dataset file or ``demo:…``; the open dataset stays until that succeeds.

        Without a configuration the panel requests it with the settings shown, or says which of them is invalid.
        """
        if config is None:
            self._panel.open(source)
            return
        self._panel.set_config(config)
        self._session.data_config = config
        self._opening = source
        self._show(f"Opening {source}", 0, 0)
        self._engine.request(OpenDataset(source, config))

    def cancel(self) -> None:
        """Cancel the opening."""
        self._engine.request(CancelLoading())

    def _show_run_data(self) -> None:
        """Offer to open the images of an opened run that can be continued with them."""
        run = self._session.run
        source = run.missing_source(self._session.dataset)
        run_data = (source, Path(run.folder).absolute().name) if source else ("", "")
        if run_data != self._run_data:
            self._run_data = run_data
            self._panel.set_run_data(*run_data)

    def _on_open_run_data(self) -> None:
        run = self._session.run
        if run.config is not None:
            self.open(run.source, run.config.data)

    def _preview(self, source: str, config: DataConfig) -> None:
        if not self._opening:  # its own images are previewed first
            self._engine.request(PreviewDataset(source, config))

    def _on_preview(self, preview: DatasetPreview) -> None:
        """Show the first images of the dataset being opened, or the open ones as the controls would read them."""
        if preview.source == self._opening:
            self._panel.set_contact_sheet(preview.contact_sheet)
        elif not self._opening and self._is_open(preview.source):
            self._panel.set_preview(preview.contact_sheet, preview.image_shape)
            if preview.value_range is not None and "," not in preview.config.levels:  # else it is being dragged
                self._panel.set_value_range(preview.value_range)

    def _is_open(self, source: str) -> bool:
        return self._session.dataset is not None and self._session.dataset.source == source

    def _show(self, message: str, done: int, total: int) -> None:
        self._panel.set_progress(message, done, total)
        fraction = done / total if total else None
        self._activity.begin(_LOADING, ActivityEntry(message, fraction, is_busy=not total, cancel=self.cancel))

    def _on_progress(self, progress: DatasetProgress) -> None:
        self._show(progress.message, progress.done, progress.total)

    def _on_opened(self, result: DatasetOpened) -> None:
        self._end_progress()
        self._session.set_dataset(result.info)
        self._panel.set_info(result.info)
        self._contact_sheet = result.contact_sheet
        self._panel.set_contact_sheet(self._contact_sheet)
        found = result.histogram
        if found is None:
            self._panel.set_histogram(None)
        else:
            self._panel.set_histogram(found.counts, found.low, found.high, result.info.value_range)
        self.opened.emit(result.info.source)
        self._encode_if_it_fits()

    def _on_closed(self, _result: DatasetClosed) -> None:
        """Show that no dataset is open."""
        self._contact_sheet = None
        self._session.set_dataset(None)
        self._panel.set_info(None)
        self._panel.set_contact_sheet(None)

    def _encode_if_it_fits(self) -> None:
        """Encode the images with the current model if it takes their shape; a run encodes them by itself."""
        session = self._session
        if session.model is None or session.dataset is None or session.run_is_active or not session.model.has_encoder:
            return
        if session.model.image_shape == session.dataset.image_shape:
            self._engine.request(EncodeDataset())

    def _on_model_changed(self, is_new_model: bool) -> None:
        """Encode the open images with a model that is opened after them."""
        self._on_encoding_ended(is_new_model)  # points being encoded are of a model that is replaced
        if is_new_model and not self._opening:  # images being opened are encoded when they are
            self._encode_if_it_fits()
        if is_new_model:
            self._open_images_of_table()

    def _open_images_of_table(self) -> None:
        """Open the images that a table of latents names, so that they are known by their points."""
        model = self._session.model
        if model is None or model.has_decoder or not model.data.get("images_found") or model.path is None:
            return
        source = absolute_source(model.path)
        if not self._is_open(source) and self._opening != source:
            self.open(source, _shaped(model.image_shape))

    def _on_training_finished(self, _event: Finished) -> None:
        """Encode all images after a run, whose points are only those that its model file keeps."""
        dataset, points = self._session.dataset, self._session.points
        if dataset is not None and points is not None and len(points.mean) < dataset.images:
            self._engine.request(EncodeDataset())

    def _on_encoding_ended(self, _cause: object) -> None:
        if not self._opening:
            self._end_progress()

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == OpenDataset.__name__:
            self._on_not_opened(failure)
        elif failure.request == EncodeDataset.__name__:
            self._end_progress()

    def _on_not_opened(self, _cause: object) -> None:
        """Show the open dataset again."""
        self._end_progress()
        self._panel.set_contact_sheet(self._contact_sheet)

    def _end_progress(self) -> None:
        self._opening = ""
        self._panel.set_progress("")
        self._activity.end(_LOADING)


def _shaped(shape: tuple[int, int, int]) -> DataConfig:
    """The settings for images of this shape, as far as it can be set."""
    channels, height, width = shape
    values: dict[str, object] = {"channels": channels}
    if all(SMALLEST_IMAGE <= side <= LARGEST_IMAGE for side in (height, width)):
        values |= {"image_size": width, "image_height": None if height == width else height}
    return DataConfig.model_validate(values)


class DatasetFitController(QObject):
    """Reports in the Data panel, and once in a notification, that the open images do not fit, and what to do.

    Attributes
    ----------
    is_user_opening
        Whether the user opens images, and not a lesson, which trains a model for them next: else nothing is notified.
    """

    def __init__(
        self, session: Session, panel: DataPanel, notifications: Toasts, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.is_user_opening: Callable[[], bool] = lambda: True
        self._session, self._panel, self._notifications = session, panel, notifications
        self._text = ""
        self._notification: Notification | None = None
        session.datasetChanged.connect(self._show)
        session.modelChanged.connect(self._show)

    def _show(self) -> None:
        model, dataset = self._session.model, self._session.dataset
        text = ""
        if model is not None and dataset is not None:
            text = misfit(dataset.image_shape, model.image_shape)
            if not model.has_encoder:
                text = ""
            if not model.has_encoder and dataset.source != absolute_source(model.path or ""):
                text = "These images are not on the map: the open model has no encoder."
        self._panel.set_misfit(text)
        if text == self._text:
            return
        self._text = text
        if self._notification is not None:
            self._notification.withdraw()
        self._notification = self._notifications.notify("info", text) if text and self.is_user_opening() else None
