"""Nothing is lost: the session is saved while the window lives, and offered again when it died."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.controllers.training import TrainingController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import OpenDataset, OpenModel
from latentlab.errors import LatentlabError
from latentlab.gui.widgets.toasts import Actions, Notification, Toasts
from latentlab.state.session import AxesChoice, Session
from latentlab.storage import RunFolder
from latentlab.storage.session_file import (
    SessionFile,
    abandoned_autosaves,
    autosave_path,
    read_session,
    set_aside,
    write_session,
)

AUTOSAVE_SECONDS = 15
_PATIENCE = 2.0  # seconds for a slow disk before a window that is failing writes beside it


class AutosaveController(QObject):
    """Autosaves the session, saves it where the user says, and restores it.

    The autosave of a window that ended well is removed; one that is found at the start belongs to a window that
    did not, and is offered: Restore, Discard, or neither, which keeps it for the next start. A window that is closed
    in the midst of a run leaves one too, which the next start offers once.

    Signals
    -------
    autosaveFailed(message)
        The disk did not take it.
    autosaved
        The disk took it.
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
        self._writer = ThreadPoolExecutor(1, "latentlab-autosave")  # a disk may take long to say that it has it
        self._writing: Future[None] | None = None
        self._failure = ""  # as it was last said
        self._failure_card: Notification | None = None
        self.autosaveFailed.connect(self._on_failed)
        self.autosaved.connect(self._on_saved)
        self._timer = QTimer(self)
        self._timer.setInterval(AUTOSAVE_SECONDS * 1000)
        self._timer.timeout.connect(self._autosave_beside)
        self._timer.start()
        session.runStateChanged.connect(self._autosave_beside)
        session.modelChanged.connect(self._on_model_changed)
        session.datasetChanged.connect(self._on_dataset_changed)

    # --- saving ---------------------------------------------------------------------------------------

    def snapshot(self) -> SessionFile:
        """The session as it would be saved now."""
        session = self._session
        return SessionFile(
            model="" if session.model is None else session.model.source,
            dataset="" if session.dataset is None else session.dataset.source,
            data=session.data_config if session.dataset is None else session.dataset.config,
            latent=tuple(session.latent.tolist()),
            label=session.label,
            axes=(session.axes.x, session.axes.y),
            locked=tuple(sorted(session.locked)),
            run_folder=session.run_folder,
            run_config=session.run.config,
            run_was_live=session.run_is_active,
        )

    def save(self, path: Path) -> None:
        """Save the session where the user chose; raises ``LatentlabError`` when the disk does not take it."""
        write_session(path, self.snapshot())

    def autosave(self) -> None:
        """Save now, for the case that this window dies; silent when nothing changed."""
        snapshot = self._unsaved()
        if snapshot is None:
            return
        if self._writing is not None:
            wait([self._writing], _PATIENCE)  # or the older one might come last
        try:
            write_session(autosave_path(), snapshot)
        except (LatentlabError, OSError) as error:
            self._on_failed(str(error))
            return
        self._written = snapshot
        self._on_saved()

    def note_closing(self) -> None:
        """Remember the run that is live, before the worker ends it: the next start offers to go on with it."""
        self._closing = self.snapshot() if self._session.run_is_active else None

    def close(self) -> None:
        """Remove this window's autosave: it ends well; or leave what the next start is to go on with."""
        self._timer.stop()
        self._writer.shutdown()
        autosave_path().unlink(missing_ok=True)
        if self._closing is None or not RunFolder(self._closing.run_folder).checkpoint.exists():
            return
        left = self._closing.model_copy(update={"closed_at": self._session.run.epoch})
        with contextlib.suppress(LatentlabError, OSError):  # a full disk: the run is in its folder all the same
            write_session(autosave_path(), left)

    def _autosave_beside(self) -> None:
        """Save beside the event loop."""
        snapshot = self._unsaved()
        if snapshot is not None:
            self._written = snapshot
            self._writing = self._writer.submit(self._write, snapshot)

    def _unsaved(self) -> SessionFile | None:
        """The session, if it has changed since it was saved and something is open."""
        snapshot = self.snapshot()
        return snapshot if snapshot != self._written and (snapshot.model or snapshot.dataset) else None

    def _write(self, snapshot: SessionFile) -> None:
        """In the writer's thread."""
        try:
            write_session(autosave_path(), snapshot)
        except (LatentlabError, OSError) as error:
            self.autosaveFailed.emit(str(error))
        else:
            self.autosaved.emit()

    def _on_failed(self, message: str) -> None:
        """Say so once; it is tried again."""
        self._written = None
        told = f"The session cannot be autosaved: {message}"
        if told != self._failure:
            self._on_saved()
            self._failure, self._failure_card = told, self._notifications.notify("warning", told)

    def _on_saved(self) -> None:
        self._failure = ""
        if self._failure_card is not None:
            self._failure_card.withdraw()
            self._failure_card = None

    # --- restoring ------------------------------------------------------------------------------------

    def offer(self) -> None:
        """Offer what windows that died have left."""
        for path in abandoned_autosaves():
            try:
                saved = read_session(path)
            except LatentlabError as error:
                backup = set_aside(path)
                self._notifications.notify(
                    "warning", f"An autosave could not be read and was kept as {backup}: {error}"
                )
                continue
            if saved.closed_at is not None:
                path.unlink(missing_ok=True)
                self._offer_to_go_on(saved, saved.closed_at)
                continue
            self._notifications.notify(
                "warning",
                _what_was_lost(saved),
                actions=[("Restore", partial(self._take_over, path, saved)), ("Discard", partial(path.unlink, True))],
            )

    def _offer_to_go_on(self, saved: SessionFile, epoch: float) -> None:
        run = RunFolder(saved.run_folder)
        if saved.run_config is None or not run.checkpoint.exists():
            return  # nothing is left to go on with
        at = f"at epoch {epoch:.0f} of {saved.run_config.training.epochs}"
        actions: Actions = (("Go on", partial(self.restore, saved)), ("Dismiss", lambda: None))
        self._notifications.notify("info", f"The run {run.path.name} was closed {at}.", actions=actions)

    def _take_over(self, path: Path, saved: SessionFile) -> None:
        self.restore(saved)
        path.unlink(missing_ok=True)

    def restore(self, saved: SessionFile) -> None:
        """Open again what a saved session names; the hand's place follows when the model is there."""
        self._pending = saved
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
        if saved.label is not None and session.model.conditional and saved.label < len(session.model.classes):
            session.set_label(saved.label)
        if not saved.run_was_live:
            self._pending = None

    def _on_dataset_changed(self) -> None:
        saved = self._pending
        if saved is None or not saved.run_was_live or saved.run_config is None or self._session.dataset is None:
            return
        if self._session.dataset.source == saved.dataset:
            self._pending = None
            self._training.start(saved.run_config, saved.run_folder, resume=True)


def _what_was_lost(saved: SessionFile) -> str:
    if saved.run_was_live:
        return f"latentlab ended while it trained into {saved.run_folder}. Restore the session and go on training?"
    return f"latentlab ended unexpectedly with {saved.model or saved.dataset} open. Restore the session?"
