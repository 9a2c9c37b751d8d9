"""Categorical latents: a picker for each variable, instead of the sliders."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject

from latentlab.controllers.explore import ExploreController
from latentlab.controllers.traversals import per_variable
from latentlab.gui.panels.category_pickers import CategoryPickers
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.state.session import Session


class CategoriesController(QObject):
    """Joins the pickers with the session's latent, which holds a one-hot vector for each variable.

    A latent chosen on the map lies between categories; a picker then shows the category that outweighs all others
    together, if there is one.
    """

    def __init__(
        self, session: Session, explore: ExploreController, sliders: LatentSliders, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._explore, self._sliders = session, explore, sliders
        self._pickers: CategoryPickers | None = None
        session.modelChanged.connect(self._on_model_changed)
        session.latentChanged.connect(self._show)
        session.pointsChanged.connect(self._show_kl)

    def _on_model_changed(self, is_new_model: bool) -> None:
        if not is_new_model:
            return
        self._pickers = None  # deleted by the sliders' panel
        layout = self._session.layout
        if layout.kind == "categories":
            self._pickers = CategoryPickers(layout.latent_dim // layout.categories, layout.categories)
            self._pickers.categoryChosen.connect(self._on_category_chosen)
            self._sliders.set_instead(self._pickers)
            self._show()

    def _on_category_chosen(self, variable: int, category: int) -> None:
        size = self._session.layout.categories
        latent = self._session.latent
        latent[variable * size : (variable + 1) * size] = np.eye(size, dtype=np.float32)[category]
        self._explore.go_to(latent, text=f"Choose c{variable + 1}")

    def _show(self) -> None:
        latent, size = self._session.latent, self._session.layout.categories
        if self._pickers is None or not size:
            return
        parts = latent.reshape(-1, size)
        self._pickers.set_chosen([int(part.argmax()) if part.max() > 0.5 else None for part in parts])

    def _show_kl(self) -> None:
        points, layout = self._session.points, self._session.layout
        if self._pickers is not None and layout.categories:
            kl = None if points is None or points.kl is None else per_variable(points.kl, layout)
            self._pickers.set_kl(kl)
