"""Opening images: the Data panel's wishes to the engine, and what was found back to the panel."""

from __future__ import annotations

from PySide6.QtCore import QObject

from latentlab.config import DataConfig
from latentlab.engine.client import EngineClient
from latentlab.engine.messages import (
    CancelLoading,
    DatasetOpened,
    DatasetProgress,
    EncodeDataset,
    EncodeImage,
    OpenDataset,
)
from latentlab.gui.data_panel import DataPanel
from latentlab.gui.status import StatusLine
from latentlab.session import Session


class DataController(QObject):
    """Opens datasets in the worker and tells panel and status line how far that is."""

    def __init__(
        self, session: Session, engine: EngineClient, panel: DataPanel, status: StatusLine, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._panel, self._status = session, engine, panel, status
        panel.openRequested.connect(self.open)
        panel.cancelRequested.connect(self.cancel)
        panel.encodeRequested.connect(self.encode)
        engine.datasetProgress.connect(self._on_progress)
        engine.datasetOpened.connect(self._on_opened)
        engine.datasetCancelled.connect(self._on_cancelled)
        engine.failed.connect(self._on_failed)

    def open(self, source: str, config: DataConfig | None = None) -> None:
        """Open a folder, a dataset file or ``demo:…``; what is open stays until that succeeds."""
        self._session.data_config = config or self._panel.config()
        self._panel.set_source(source)
        self._panel.set_progress(f"Opening {source}", 0, 0)
        self._engine.request(OpenDataset(source, self._session.data_config))

    def cancel(self) -> None:
        """Give up what is being opened."""
        self._engine.request(CancelLoading())

    def encode(self) -> None:
        """Put the open dataset on the map, through the live model."""
        self._engine.request(EncodeDataset())

    def encode_image(self, path: str) -> None:
        """Encode one image file with the live model."""
        self._engine.request(EncodeImage(path))

    def _on_progress(self, progress: DatasetProgress) -> None:
        self._panel.set_progress(progress.message, progress.done, progress.total)
        self._status.set_message(progress.message, progress.done, progress.total)

    def _on_opened(self, result: DatasetOpened) -> None:
        self._settle()
        self._session.set_dataset(result.info)
        self._panel.set_info(result.info)
        self._panel.set_contact_sheet(result.contact_sheet)

    def _on_cancelled(self, _result: object) -> None:
        self._settle()

    def _on_failed(self, failure: object) -> None:
        if getattr(failure, "request", "") in ("OpenDataset", "EncodeDataset"):
            self._settle()

    def _settle(self) -> None:
        dataset = self._session.dataset
        self._panel.set_source("" if dataset is None else dataset.source)
        self._panel.clear_progress()
        self._status.clear_message()
