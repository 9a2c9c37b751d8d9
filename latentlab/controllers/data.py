"""Opening images: the Data panel's wishes to the engine, and what was found back to the panel."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from latentlab.config import DataConfig
from latentlab.config.events import Finished
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    ByteArray,
    CancelLoading,
    DatasetOpened,
    DatasetPreview,
    DatasetProgress,
    EncodeDataset,
    Failed,
    OpenDataset,
    PointsChanged,
    PreviewDataset,
)
from latentlab.gui.panels.data import DataPanel
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.session import Session

_LOADING = "loading"  # the activity of opening or encoding images


class DataController(QObject):
    """Opens datasets in the worker, and shows in panel and status line how far that is.

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
        self._sheet: ByteArray | None = None  # of the open dataset
        panel.openRequested.connect(self.open)
        panel.previewRequested.connect(self._preview)
        panel.cancelRequested.connect(self.cancel)
        engine.datasetProgress.connect(self._on_progress)
        engine.datasetPreview.connect(self._on_preview)
        engine.datasetOpened.connect(self._on_opened)
        engine.datasetCancelled.connect(self._give_up)
        engine.pointsChanged.connect(self._on_points)
        engine.trainingFinished.connect(self._on_training_finished)
        engine.failed.connect(self._on_failed)
        engine.workerLost.connect(self._stop_encoding)
        session.modelChanged.connect(self._stop_encoding)

    def open(self, source: str, config: DataConfig | None = None) -> None:
        """Open a folder, a dataset file or ``demo:…``; what is open stays until that succeeds."""
        if config is not None:
            self._panel.set_config(config)
        self._session.data_config = config or self._panel.config()
        self._opening = source
        self._show(f"Opening {source}", 0, 0)
        self._engine.request(OpenDataset(source, self._session.data_config))

    def cancel(self) -> None:
        """Give up what is being opened."""
        self._engine.request(CancelLoading())

    def _preview(self, source: str, config: DataConfig) -> None:
        if not self._opening:  # whose own images come first
            self._engine.request(PreviewDataset(source, config))

    def _on_preview(self, preview: DatasetPreview) -> None:
        """Show the first images of what is being opened, or the open ones as the controls would read them."""
        if preview.source == self._opening:
            self._panel.set_contact_sheet(preview.contact_sheet)
        elif not self._opening and self._is_open(preview.source):
            self._panel.set_preview(preview.contact_sheet, preview.image_shape)

    def _is_open(self, source: str) -> bool:
        return self._session.dataset is not None and self._session.dataset.source == source

    def _show(self, message: str, done: int, total: int) -> None:
        self._panel.set_progress(message, done, total)
        fraction = done / total if total else None
        self._activity.begin(_LOADING, ActivityEntry(message, fraction, is_busy=not total, cancel=self.cancel))

    def _on_progress(self, progress: DatasetProgress) -> None:
        self._show(progress.message, progress.done, progress.total)

    def _on_opened(self, result: DatasetOpened) -> None:
        self._settle()
        self._session.set_dataset(result.info)
        self._panel.set_info(result.info)
        self._sheet = result.contact_sheet
        self._panel.set_contact_sheet(self._sheet)
        self.opened.emit(result.info.source)
        self._put_on_map()

    def _put_on_map(self) -> None:
        """Encode the images with the live model where it takes their shape; a run encodes them by itself."""
        session = self._session
        if session.model is None or session.dataset is None or session.run_is_live:
            return
        if session.model.image_shape == session.dataset.image_shape:
            self._encode()

    def _on_training_finished(self, _event: Finished) -> None:
        """A run that is over has put on the map what its model file keeps; the other images follow."""
        dataset, points = self._session.dataset, self._session.points
        if dataset is not None and points is not None and len(points.mean) < dataset.images:
            self._encode()

    def _encode(self) -> None:
        self._engine.request(EncodeDataset())

    def _on_points(self, _points: PointsChanged) -> None:
        self._stop_encoding()

    def _stop_encoding(self, _result: object = None) -> None:
        """The points are there, or those that are being computed belong to a model that is replaced."""
        if not self._opening:
            self._settle()

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == OpenDataset.__name__:
            self._give_up()
        elif failure.request == EncodeDataset.__name__:
            self._settle()

    def _give_up(self, _result: object = None) -> None:
        """What was open stays, and is shown again."""
        self._settle()
        self._panel.set_contact_sheet(self._sheet)

    def _settle(self) -> None:
        self._opening = ""
        self._panel.set_progress("")
        self._activity.end(_LOADING)
