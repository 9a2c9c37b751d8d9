"""Autosaves of the session: written while the window is open, and offered after a crash."""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.controllers.training import TrainingController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import OpenDataset, OpenModel
from latentlab.errors import LatentlabError
from latentlab.gui.widgets.toasts import Actions, Notification, Toasts
from latentlab.state.board_entries import entries_of, entry_of_selection, items_of, order_fault, selection_of
from latentlab.state.map_axes import AxesChoice
from latentlab.state.selection import Selection
from latentlab.state.session import Session
from latentlab.storage import RunFolder
from latentlab.storage.board_file import KeptItem, KeptSelection
from latentlab.storage.session_file import (
    SessionFile,
    abandoned_autosaves,
    autosave_path,
    read_session,
    session_of,
    set_aside,
    write_session,
)
from latentlab.utils.array_rules import LARGEST_COORDINATE
from latentlab.utils.text import format_epoch, pluralize

AUTOSAVE_SECONDS = 15
_WRITE_SECONDS = 2.0  # that a failing window waits for a running write to a slow disk before it writes itself


class AutosaveController(QObject):
    """Autosaves the session, and restores saved ones.

    A window that closes normally removes its autosave, unless its Board has items that are saved nowhere else. One that
    is found at the start is from such a window, or from one that crashed, and is offered: Restore, Discard, or neither,
    which keeps it for the next start. A window that is closed during a run leaves one too, which the next start offers
    once.

    Signals
    -------
    autosaveFailed(message)
        The autosave could not be written.
    autosaved
        It was written.
    """

    autosaveFailed = Signal(str)
    autosaved = Signal()

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        training: TrainingController,
        notifications: Toasts,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._training = session, engine, training
        self._notifications = notifications
        self._pending: SessionFile | None = None
        self._closing: SessionFile | None = None
        self._written: SessionFile | None = None
        self._pending_selection: Selection | None = None  # until its images are encoded
        self._kept_selection: tuple[Selection | None, KeptSelection | None] = (None, None)  # packed once
        self._saved_board: tuple[KeptItem, ...] = ()  # in a file that the user has named
        self._writer = ThreadPoolExecutor(1, "latentlab-autosave")  # a disk may take long to confirm
        self._writing: Future[None] | None = None
        self._failure = ""  # the last message
        self._left_out: tuple[str, ...] = ()  # of the session, because it cannot be kept
        self._failure_notification: Notification | None = None
        self.autosaveFailed.connect(self._on_failed)
        self.autosaved.connect(self._on_saved)
        self._timer = QTimer(self)
        self._timer.setInterval(AUTOSAVE_SECONDS * 1000)
        self._timer.timeout.connect(self._autosave_in_thread)
        self._timer.start()
        session.runStateChanged.connect(self._autosave_in_thread)
        session.modelChanged.connect(self._on_model_changed)
        session.datasetChanged.connect(self._on_dataset_changed)
        session.pointsChanged.connect(self._select_pending)
        session.selectionChanged.connect(self._on_selection_changed)

    # --- saving ---------------------------------------------------------------------------------------

    def snapshot(self) -> SessionFile:
        """The session as it would be saved now; notifies once of what cannot be kept."""
        session = self._session
        board, too_large = entries_of(session.board.items)
        selection, too_many = self._selection_entry()
        snapshot, left_out = session_of({
            "model": "" if session.model is None else session.model.source,
            "dataset": "" if session.dataset is None else session.dataset.source,
            "data": session.data_config if session.dataset is None else session.dataset.config,
            "latent": tuple(session.latent.clip(-LARGEST_COORDINATE, LARGEST_COORDINATE).tolist()),
            "label": session.label,
            "axes": (session.axes.x, session.axes.y),
            "colour_by": session.colour_by,
            "selection": selection,
            "board": board,
            "locked": tuple(sorted(session.locked)),
            "dimension_names": tuple(sorted(session.names.items())),
            "run_folder": session.run_folder,
            "run_config": session.run.config,
            "run_was_live": session.run_is_active,
        })  # fmt: skip
        left_out = (*left_out, *too_large, *too_many)
        if left_out != self._left_out:
            self._left_out = left_out
            for fault in left_out:
                self._notifications.notify("warning", f"A part of the session is not saved: {fault}.", important=True)
        return snapshot

    def _selection_entry(self) -> tuple[KeptSelection | None, tuple[str, ...]]:
        """The selected images as they are saved, and why they cannot be."""
        selection = self._session.selection or self._pending_selection
        if selection is not self._kept_selection[0]:
            self._kept_selection = selection, None if selection is None else entry_of_selection(selection)
        entry = self._kept_selection[1]
        if selection is None:
            return None, ()
        fault = "the selection cannot be kept: it is too large" if entry is None else order_fault(selection, entry)
        return entry, (fault,) if fault else ()

    def save(self, path: Path) -> None:
        """Save the session to ``path``; raises ``LatentlabError`` when it cannot be written."""
        snapshot = self.snapshot()
        write_session(path, snapshot)
        self._saved_board = snapshot.board

    def autosave(self) -> None:
        """Save now, in case this window crashes; does nothing without changes."""
        snapshot = self._unsaved()
        if snapshot is None:
            return
        if self._writing is not None:
            wait([self._writing], _WRITE_SECONDS)  # or the older one might be written last
        try:
            write_session(autosave_path(), snapshot)
        except (LatentlabError, OSError) as error:
            self._on_failed(str(error))
            return
        self._written = snapshot
        self._on_saved()

    def note_closing(self) -> None:
        """Remember the active run before the worker ends it: the next start offers to resume it."""
        self._closing = self.snapshot() if self._session.run_is_active else None

    def close(self) -> None:
        """Remove this window's autosave, or leave the one with which the next start can resume the run or the Board."""
        self._timer.stop()
        self._writer.shutdown()
        autosave_path().unlink(missing_ok=True)
        left = self._left_behind()
        if left is not None:
            with contextlib.suppress(LatentlabError, OSError):  # a full disk: the run is still in its folder
                write_session(autosave_path(), left)

    def _left_behind(self) -> SessionFile | None:
        """What the next start should offer: the run that was active, or a Board that was not saved."""
        if self._closing is not None and os.path.exists(RunFolder(self._closing.run_folder).checkpoint):
            return self._closing.model_copy(update={"closed_at": self._session.run.epoch})
        if not self._session.board.items:
            return None
        snapshot = self.snapshot()
        if not snapshot.board or snapshot.board == self._saved_board:
            return None
        return snapshot.model_copy(update={"was_closed": True, "run_was_live": False})

    def _autosave_in_thread(self) -> None:
        """Save in the writer's thread."""
        snapshot = self._unsaved()
        if snapshot is not None:
            self._written = snapshot
            self._writing = self._writer.submit(self._write, snapshot)

    def _unsaved(self) -> SessionFile | None:
        """The session, if something is open and it has changed since it was saved."""
        snapshot = self.snapshot()
        has_content = bool(snapshot.model or snapshot.dataset or snapshot.board)
        return snapshot if has_content and snapshot != self._written else None

    def _write(self, snapshot: SessionFile) -> None:
        """Write an autosave, in the writer's thread."""
        try:
            write_session(autosave_path(), snapshot)
        except (LatentlabError, OSError) as error:
            self.autosaveFailed.emit(str(error))
        else:
            self.autosaved.emit()

    def _on_failed(self, message: str) -> None:
        """Notify once; saving is tried again."""
        self._written = None
        message = f"The session cannot be autosaved: {message}"
        if message != self._failure:
            self._on_saved()
            self._failure = message
            self._failure_notification = self._notifications.notify("warning", message, important=True)

    def _on_saved(self) -> None:
        self._failure = ""
        if self._failure_notification is not None:
            self._failure_notification.withdraw()
            self._failure_notification = None

    # --- restoring ------------------------------------------------------------------------------------

    def offer(self) -> None:
        """Offer the autosaves of windows that crashed."""
        for path in abandoned_autosaves():
            try:
                saved = read_session(path)
            except LatentlabError as error:
                backup = set_aside(path)
                self._notifications.notify(
                    "warning", f"An autosave could not be read and was kept as {backup}: {error}", important=True
                )
                continue
            if saved.closed_at is not None:
                path.unlink(missing_ok=True)
                self._offer_to_resume(saved, saved.closed_at)
                continue
            self._notifications.notify(
                "info" if saved.was_closed else "warning",
                _board_message(saved) if saved.was_closed else _crash_message(saved),
                actions=[
                    ("Restore", partial(self._restore_from, path, saved)),
                    ("Discard", partial(path.unlink, True)),
                ],
                important=True,  # what opens with the window has messages of its own, and this is saved nowhere else
            )

    def _offer_to_resume(self, saved: SessionFile, epoch: float) -> None:
        run = RunFolder(saved.run_folder)
        if saved.run_config is None or not os.path.exists(run.checkpoint):
            return  # there is no checkpoint to resume from
        at = f"at {format_epoch(epoch, saved.run_config.training.epochs)}"
        actions: Actions = (("Resume", partial(self.restore, saved)), ("Dismiss", lambda: None))
        self._notifications.notify("info", f"The run {run.path.name} was closed {at}.", actions=actions)

    def _restore_from(self, path: Path, saved: SessionFile) -> None:
        self.restore(saved)
        path.unlink(missing_ok=True)

    def restore(self, saved: SessionFile, *, is_saved: bool = False) -> None:
        """Open the model and dataset of a saved session; its latent is set when the model is open.

        What is on the Board already stays there, before what the session adds. ``is_saved`` says that the session is
        in a file of the user's own, so that closing the window loses nothing of its Board.
        """
        self._pending = saved
        board = self._session.board
        self._saved_board = saved.board if is_saved and not board.items else ()
        known = {item.id for item in board.items}
        board.set_items(board.with_added(*(item for item in items_of(saved.board) if item.id not in known)))
        self._pending_selection = None if saved.selection is None else selection_of(saved.selection)
        self._select_pending()
        self._session.set_colour_by(saved.colour_by)
        if saved.model:
            self._engine.request(OpenModel(saved.model))
        if saved.dataset:
            self._session.data_config = saved.data
            self._engine.request(OpenDataset(saved.dataset, saved.data))

    def _on_model_changed(self, is_new_model: bool) -> None:
        saved, session = self._pending, self._session
        if not is_new_model or saved is None or session.model is None or session.model.source != saved.model:
            return
        if len(saved.latent) == session.model.latent_dim:
            session.set_latent(saved.latent)
            session.set_axes(AxesChoice(*saved.axes))
            for dimension in saved.locked:
                session.set_locked(dimension, True)
        for dimension, name in saved.dimension_names:
            session.dimension_names.set_name(saved.model, dimension, name)
        if saved.label is not None and session.model.conditional and saved.label < len(session.model.classes):
            session.set_label(saved.label)
        if not saved.run_was_live:
            self._pending = None

    def _select_pending(self) -> None:
        """Select the images of the saved session once they are encoded."""
        points, selection = self._session.points, self._pending_selection
        if points is not None and selection is not None and selection.fingerprint == points.fingerprint:
            self._session.set_selection(selection)

    def _on_selection_changed(self) -> None:
        self._pending_selection = None  # selected now, or the user has selected other images

    def _on_dataset_changed(self) -> None:
        saved = self._pending
        if saved is None or not saved.run_was_live or saved.run_config is None or self._session.dataset is None:
            return
        if self._session.dataset.source == saved.dataset:
            self._pending = None
            self._training.start(saved.run_config, saved.run_folder, resume=True)


def _board_message(saved: SessionFile) -> str:
    items = pluralize(len(saved.board), "item")
    return f"The last window was closed with {items} on its Board. Restore its session?"


def _crash_message(saved: SessionFile) -> str:
    if saved.run_was_live:
        return f"latentlab ended unexpectedly while training into {saved.run_folder}. Restore the session and the run?"
    return f"latentlab ended unexpectedly with {saved.model or saved.dataset} open. Restore the session?"
