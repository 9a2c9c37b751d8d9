"""The session as a document: a file that is opened, saved and saved under another name, and the window's title."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from latentlab.controllers.autosave import AutosaveController
from latentlab.controllers.background import Background
from latentlab.controllers.session_parts import SessionPart
from latentlab.controllers.session_restore import SessionRestorer
from latentlab.controllers.session_snapshot import is_same_content
from latentlab.errors import LatentlabError
from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.dialogs import ask, ask_for_missing
from latentlab.state.board_entries import entries_of
from latentlab.state.session import Session
from latentlab.storage.session_file import SUFFIX, SessionFile, read_session
from latentlab.storage.session_places import MissingSource, Move, located, without

SESSION_KINDS = f"Sessions (*{SUFFIX})"
COMPARE_MS = 500
"""Between comparisons of the session with what was saved."""
WATCH_SECONDS = 15
Signature = tuple[int, int] | None
"""Time and size of a file; ``None`` if there is none."""


class SessionDocumentController(QObject):
    """Opens and saves session files, and shows the name of the open one and whether it was modified.

    Signals
    -------
    opened(path)
        A session file was opened or written; for the recent files.
    looked
        It was looked whether the file is as it was left.
    """

    opened = Signal(str)
    looked = Signal()

    def __init__(
        self,
        session: Session,
        autosave: AutosaveController,
        restorer: SessionRestorer,
        window: MainWindow,
        parts: tuple[SessionPart, ...] = (),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._autosave, self._restorer, self._window = session, autosave, restorer, window
        self._saved: SessionFile | None = None  # the session as its file has it
        self._signature: Signature = None  # of the file when it was read or written
        self._told: Signature = None  # of the file when its change by others was said
        self._is_own = False  # the session that is being restored comes from the file that is being opened
        self._compare = Debouncer(COMPARE_MS, self._show_modified, self)
        self._disk = Background(self._on_signature, self)
        self._watch = QTimer(self)
        self._watch.setInterval(WATCH_SECONDS * 1000)
        self._watch.timeout.connect(self.look)
        a = window.actions_
        a.open_session.triggered.connect(self._on_open)
        a.save_session.triggered.connect(self.save)
        a.save_session_as.triggered.connect(self._on_save_as)
        a.reopen_session.triggered.connect(self._on_reopen)
        restorer.begun.connect(self._on_begun)
        restorer.restored.connect(self._on_restored)
        session.changed.connect(self._compare.throttle)
        for part in parts:
            part.changed.connect(self._compare.throttle)
        for signal in (session.modelChanged, session.dirtyChanged):
            signal.connect(self._show_title)
        QGuiApplication.instance().applicationStateChanged.connect(self._on_state_changed)  # type: ignore[union-attr]

    @property
    def file(self) -> str:
        """The session file that is open; empty for none."""
        return self._autosave.file

    # --- opening --------------------------------------------------------------------------------------

    def _on_open(self) -> None:
        dialogs.choose_file(self._window, "Open a session", SESSION_KINDS, self.open)

    def _on_reopen(self) -> None:
        if not self._autosave.reopen_last():
            self._window.notifications.notify("info", "There is no last session.")

    def open(self, path: str) -> None:
        """Open a session file; nothing of it is opened if it cannot be read whole, or if the user does not want to."""
        path = os.path.abspath(path)
        try:
            saved = read_session(Path(path))
        except LatentlabError as error:
            self._window.notifications.notify("warning", str(error))
            return
        self._find(path, saved)

    def _find(self, path: str, saved: SessionFile, moves: tuple[Move, ...] = ()) -> None:
        """Ask where the first source is that was moved, until all are found, or open the session."""
        found, missing = located(saved, Path(path).parent, moves)
        if missing:
            first = missing[0]
            ask_for_missing(
                self._window,
                f"{'The model' if first.field == 'model' else 'Images'} of {Path(path).name} cannot be found.",
                f"{first.path} is not there. If it was moved, say where it is now.",
                find=partial(self._ask_where, path, saved, moves, first),
                skip=partial(self._find, path, without(saved, first.field), moves),
            )
            return
        self._restore(path, found)

    def _ask_where(self, path: str, saved: SessionFile, moves: tuple[Move, ...], missing: MissingSource) -> None:
        def moved(to: str) -> None:
            self._find(path, saved, (*moves, Move.of(missing.path, to)))

        is_file = bool(Path(missing.path).suffix)
        choose = dialogs.choose_file if is_file else dialogs.choose_folder
        title = f"Find {Path(missing.path).name}"
        dialog = choose(self._window, title, "All files (*)", moved) if is_file else choose(self._window, title, moved)  # type: ignore[call-arg,arg-type]
        dialog.setDirectory(str(Path(path).parent))

    def _restore(self, path: str, saved: SessionFile) -> None:
        in_file = {item.id: item for item in self._autosave.saved_board}
        entries, _ = entries_of(self._session.board.items)
        self._is_own = True
        try:
            stayed = self._restorer.restore(saved, [each for each in entries if in_file.get(each.id) == each])
        finally:
            self._is_own = False
        self._autosave.saved_board = () if stayed else saved.board
        self._set_file(path, is_modified=bool(stayed))
        self.opened.emit(path)
        if stayed:
            items = "1 item of the Board that was" if stayed == 1 else f"{stayed:,} items of the Board that were"
            self._window.notifications.notify("info", f"{items} not saved in a session stayed.")

    # --- saving ---------------------------------------------------------------------------------------

    def save(self) -> None:
        """Save to the open file; asks for a name if there is none, and first if the file was changed by others."""
        if not self.file:
            self._on_save_as()
            return
        now = signature_of(self.file)
        if now is not None and now != self._signature:
            ask(
                self._window,
                f"{Path(self.file).name} was changed by another program, or by another window.",
                "Saving replaces what was written there.",
                "Replace it",
                partial(self._write, self.file),
                no="Keep it",
            )
            return
        self._write(self.file)

    def _on_save_as(self) -> None:
        name = Path(self.file).name if self.file else f"session{SUFFIX}"
        dialog = dialogs.choose_target(self._window, "Save the session", name, SESSION_KINDS, self.save_as)
        if self.file:
            dialog.setDirectory(str(Path(self.file).parent))
            dialog.selectFile(name)
        dialog.setDefaultSuffix(SUFFIX.removeprefix("."))

    def save_as(self, path: str) -> None:
        """Save to another file, which is open from then on; the suffix is added."""
        target = path if path.endswith(SUFFIX) else f"{path}{SUFFIX}"
        if target != path and os.path.exists(target):
            # The dialog has asked about another file.
            self._window.notifications.notify("warning", f"{target} exists already: choose another name")
            return
        self._write(target)

    def _write(self, path: str) -> None:
        path = os.path.abspath(path)
        try:
            self._saved = self._autosave.save(Path(path))
        except LatentlabError as error:
            self._window.notifications.notify("warning", str(error))
            return
        self._set_file(path, is_modified=False)
        self.opened.emit(path)
        self._window.notifications.notify("info", f"Saved {path}")

    # --- the open file --------------------------------------------------------------------------------

    def _set_file(self, path: str, *, is_modified: bool) -> None:
        self._autosave.file, self._autosave.is_modified = path, is_modified
        self._signature = signature_of(path) if path else None
        self._watch.start() if path else self._watch.stop()
        self._show_title()

    def _on_begun(self, saved: SessionFile) -> None:
        """Note that another session is being restored; that of an autosave has its file, too."""
        self._saved = None
        if not self._is_own:
            self._set_file(saved.file if os.path.isfile(saved.file) else "", is_modified=saved.was_modified)

    def _on_restored(self) -> None:
        if self.file and not self._autosave.is_modified:
            self._saved = self._autosave.snapshot()
        self._show_modified()

    def _show_modified(self) -> None:
        """Compare the session with what was saved."""
        if not self.file or self._restorer.is_restoring:
            return
        saved = self._saved
        is_modified = saved is None or not is_same_content(saved, self._autosave.snapshot())
        if is_modified != self._autosave.is_modified:
            self._autosave.is_modified = is_modified
            self._show_title()

    def _show_title(self) -> None:
        model = self._session.model
        name = Path(self.file).name.removesuffix(SUFFIX) if self.file else ""
        is_modified = self._session.dirty or (bool(self.file) and self._autosave.is_modified)
        self._window.set_document("" if model is None else model.name, is_modified, name)

    # --- the file on the disk -------------------------------------------------------------------------

    def _on_state_changed(self, state: Qt.ApplicationState) -> None:
        if state == Qt.ApplicationState.ApplicationActive:
            self.look()

    def look(self) -> None:
        """Look whether the file is as it was left, which may take long on a network drive."""
        if self.file:
            path = self.file
            self._disk.run(lambda: (path, signature_of(path)))

    def _on_signature(self, found: tuple[str, Signature]) -> None:
        self.looked.emit()
        path, now = found
        if path != self.file or now == self._signature or self._restorer.is_restoring:
            return
        name = Path(path).name
        if now is None:
            self._signature = None  # said once
            text = f"{name} is gone from its folder. Nothing is lost: Save session writes it again."
        elif now != self._told:
            self._told = now
            text = f"{name} was changed by another program, or by another window. Saving asks before it replaces it."
        else:
            return
        self._saved, self._autosave.is_modified = None, True
        self._show_title()
        self._window.notifications.notify("warning", text)


def signature_of(path: str) -> Signature:
    """Time and size of a file; ``None`` if it cannot be read."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size
