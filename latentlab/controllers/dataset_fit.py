"""Says when the open images do not fit the open model."""

from __future__ import annotations

from PySide6.QtCore import QObject

from latentlab.gui.panels.data import DataPanel
from latentlab.gui.panels.dataset_facts import misfit
from latentlab.gui.widgets.toasts import Notification, Toasts
from latentlab.state.session import Session


class DatasetFitController(QObject):
    """Says in the Data panel, and once in a notice, that images do not fit the model and what can be done."""

    def __init__(
        self, session: Session, panel: DataPanel, notifications: Toasts, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._panel, self._notifications = session, panel, notifications
        self._said = ""
        self._notice: Notification | None = None
        session.datasetChanged.connect(self._show)
        session.modelChanged.connect(self._on_model_changed)

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._show()

    def _show(self) -> None:
        model, dataset = self._session.model, self._session.dataset
        text = "" if model is None or dataset is None else misfit(dataset.image_shape, model.image_shape)
        self._panel.set_misfit(text)
        if text == self._said:
            return
        self._said = text
        if self._notice is not None:
            self._notice.withdraw()
        self._notice = self._notifications.notify("info", text) if text else None
