"""Writing a film: where to, how far it is, and that it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QObject

from latentlab.controllers.exports import tell_written
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    CancelFilm,
    ExportFilm,
    Failed,
    FilmCancelled,
    FilmExported,
    FilmProgress,
)
from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets import dialogs
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.session import Session
from latentlab.utils.text import pluralize

_MESSAGE = "film"  # id of the activity
_KINDS = ("GIF (*.gif)", "WebP (*.webp)", "MP4 (*.mp4)", "Picture (*.png)", "Arrays (*.npz)")
_SUFFIXES = (".gif", ".webp", ".mp4", ".png", ".npz")


class FilmExporter(QObject):
    """Asks for a file, lets the worker write the film, and shows how far it is."""

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        window: MainWindow,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine, self._window, self._activity = engine, window, activity
        self._commands: dict[str, str] = {}  # by path
        engine.filmProgress.connect(self._on_progress)
        engine.filmExported.connect(self._on_exported)
        engine.filmCancelled.connect(self._on_cancelled)
        engine.failed.connect(self._on_failed)
        session.modelChanged.connect(self._on_model_changed)

    def ask(self, film: ExportFilm, command: Callable[[str, int], str]) -> None:
        """Ask where to write a film, and write it; its kind is that of the file's name.

        ``command`` gives the command that writes it, for a path and an enlargement; empty if there is none.
        """
        has_video = find_spec("av") is not None
        kinds = [kind for kind in _KINDS if has_video or "mp4" not in kind]
        dialog = dialogs.choose_target(
            self._window,
            "Export film",
            "path.gif",
            ";;".join(kinds),
            lambda path: self.write(film, path, command(path, film.scale)),
        )
        dialog.filterSelected.connect(
            lambda chosen: dialog.setDefaultSuffix(_SUFFIXES[_KINDS.index(chosen)].removeprefix("."))
        )

    def write(self, film: ExportFilm, path: str, command: str = "") -> None:
        """Write a film to a file; ``command`` writes the same."""
        self._commands[path] = command
        self._show(0, len(film.latents))
        self._engine.request(replace(film, path=path))

    def _show(self, done: int, total: int) -> None:
        entry = ActivityEntry(
            f"Writing a film of {pluralize(total, 'image')}",
            done / max(1, total),
            cancel=lambda: self._engine.request(CancelFilm()),
        )
        self._activity.begin(_MESSAGE, entry)

    def _on_progress(self, result: FilmProgress) -> None:
        self._show(result.done, result.total)

    def _on_exported(self, result: FilmExported) -> None:
        self._activity.end(_MESSAGE)
        name = Path(result.path).name
        sentence = f"Exported {pluralize(result.frames, 'image')} to {name}"
        tell_written(self._window.notifications, result.path, sentence, self._commands.pop(result.path, ""))

    def _on_cancelled(self, _result: FilmCancelled) -> None:
        self._activity.end(_MESSAGE)

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == ExportFilm.__name__:
            self._activity.end(_MESSAGE)

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._activity.end(_MESSAGE)
