"""The single source of truth about what the window shows (QtCore only: no widgets, no torch).

Controllers write it, on the GUI thread alone; widgets are told of changes by controllers. Every setter
compares before it emits, so a change that is none stops here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.config import DataConfig
from latentlab.config.layout import LatentLayout, Level
from latentlab.engine.protocol.messages import (
    Axes,
    DatasetInfo,
    FloatArray,
    ImageEncoded,
    ModelInfo,
    PointsChanged,
    SnapshotRead,
)
from latentlab.state.run_status import RunState, RunStatus


@dataclass(frozen=True)
class AxesChoice:
    """Names of the two directions the map shows: ``z1`` … for dimensions, ``pc1`` … for principal components."""

    x: str = "z1"
    y: str = "z2"

    @property
    def principal(self) -> bool:
        """Whether they are principal components."""
        return self.x.startswith("pc")


class Session(QObject):
    """What the program knows.

    Attributes
    ----------
    latent
        The committed latent, float32 [d]; empty while no model is open.
    preview
        The latent under the pointer, or ``None``.
    label
        The class a conditional model decodes for, or ``None``.
    level
        Place of the level that sliders and map speak of, where latents are a hierarchy.
    model, model_version
        The live model as the window knows it, and the version its results must carry.
    points
        The encoded dataset, or ``None``.
    encoded_image
        The dropped or opened image file as the live model encodes it, or ``None``.
    past
        The epoch of the run that is looked at instead of the live model, or ``None``.
    dataset, data_config
        The open dataset, and how the next one will be read.
    axes
        The directions the map shows.
    locked
        Dimensions that sampling leaves alone.
    run
        The live, last or opened run (:class:`~latentlab.state.run_status.RunStatus`).
    dirty
        Whether the live model has learned something that is not saved where the user chose.

    Signals
    -------
    latentChanged, previewChanged, labelChanged, levelChanged, modelChanged(is_new_model), pointsChanged,
    encodedImageChanged, pastChanged, datasetChanged, axesChanged, lockedChanged, dirtyChanged
    runStatusChanged
        Something about the run is different: ten times a second while it goes on.
    runStateChanged
        Its state is another; follows ``runStatusChanged``.
    """

    latentChanged = Signal()
    previewChanged = Signal()
    labelChanged = Signal()
    levelChanged = Signal()
    modelChanged = Signal(bool)
    pointsChanged = Signal()
    encodedImageChanged = Signal()
    pastChanged = Signal()
    datasetChanged = Signal()
    axesChanged = Signal()
    lockedChanged = Signal()
    colourByChanged = Signal()
    runStatusChanged = Signal()
    runStateChanged = Signal()
    dirtyChanged = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._latent: FloatArray = np.zeros(0, np.float32)
        self._preview: FloatArray | None = None
        self._label: int | None = None
        self._level = 0
        self._model: ModelInfo | None = None
        self._model_version = -1
        self._points: PointsChanged | None = None
        self._encoded_image: ImageEncoded | None = None
        self._past: SnapshotRead | None = None
        self._dataset: DatasetInfo | None = None
        self.data_config = DataConfig()
        self._axes = AxesChoice()
        self._axes_are_chosen = False  # by the user, or with a session
        self._awaits_points = False  # the model's first, which may say which axes carry most
        self._locked: frozenset[int] = frozenset()
        self._colour_by = ""
        self._run = RunStatus()
        self._dirty = False

    # --- where the hand is ---------------------------------------------------------------------

    @property
    def latent(self) -> FloatArray:
        """A copy of the committed latent, float32 [d]."""
        return self._latent.copy()

    def set_latent(self, latent: Any) -> None:
        """Commit a latent [d]; one of another size than the model's is refused with ``ValueError``."""
        latent = np.array(latent, dtype=np.float32).reshape(-1)
        if self._model is not None and latent.size != self._model.latent_dim:
            raise ValueError(f"a latent of {latent.size} numbers for a model of {self._model.latent_dim}")
        if not np.isfinite(latent).all():
            raise ValueError("a latent that is not finite")
        if not np.array_equal(latent, self._latent):
            self._latent = latent
            self._awaits_points = False  # from here on another map would be in the way
            self.latentChanged.emit()

    @property
    def preview(self) -> FloatArray | None:
        """The latent under the pointer, or ``None``."""
        return None if self._preview is None else self._preview.copy()

    def set_preview(self, latent: Any | None) -> None:
        """Say which latent the pointer is over."""
        new = None if latent is None else np.array(latent, dtype=np.float32).reshape(-1)
        same = new is self._preview or (
            new is not None and self._preview is not None and np.array_equal(new, self._preview)
        )
        if not same:
            self._preview = new
            self.previewChanged.emit()

    @property
    def label(self) -> int | None:
        """The class a conditional model decodes for."""
        return self._label

    def set_label(self, label: int | None) -> None:
        """Choose the class a conditional model decodes for."""
        if label != self._label:
            self._label = label
            self.labelChanged.emit()

    @property
    def layout(self) -> LatentLayout:
        """How the live model's latents are to be read; plain where nothing is said."""
        model = self._model
        if model is not None and model.layout is not None:
            return model.layout
        return LatentLayout("plain", (Level("", 0, self._latent.size),))

    @property
    def level(self) -> int:
        """Place of the level, among the layout's, that sliders and map speak of."""
        return self._level

    def set_level(self, level: int) -> None:
        """Choose the level that sliders and map speak of; one that is not there is refused with ``ValueError``."""
        if not 0 <= level < len(self.layout.levels):
            raise ValueError(f"there is no level {level}")
        if level != self._level:
            self._level = level
            self.levelChanged.emit()
            if self._axes.principal:  # which are the level's own
                self.axesChanged.emit()

    def first_latent(self) -> FloatArray:
        """The latent a model starts at: the origin, or the first category of every variable."""
        layout = self.layout
        latent = np.zeros(layout.latent_dim, np.float32)
        if layout.kind == "categories":
            latent[:: layout.categories] = 1.0
        return latent

    @property
    def locked(self) -> frozenset[int]:
        """Dimensions that sampling leaves alone."""
        return self._locked

    def set_locked(self, dimension: int, locked: bool) -> None:
        """Lock or free one dimension."""
        new = self._locked | {dimension} if locked else self._locked - {dimension}
        if new != self._locked:
            self._locked = new
            self.lockedChanged.emit()

    @property
    def colour_by(self) -> str:
        """The column that the points' colours stand for; empty for their class."""
        return self._colour_by

    def set_colour_by(self, column: str) -> None:
        """Choose what the points' colours stand for."""
        if column != self._colour_by:
            self._colour_by = column
            self.colourByChanged.emit()

    # --- what is shown --------------------------------------------------------------------------

    @property
    def model(self) -> ModelInfo | None:
        """The live model, or ``None``."""
        return self._model

    @property
    def model_version(self) -> int:
        """The version that results about the model must carry to be shown."""
        return self._model_version

    def set_model(self, model: ModelInfo | None, version: int, is_new_model: bool) -> None:
        """Take in another model, or (``is_new_model`` false) newer weights of the live one.

        A model of another latent space starts at the origin with its first two dimensions on the map, or, where a
        single number means little, with its first two principal components. With the first points of one that was
        opened, the two dimensions that carry most take their place. Neither locks nor an encoded image
        outlive the model.
        """
        size = 0 if model is None else model.latent_dim
        before = self.layout
        self._model, self._model_version = model, version
        changed_space = size != self._latent.size or (model is not None and self.layout != before)
        if changed_space:
            self._latent = np.zeros(size, np.float32)
            self._latent = self.first_latent()
            self._preview = None
            self._level = 0
            kind = "z" if self.layout.kind == "plain" else "pc"
            self._axes = AxesChoice(f"{kind}1", f"{kind}2" if size > 1 else f"{kind}1")
            self._axes_are_chosen = False
        if (is_new_model or changed_space) and self._locked:
            self._locked = frozenset()  # a lock is on a dimension of one model
            self.lockedChanged.emit()
        if is_new_model:
            self._awaits_points = True
            self.set_past(None)
            self._points = None
            self._encoded_image, had_image = None, self._encoded_image is not None
            conditional = model is not None and model.conditional
            self._label = 0 if conditional else None
        self.modelChanged.emit(is_new_model)
        if is_new_model:
            self.pointsChanged.emit()
            if had_image:
                self.encodedImageChanged.emit()
            self.labelChanged.emit()
        if changed_space:
            self.axesChanged.emit()
            self.latentChanged.emit()

    @property
    def points(self) -> PointsChanged | None:
        """The encoded dataset, or ``None``."""
        return self._points

    def set_points(self, points: PointsChanged | None) -> None:
        """Take in the encoded dataset."""
        if points is not self._points:
            self._points = points
            if points is not None and self._awaits_points:
                self._awaits_points = False
                self._show_strongest(points.kl)
            self.pointsChanged.emit()

    @property
    def encoded_image(self) -> ImageEncoded | None:
        """The image file that is shown beside its reconstruction, or ``None``."""
        return self._encoded_image

    def set_encoded_image(self, encoded: ImageEncoded | None) -> None:
        """Show an encoded image file, or none."""
        if encoded is not self._encoded_image:
            self._encoded_image = encoded
            self.encodedImageChanged.emit()

    def _show_strongest(self, kl: FloatArray | None) -> None:
        """Put the two dimensions of the level with the highest KL on the map, in their order, unless others are chosen.

        Of a run that has just begun none is strongest yet.
        """
        place = self.layout.levels[self._level].place
        if kl is None or self.layout.kind != "plain" or self._axes_are_chosen or self.run_is_live:
            return
        of_level = kl[place]
        if of_level.size > 2 and np.isfinite(of_level).all():
            x, y = np.sort(np.argsort(-of_level, kind="stable")[:2]) + place.start + 1
            strongest = AxesChoice(f"z{x}", f"z{y}")
            if strongest != self._axes:
                self._axes = strongest
                self.axesChanged.emit()

    @property
    def points_are_of_dataset(self) -> bool:
        """Whether the points are the open dataset's images; true as well while no dataset or no points are there."""
        points, dataset = self._points, self._dataset
        return points is None or dataset is None or points.fingerprint == dataset.fingerprint

    @property
    def components(self) -> FloatArray:
        """Principal components [k, d] of the points, strongest first: those of the chosen level, where there are some.

        None before there are points.
        """
        components = None if self._points is None else self._points.components
        if components is None:
            return np.zeros((0, self._latent.size), np.float32)
        level = self.layout.levels[self._level]
        if level.size == self._latent.size:
            return components
        of_level: FloatArray = components[np.abs(components[:, level.place]).max(axis=1, initial=0.0) > 0]
        return of_level

    @property
    def past(self) -> SnapshotRead | None:
        """The epoch that is looked at, ``None`` for now."""
        return self._past

    def set_past(self, past: SnapshotRead | None) -> None:
        """Look at an epoch of the past, or at the live model again."""
        if past is not self._past:
            self._past = past
            self.pastChanged.emit()

    @property
    def dataset(self) -> DatasetInfo | None:
        """The open dataset, or ``None``."""
        return self._dataset

    def set_dataset(self, dataset: DatasetInfo | None) -> None:
        """Take in another dataset."""
        if dataset is not self._dataset:
            self._dataset = dataset
            self.datasetChanged.emit()

    @property
    def axes(self) -> AxesChoice:
        """The directions the map shows."""
        return self._axes

    def set_axes(self, axes: AxesChoice) -> None:
        """Choose the directions the map shows; they stay when the next points come."""
        self._axes_are_chosen = True
        if axes != self._axes:
            self._axes = axes
            self.axesChanged.emit()

    def plane(self) -> Axes:
        """The plane through the current latent that the map shows.

        Principal components fall back on plain dimensions until points with components are there.
        A one-dimensional latent space has a second axis along which nothing changes.
        """
        size = self._latent.size
        x, y = self._direction(self._axes.x, size), self._direction(self._axes.y, size)
        if size == 1:
            y = np.zeros(1, np.float32)
        origin = self._latent - (self._latent @ x) * x - (self._latent @ y) * y
        return Axes(origin.astype(np.float32), x, y)

    def _direction(self, name: str, size: int) -> FloatArray:
        place = int(name.lstrip("pcz")) - 1
        if name.startswith("pc"):
            components = self.components
            if place < len(components):
                return np.asarray(components[place], np.float32)
        direction = np.zeros(size, np.float32)
        if place < size:
            direction[place] = 1.0
        return direction

    # --- what runs ------------------------------------------------------------------------------

    @property
    def run(self) -> RunStatus:
        """The live, last or opened run."""
        return self._run

    def set_run(self, run: RunStatus) -> None:
        """Take in another run, or what has changed about it."""
        before, self._run = self._run, run
        if run != before:
            self.runStatusChanged.emit()
        if run.state is not before.state:
            self.runStateChanged.emit()

    def update_run(self, **changes: Any) -> None:
        """Change some attributes of the run."""
        self.set_run(replace(self._run, **changes))

    @property
    def run_state(self) -> RunState:
        """What the training does."""
        return self._run.state

    @property
    def run_folder(self) -> str:
        """Where the live or last run is written; empty before the first."""
        return self._run.folder

    @property
    def run_is_live(self) -> bool:
        """Whether there is a run that closing the window would interrupt."""
        return self._run.is_active

    @property
    def is_learning(self) -> bool:
        """Whether a run may change the weights at any moment, and is disturbed by what else is asked for."""
        return self._run.is_learning

    def set_run_state(self, state: str, folder: str | None = None) -> None:
        """Say what the training does."""
        self.update_run(state=RunState(state), folder=folder or self._run.folder)

    @property
    def dirty(self) -> bool:
        """Whether the live model has learned something that is not saved where the user chose."""
        return self._dirty

    def set_dirty(self, dirty: bool) -> None:
        """Mark the live model as changed or saved."""
        if dirty != self._dirty:
            self._dirty = dirty
            self.dirtyChanged.emit()
