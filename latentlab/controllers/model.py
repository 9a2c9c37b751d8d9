"""The current model: opened, saved, described, and the axes that its map shows."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from latentlab.config.embedding import FEWEST_POINTS, LAYOUTERS, Method, install_advice
from latentlab.controllers.commands import ChooseAxes, ChooseColour
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    Failed,
    ModelChanged,
    ModelClosed,
    ModelSaved,
    OpenModel,
    PointsChanged,
    SaveModel,
)
from latentlab.gui.panels.model import ModelPanel
from latentlab.paths import DEFAULT_MODEL
from latentlab.state.map_axes import AxesChoice, direction_axis, is_embedding_axis
from latentlab.state.session import Session
from latentlab.state.tags import tagged


class ModelController(QObject):
    """Passes models and points from the engine to the session, and the panel's requests to the engine.

    Signals
    -------
    opened(source), saved(path)
        For the recent files and the notifications.
    openAlready(source)
        The user has opened the model that is open, and its weights are the same.
    opening(source)
        The user has asked for a model, which is not open yet.
    """

    opened = Signal(str)
    saved = Signal(str)
    openAlready = Signal(str)
    opening = Signal(str)

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        undo: QUndoStack,
        panel: ModelPanel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._undo, self._panel = session, engine, undo, panel
        self._tried_default = False
        self._asked = ""  # what the user opens; a restored session opens its model without the user
        panel.modelChosen.connect(self.open)
        panel.axesChosen.connect(self._on_axes_chosen)
        panel.colourByChosen.connect(self._on_colour_by_chosen)
        engine.modelChanged.connect(self._on_model_changed)
        engine.modelClosed.connect(self._on_model_closed)
        engine.pointsChanged.connect(self._on_points_changed)
        engine.modelSaved.connect(self._on_saved)
        engine.failed.connect(self._on_failed)
        session.modelChanged.connect(self._show)
        session.pointsChanged.connect(self._show_axes)
        session.axesChanged.connect(self._show_axes)
        session.levelChanged.connect(self._show_axes)
        session.board.changed.connect(self._show_axes)
        session.dimension_names.changed.connect(self._show_axes)
        session.colourByChanged.connect(self._show_axes)

    def open(self, source: str) -> None:
        """Open a model file, a run folder or ``bundled:NAME``; the current model stays until that succeeds."""
        self._asked = source
        self.opening.emit(source)
        self._engine.request(OpenModel(source))

    def save(self, path: str) -> None:
        """Write the current model to ``path``."""
        self._engine.request(SaveModel(path))

    # --- the engine's results -------------------------------------------------------------------------

    def _on_model_changed(self, result: ModelChanged) -> None:
        if result.model_version < self._session.model_version:
            return
        before, was_dirty = self._session.model, self._session.dirty
        is_same = before is not None and result.info.source == before.source and result.info.has_weights_of(before)
        self._session.set_model(result.info, result.model_version, result.is_new_model)
        if result.is_new_model and result.info.source == self._asked:
            self._asked = ""
            if is_same and not was_dirty:
                self.openAlready.emit(result.info.source)
        if result.training:
            self._session.set_dirty(True)
        elif result.is_new_model:
            self._session.set_dirty(False)
            self.opened.emit(result.info.source)

    def _on_model_closed(self, result: ModelClosed) -> None:
        self._session.set_model(None, result.model_version, is_new_model=True)
        self._session.set_dirty(False)

    def _on_points_changed(self, result: PointsChanged) -> None:
        if result.model_version == self._session.model_version:
            self._session.set_points(result)

    def _on_saved(self, result: ModelSaved) -> None:
        self._session.set_dirty(False)
        self.saved.emit(result.path)

    def _on_failed(self, failure: Failed) -> None:
        """Open the bundled model if the first model cannot be opened, so that the window is not empty."""
        if failure.request == OpenModel.__name__ and self._session.model is None and not self._tried_default:
            self._tried_default = True
            self.open(DEFAULT_MODEL)

    # --- axes -----------------------------------------------------------------------------------------

    def _on_axes_chosen(self, x: str, y: str) -> None:
        before, first = self._session.axes, self._session.layout.levels[self._session.level].start + 1
        chosen = _axes_with(before, x, y, first)
        if chosen == before:
            self._show_axes()
        else:
            self._undo.push(ChooseAxes(self._session, chosen))

    def _on_colour_by_chosen(self, column: str) -> None:
        if column != self._session.colour_by:
            self._undo.push(ChooseColour(self._session, column))

    def _show(self, is_new_model: bool) -> None:
        self._panel.set_info(self._session.model)
        if is_new_model:
            self._show_axes()

    def _show_axes(self) -> None:
        session = self._session
        components = len(session.components)
        level = session.layout.levels[session.level]
        # A single number of a code or of a cell means little, and a number of another level is not on the map.
        is_plain = not session.layout.is_spatial and (session.layout.kind != "codes" or not components)
        dimensions = range(level.start, level.start + level.size) if is_plain else range(0)
        directions = [
            (direction_axis(item.id), item.name)
            for item in session.board.of_kind("direction")
            if session.model is not None
            and not item.why_unusable(session.latent.size, "", session.model.source, session.model.sha256)
        ]
        self._panel.set_axes(dimensions, components, session.axes.x, session.axes.y, directions, session.names)
        has_points = session.points is not None and len(session.points.mean) >= FEWEST_POINTS
        layouts = [
            (method, layouter.title, _missing(method) if has_points else "There are no points to lay out")
            for method, layouter in LAYOUTERS.items()
        ]
        self._panel.set_layouts(layouts, session.axes.x)
        own = () if session.points is None else tuple(session.points.columns)
        tags = dict.fromkeys(item.tag for item in tagged(session.board.items))
        columns = dict.fromkeys((*own, *tags)) if session.points is not None else {}
        self._panel.set_columns(tuple(columns), session.colour_by)


@cache
def _missing(method: Method) -> str:
    """Why a method of laying out the points cannot be chosen; empty if its package is installed."""
    layouter = LAYOUTERS[method]
    # Not imported here: they bring compilers, and the window never computes.
    is_installed = find_spec(layouter.module) is not None
    return "" if is_installed else f"Needs {install_advice(layouter.package)}"


def _axes_with(before: AxesChoice, x: str, y: str, first: int) -> AxesChoice:
    """The axes after one of them was chosen: a layout takes both, and the other one may have to be another."""
    changed = [name for name, old in ((x, before.x), (y, before.y)) if name != old]
    layout = next((name[:-1] for name in changed if is_embedding_axis(name)), "")
    if layout:
        return AxesChoice(f"{layout}1", f"{layout}2")
    return AxesChoice(x, _other_axis(x, y, first)) if x != before.x else AxesChoice(_other_axis(y, x, first), y)


def _other_axis(chosen: str, other: str, first: int) -> str:
    """What the other axis shows: a different direction of the same kind as the chosen one.

    A direction of the Board goes with any other. ``first`` is the number of the level's first dimension.
    """
    if "d:" in (chosen[:2], other[:2]) and other != chosen and not is_embedding_axis(other):
        return other
    kind, first = ("pc", 1) if chosen.startswith("pc") else ("z", first)
    if other.startswith(kind) and other != chosen:
        return other
    return f"{kind}{first + 1}" if chosen == f"{kind}{first}" else f"{kind}{first}"
