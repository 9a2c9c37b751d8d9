"""Restoring a saved session: its model and images are opened, and the rest is set as soon as they are there."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from latentlab.controllers.session_parts import MapPart, SessionPart
from latentlab.controllers.session_snapshot import SessionSnapshots
from latentlab.controllers.training import TrainingController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Failed, OpenDataset, OpenModel
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.board_entries import items_of, selection_of
from latentlab.state.map_axes import AxesChoice
from latentlab.state.path_style import PathStyle
from latentlab.state.session import Session
from latentlab.storage.board_file import KeptItem, floats
from latentlab.storage.session_file import SessionFile

_PATIENCE = 60.0  # seconds; the user may have opened something else, so that the rest never comes


class SessionRestorer(QObject):
    """Opens what a saved session had open, and sets its latent, axes, path and the other parts when the model is open.

    Signals
    -------
    begun(saved)
        A `SessionFile` is being restored.
    restored
        Model and images of the session are open, or could not be opened, and everything else is set.
    """

    begun = Signal(object)
    restored = Signal()

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        training: TrainingController,
        snapshots: SessionSnapshots,
        parts: Sequence[SessionPart] = (),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._training, self._snapshots = session, engine, training, snapshots
        self._parts = tuple(parts)
        self._model: SessionFile | None = None  # until its model is open
        self._dataset: SessionFile | None = None  # until its images are open
        self._view: SessionFile | None = None  # until the map has the points of its model
        self._is_announced, self._begun_at = True, 0.0
        self._settled = Debouncer(0, self._announce, self)  # after everything that follows in the same iteration
        session.modelChanged.connect(self._on_model_changed)
        session.datasetChanged.connect(self._on_dataset_changed)
        session.pointsChanged.connect(self._select_pending)
        session.selectionChanged.connect(self._on_selection_changed)
        session.changed.connect(self._show_view)  # after the map, which chooses a view for the first points of a model
        engine.failed.connect(self._on_failed)
        engine.datasetCancelled.connect(lambda _result: self._on_dataset_gone())

    @property
    def is_restoring(self) -> bool:
        """Whether something of a saved session has not been opened yet, and was asked for not long ago."""
        return not self._is_announced and time.monotonic() - self._begun_at < _PATIENCE

    def restore(self, saved: SessionFile, replaced: Sequence[KeptItem] = ()) -> int:
        """Restore a session.

        What is on the Board stays there, before what the session adds, except for the items ``replaced``, which are
        saved elsewhere.

        Returns
        -------
        int
            The number of items that stayed and are not in the session.
        """
        self.begun.emit(saved)
        self._model = saved if saved.model else None
        self._dataset = saved if saved.dataset else None
        self._view = None
        self._is_announced, self._begun_at = False, time.monotonic()
        stayed = self._restore_board(saved, replaced)
        self._snapshots.pending_selection = None if saved.selection is None else selection_of(saved.selection)
        self._select_pending()
        self._session.set_colour_by(saved.colour_by)
        if saved.dataset:
            self._session.data_config = saved.data
        if saved.model:
            self._engine.request(OpenModel(saved.model))
        else:
            self._restore_parts(saved)
        if saved.dataset:
            self._engine.request(OpenDataset(saved.dataset, saved.data))
        self._check_settled()
        return stayed

    def _restore_board(self, saved: SessionFile, replaced: Sequence[KeptItem]) -> int:
        board = self._session.board
        gone = {item.id for item in replaced}
        kept = [item for item in board.items if item.id not in gone]
        known = {item.id for item in kept}
        board.set_items(kept)
        board.set_items(board.with_added(*(item for item in items_of(saved.board) if item.id not in known)))
        return len(known - {item.id for item in saved.board})

    # --- the model ------------------------------------------------------------------------------------

    def _on_model_changed(self, is_new_model: bool) -> None:
        saved, session = self._model, self._session
        if not is_new_model or saved is None or session.model is None or session.model.source != saved.model:
            return
        self._model = None
        if len(saved.latent) == session.model.latent_dim:
            self._restore_latent(saved)
        for dimension, name in saved.dimension_names:
            session.dimension_names.set_name(saved.model, dimension, name)
        if saved.label is not None and session.model.conditional and saved.label < len(session.model.classes):
            session.set_label(saved.label)
        self._restore_parts(saved)
        self._check_settled()

    def _restore_latent(self, saved: SessionFile) -> None:
        session = self._session
        if saved.level < len(session.layout.levels):
            session.set_level(saved.level)
        session.set_latent(saved.latent)
        session.set_axes(AxesChoice(*saved.axes))
        for dimension in saved.locked:
            session.set_locked(dimension, True)
        path = saved.path
        if path is not None and path.latent_dim == len(saved.latent):
            session.set_path_style(PathStyle(path.interpolation, path.is_closed, path.is_even))
            session.set_path(floats(path.waypoints).reshape(-1, path.latent_dim))

    def _restore_parts(self, saved: SessionFile) -> None:
        self._view = saved
        for part in self._parts:
            part.restore(saved)

    def _show_view(self) -> None:
        """Show the saved view again once the map has chosen one for the first points of the model."""
        if self._view is None or self._session.points is None:
            return
        saved, self._view = self._view, None
        for part in self._parts:
            if isinstance(part, MapPart):
                part.show_view(saved)

    # --- the images -----------------------------------------------------------------------------------

    def _select_pending(self) -> None:
        """Select the images of the saved session once they are encoded."""
        points, selection = self._session.points, self._snapshots.pending_selection
        if points is not None and selection is not None and selection.fingerprint == points.fingerprint:
            self._session.set_selection(selection)

    def _on_selection_changed(self) -> None:
        self._snapshots.pending_selection = None  # selected now, or the user has selected other images

    def _on_dataset_changed(self) -> None:
        saved, dataset = self._dataset, self._session.dataset
        if saved is None or dataset is None or dataset.source != saved.dataset:
            return
        self._dataset = None
        if saved.run_was_live and saved.run_config is not None:
            self._training.start(saved.run_config, saved.run_folder, resume=True)
        self._check_settled()

    def _on_dataset_gone(self) -> None:
        self._dataset = None
        self._check_settled()

    # --- the end --------------------------------------------------------------------------------------

    def _on_failed(self, failure: Failed) -> None:
        """Leave out what could not be opened; a notification says why."""
        if failure.request == OpenModel.__name__ and self._model is not None:
            saved, self._model = self._model, None
            self._restore_parts(saved)
            self._check_settled()
        elif failure.request == OpenDataset.__name__ and self._dataset is not None:
            self._on_dataset_gone()

    def _check_settled(self) -> None:
        if not self._is_announced and self._model is None and self._dataset is None:
            self._settled.throttle()

    def _announce(self) -> None:
        if not self._is_announced and self._model is None and self._dataset is None:
            self._is_announced = True
            self.restored.emit()
