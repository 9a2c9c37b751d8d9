"""Opening images: the Data panel's wishes to the engine, and what was found back to the panel."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from latentlab.config import DataConfig
from latentlab.engine.client import EngineClient
from latentlab.engine.messages import (
    CancelLoading,
    DatasetOpened,
    DatasetProgress,
    EncodeDataset,
    Failed,
    OpenDataset,
)
from latentlab.gui.data_panel import DataPanel
from latentlab.gui.status import Status
from latentlab.session import Session


class DataController(QObject):
    """Opens datasets in the worker, and tells panel and status line how far that is.

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
        status: Status,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._panel, self._status = session, engine, panel, status
        panel.openRequested.connect(self.open)
        panel.cancelRequested.connect(self.cancel)
        status.cancelRequested.connect(self.cancel)
        engine.datasetProgress.connect(self._on_progress)
        engine.datasetOpened.connect(self._on_opened)
        engine.datasetCancelled.connect(self._settle)
        engine.failed.connect(self._on_failed)

    def open(self, source: str, config: DataConfig | None = None) -> None:
        """Open a folder, a dataset file or ``demo:…``; what is open stays until that succeeds."""
        self._session.data_config = config or self._panel.config()
        self._show(f"Opening {source}", 0, 0)
        self._engine.request(OpenDataset(source, self._session.data_config))

    def cancel(self) -> None:
        """Give up what is being opened."""
        self._engine.request(CancelLoading())

    def _show(self, message: str, done: int, total: int) -> None:
        self._panel.set_progress(message, done, total)
        self._status.set_message(message)
        self._status.set_progress(done / total if total else None, busy=not total, cancellable=True)

    def _on_progress(self, progress: DatasetProgress) -> None:
        self._show(progress.message, progress.done, progress.total)

    def _on_opened(self, result: DatasetOpened) -> None:
        self._settle()
        self._session.set_dataset(result.info)
        self._panel.set_info(result.info)
        self._panel.set_contact_sheet(result.contact_sheet)
        self.opened.emit(result.info.source)
        self._put_on_map()

    def _put_on_map(self) -> None:
        """Encode the images with the live model where it takes their shape; a run encodes them by itself."""
        session = self._session
        if session.model is None or session.dataset is None or session.run_is_live:
            return
        if session.model.image_shape == session.dataset.image_shape:
            self._engine.request(EncodeDataset())

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == OpenDataset.__name__:
            self._settle()

    def _settle(self, _result: object = None) -> None:
        self._panel.set_progress("")
        self._status.set_message("Ready")
        self._status.set_progress(None)
