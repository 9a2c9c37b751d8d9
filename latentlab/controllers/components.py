"""Latents that are maps: sliders along principal components of the encoded images, instead of one for each number."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.controllers.explore import ExploreController
from latentlab.engine.protocol.messages import FloatArray
from latentlab.gui.panels.component_sliders import ComponentSliders
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.state.session import Session

_LEAST_STD = 1e-6


class ComponentController(QObject):
    """Joins the sliders along components with the session's latent.

    A slider's value is (c · (z − mean)) / σ for a component c, with the mean and the standard deviation of the encoded
    images along it: moving it leaves the other components as they are. A drag is one undoable step. The first images
    that are encoded move a latent that has not been touched to their mean, as 0 need not be near them.

    Signals
    -------
    openDatasetRequested
        There are no components yet, and the user wants to open images.
    """

    openDatasetRequested = Signal()

    def __init__(
        self, session: Session, explore: ExploreController, sliders: LatentSliders, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._explore, self._panel = session, explore, sliders
        self._sliders: ComponentSliders | None = None
        self._components: FloatArray = np.zeros((0, 0), np.float32)
        self._mean = self._std = np.zeros(0)
        session.modelChanged.connect(self._on_model_changed)
        session.pointsChanged.connect(self._on_points_changed)
        session.latentChanged.connect(self._show_values)

    def _on_model_changed(self, is_new_model: bool) -> None:
        if not is_new_model:
            return
        self._sliders = None  # deleted by the sliders' panel
        layout = self._session.layout
        if self._session.model is None or not layout.is_spatial:
            return
        height, width = layout.levels[0].grid or (1, 1)
        self._sliders = ComponentSliders(f"{layout.latent_dim // (height * width)} × {height} × {width}")
        self._sliders.valueEdited.connect(self._on_value_edited)
        self._sliders.openDatasetRequested.connect(self.openDatasetRequested)
        self._panel.set_instead(self._sliders)
        self._on_points_changed()

    def _on_points_changed(self) -> None:
        if self._sliders is None:
            return
        points, components = self._session.points, self._session.components
        is_first = not len(self._components) and not self._session.latent.any()
        if points is None or not len(components):
            self._components = np.zeros((0, 0), np.float32)
            self._sliders.set_components(())
            return
        coordinates = points.mean.astype(np.float64) @ components.T
        self._components = components
        self._mean, self._std = coordinates.mean(axis=0), np.maximum(coordinates.std(axis=0), _LEAST_STD)
        self._sliders.set_components((self._std**2 / (self._std**2).sum()).tolist())
        if is_first:
            self._session.set_latent(points.mean.mean(axis=0))
        self._show_values()

    def _on_value_edited(self, component: int, value: float, gesture: int) -> None:
        if component >= len(self._components):
            return
        direction, latent = self._components[component], self._session.latent
        wanted = self._mean[component] + value * self._std[component]
        moved = latent + np.float32(wanted - latent @ direction) * direction
        self._explore.go_to(moved, ("component", component, gesture), f"Slide PC {component + 1}")

    def _show_values(self) -> None:
        if self._sliders is not None and self._components.shape[1:] == self._session.latent.shape:
            coordinates = self._components.astype(np.float64) @ self._session.latent
            self._sliders.set_values(((coordinates - self._mean) / self._std).tolist())
