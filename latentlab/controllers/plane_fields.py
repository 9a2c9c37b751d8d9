"""Quantities at every place of the map: computed by the worker for what is in view, while their layers are visible."""

from __future__ import annotations

from collections.abc import Set
from typing import cast

from PySide6.QtCore import QObject

from latentlab.controllers.generations import Generations
from latentlab.controllers.manifold import Layout
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import FieldKind, FieldsMeasured, MeasureFields
from latentlab.gui.latent_map import LatentMap, View
from latentlab.gui.latent_map.layers.base import LayerState
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.map_state import MapState
from latentlab.utils.duty_cycle import FIELDS, DutyCycle
from latentlab.utils.text import format_epoch

INTERVAL_MS = 60  # between two requests while the latent or the view moves
CELL_SCALE = 0.5
"""How much longer the side of a cell is than that of a cell of the manifold."""
CELL_SCALE_BESIDE_A_RUN = 2.0
_PART = "fields"


class PlaneFieldsController(QObject):
    """Keeps the layers of quantities up to date with model, plane, points and view, while they are visible.

    Those that are visible are computed together, coarse first; a newer request replaces an older one. What is shown
    stays until the new values cover it, except for another model and other axes. During training they are computed as
    often as that costs the run little, on fewer cells.
    """

    def __init__(self, engine: EngineClient, latent_map: LatentMap, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine, self._map = engine, latent_map
        self._layers = latent_map.layer_stack.fields
        self._state = MapState()
        self._view = latent_map.view()
        self._generations, self._duty_cycle = Generations(), DutyCycle(FIELDS)
        self._shown: tuple[str, ...] = ()
        self._first = -1, 0.0  # generation of the values that are arriving, and the epoch of the first ones
        self._soon = Debouncer(INTERVAL_MS, self._request, self)
        latent_map.destroyed.connect(self._soon.stop)  # a request that is still to come would ask the map
        latent_map.viewChanged.connect(self._on_view_changed)
        latent_map.layerChanged.connect(self._on_layer_changed)
        engine.trainingEvent.connect(self._request_if_affordable)
        engine.fieldsMeasured.connect(self._on_measured)

    def apply(self, state: MapState, changed: Set[str]) -> None:
        """Show or request what has changed."""
        self._state = state
        if "run_is_active" in changed and not state.run_is_active:
            self._map.set_staleness_text("", _PART)
        if "refused_fields" in changed:
            refused = dict(state.refused_fields)
            for name, layer in self._layers.items():
                layer.set_unavailable(refused.get(name, ""))
        if changed & {"opened_version", "axes", "terrain", "viewed_epoch"}:
            self._generations.discard_pending()
            for layer in self._layers.values():
                layer.clear()
        if "points" in changed and state.points is not None:
            self._map.layer_stack.classes.set_names(state.points.classes)
        awaited = {"opened_version", "axes", "terrain", "label", "viewed_epoch", "refused_fields"}
        if not state.is_learning:
            awaited |= {"model_version", "is_learning", "plane"} | (
                {"points"} if "classes" in self._visible() else set()
            )
        if changed & awaited:
            self._soon.throttle()

    def _visible(self) -> tuple[str, ...]:
        refused = dict(self._state.refused_fields)
        return tuple(name for name, layer in self._layers.items() if layer.isVisible() and name not in refused)

    def _on_view_changed(self, view: object) -> None:
        if isinstance(view, View):
            self._view = view
            self._soon.throttle()

    def _on_layer_changed(self, layer: object) -> None:
        if isinstance(layer, LayerState) and layer.name in self._layers and set(self._visible()) - set(self._shown):
            self._soon.throttle()
        self._shown = self._visible()
        if not self._shown:
            self._map.set_staleness_text("", _PART)

    def _request_if_affordable(self) -> None:
        if self._state.is_learning and self._duty_cycle.is_ready():
            self._request()

    def _request(self) -> None:
        state, view, kinds = self._state, self._view, self._visible()
        self._shown = kinds
        if not kinds or not state.has_model or state.surface is None or not view.width_px or not view.height_px:
            return
        layout = Layout.of(view, CELL_SCALE_BESIDE_A_RUN if state.is_learning else CELL_SCALE)
        generation = self._generations.next()
        self._duty_cycle.mark_requested()
        for name in kinds:
            self._layers[name].begin(layout.x_range, layout.y_range, layout.columns, layout.rows, generation)
        self._engine.request(
            MeasureFields(
                generation,
                cast("tuple[FieldKind, ...]", kinds),
                state.surface,
                layout.x_range,
                layout.y_range,
                layout.columns,
                layout.rows,
                state.label,
            )
        )

    def _on_measured(self, result: FieldsMeasured) -> None:
        if self._state.viewed_epoch is not None or result.model_version < self._state.opened_version:
            return
        if not self._generations.accept(result.generation, is_continuation=True):
            return
        if result.generation != self._first[0]:
            self._first = result.generation, result.epoch
        if result.done:
            self._duty_cycle.record_cost(result.seconds)
            # As old as the oldest of them.
            is_needed = self._state.run_is_active and bool(self._visible())
            self._map.set_staleness_text(f"values at {format_epoch(self._first[1])}" if is_needed else "", _PART)
        if result.share is not None:
            self._map.layer_stack.classes.put_shares(result.generation, result.cells, result.span, result.share)
        for name, values in result.values.items():
            self._layers[name].put(result.generation, result.cells, result.span, values)
