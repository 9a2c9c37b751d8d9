"""Layouts of the points by t-SNE or UMAP: requested when they are chosen as axes, shown while they are computed."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from PySide6.QtCore import QObject

from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Embed, Embedded, Failed, LayoutSurface
from latentlab.gui.latent_map import LatentMap
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.map_axes import EMBEDDINGS, AxesChoice
from latentlab.state.map_state import MapState
from latentlab.state.session import Embedding, Session
from latentlab.utils.text import pluralize

_ACTIVITY = "embedding"
NO_WEIGHTS = "The snapshot of an epoch has its points and a picture over z1 and z2, but no weights to decode with"
_NO_PLANE = ("trust", "posterior", "path")
"""Layers that need a plane of the latent space."""


class EmbeddingController(QObject):
    """Keeps the layout that the map's axes name up to date with the points.

    During a run the points move all the time, and their layout stays; it is computed again when the run rests.
    """

    def __init__(
        self, session: Session, engine: EngineClient, activity: Activity, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._activity = session, engine, activity
        self._generations = Generations()
        self._requested: tuple[str, int] = ("", -1)  # method, and version of the points
        self._has_begun = False  # whether the layout shown is more than its start
        session.axesChanged.connect(self._update)
        session.pointsChanged.connect(self._update)
        session.runStateChanged.connect(self._update)
        engine.embedded.connect(self._on_embedded)
        engine.failed.connect(self._on_failed)

    def _update(self) -> None:
        session, points = self._session, self._session.points
        method = session.axes.embedding if points is not None else ""
        if method and session.is_learning and session.embedding is not None:
            return
        wanted = (method, -1 if points is None or not method else points.model_version)
        if wanted == self._requested:
            return
        was_running, self._requested = bool(self._requested[0]), wanted
        if method or was_running:
            self._engine.request(Embed(self._generations.next(), method))
        if not method:
            self._activity.end(_ACTIVITY)

    def _cancel(self) -> None:
        """Keep the layout as far as it has come; before its first step it is only the principal components."""
        computed = self._generations.newest
        self._engine.request(Embed(self._generations.next(), ""))
        self._activity.end(_ACTIVITY)
        shown = self._session.embedding
        if not self._has_begun:
            self._show_components()
        elif shown is not None:
            self._session.set_embedding(replace(shown, terrain=LayoutSurface(computed)))

    def _show_components(self) -> None:
        """Show the axes that a layout starts from under their own names."""
        has_components = len(self._session.components) > 1
        self._session.set_axes(AxesChoice("pc1", "pc2") if has_components else AxesChoice())

    def _on_embedded(self, result: Embedded) -> None:
        points = self._session.points
        if points is None or result.method != self._requested[0] or result.points_version != points.model_version:
            return
        if not result.method or not self._generations.accept(result.generation, is_continuation=True):
            return
        if result.positions is not None and len(result.positions) == len(points.mean):
            self._has_begun = result.fraction > 0
            self._session.set_embedding(Embedding(result.method, result.positions))
        shown = self._session.embedding
        if result.done and shown is not None:
            surface = LayoutSurface(result.generation)
            self._session.set_embedding(replace(shown, terrain=surface, error=result.error, spread=result.spread))
        if result.done:
            self._activity.end(_ACTIVITY)
            return
        text = f"{EMBEDDINGS[result.method]} of {pluralize(len(points.mean), 'point')}"
        fraction = result.fraction or None  # neighbours are searched first
        self._activity.begin(_ACTIVITY, ActivityEntry(text, fraction, is_busy=True, cancel=self._cancel))

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == Embed.__name__:
            self._activity.end(_ACTIVITY)
            if self._session.axes.embedding:
                self._show_components()


def apply_embedding(latent_map: LatentMap, state: MapState, changed: Set[str]) -> None:
    """Let the map show and do what a layout allows: its points are selected and picked; a complete one is decoded.

    Nor can a past epoch be decoded on other axes than its snapshot's picture is of.
    """
    if not changed & {"axes", "viewed_epoch", "terrain", "terrain_note", "plane_note"}:
        return
    method = EMBEDDINGS.get(state.axes.embedding, "")
    for name in _NO_PLANE:
        latent_map.layer_stack[name].set_unavailable(
            f"A {method} view is not a plane of the latent space" if method else ""
        )
    latent_map.layer_stack.manifold.set_unavailable(_not_decoded(state, method))
    latent_map.set_picks_only(bool(method))
    note = state.terrain_note or "for selecting; distances between groups mean little"
    latent_map.set_view_note(f"{method}: {note}" if method else state.plane_note)


def _not_decoded(state: MapState, method: str) -> str:
    """Why the map is not decoded; empty if it is."""
    if state.viewed_epoch is not None and (method or state.axes != AxesChoice()):
        return NO_WEIGHTS
    return (
        f"The {method} layout is still computed: nothing is decoded meanwhile" if method and not state.terrain else ""
    )
