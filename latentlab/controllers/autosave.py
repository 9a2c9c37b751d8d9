"""Autosaves of the session: written while the window is open, and offered after a crash or a normal end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.controllers.session_restore import SessionRestorer
from latentlab.controllers.session_snapshot import SessionSnapshots
from latentlab.errors import LatentlabError, NewerFileError
from latentlab.gui.widgets.toasts import Actions, Notification, Toasts
from latentlab.paths import DEFAULT_MODEL
from latentlab.state.session import Session
from latentlab.storage import RunFolder
from latentlab.storage.board_file import KeptItem
from latentlab.storage.session_file import (
    SessionFile,
    abandoned_autosaves,
    autosave_path,
    last_session_path,
    read_session,
    release_autosave,
    set_aside,
    write_session,
)
from latentlab.storage.session_places import with_places
from latentlab.utils.text import format_epoch, pluralize

AUTOSAVE_SECONDS = 15
_WRITE_SECONDS = 2.0  # that a failing window waits for a running write to a slow disk before it writes itself
_OFFER_SECONDS = 30.0  # that the last session is offered on a card; then it is in the menu


class AutosaveController(QObject):
    """Autosaves the session, and offers saved ones.

    A window that closes normally removes its autosave, unless its Board has items that are saved nowhere else. One that
    is found at the start is from such a window, or from one that crashed, and is offered: Restore, Discard, or neither,
    which keeps it for the next start. A window that is closed during a run leaves one too, which the next start offers
    once. What was open when a window was closed is the last session, which can be opened again.

    Attributes
    ----------
    file, is_modified
        The session file that is open, empty for none, and whether it has not been saved: kept with every autosave.
    replaced
        What is kept instead of a session, such as one with a lesson's model.
    saved_board
        The items of the Board that are in a file of the user's own: closing the window loses nothing of them.

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
        snapshots: SessionSnapshots,
        restorer: SessionRestorer,
        notifications: Toasts,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._snapshots, self._restorer = session, snapshots, restorer
        self._notifications = notifications
        self.file, self.is_modified = "", False
        self.replaced: Callable[[SessionFile], SessionFile] = lambda session: session
        self._closing: SessionFile | None = None  # of a run that is being ended
        self._at_close: SessionFile | None = None
        self._written: SessionFile | None = None
        self.saved_board: tuple[KeptItem, ...] = ()  # in a file that the user has named
        self._writer = ThreadPoolExecutor(1, "latentlab-autosave")  # a disk may take long to confirm
        self._writing: Future[None] | None = None
        self._restored: list[tuple[Path, SessionFile]] = []  # autosaves that this window does not replace yet
        self._failure = ""  # the last message
        self._failure_notification: Notification | None = None
        self._last_offer: Notification | None = None
        self.autosaveFailed.connect(self._on_failed)
        self.autosaved.connect(self._on_saved)
        self._timer = QTimer(self)
        self._timer.setInterval(AUTOSAVE_SECONDS * 1000)
        self._timer.timeout.connect(self._autosave_in_thread)
        self._timer.start()
        session.runStateChanged.connect(self._autosave_in_thread)
        session.datasetChanged.connect(self._withdraw_last_offer)

    # --- saving ---------------------------------------------------------------------------------------

    def snapshot(self) -> SessionFile:
        """The session as it would be autosaved now."""
        update = {"file": self.file, "was_modified": self.is_modified}
        return self.replaced(self._snapshots.take()).model_copy(update=update)

    def save(self, path: Path) -> SessionFile:
        """Save the session to ``path`` and return it; raises ``LatentlabError`` when it cannot be written."""
        snapshot = self._snapshots.take()
        # A run that is active now is not started by opening the file.
        write_session(path, with_places(snapshot.model_copy(update={"run_was_live": False}), path.parent))
        self.saved_board = snapshot.board
        return snapshot

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
        """Remember what is open, and the active run, before the worker ends."""
        self._at_close = self.snapshot()
        self._closing = self._at_close if self._at_close.run_was_live else None

    def close(self) -> None:
        """Remove this window's autosave, or leave the one with which the next start can resume the run or the Board.

        What is open becomes the last session.
        """
        self._timer.stop()
        self._writer.shutdown()
        autosave_path().unlink(missing_ok=True)
        left = self._left_behind()
        try:
            if left is not None:
                write_session(autosave_path(), left)
        except (LatentlabError, OSError):
            pass  # a full disk: the run is still in its folder, and a restored autosave stays
        else:
            for path, _saved in self._restored:
                path.unlink(missing_ok=True)
        last = (self._at_close or self.snapshot()).model_copy(update={"run_was_live": False})
        if has_content(last):
            with contextlib.suppress(LatentlabError, OSError):
                write_session(last_session_path(), last)

    def _left_behind(self) -> SessionFile | None:
        """What the next start should offer: the run that was active, or a Board that was not saved."""
        if self._closing is not None and os.path.exists(RunFolder(self._closing.run_folder).checkpoint):
            return self._closing.model_copy(update={"closed_at": self._session.run.epoch})
        if not self._session.board.items:
            return None
        snapshot = self.snapshot()
        if not snapshot.board or snapshot.board == self.saved_board:
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
        if self._restorer.is_restoring:
            return None  # half of it: the last autosave has the whole
        snapshot = self.snapshot()
        return snapshot if has_content(snapshot) and snapshot != self._written else None

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
        self._remove_restored()

    # --- offering -------------------------------------------------------------------------------------

    def offer(self) -> bool:
        """Offer the autosaves of windows that crashed, or were closed with work in progress; whether there was one."""
        release_autosave()
        offered = False
        for path in abandoned_autosaves():
            saved = self._read(path, "An autosave")
            if saved is None:
                continue
            offered = True
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
        return offered

    def _read(self, path: Path, what: str) -> SessionFile | None:
        """A session that the program has written; one of a newer version stays as it is, a damaged one is renamed."""
        try:
            return read_session(path)
        except NewerFileError:
            self._notifications.notify("info", f"{what} is of a newer latentlab, which can open it; it stays: {path}")
        except LatentlabError as error:
            backup = set_aside(path)
            message = f"{what} could not be read and was kept as {backup}: {error}"
            self._notifications.notify("warning", message, important=True)
        return None

    def last_session(self) -> SessionFile | None:
        """What was open in the window that was closed last; ``None`` if that was nothing or cannot be read."""
        return self._read(last_session_path(), "The last session") if os.path.exists(last_session_path()) else None

    def offer_last(self) -> None:
        """Offer the last session on a card that disappears, unless it is what the program opens by itself."""
        saved = self.last_session()
        if saved is None or not _is_worth_offering(saved):
            return
        self._last_offer = self._notifications.notify(
            "info",
            f"The last window had {_contents(saved)} open.",
            actions=[("Reopen last session", partial(self.restore, saved))],
            seconds=_OFFER_SECONDS,
        )

    def reopen_last(self) -> bool:
        """Open the last session; whether there is one."""
        saved = self.last_session()
        if saved is not None:
            self.restore(saved)
        return saved is not None

    def _withdraw_last_offer(self) -> None:
        """Remove the offer: the user has opened something else."""
        if self._last_offer is not None:
            self._last_offer.withdraw()
            self._last_offer = None

    def _offer_to_resume(self, saved: SessionFile, epoch: float) -> None:
        run = RunFolder(saved.run_folder)
        if saved.run_config is None or not os.path.exists(run.checkpoint):
            return  # there is no checkpoint to resume from
        at = f"at {format_epoch(epoch, saved.run_config.training.epochs)}"
        actions: Actions = (("Resume", partial(self.restore, saved)), ("Dismiss", lambda: None))
        self._notifications.notify("info", f"The run {run.path.name} was closed {at}.", actions=actions)

    def _restore_from(self, path: Path, saved: SessionFile) -> None:
        self.restore(saved)
        if saved.board:
            self._restored.append((path, saved))
        else:
            path.unlink(missing_ok=True)

    def _remove_restored(self) -> None:
        """Remove restored autosaves whose Board is in this window's own: until then a crash would lose it."""
        written = self._written
        if written is None or self._restorer.is_restoring:
            return
        known = {item.id for item in written.board}
        for path, saved in list(self._restored):
            if known.issuperset(item.id for item in saved.board):
                path.unlink(missing_ok=True)
                self._restored.remove((path, saved))

    def restore(self, saved: SessionFile) -> None:
        """Restore an autosave: what is on the Board stays, before what the session adds."""
        self._withdraw_last_offer()
        self.saved_board = ()
        self._restorer.restore(saved)


def has_content(saved: SessionFile) -> bool:
    """Whether something is open in a session."""
    return bool(saved.model or saved.dataset or saved.board)


def _is_worth_offering(saved: SessionFile) -> bool:
    """Whether more was open than what the window opens by itself."""
    return bool(saved.dataset or saved.board or saved.path or saved.file) or saved.model not in ("", DEFAULT_MODEL)


def _contents(saved: SessionFile) -> str:
    """What a session had open, in words."""
    if saved.file:
        return Path(saved.file).name
    dataset = saved.dataset if len(saved.dataset) < _LONG else "images"
    return " and ".join(filter(None, (saved.model, dataset))) or pluralize(len(saved.board), "item")


_LONG = 200  # characters of a source: several of them


def _board_message(saved: SessionFile) -> str:
    items = pluralize(len(saved.board), "item")
    return f"The last window was closed with {items} on its Board. Restore its session?"


def _crash_message(saved: SessionFile) -> str:
    if saved.run_was_live:
        return f"latentlab ended unexpectedly while training into {saved.run_folder}. Restore the session and the run?"
    return f"latentlab ended unexpectedly with {saved.model or saved.dataset} open. Restore the session?"
