"""The single source of truth about what the window shows (QtCore only: no widgets, no torch).

Controllers write it, on the GUI thread alone, and update widgets when it changes. A setter emits nothing when the
value stays the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal, SignalInstance

from latentlab.config import DataConfig
from latentlab.config.info import DatasetInfo, ModelInfo
from latentlab.config.layout import LatentLayout, Level
from latentlab.engine.protocol.messages import (
    Axes,
    FloatArray,
    ImageEncoded,
    LayoutSurface,
    PointsChanged,
    SnapshotRead,
)
from latentlab.state.board import Board
from latentlab.state.dimension_names import DimensionNames
from latentlab.state.map_axes import AxesChoice, MapAxes, axis_vector, level_components
from latentlab.state.path_style import PathStyle
from latentlab.state.run_status import RunState, RunStatus
from latentlab.state.selection import Selection, is_same_choice


@dataclass(frozen=True)
class Posterior:
    """Mean and standard deviation of an image's posterior, float32 [d] each."""

    mean: FloatArray
    std: FloatArray


@dataclass(frozen=True, eq=False)
class Embedding:
    """The encoded points laid out in two dimensions.

    Attributes
    ----------
    method, positions
        How, and where they are, float32 [N, 2].
    terrain
        The surface of the layout once it is complete, which can be decoded.
    error, spread
        The median distance of a latent from the one that the terrain has at its place, and the root mean square
        distance of all latents from their mean; 0 where they are not known.
    """

    method: str
    positions: FloatArray
    terrain: LayoutSurface | None = None
    error: float = 0.0
    spread: float = 0.0


class Session(QObject):
    """What the program knows.

    Signals
    -------
    latentChanged, previewChanged, labelChanged, levelChanged, lockedChanged, pathChanged
        The committed latent, the latent under the pointer, the class, the level, the locks, the path or its style.
    pathPlanned
        The latents along the path are other ones.
    modelChanged(is_new_model)
        Another model was opened, or the current one has newer weights.
    pointsChanged, encodedImageChanged, viewedEpochChanged, datasetChanged, axesChanged, colourByChanged, dirtyChanged
        As the properties of these names.
    selectionChanged
        Other images are selected.
    runStatusChanged
        Something about the run is different: ten times a second while it is trained.
    runStateChanged
        The run has another state; follows ``runStatusChanged``.
    changed
        Follows every other signal, once the change is complete.
    """

    latentChanged = Signal()
    previewChanged = Signal()
    labelChanged = Signal()
    levelChanged = Signal()
    lockedChanged = Signal()
    pathChanged = Signal()
    pathPlanned = Signal()
    selectionChanged = Signal()
    modelChanged = Signal(bool)
    pointsChanged = Signal()
    encodedImageChanged = Signal()
    viewedEpochChanged = Signal()
    datasetChanged = Signal()
    axesChanged = Signal()
    colourByChanged = Signal()
    runStatusChanged = Signal()
    runStateChanged = Signal()
    dirtyChanged = Signal()
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.board = Board(self)
        """What was found and kept; it outlives models and datasets."""
        self.board.changed.connect(self.changed)
        self.dimension_names = DimensionNames(self)
        """Names of dimensions, by model; see ``names``."""
        self.dimension_names.changed.connect(self.changed)
        self._selection: Selection | None = None
        self._latent: FloatArray = np.zeros(0, np.float32)
        self._preview: FloatArray | None = None
        self._label: int | None = None
        self._level = 0
        self._locked: frozenset[int] = frozenset()
        self._path: FloatArray | None = None
        self._path_style = PathStyle()
        self._path_curve: FloatArray | None = None
        self._path_frames: FloatArray | None = None
        self._model: ModelInfo | None = None
        self._model_version = self._opened_version = -1
        self._points: PointsChanged | None = None
        self._nearest_posterior: Posterior | None = None
        self._neighbours: FloatArray | None = None
        self._is_far_from_data = False
        self._encoded_image: ImageEncoded | None = None
        self._viewed_epoch: SnapshotRead | None = None
        self._dataset: DatasetInfo | None = None
        self.data_config = DataConfig()
        """How the next dataset will be read."""
        self._axes = MapAxes()
        self._embedding: Embedding | None = None
        self._colour_by = ""
        self._run = RunStatus()
        self._dirty = False

    def _emit(self, *signals: SignalInstance) -> None:
        for signal in signals:
            signal.emit()
        self.changed.emit()

    # --- the latent -----------------------------------------------------------------------------

    @property
    def latent(self) -> FloatArray:
        """A copy of the committed latent, float32 [d]; empty while no model is open."""
        return self._latent.copy()

    def set_latent(self, latent: Any) -> None:
        """Commit a latent [d]; raises ``ValueError`` if its size is not the model's or it is not finite."""
        latent = np.array(latent, dtype=np.float32).reshape(-1)
        if self._model is not None and latent.size != self._model.latent_dim:
            raise ValueError(f"a latent of {latent.size} numbers for a model of {self._model.latent_dim}")
        if not np.isfinite(latent).all():
            raise ValueError("a latent that is not finite")
        if not np.array_equal(latent, self._latent):
            self._latent = latent
            self._axes.ignore_first_points()
            self._emit(self.latentChanged)

    @property
    def preview(self) -> FloatArray | None:
        """The latent under the pointer, or ``None``."""
        return None if self._preview is None else self._preview.copy()

    def set_preview(self, latent: Any | None) -> None:
        """Set the latent under the pointer."""
        new = None if latent is None else np.array(latent, dtype=np.float32).reshape(-1)
        is_same = new is self._preview or (
            new is not None and self._preview is not None and np.array_equal(new, self._preview)
        )
        if not is_same:
            self._preview = new
            self._emit(self.previewChanged)

    @property
    def label(self) -> int | None:
        """The class a conditional model decodes for, or ``None``."""
        return self._label

    def set_label(self, label: int | None) -> None:
        """Choose the class a conditional model decodes for."""
        if label != self._label:
            self._label = label
            self._emit(self.labelChanged)

    @property
    def names(self) -> Mapping[int, str]:
        """The user's names for dimensions of the current model, by index."""
        return {} if self._model is None else self.dimension_names.of(self._model.source)

    @property
    def layout(self) -> LatentLayout:
        """The structure of the current model's latents; plain if the model does not specify one."""
        model = self._model
        if model is not None and model.layout is not None:
            return model.layout
        return LatentLayout("plain", (Level("", 0, self._latent.size),))

    @property
    def level(self) -> int:
        """Index of the layout's level that the sliders and the map show."""
        return self._level

    def set_level(self, level: int) -> None:
        """Choose the level that sliders and map show; raises ``ValueError`` if there is no such level."""
        if not 0 <= level < len(self.layout.levels):
            raise ValueError(f"there is no level {level}")
        if level != self._level:
            self._level = level
            self._emit(self.levelChanged, *([self.axesChanged] if self.axes.is_principal else []))

    def first_latent(self) -> FloatArray:
        """The latent a model starts at: the origin, or the first category of every variable."""
        layout = self.layout
        latent = np.zeros(layout.latent_dim, np.float32)
        if layout.kind == "categories":
            latent[:: layout.categories] = 1.0
        return latent

    @property
    def locked(self) -> frozenset[int]:
        """Dimensions that sampling does not change."""
        return self._locked

    def set_locked(self, dimension: int, locked: bool) -> None:
        """Lock or unlock one dimension."""
        new = self._locked | {dimension} if locked else self._locked - {dimension}
        if new != self._locked:
            self._locked = new
            self._emit(self.lockedChanged)

    @property
    def path(self) -> FloatArray | None:
        """Waypoints of the path drawn on the map, float32 [n, d], or ``None``."""
        return self._path

    def set_path(self, waypoints: FloatArray | None) -> None:
        """Set the path drawn on the map."""
        if waypoints is not self._path:
            self._path, self._path_frames = waypoints, None
            self._emit(self.pathChanged)

    @property
    def path_style(self) -> PathStyle:
        """How the path leads through its waypoints."""
        return self._path_style

    def set_path_style(self, style: PathStyle) -> None:
        """Choose how the path leads through its waypoints."""
        if style != self._path_style:
            self._path_style, self._path_frames = style, None
            self._emit(self.pathChanged)

    @property
    def path_curve(self) -> FloatArray | None:
        """Latents close to each other along the path, float32 [m, d]; ``None`` while they are not known."""
        return self._path_curve

    @property
    def path_frames(self) -> FloatArray | None:
        """The latents whose images are played along the path, float32 [n, d]; ``None`` while they are not known."""
        return self._path_frames

    def set_path_plan(self, curve: FloatArray | None, frames: FloatArray | None) -> None:
        """Set the latents along the path, and those that are played."""
        if curve is not self._path_curve or frames is not self._path_frames:
            self._path_curve, self._path_frames = curve, frames
            self._emit(self.pathPlanned)

    @property
    def selection(self) -> Selection | None:
        """The selected images, at least one, or ``None``."""
        return self._selection

    def set_selection(self, selection: Selection | None) -> None:
        """Select other images; an empty selection is none."""
        if selection is not None and not len(selection):
            selection = None
        if not is_same_choice(selection, self._selection):
            self._selection = selection
            self._emit(self.selectionChanged)

    # --- model and points -----------------------------------------------------------------------

    @property
    def model(self) -> ModelInfo | None:
        """The current model, or ``None``."""
        return self._model

    @property
    def model_version(self) -> int:
        """Version of the current model's weights."""
        return self._model_version

    @property
    def opened_version(self) -> int:
        """Version at which the current model was opened: results of lower versions are of another model."""
        return self._opened_version

    def set_model(self, model: ModelInfo | None, version: int, is_new_model: bool) -> None:
        """Set another model, or newer weights of the current one.

        A model with another latent space starts at the origin, and the map shows its first two dimensions, or its
        first two principal components if single numbers mean little. The first points of an opened model replace
        the two dimensions by those with the highest KL. Locks, path and encoded image end with their model; the path
        stays when the same weights are opened again.
        """
        size = 0 if model is None else model.latent_dim
        before = self.layout
        is_same = model is not None and self._model is not None and model.has_weights_of(self._model)
        self._model, self._model_version = model, version
        signals: list[SignalInstance] = []
        is_new_space = size != self._latent.size or (model is not None and self.layout != before)
        if is_new_space:
            self._latent = np.zeros(size, np.float32)
            self._latent = self.first_latent()
            self._preview = None
            self._level = 0
            self._axes.reset(self.layout)
            signals += [self.axesChanged, self.latentChanged]
        if (is_new_model or is_new_space) and self._locked:
            self._locked = frozenset()  # a lock is on a dimension of one model
            self.lockedChanged.emit()
        if is_new_model:
            signals = self._reset_for_model(model, version, keeps_path=is_same and not is_new_space) + signals
        self.modelChanged.emit(is_new_model)
        self._emit(*signals)

    def _reset_for_model(self, model: ModelInfo | None, version: int, keeps_path: bool) -> list[SignalInstance]:
        """Drop what belonged to the previous model; returns the signals to emit."""
        signals = [self.pointsChanged, self.labelChanged]
        signals += [self.viewedEpochChanged] if self._viewed_epoch is not None else []
        signals += [self.encodedImageChanged] if self._encoded_image is not None else []
        if not keeps_path:
            signals += [self.pathChanged] if self._path is not None else []
            self._path = None
        self._opened_version = version
        if model is not None and any(self._is_of_another_model(each, model) for each in self._axes.choice.directions):
            self._axes.reset(self.layout)
            signals.append(self.axesChanged)
        self._axes.expect_first_points()
        self._points = self._encoded_image = self._viewed_epoch = self._nearest_posterior = None
        self._path_curve = self._path_frames = None
        self._neighbours = self._embedding = None
        self._is_far_from_data = False
        self._label = 0 if model is not None and model.conditional else None
        return signals

    @property
    def points(self) -> PointsChanged | None:
        """The encoded dataset, or ``None``."""
        return self._points

    def set_points(self, points: PointsChanged | None) -> None:
        """Set the encoded dataset."""
        if points is self._points:
            return
        self._points = points
        signals = [self.pointsChanged]
        selection = self._selection
        if points is not None and selection is not None and selection.fingerprint != points.fingerprint:
            self._selection = None  # its images are of another dataset
            signals.append(self.selectionChanged)
        if points is not None:
            layout = self.layout
            kl = None if self.run_is_active else points.kl  # during training a KL does not mean anything yet
            if self._axes.choose_strongest(kl, layout, layout.levels[self._level]):
                signals.insert(0, self.axesChanged)
        self._emit(*signals)

    @property
    def points_are_of_dataset(self) -> bool:
        """Whether the points are the open dataset's images; also true if there are no points or no dataset."""
        points, dataset = self._points, self._dataset
        return points is None or dataset is None or points.fingerprint == dataset.fingerprint

    @property
    def components(self) -> FloatArray:
        """Principal components [k, d] of the points, or of their part in the shown level, strongest first.

        Empty before there are points.
        """
        components = None if self._points is None else self._points.components
        if components is None:
            return np.zeros((0, self._latent.size), np.float32)
        return level_components(components, self.layout.levels[self._level])

    @property
    def nearest_posterior(self) -> Posterior | None:
        """Posterior of the encoded image nearest to the committed latent, or ``None``."""
        return self._nearest_posterior

    def set_nearest_posterior(self, posterior: Posterior | None) -> None:
        """Set the posterior of the nearest encoded image."""
        if posterior is not self._nearest_posterior:
            self._nearest_posterior = posterior
            self.changed.emit()

    @property
    def neighbours(self) -> FloatArray | None:
        """Latents of the encoded images nearest to the latent shown, float32 [k, d], or ``None``."""
        return self._neighbours

    def set_neighbours(self, latents: FloatArray | None) -> None:
        """Set the latents of the encoded images nearest to the latent shown."""
        if latents is not self._neighbours:
            self._neighbours = latents
            self.changed.emit()

    @property
    def is_far_from_data(self) -> bool:
        """Whether the latent shown is far from every encoded image."""
        return self._is_far_from_data

    def set_far_from_data(self, is_far: bool) -> None:
        """Set whether the latent shown is far from every encoded image."""
        if is_far != self._is_far_from_data:
            self._is_far_from_data = is_far
            self.changed.emit()

    @property
    def encoded_image(self) -> ImageEncoded | None:
        """The image file shown beside its reconstruction, or ``None``."""
        return self._encoded_image

    def set_encoded_image(self, encoded: ImageEncoded | None) -> None:
        """Show an encoded image file, or none."""
        if encoded is not self._encoded_image:
            self._encoded_image = encoded
            self._emit(self.encodedImageChanged)

    @property
    def viewed_epoch(self) -> SnapshotRead | None:
        """The snapshot of the run that is shown instead of the current model, or ``None``."""
        return self._viewed_epoch

    def set_viewed_epoch(self, snapshot: SnapshotRead | None) -> None:
        """Show a snapshot of the run, or the current model again."""
        if snapshot is not self._viewed_epoch:
            self._viewed_epoch = snapshot
            self._emit(self.viewedEpochChanged)

    @property
    def dataset(self) -> DatasetInfo | None:
        """The open dataset, or ``None``."""
        return self._dataset

    def set_dataset(self, dataset: DatasetInfo | None) -> None:
        """Set the open dataset."""
        if dataset is not self._dataset:
            self._dataset = dataset
            self._emit(self.datasetChanged)

    # --- the map's plane ------------------------------------------------------------------------

    @property
    def colour_by(self) -> str:
        """The column that the points' colours stand for; empty for their class."""
        return self._colour_by

    def set_colour_by(self, column: str) -> None:
        """Choose what the points' colours stand for."""
        if column != self._colour_by:
            self._colour_by = column
            self._emit(self.colourByChanged)

    @property
    def embedding(self) -> Embedding | None:
        """The points as laid out by the method that the axes name, or ``None`` before there is a layout."""
        shown, points = self._embedding, self._points
        if shown is None or points is None or shown.method != self.axes.embedding:
            return None
        return shown if len(shown.positions) == len(points.mean) else None

    def set_embedding(self, embedding: Embedding | None) -> None:
        """Set a layout of the points."""
        if embedding is not self._embedding:
            self._embedding = embedding
            self.changed.emit()

    @property
    def axes(self) -> AxesChoice:
        """The directions the map shows."""
        return self._axes.choice

    def set_axes(self, axes: AxesChoice) -> None:
        """Choose the directions the map shows; the next points do not change them.

        Nothing happens if one of them is of another model, as when a step before that model was replaced is undone.
        """
        model = self._model
        if model is not None and any(self._is_of_another_model(each, model) for each in axes.directions):
            return
        if self._axes.choose(axes):
            self._emit(self.axesChanged)

    def plane(self) -> Axes:
        """The plane through the current latent that the map shows, see :meth:`MapAxes.plane`.

        Principal components fall back to plain dimensions until there are points with components.
        """
        return self._axes.plane(self._latent, self.components, self._vector_of)

    def axis_vector(self, name: str) -> FloatArray:
        """The vector [d] that an axis of the map is named after, of any length; see :class:`AxesChoice`."""
        return axis_vector(name, self._latent.size, self.components, self._vector_of)

    def _is_of_another_model(self, identity: str, model: ModelInfo) -> bool:
        item = self.board.item(identity)
        return item is not None and not item.is_of(model.source, model.sha256)

    def _vector_of(self, axis: str) -> FloatArray | None:
        direction = self.board.direction(axis)
        return None if direction is None else direction.vector

    # --- the run --------------------------------------------------------------------------------

    @property
    def run(self) -> RunStatus:
        """The active, last or opened run."""
        return self._run

    def set_run(self, run: RunStatus) -> None:
        """Set another run, or a new status of the same run."""
        before, self._run = self._run, run
        signals = [self.runStatusChanged] if run != before else []
        signals += [self.runStateChanged] if run.state is not before.state else []
        if signals:
            self._emit(*signals)

    def update_run(self, **changes: Any) -> None:
        """Change some attributes of the run."""
        self.set_run(replace(self._run, **changes))

    @property
    def run_state(self) -> RunState:
        """State of the run."""
        return self._run.state

    @property
    def run_folder(self) -> str:
        """Folder of the active or last run; empty before the first one."""
        return self._run.folder

    @property
    def run_is_active(self) -> bool:
        """Whether there is a run that closing the window would interrupt."""
        return self._run.is_active

    @property
    def is_learning(self) -> bool:
        """Whether a run may change the weights at any moment, and other requests slow it down."""
        return self._run.is_learning

    def set_run_state(self, state: str, folder: str | None = None) -> None:
        """Set the state of the run."""
        self.update_run(state=RunState(state), folder=folder or self._run.folder)

    @property
    def dirty(self) -> bool:
        """Whether the current model has learned something that the user has not saved."""
        return self._dirty

    def set_dirty(self, dirty: bool) -> None:
        """Mark the current model as changed or saved."""
        if dirty != self._dirty:
            self._dirty = dirty
            self._emit(self.dirtyChanged)
