"""The pair plot: the points over pairs of the strongest dimensions; a click shows that pair on the map."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QWidget

from latentlab.controllers.commands import ChooseAxes
from latentlab.controllers.traversals import strongest
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.model import ModelPanel
from latentlab.gui.panels.pair_plot import PairPlot
from latentlab.state.dimension_names import titled
from latentlab.state.map_axes import AxesChoice
from latentlab.state.session import Session

MOST = 6  # dimensions


class PairPlotController(QObject):
    """Opens the pair plot and keeps it up to date with points, names and axes while it is open."""

    def __init__(
        self,
        session: Session,
        undo: QUndoStack,
        panel: ModelPanel,
        latent_map: LatentMap,
        window: QWidget,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._undo, self._panel, self._map, self._window = session, undo, panel, latent_map, window
        self._view: PairPlot | None = None
        self._dimensions: tuple[int, ...] = ()
        panel.pairsRequested.connect(self.open)
        session.axesChanged.connect(self._show_axes)
        for signal in (session.pointsChanged, session.levelChanged, session.colourByChanged):
            signal.connect(self._on_changed)
        session.dimension_names.changed.connect(self._on_changed)
        session.modelChanged.connect(self._on_model_changed)
        self._on_changed()

    def open(self) -> None:
        """Show the pair plot."""
        if self._view is None:
            self._view = PairPlot(self._window)
            self._view.grid.pairChosen.connect(self._on_pair_chosen)
        self._view.show()
        self._show()

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model and self._view is not None:
            self._view.close()
        self._on_changed()

    def _on_changed(self) -> None:
        self._panel.set_pairs_available(self._reason())
        if self._view is not None and self._view.isVisible() and not self._session.is_learning:
            self._show()

    def _reason(self) -> str:
        """Why there are no pairs to show; empty if there are."""
        layout = self._session.layout
        if layout.kind != "plain" or layout.is_spatial:
            return "Single numbers of this model's latents mean little"
        if layout.levels[self._session.level].size < 3:
            return "There is one pair, which the map shows"
        return "" if self._session.points is not None else "There are no points yet"

    def _show(self) -> None:
        session, points = self._session, self._session.points
        if self._view is None or points is None or self._reason():
            return
        level = session.layout.levels[session.level]
        self._dimensions = strongest(points.kl, range(level.start, level.start + level.size), MOST)
        shown = np.ascontiguousarray(points.mean[:, self._dimensions])
        layer = self._map.layer_stack.points
        rows = np.arange(len(shown))
        has_colours = session.viewed_epoch is None and len(layer.xy) == len(shown)
        rgb = layer.colours(rows).astype(np.uint32) if has_colours else np.full((len(shown), 3), 128, np.uint32)
        colours = np.uint32(0xFF000000) | (rgb[:, 0] << 16) | (rgb[:, 1] << 8) | rgb[:, 2]
        names = [titled(dimension, session.names) for dimension in self._dimensions]
        self._view.grid.set_points(shown, names, colours.astype(np.uint32), self._pair_of_axes())

    def _show_axes(self) -> None:
        if self._view is not None and self._view.isVisible():
            self._view.grid.set_shown(self._pair_of_axes())

    def _pair_of_axes(self) -> tuple[int, int] | None:
        """Which pair the map shows, whichever way round."""
        names = [f"z{dimension + 1}" for dimension in self._dimensions]
        axes = self._session.axes
        if axes.x not in names or axes.y not in names:
            return None
        x, y = sorted((names.index(axes.x), names.index(axes.y)))
        return x, y

    def _on_pair_chosen(self, x: int, y: int) -> None:
        chosen = AxesChoice(f"z{self._dimensions[x] + 1}", f"z{self._dimensions[y] + 1}")
        if chosen != self._session.axes:
            self._undo.push(ChooseAxes(self._session, chosen))
