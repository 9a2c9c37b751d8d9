"""How far the map's plane is from the encoded points: measured by the worker for what is in view."""

from __future__ import annotations

from collections.abc import Set

from PySide6.QtCore import QObject

from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import MeasurePlane, PlaneMeasured
from latentlab.gui.latent_map import LatentMap, View
from latentlab.gui.latent_map.layers.base import LayerState
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.map_state import MapState
from latentlab.utils.defaults import FAR, VERY_FAR
from latentlab.utils.duty_cycle import DISTANCES, DutyCycle

INTERVAL_MS = 60  # between two requests while the latent or the view moves
BORDER = 0.25  # of the view, measured beyond each of its edges, so that a pan uncovers no gap


class PlaneDistanceController(QObject):
    """Keeps the layer that dims what is far from data up to date with points, plane and view, while it is visible.

    The distances are those of the plane's latents to the nearest point in all dimensions: in the map's two, a slice
    that is far from all data along a third one would look near. During training they are measured as often as that
    costs the run little. The points of a viewed epoch are not the worker's: nothing is dimmed then.
    """

    def __init__(self, engine: EngineClient, latent_map: LatentMap, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine, self._map = engine, latent_map
        self._state = MapState()
        self._view = latent_map.view()
        self._generations, self._duty_cycle = Generations(), DutyCycle(DISTANCES)
        self._soon = Debouncer(INTERVAL_MS, self._request, self)
        latent_map.destroyed.connect(self._soon.stop)  # a request that is still to come would ask the map
        latent_map.viewChanged.connect(self._on_view_changed)
        latent_map.layerChanged.connect(self._on_layer_changed)
        engine.planeMeasured.connect(self._on_measured)

    def apply(self, state: MapState, changed: Set[str]) -> None:
        """Show or request what has changed."""
        self._state = state
        is_measurable = state.points is not None and state.viewed_epoch is None
        if changed & {"opened_version", "axes"} or (not is_measurable and changed & {"points", "viewed_epoch"}):
            self._generations.discard_pending()
            self._map.set_distances(None)
        if not is_measurable:
            return
        is_affordable = not state.is_learning or self._duty_cycle.is_ready()
        if changed & {"axes", "viewed_epoch"} or (changed & {"points", "plane", "is_learning"} and is_affordable):
            self._soon.throttle()

    def _on_view_changed(self, view: object) -> None:
        if isinstance(view, View):
            self._view = view
            self._soon.throttle()

    def _on_layer_changed(self, layer: object) -> None:
        if isinstance(layer, LayerState) and layer.name == "trust" and layer.visible:
            self._soon.throttle()

    def _request(self) -> None:
        state, view = self._state, self._view
        is_visible = self._map.layer_stack.trust.isVisible()
        if not is_visible or state.points is None or state.plane is None or state.viewed_epoch is not None:
            return
        width, height = view.x_max - view.x_min, view.y_max - view.y_min
        self._duty_cycle.mark_requested()
        self._engine.request(
            MeasurePlane(
                self._generations.next(),
                state.plane,
                (view.x_min - BORDER * width, view.x_max + BORDER * width),
                (view.y_min - BORDER * height, view.y_max + BORDER * height),
            )
        )

    def _on_measured(self, result: PlaneMeasured) -> None:
        points = self._state.points
        if points is None or result.model_version != points.model_version:
            return
        if not self._generations.accept(result.generation, is_continuation=True):
            return
        if result.done:
            self._duty_cycle.record_cost(result.seconds)
        if 0 < result.typical < float("inf"):
            scale = dimming_scale(result.typical)
            self._map.set_distances(result.distance, result.x_range, result.y_range, scale)
        else:  # all points are one, or there is only one: nothing is far from it
            self._map.set_distances(None)


def dimming_scale(typical: float) -> tuple[float, float]:
    """The distances at which dimming begins and is complete, whatever is in view."""
    return FAR * typical, VERY_FAR * typical
