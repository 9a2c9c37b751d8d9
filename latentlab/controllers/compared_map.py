"""The map of a compared model: drawn like the first, its gestures translated into pairs of linked latents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.controllers.encoded_points import EncodedPoints
from latentlab.controllers.manifold import Manifold
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Axes, ComparisonOpened, FloatArray, PointsChanged, SnapshotRead
from latentlab.gui.latent_map import LatentMap
from latentlab.state.map_axes import AxesChoice
from latentlab.state.map_state import MapState, axis_names, changed_fields, plane_note
from latentlab.state.session import Session
from latentlab.utils.text import subscript


@dataclass(frozen=True, eq=False)
class Linked:
    """A latent of the compared model, [d], and that of the current one, ``None`` if they are not linked."""

    other: FloatArray
    z: FloatArray | None


class ComparedMapController(QObject):
    """Draws the compared model's points, manifold and linked cursor.

    Where both latent spaces have the same size and are aligned, its axes are those of the first map as the alignment
    turns them: both maps show the images in the same arrangement, and the second follows when the first is zoomed or
    panned. An epoch of the run on screen has the axes of the first map as they are: the run's epochs share one latent
    space. Else they are its two dimensions with the highest KL.

    Parameters
    ----------
    first_map, latent_map
        The map of the current model, and that of the compared one.

    Signals
    -------
    previewed(pair)
        The pointer is at a latent of the second map: a `Linked`, or ``None`` when it has left.
    chosen(pair, gesture)
        A latent was clicked or dragged to.
    """

    previewed = Signal(object)
    chosen = Signal(object, int)

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        first_map: LatentMap,
        latent_map: LatentMap,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._map, self._first_map = session, latent_map, first_map
        first_map.viewChanged.connect(self._follow_view)
        self._points = EncodedPoints(latent_map)
        self._manifold = Manifold(engine, latent_map, self, is_compared=True)
        self._state = MapState()
        self._opened: ComparisonOpened | None = None
        self._first = 0
        self._latent: FloatArray | None = None  # linked with the committed one
        self._preview: FloatArray | None = None
        self._directions: tuple[FloatArray, FloatArray] | None = None
        session.changed.connect(self._update)
        latent_map.hovered.connect(self._on_hovered)
        latent_map.committed.connect(self._on_committed)
        latent_map.nudged.connect(self._on_nudged)
        latent_map.pointPicked.connect(self._on_point_picked)
        latent_map.pointPreviewed.connect(self._on_point_previewed)

    def set_comparison(self, opened: ComparisonOpened, first: int) -> None:
        """Show a compared model; ``first`` is the generation at which it was opened, not only aligned again."""
        is_other = first != self._first
        self._opened, self._first = opened, first
        if is_other or (self._latent is not None and self._latent.size != opened.info.latent_dim):
            self._latent = self._preview = None
        self._update()
        if is_other:
            self._map.fit_to_points()
            self._follow_view()
            snapshot = opened.snapshot
            self._map.set_epoch_banner("" if snapshot is None else f"epoch {snapshot.epoch}")

    def set_linked(self, other: FloatArray | None, is_preview: bool) -> None:
        """Mark the latent that is linked with the one shown."""
        if is_preview:
            self._preview = other
        else:
            self._latent, self._preview = other, None
        self._update()

    # --- drawing ------------------------------------------------------------------------------------

    def _update(self) -> None:
        opened = self._opened
        if opened is None:
            return
        if self._session.preview is None:
            self._preview = None
        before, self._state = self._state, self._resolve(opened)
        changed = set(changed_fields(before, self._state))
        directions = self._axes(opened)[:2]
        if self._directions is None or not all(map(np.array_equal, self._directions, directions)):
            changed.add("axes")  # named alike, but turned by another alignment
        self._directions = directions
        if changed:
            self._apply(self._state, changed)

    def _apply(self, state: MapState, changed: set[str]) -> None:
        if "axis_names" in changed:
            self._map.set_axes_names(*state.axis_names)
        self._points.apply(state, changed)
        self._manifold.apply(state, changed)
        if "plane_note" in changed:
            self._map.set_view_note(state.plane_note)
        if "cursor" in changed:
            self._map.set_cursor(state.cursor)
        if "preview" in changed:
            self._map.set_preview(state.preview)

    def _resolve(self, opened: ComparisonOpened) -> MapState:
        session = self._session
        x, y, names = self._axes(opened)
        latent = self._latent if self._latent is not None else np.zeros(opened.info.latent_dim, np.float32)
        origin = latent - (latent @ x) * x - (latent @ y) * y
        plane = Axes(origin.astype(np.float32), x, y)
        return MapState(
            opened_version=self._first,
            model_version=opened.generation if opened.has_decoder or opened.snapshot is not None else -1,
            source=opened.info.source,
            latent=latent,
            axes=self._session.axes if self._is_epoch_of_first(opened) else AxesChoice(),
            axis_names=names,
            plane=plane,
            label=self._label(opened),
            points=opened.points,
            viewed_epoch=opened.snapshot,
            plane_note=plane_note(session, opened.snapshot) if self._is_epoch_of_first(opened) else "",
            selection=session.selection,
            colour_by=session.colour_by,
            cursor=None if self._latent is None else plane.project(self._latent[None])[0],
            preview=None if self._preview is None else plane.project(self._preview[None])[0],
        )

    def _follow_view(self, _view: object = None) -> None:
        """Show the part of the aligned plane that the first map shows."""
        opened, view = self._opened, self._first_map.view()
        if opened is None or not self._is_aligned(opened):
            return
        assert opened.alignment is not None
        plane, (x, y) = self._session.plane(), self._axes(opened)[:2]
        corners = plane.lift(np.array([[view.x_min, view.y_min], [view.x_max, view.y_max]], np.float32))
        ends = opened.alignment.inverse(corners) @ np.stack([x, y]).T
        self._map.view_box.show_range((float(ends[0, 0]), float(ends[1, 0])), (float(ends[0, 1]), float(ends[1, 1])))

    def _is_aligned(self, opened: ComparisonOpened) -> bool:
        """Whether the axes are those of the first map."""
        size = opened.info.latent_dim
        has_alignment = opened.alignment is not None and opened.alignment.scale > 0
        is_plane = not self._session.axes.embedding  # a layout of the points has no directions
        return has_alignment and is_plane and opened.snapshot is None and 1 < size == self._session.latent.size

    def _is_epoch_of_first(self, opened: ComparisonOpened) -> bool:
        """Whether it is an epoch of the model on screen, which the first map's directions are of as well."""
        model, snapshot, size = self._session.model, opened.snapshot, opened.info.latent_dim
        if model is None or snapshot is None or size != self._session.latent.size or self._session.axes.embedding:
            return False
        return bool(model.source) and Path(snapshot.run) == Path(model.source)

    def _axes(self, opened: ComparisonOpened) -> tuple[FloatArray, FloatArray, tuple[str, str]]:
        """Two orthonormal directions [d], and their names."""
        size, plane = opened.info.latent_dim, self._session.plane()
        alignment = opened.alignment
        if self._is_epoch_of_first(opened):
            return plane.x, plane.y, axis_names(self._session, plane)
        if alignment is not None and self._is_aligned(opened):
            at = alignment.inverse(np.stack([plane.origin, plane.origin + plane.x, plane.origin + plane.y]))
            x, y = at[1] - at[0], at[2] - at[0]
            x_length, y_length = float(np.linalg.norm(x)), float(np.linalg.norm(y))
            if x_length > 0 and y_length > 0:
                first, second = axis_names(self._session, plane)
                names = f"{first} of the first map", second
                return x / np.float32(x_length), y / np.float32(y_length), names
        strongest = (0, min(1, size - 1))
        kl = None if opened.points is None else opened.points.kl
        if kl is not None and size > 2 and np.isfinite(kl).all() and opened.snapshot is None:
            first, second = np.sort(np.argsort(-kl, kind="stable")[:2])
            strongest = int(first), int(second)
        unit = np.eye(size, dtype=np.float32)[list(strongest)] if size < 4096 else _units(size, strongest)
        if size == 1:
            unit[1] = 0  # nothing changes along a second axis
        return unit[0], unit[1], (f"z{subscript(strongest[0] + 1)}", f"z{subscript(strongest[1] + 1)}")

    def _label(self, opened: ComparisonOpened) -> int | None:
        """The class of the session in the compared model's numbers."""
        if not opened.info.conditional:
            return None
        model, label = self._session.model, self._session.label
        name = model.classes[label] if model is not None and label is not None and label < len(model.classes) else ""
        return opened.info.classes.index(name) if name in opened.info.classes else 0

    # --- gestures -----------------------------------------------------------------------------------

    def _on_hovered(self, point: object | None) -> None:
        plane = self._state.plane
        if self._opened is None or plane is None:
            return
        self.previewed.emit(None if point is None else self._linked(_lifted(plane, point)))

    def _on_committed(self, point: object, gesture: int) -> None:
        plane = self._state.plane
        if self._opened is not None and plane is not None:
            self.chosen.emit(self._linked(_lifted(plane, point)), gesture)

    def _on_nudged(self, offset: object, gesture: int) -> None:
        plane, latent = self._state.plane, self._latent
        if plane is not None and latent is not None:
            step = np.asarray(offset, np.float32)
            other = latent + step[0] * plane.x + step[1] * plane.y
            self.chosen.emit(self._linked(other.astype(np.float32)), gesture)

    def _on_point_picked(self, index: int, gesture: int) -> None:
        pair = self._of_point(index, self._session.points)  # a chosen latent returns the first map to now
        if pair is not None:
            self.chosen.emit(pair, gesture)

    def _on_point_previewed(self, index: int) -> None:
        pair = self._of_point(index, self._session.viewed_epoch or self._session.points)
        if pair is not None:
            self.previewed.emit(pair)

    def _of_point(self, index: int, points: PointsChanged | SnapshotRead | None) -> Linked | None:
        """The same image in both models, if it is among the first map's points; else linked like any latent."""
        shown = self._state.shown_points
        if shown is None or not 0 <= index < len(shown.mean):
            return None
        other = np.asarray(shown.mean[index], np.float32)
        if points is not None and points.index is not None and shown.index is not None:
            rows = np.flatnonzero(points.index == shown.index[index])
            if points.fingerprint == shown.fingerprint and len(rows):
                return Linked(other, np.asarray(points.mean[rows[0]], np.float32))
        return self._linked(other)

    def _linked(self, other: FloatArray) -> Linked:
        opened, size = self._opened, self._session.latent.size
        if opened is not None and opened.alignment is not None:
            return Linked(other, opened.alignment.apply(other))
        return Linked(other, other if other.size == size else None)


def _lifted(plane: Axes, point: object) -> FloatArray:
    latent: FloatArray = plane.lift(np.asarray(point, np.float32).reshape(1, 2))[0]
    return latent


def _units(size: int, at: tuple[int, int]) -> FloatArray:
    """Unit vectors [2, size]."""
    units = np.zeros((2, size), np.float32)
    units[[0, 1], list(at)] = 1
    return units
