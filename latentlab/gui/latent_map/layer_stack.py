"""Everything the map draws, from the lowest layer to the highest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.gui.latent_map.coverage import Coverage
from latentlab.gui.latent_map.layers.base import Layer, LayerState, LegendContent
from latentlab.gui.latent_map.layers.class_regions import ClassRegionsLayer
from latentlab.gui.latent_map.layers.cursor import CursorLayer
from latentlab.gui.latent_map.layers.density import DensityLayer
from latentlab.gui.latent_map.layers.field import (
    AssignmentLayer,
    FieldLayer,
    MagnificationLayer,
    RoundTripLayer,
    UncertaintyLayer,
)
from latentlab.gui.latent_map.layers.lens import Lens
from latentlab.gui.latent_map.layers.manifold import ManifoldLayer
from latentlab.gui.latent_map.layers.neighbours import NeighboursLayer
from latentlab.gui.latent_map.layers.outline import SelectionOutline
from latentlab.gui.latent_map.layers.path import PathLayer
from latentlab.gui.latent_map.layers.pictures import PicturesLayer
from latentlab.gui.latent_map.layers.points import PointsLayer
from latentlab.gui.latent_map.layers.posterior import PosteriorLayer
from latentlab.gui.latent_map.layers.selected_points import SelectedPointsLayer
from latentlab.gui.latent_map.layers.trust import TrustLayer
from latentlab.gui.latent_map.view import Range
from latentlab.gui.latent_map.view_box import MapViewBox
from latentlab.gui.style.theme import Theme
from latentlab.gui.widgets.debouncer import Debouncer

_L = TypeVar("_L", bound=Layer)
MARGIN = 0.04  # of the points' extent, on each side when all of them are shown
SMALLEST_MARGIN = 0.05  # units of the axes


class LayerStack(QObject):
    """The layers of a view box: a new one is a line in the constructor.

    Parameters
    ----------
    box
        What the layers are drawn in.

    Attributes
    ----------
    fields
        The layers of a quantity that is computed at every place of the map, by name, among them ``classes``.
    manifold, density, classes, trust, points, pictures, neighbours, posterior, path, cursor
        The layers that the user can switch and fade, from the lowest to the highest.
    selected_points, outline, lens
        The selected points, over all points, and over everything the outline of the select tools and the enlarged
        picture at the pointer; always visible.

    Signals
    -------
    stateChanged(object)
        A layer was switched or faded: its `LayerState`.
    legendChanged
        ``legend()`` returns something else.
    valuesChanged
        The scale of a layer, or what it says of a place, is something else.
    """

    stateChanged = Signal(object)
    legendChanged = Signal()
    valuesChanged = Signal()

    def __init__(self, box: MapViewBox, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._box = box
        self._layers: dict[str, Layer] = {}
        self.manifold = self._add(ManifoldLayer())
        self.density = self._add(DensityLayer())
        self.classes = ClassRegionsLayer()
        self.fields: dict[str, FieldLayer] = {}
        for each in (MagnificationLayer(), UncertaintyLayer(), RoundTripLayer(), AssignmentLayer(), self.classes):
            self.fields[each.name] = self._add(each)
        self.trust = self._add(TrustLayer(self.manifold.extent))
        self.points = self._add(PointsLayer())
        self.selected_points = SelectedPointsLayer(self.points)
        box.add_layer(self.selected_points)
        self.pictures = self._add(PicturesLayer(self.points))
        self.neighbours = self._add(NeighboursLayer())
        self.posterior = self._add(PosteriorLayer())
        self.path = self._add(PathLayer())
        self.cursor = self._add(CursorLayer())
        self.outline = SelectionOutline()
        self.lens = Lens()
        for over in (self.outline, self.lens):
            box.add_layer(over)
        self.manifold.extentChanged.connect(self.trust.redraw)
        self.points.legendChanged.connect(self._on_points_changed)
        self._coverage: Coverage | None = None
        self._coverage_is_stale = False
        # In the next iteration of the event loop: points and coverage together would take longer than a frame.
        self._coverage_update = Debouncer(0, self._update_coverage, self)

    def _add(self, layer: _L) -> _L:
        """Put a layer over those added before."""
        self._layers[layer.name] = layer
        self._box.add_layer(layer)
        layer.stateChanged.connect(self._on_state_changed)
        layer.legendChanged.connect(self.legendChanged)
        layer.valuesChanged.connect(self.valuesChanged)
        return layer

    def __iter__(self) -> Iterator[Layer]:
        """The layers that the user can switch, from the lowest to the highest."""
        return iter(self._layers.values())

    def __getitem__(self, name: str) -> Layer:
        """Return the layer of this name."""
        return self._layers[name]

    def legend(self) -> LegendContent | None:
        """What the legend lists: that of the uppermost visible layer that has one."""
        return next((found for layer in reversed(list(self)) if layer.isVisible() and (found := layer.legend())), None)

    def set_theme(self, theme: Theme) -> None:
        """Draw everything in these colours."""
        for layer in (*self, self.selected_points, self.outline, self.lens):
            layer.set_theme(theme)

    def extent_of_points(self) -> tuple[Range, Range] | None:
        """Ranges of the axes that show all points with a margin; None if there are none."""
        tiles = self.points.tiles()
        if not len(tiles):
            return None
        (x0, x1), (y0, y1) = tiles.x_range, tiles.y_range
        margin = max(MARGIN * max(x1 - x0, y1 - y0), SMALLEST_MARGIN)
        return (x0 - margin, x1 + margin), (y0 - margin, y1 + margin)

    def _on_points_changed(self) -> None:
        self._coverage_is_stale = True
        self._coverage_update.debounce()

    def _on_state_changed(self, state: LayerState) -> None:
        if state.visible and self._layers[state.name].needs_coverage:
            self._update_coverage()
        self.legendChanged.emit()
        self.stateChanged.emit(state)

    def _update_coverage(self) -> None:
        """Give the visible layers that use it where the points are."""
        users = [layer for layer in self if layer.needs_coverage and layer.isVisible()]
        if users and self._coverage_is_stale:
            xy = self.points.xy
            finite = np.isfinite(xy[:, 0]) & np.isfinite(xy[:, 1])
            self._coverage = Coverage(xy) if finite.any() else None
            self._coverage_is_stale = False
        for layer in users:
            layer.set_coverage(self._coverage)
