"""The path drawn on the map: solved in the worker, measured, played, and written as a film."""

from __future__ import annotations

import time

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from latentlab.config.layout import why_no_path
from latentlab.controllers.commands import ShapePath
from latentlab.controllers.copied_commands import copy_command
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.film import FilmExporter
from latentlab.controllers.generations import Generations
from latentlab.controllers.path_command import path_command, why_no_command
from latentlab.controllers.path_player import PathPlayer
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import ExportFilm, Failed, FloatArray, Lengths, PathSolved, SolvePath
from latentlab.errors import InputError
from latentlab.gui.action_text import set_reason
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.path_bar import KINDS, NO_PATH
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.activity import Activity
from latentlab.state.field_reasons import NO_DECODER
from latentlab.state.path_style import PathStyle
from latentlab.state.session import Session
from latentlab.utils.text import format_number

SOON_MS = 4
LATE_MS = 300  # until it is said that a path is being found: most are found sooner
FINDING = "Finding the path …"
NO_PATH_YET = "There is no path yet"
FOLLOW_SECONDS = 10.0
"""Between paths that follow a run's weights."""
FILM_SIDE = 256  # px: small images are enlarged in the film, by a whole number
_TEXTS = {"kind": "Choose path", "is_closed": "Loop the path", "is_even": "Even speed of the path"}


class PathController(QObject):
    """Keeps the path that is drawn, its lengths and its film those of the waypoints, and plays it.

    While a waypoint is dragged each position is asked for; the worker answers the newest, and sends what it has so far.
    Playing shows each image as a preview: one decode for each frame, and what comes too late is left out.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        explore: ExploreController,
        undo: QUndoStack,
        latent_map: LatentMap,
        window: MainWindow,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._explore, self._undo = session, engine, explore, undo
        self._map, self._window, self._bar = latent_map, window, window.path_bar
        self._generations = Generations()
        self._request: SolvePath | None = None  # the newest
        self._asked_at = 0.0
        self._solved: tuple[SolvePath, PathSolved] | None = None  # the newest request, once it is answered completely
        self._frames: FloatArray = np.zeros((0, 0), np.float32)  # also of a path on its way
        self._is_shown = False  # an image of the path, played or paused
        self._tool = latent_map.mode()
        self._player = PathPlayer(self)
        self._film = FilmExporter(session, engine, window, activity, self)
        self._soon = Debouncer(SOON_MS, self._ask, self)
        self._late = Debouncer(LATE_MS, lambda: self._bar.set_text(FINDING), self)
        self._connect()
        self._show_style()
        self._show_bar()

    def _connect(self) -> None:
        session, bar, actions = self._session, self._bar, self._window.actions_
        session.pathChanged.connect(self._on_path_changed)
        session.labelChanged.connect(self._soon.throttle)
        session.modelChanged.connect(self._on_model_changed)
        session.pointsChanged.connect(self._on_points_changed)
        session.runStateChanged.connect(self._on_run_state_changed)
        session.axesChanged.connect(self._show_bar)
        self._engine.pathSolved.connect(self._on_solved)
        self._engine.failed.connect(self._on_failed)
        self._player.frameDue.connect(self._on_frame_due)
        self._player.ended.connect(self._show_playing)
        bar.kindChosen.connect(lambda kind: self._shape(kind=kind))
        bar.loopToggled.connect(lambda on: self._shape(is_closed=on))
        bar.evenToggled.connect(lambda on: self._shape(is_even=on))
        bar.settingsChanged.connect(self._soon.throttle)
        bar.frameChosen.connect(self._player.show)
        bar.goRequested.connect(self._on_go_requested)
        bar.keepRequested.connect(actions.keep_path.trigger)
        bar.copyRequested.connect(self._on_copy_requested)
        for signal in (bar.exportRequested, actions.export_film.triggered):
            signal.connect(self._on_export_requested)
        for signal in (bar.playToggled, actions.play_path.triggered, self._map.pathPlayToggled):
            signal.connect(self.toggle)
        for signal in (bar.stopRequested, self._map.pathPlayStopped):
            signal.connect(self.stop)
        self._window.toolChosen.connect(self._on_tool_chosen)

    # --- what is asked for ----------------------------------------------------------------------

    def _waypoints(self) -> FloatArray | None:
        """Waypoints [n, d] of a path, if there are two."""
        path, model = self._session.path, self._session.model
        return path if path is not None and model is not None and len(path) > 1 else None

    def _on_path_changed(self) -> None:
        self._show_style()
        if self._waypoints() is None:
            self._drop()
        else:
            self._soon.throttle()
        self._show_bar()

    def _drop(self) -> None:
        """Forget the path, which was removed."""
        self._generations.discard_pending()
        self._soon.cancel()
        self._late.cancel()
        self._request = None
        self.stop()
        self._show_none(NO_PATH)

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self._drop()
            self._show_kinds()
            self._show_bar()
        is_due = time.monotonic() - self._asked_at >= FOLLOW_SECONDS
        if self._waypoints() is not None and (not self._session.is_learning or is_due):
            self._soon.throttle()

    def _on_points_changed(self) -> None:
        self._show_kinds()
        if self._session.path_style.kind == "graph" and not self._session.is_learning:
            self._soon.throttle()

    def _on_run_state_changed(self) -> None:
        self._show_reasons()
        if not self._session.is_learning and self._waypoints() is not None:
            self._soon.throttle()

    def _ask(self) -> None:
        waypoints, style = self._waypoints(), self._session.path_style
        if waypoints is None:
            return
        self._asked_at = time.monotonic()
        self._request = SolvePath(
            self._generations.next(),
            waypoints,
            style.kind,
            style.is_closed,
            self._bar.frames(),
            style.is_even,
            self._session.label,
        )
        self._solved = None  # else the former path would be exported as the one that is drawn
        self._late.throttle()
        self._engine.request(self._request)
        self._show_reasons()

    # --- what is found --------------------------------------------------------------------------

    def _on_solved(self, result: PathSolved) -> None:
        request = self._request
        is_of_model = result.model_version >= self._session.opened_version
        if request is None or not is_of_model or not self._generations.accept(result.generation, is_continuation=True):
            return
        if result.done and result.generation == self._generations.newest:
            self._late.cancel()
        if result.curve is None or result.frames is None:
            self._show_none(f"No path: {result.problem}.")
            return
        style = self._session.path_style
        is_drawn_straight = style.kind == "linear" and not style.is_closed
        is_newest = result.done and result.generation == self._generations.newest
        # Before that the film still changes with every piece: the filmstrip waits.
        frames = result.frames if is_newest else None
        self._session.set_path_plan(None if is_drawn_straight else result.curve, frames)
        self._frames = result.frames
        self._player.set_film(len(result.frames), self._bar.speed(), style.is_closed)
        self._bar.set_frames(len(result.frames))
        self._bar.set_frame(self._player.index)
        if is_newest:
            self._solved = request, result
            text = lengths_text(style.kind, result.lengths, result.straight)
            self._bar.set_text(text, lengths_explained(style.kind, result.lengths, result.straight))
        else:
            self._solved = None
        self._show_reasons()
        if self._is_shown and not self._player.is_playing:
            self._on_frame_due(self._player.index)

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == SolvePath.__name__:
            self._late.cancel()
            self._show_none("No path: it could not be found.")  # a notification says why

    def _show_none(self, text: str) -> None:
        """Show that there is no path, and a text that says why."""
        self._solved = None
        self._session.set_path_plan(None, None)
        self._player.set_film(0, 1, repeats=False)
        self._bar.set_frames(0)
        self._bar.set_text(text)
        self._show_reasons()

    # --- playing --------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Play the path, or pause."""
        if self._player.is_playing:
            self._player.pause()
        elif self._session.path_curve is not None or self._session.path_frames is not None:
            self._session.set_viewed_epoch(None)
            self._player.play()
            self._on_frame_due(self._player.index)
        self._show_playing()

    def stop(self) -> None:
        """End playing: the latent that was chosen before is shown again."""
        self._player.pause()
        if self._is_shown:
            self._is_shown = False
            self._session.set_preview(None)
        self._show_playing()

    def _on_frame_due(self, index: int) -> None:
        if index < len(self._frames):
            self._is_shown = True
            self._session.set_preview(self._frames[index])
            self._bar.set_frame(index)
            self._map.set_path_is_played(True)

    def _show_playing(self) -> None:
        is_playing = self._player.is_playing
        self._explore.ignores_pointer = is_playing
        self._bar.set_playing(is_playing)
        self._map.set_path_is_played(self._is_shown)

    def _on_go_requested(self) -> None:
        if self._player.index < len(self._frames):
            latent = self._frames[self._player.index]
            self.stop()
            self._explore.go_to(latent, text="Go to an image of the path")

    # --- how it leads ---------------------------------------------------------------------------

    def _shape(self, **changes: str | bool) -> None:
        before = self._session.path_style
        values = {"kind": before.kind, "is_closed": before.is_closed, "is_even": before.is_even} | changes
        style = PathStyle(**values)  # type: ignore[arg-type]
        if style != before:
            self._undo.push(ShapePath(self._session, style, _TEXTS[next(iter(changes))]))

    def _show_style(self) -> None:
        style = self._session.path_style
        self._bar.set_style(style.kind, style.is_closed, style.is_even)
        self._show_kinds()

    def _show_kinds(self) -> None:
        session = self._session
        reasons = {kind: why_no_path(kind, session.layout.kind) for kind in KINDS}
        if session.points is None:
            reasons["graph"] = "no images are encoded: open a dataset"
        self._bar.set_kind_reasons({kind: reason[:1].upper() + reason[1:] for kind, reason in reasons.items()})

    # --- the bar --------------------------------------------------------------------------------

    def _on_tool_chosen(self, tool: str) -> None:
        self._tool = tool
        self._show_bar()

    def _show_bar(self) -> None:
        has_plane = not self._session.axes.embedding
        self._bar.setVisible(has_plane and (self._tool == "path" or self._waypoints() is not None))
        self._window.actions_.play_path.setEnabled(self._waypoints() is not None)
        self._show_reasons()

    def _show_reasons(self) -> None:
        no_film = self.why_no_film()
        self._bar.set_export_reason(no_film)
        set_reason(self._window.actions_.export_film, no_film)
        self._window.actions_.export_film.setEnabled(not no_film)
        self._bar.set_copy_reason(self.why_no_command())

    def why_no_film(self) -> str:
        """Why no film of the path can be written now; empty if one can."""
        if self._session.is_learning:
            return "A run is changing the weights: pause it first, so that the film is of one model"
        model = self._session.model
        if model is not None and not model.has_decoder:
            return NO_DECODER
        return "" if self._solved is not None else NO_PATH_YET

    def why_no_command(self) -> str:
        """Why no command writes the film; empty if one does."""
        model = self._session.model
        if model is not None and not model.has_decoder:
            return NO_DECODER
        if self._solved is None:
            return NO_PATH_YET
        request, solved = self._solved
        return why_no_command(request, self._session.model, self._session.run_is_active, solved.is_from_file)

    def command(self, path: str, scale: int) -> str:
        """The command that writes the film to a file, for which ``why_no_command`` is empty."""
        model = self._session.model
        assert self._solved is not None
        assert model is not None
        return path_command(self._solved[0], model, self._bar.speed(), scale, path)

    def _command_or_none(self, path: str, scale: int) -> str:
        return "" if self.why_no_command() else self.command(path, scale)

    def write_film(self, path: str, scale: int) -> None:
        """Write the film to a file.

        Raises
        ------
        InputError
            When there is none.
        """
        if self._solved is None or self._solved[1].frames is None:
            raise InputError(NO_PATH_YET)
        request, solved = self._solved
        assert solved.frames is not None
        film = ExportFilm("", solved.frames, self._bar.speed(), scale, request.label)
        self._film.write(film, path, self._command_or_none(path, scale))

    def _scale(self) -> int:
        model = self._session.model
        return 1 if model is None else max(1, FILM_SIDE // max(model.image_shape[1:]))

    def _on_copy_requested(self) -> None:
        solved, model = self._solved, self._session.model
        if solved is not None and model is not None:
            command = path_command(solved[0], model, self._bar.speed(), self._scale())
            copy_command(self._window.notifications, command, "writes this film")

    def _on_export_requested(self) -> None:
        if self._solved is None:
            return
        request, solved = self._solved
        if solved.frames is not None:
            film = ExportFilm("", solved.frames, self._bar.speed(), self._scale(), request.label)
            self._film.ask(film, self._command_or_none)


def lengths_text(kind: str, lengths: Lengths | None, straight: Lengths | None) -> str:
    """The lengths of a path beside those of straight lines, in one line."""
    if lengths is None:
        return ""
    texts = []
    for name in ("latent", "pixel", "metric"):
        value = getattr(lengths, name)
        beside = f" ({format_number(getattr(straight, name), '.2f')} straight)" if straight and kind != "linear" else ""
        texts.append(f"{name} {format_number(value, '.2f')}{beside}")
    return "Length: " + " · ".join(texts)


_MEANINGS = {
    "latent": "the way in the latent space, in its units",
    "pixel": "the sum of the distances between the images of close latents, in pixel values from 0 to 1",
    "metric": "the integral of the images' speed, in pixel values too: what pixel tends to with closer latents",
}


def lengths_explained(kind: str, lengths: Lengths | None, straight: Lengths | None) -> str:
    """Which way the images change less, and what each length means, in lines."""
    if lengths is None:
        return ""
    lines = [change_text(lengths, straight)] if straight is not None and kind != "linear" else []
    for name, meaning in _MEANINGS.items():
        value = format_number(getattr(lengths, name), ".2f")
        lines.append(f"{name} {value}: {meaning}")
    return "\n".join(lines)


def change_text(lengths: Lengths, straight: Lengths) -> str:
    """How much the images change along a path, beside straight lines through its waypoints."""
    percent = 100 * (lengths.metric / straight.metric - 1) if straight.metric > 0 else 0.0
    if abs(percent) < 1:
        return "The images change as much as along straight lines, to 1 %: linear is as good here"
    return f"The images change {abs(percent):.0f} % {'less' if percent < 0 else 'more'} than along straight lines"
