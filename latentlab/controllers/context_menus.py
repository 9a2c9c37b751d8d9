"""Menus of the right button on the map: what can be done at a place of it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, QPoint
from PySide6.QtGui import QAction, QGuiApplication

from latentlab.controllers.explore import ExploreController
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets.context_menu import MenuEntry, pop_up
from latentlab.gui.widgets.gesture_id import next_gesture
from latentlab.state.session import Session
from latentlab.utils.text import format_number

NO_MODEL = "Open a model first"
NO_PLANE = "A layout of the points is no plane of the latent space: click a point to take its latent"


class MapMenuController(QObject):
    """Shows the map's menu, and carries out what is only in it."""

    def __init__(
        self,
        session: Session,
        explore: ExploreController,
        latent_map: LatentMap,
        window: MainWindow,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._explore, self._map, self._window = session, explore, latent_map, window
        latent_map.menuRequested.connect(self._on_menu_requested)

    def entries(self, xy: object) -> list[MenuEntry | QAction | None]:
        """What can be done at a point (x, y) of the axes."""
        a = self._window.actions_
        refused = NO_MODEL if self._session.model is None else NO_PLANE if self._session.axes.embedding else ""
        place = np.asarray(xy, float)
        text = ", ".join(format_number(float(value), ".2f") for value in place)
        return [
            MenuEntry(f"Go to {text}", lambda: self._go_to(place), refused),
            MenuEntry("Set a waypoint here", lambda: self._add_waypoint(place), refused),
            MenuEntry("Copy the position", lambda: QGuiApplication.clipboard().setText(text.replace("−", "-"))),
            a.keep_latent,
            None,
            a.explore,
            a.select,
            a.select_box,
            a.path,
            None,
            a.select_all,
            a.select_none,
            a.invert_selection,
            a.keep_selection,
            None,
            a.fit_view,
            a.reset_view,
            a.map_axes,
            MenuEntry("Layers…", self._map.show_layer_panel),
            a.export_map,
        ]

    def _on_menu_requested(self, xy: object, at: QPoint) -> None:
        pop_up(self._map, "mapMenu", self.entries(xy), at)

    def _go_to(self, xy: np.ndarray) -> None:
        self._map.committed.emit(xy, next_gesture())

    def _add_waypoint(self, xy: np.ndarray) -> None:
        self._window.actions_.path.trigger()
        points = self._map.path_points()
        self._map.edit_path(np.vstack([points, xy[None]]), [*range(len(points)), -1], next_gesture())
